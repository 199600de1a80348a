"""Seconds that were measured apart from the sweep, as rows for the page."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from mixsweep.analysis.columns import TIMING
from mixsweep.report.tables import CELL, Results, cell_file, cells_of, read_csv

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["timing_frame"]


def timing_frame(results: Results) -> pd.DataFrame:
    """Return the summaries that ``mixsweep timing`` wrote.

    Parameters
    ----------
    results : Results
        What the results folder holds; the files are looked for in its folder ``timing``.

    Returns
    -------
    DataFrame
        A row for each cell, method and way of running fits. A cell without a summary has one row, whose
        ``reason`` is how to make it.
    """
    import pandas as pd

    parts = []
    for cell in cells_of(results):
        frame = read_csv(cell_file(results, "timing", cell, ".csv"), TIMING)
        if frame.empty:
            reason = f"not measured: “{_command(results, cell)}” does that"
            nothing = dict.fromkeys(TIMING, float("nan")) | {"method": "", "way": "", "reason": reason}
            parts.append(pd.DataFrame([nothing | cell]))
        else:
            parts.append(frame.assign(**cell))
    columns = [*CELL, *TIMING, "cell"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _command(results: Results, cell: dict[str, Any]) -> str:
    return shlex.join(
        [
            *("mixsweep", "timing", results.folder.name, "--problem", str(cell["problem"])),
            *("--family", str(cell["family"]), "--n-components", f"{cell['n_components']:g}"),
        ]
    )
