"""Sweeps with shards missing: what can be built from what is there, and how it is marked.

A partial cell has fewer restarts than planned, the same ones for every method and kind of start: it is the
whole cell of a smaller sweep, and every number made from it is right for that. A cell of which not even the
first blocks are all there is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixsweep.plan import Shard

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cells_left_out", "complete_restarts", "mark_verdicts", "partial_cells"]


def complete_restarts(
    shards_of: Callable[[int], Sequence[Shard]], restarts: int, is_there: Callable[[Shard], bool]
) -> int:
    """Return how many restarts, from the first on, every method and initializer of a cell has.

    Parameters
    ----------
    shards_of : callable
        The shards of the cell for a number of restarts.
    restarts : int
        How many are planned.
    is_there : callable
        Whether a shard's file is there.
    """
    ends = {shard.stop for shard in shards_of(restarts)}
    whole = (end for end in sorted(ends, reverse=True) if all(map(is_there, shards_of(end))))
    return next(whole, 0)


def partial_cells(results: Path, folders: Iterable[str]) -> list[str]:
    """Return a line for every cell that was built from a part of its shards.

    Parameters
    ----------
    results : Path
        Results folder.
    folders : iterable of str
        The cells to look at, such as ``iris/gaussian-full/K3``.
    """
    from mixsweep.io import IncompleteFileError, read_dataset

    lines = []
    for folder in folders:
        path = results / "cells" / folder / "fits.nc"
        if not path.is_file():
            continue
        try:
            fits = read_dataset(path)
        except IncompleteFileError as error:
            lines.append(str(error))
            continue
        if "planned_restarts" in fits.attrs:
            there, planned = fits.sizes["restart"], fits.attrs["planned_restarts"]
            lines.append(f"{folder} is built from {there} of {planned} restarts")
    return lines


def cells_left_out(sweep: Path) -> list[str]:
    """Return the cells that a partial ``sweep.nc`` was made without; none if it is whole or not there."""
    import netCDF4

    try:
        with netCDF4.Dataset(sweep) as dataset:
            found: list[str] = json.loads(dataset.__dict__.get("cells_left_out", "[]"))
    except (OSError, RuntimeError):
        return []
    return found


def mark_verdicts(verdicts: pd.DataFrame, attributes: Mapping[Any, Any]) -> None:
    """Write before the verdict of each partial cell that it is one.

    Parameters
    ----------
    verdicts : pandas.DataFrame
        The table, changed in place.
    attributes : mapping
        Of the root of ``sweep.nc``.
    """
    for folder, (there, planned) in json.loads(attributes.get("partial_cells", "{}")).items():
        problem, family, components = folder.split("/")
        here = (verdicts["problem"] == problem) & (verdicts["family"] == family)
        here &= verdicts["n_components"] == int(components.removeprefix("K"))
        mark = f"Partial: {there} of {planned} restarts. "
        verdicts.loc[here, "verdict"] = mark + verdicts.loc[here, "verdict"].astype(str)
