"""The browsable report of a finished sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mixsweep.report.page import write_report

__all__ = ["write_report"]


def __getattr__(name: str) -> Any:
    # The page needs pandas, jinja2 and the chart compiler; importing mixsweep.report needs none of them.
    if name == "write_report":
        from mixsweep.report import page

        return page.write_report
    raise AttributeError(f"module 'mixsweep.report' has no attribute {name!r}")
