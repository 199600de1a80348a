"""The browsable report of a finished sweep."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_report"]


def write_report(results: Path, output: Path) -> None:
    """Write the report of a results folder: one page that opens from disk, and its figures beside it.

    Parameters
    ----------
    results : Path
        A results folder; tables that are missing or empty are shown as such.
    output : Path
        The page to write. Figures go to ``figures`` beside it, each as svg, csv and json.

    Raises
    ------
    MixsweepError
        If the folder does not exist or a table cannot be understood.
    """
    # The page needs pandas, jinja2 and the chart compiler; importing mixsweep.report needs none of them.
    from mixsweep.report.page import write_report as write

    write(results, output)
