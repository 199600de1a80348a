"""The table of the barriers between the leading maxima of all cells, from the files of their landscapes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixsweep.analysis.columns import COLUMNS
from mixsweep.analysis.landscape.barriers import barriers
from mixsweep.analysis.speed_tables import frame_of
from mixsweep.analysis.tables import joined, of_cells
from mixsweep.collect import cell_group
from mixsweep.io import read_dataset
from mixsweep.progress import job_states
from mixsweep.provenance import read_plan_file
from mixsweep.stand_in import stands_in

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["FAILED", "MISSING", "OFF", "barrier_rows", "barrier_table", "why_missing"]

OFF = "the sweep was made without landscapes (landscape: false in its config)"
MISSING = "the cell has no landscape.nc"
#: What the reason begins with where a job for a landscape has failed.
FAILED = "the landscape could not be made"


def barrier_table(results: Path, logs: Path, without: Collection[str]) -> pd.DataFrame:
    """Return the barriers of all cells.

    Parameters
    ----------
    results, logs : Path
    without : collection of str
        Folders of cells that are left out.

    Returns
    -------
    pandas.DataFrame
        A row for each pair of leading maxima of a cell, and one with the ``reason`` for a cell without pairs.

    Raises
    ------
    MixsweepError
        If the folder has no readable plan, or a landscape is damaged.
    """
    plan = read_plan_file(results / "plan.json")
    causes = {job.path: job.cause for job in job_states(results, logs) if job.state == "failed"}
    rows = []
    for entry in plan["cells"]:
        key = (entry["problem"], entry["family"], entry["n_components"])
        path = results / "cells" / cell_group(key) / "landscape.nc"
        if cell_group(key) in without:
            continue
        found = read_dataset(path) if path.is_file() and not stands_in(path) else None
        missing = _failed(causes[path]) if path in causes else why_missing(plan["config"])
        rows.append((key, barrier_rows(found, missing)))
    return joined(of_cells(rows), COLUMNS["barriers"])


def barrier_rows(found: xr.Dataset | None, missing: str) -> pd.DataFrame:
    """Return a cell's rows, without the columns that name the cell.

    Parameters
    ----------
    found : xarray.Dataset or None
        The cell's landscape; None where there is none.
    missing : str
        Why there is none.
    """
    import pandas as pd

    reason = missing if found is None else str(found.attrs["reason"])
    if found is None or reason:
        return pd.DataFrame({"reason": [reason]})
    rows = frame_of(barriers(found)).assign(reason="")
    # text: in other tables optima are also set together
    return rows.astype({"optimum_a": str, "optimum_b": str})


def why_missing(config: Mapping[str, Any]) -> str:
    """Return why a sweep of this config lacks the landscape of a cell, where no job for it has failed."""
    return MISSING if config.get("landscape", True) else OFF


def _failed(cause: str) -> str:
    """Return a reason with the last line of a failed job's log."""
    last = cause.splitlines()[-1].strip().removeprefix("Error: ").rstrip(".")
    return f"{FAILED}: {last}"
