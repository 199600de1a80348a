"""The browsable report of a finished sweep: a page, and its figures as files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mixsweep.report.figures import write_figures
    from mixsweep.report.page import write_report

__all__ = ["write_figures", "write_report"]


def __getattr__(name: str) -> Any:
    # They need pandas, jinja2 and the chart compiler; importing mixsweep.report needs none of them.
    if name == "write_report":
        from mixsweep.report import page

        return page.write_report
    if name == "write_figures":
        from mixsweep.report import figures

        return figures.write_figures
    raise AttributeError(f"module 'mixsweep.report' has no attribute {name!r}")
