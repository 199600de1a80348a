"""Sweeps with shards missing: what can be built from what is there, and how it is marked.

A partial cell has fewer restarts than planned, the same ones for every method and kind of start: it is the
whole cell of a smaller sweep, and every number made from it is right for that. Methods without a first block
are left out of it. Such a cell has its fits and optima, but no place in ``sweep.nc``, where methods are
compared over the same cells.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixsweep.plan import Shard

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = [
    "Part",
    "cells_left_out",
    "complete_restarts",
    "mark_verdicts",
    "part_of",
    "partial_cells",
]


@dataclass(frozen=True)
class Part:
    """What a cell can be built from.

    Attributes
    ----------
    methods : tuple of str
        Those that it can have; none if there is nothing to build it from.
    restarts : int
        How many each of these has.
    there : mapping of str to int
        How many restarts are there of each method that is planned, be they used or not.
    """

    methods: tuple[str, ...]
    restarts: int
    there: Mapping[str, int]


def part_of(
    shards_of: Callable[[int], Sequence[Shard]], restarts: int, is_there: Callable[[Shard], bool]
) -> Part:
    """Return what a cell can be built from.

    Parameters
    ----------
    shards_of : callable
        The shards of the cell for a number of restarts.
    restarts : int
        How many are planned.
    is_there : callable
        Whether a shard's file is there.
    """

    def of(methods: Sequence[str]) -> int:
        def own(end: int) -> list[Shard]:
            return [shard for shard in shards_of(end) if shard.method in methods]

        return complete_restarts(own, restarts, is_there)

    planned = dict.fromkeys(shard.method for shard in shards_of(restarts))
    there = {method: of([method]) for method in planned}
    methods = [method for method, count in there.items() if count]
    while methods and not of(methods):
        # blocks of different lengths, which never end at the same restart
        methods.remove(min(methods, key=there.__getitem__))
    return Part(tuple(methods), of(methods) if methods else 0, there)


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
        if "restarts_there" in fits.attrs:
            lines.append(f"{folder} {_told(fits)}")
    return lines


def _told(fits: xr.Dataset) -> str:
    there: dict[str, int] = json.loads(fits.attrs["restarts_there"])
    used = fits.sizes["restart"]
    text = f"is built from {used} of {fits.attrs.get('planned_restarts', used)} restarts"
    methods = [str(name) for name in fits["method"].values]
    if len(methods) < len(there):
        text += f" of {', '.join(methods)} alone and is not in sweep.nc"
    return f"{text} ({', '.join(f'{method} {count}' for method, count in there.items())} are there)"


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
