"""Fits that are run again with other settings, recorded beside the first attempt and never in its place."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.cell import CellSpec
from mixsweep.io import read_dataset, write_dataset
from mixsweep.problems.base import Problem
from mixsweep.shard import fit_shard
from mixsweep.status import Status

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["FILE", "Changes", "retry_cell"]

#: The file's name in a cell's folder.
FILE = "retries.nc"

Key = tuple[str, str, int]


@dataclass(frozen=True)
class Changes:
    """What is different the second time; None leaves it as it was."""

    covariance_floor: float | None = None
    tol: float | None = None
    max_passes: int | None = None

    def of(self, spec: CellSpec) -> dict[str, Any]:
        """Return the settings of the second attempt."""
        given = {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
        before = {name: getattr(spec, name) for name in ("covariance_floor", "tol", "max_passes")}
        return before | given


def _consecutive(numbers: Collection[int]) -> Iterator[tuple[int, int]]:
    """Yield first and one past last of every run of consecutive numbers."""
    start = stop = None
    for number in sorted(numbers):
        if stop != number:
            if start is not None and stop is not None:
                yield start, stop
            start = number
        stop = number + 1
    if start is not None and stop is not None:
        yield start, stop


def _wanted(fits: xr.Dataset, statuses: Collection[Status], done: Collection[Key]) -> dict[Key, None]:
    found: dict[Key, None] = {}
    for i, j, restart in zip(*np.nonzero(np.isin(fits["status"].values, list(statuses))), strict=True):
        key = (str(fits["method"].values[i]), str(fits["initializer"].values[j]), int(restart))
        if key not in done:
            found[key] = None
    return found


def _same(retries: xr.Dataset, settings: Mapping[str, Any]) -> set[Key]:
    """Return the fits that have been run again with the same settings before."""
    same = np.ones(retries.sizes["retry"], dtype=bool)
    for name, value in settings.items():
        same &= retries[name].values == value
    columns = [retries[name].values[same] for name in ("method", "initializer", "restart")]
    return {(str(method), str(start), int(restart)) for method, start, restart in zip(*columns, strict=True)}


def _block(
    problem: Problem, spec: CellSpec, fits: xr.Dataset, arm: tuple[str, str], block: tuple[int, int]
) -> xr.Dataset:
    """Run the fits of one method and initializer with consecutive restarts."""
    method, initializer = arm
    again, _ = fit_shard(problem, spec.shard_spec(method, initializer, *block))
    count = again.sizes["restart"]
    place = {"method": method, "initializer": initializer, "restart": again["restart"].values}
    first = fits.sel(place)
    columns = {
        "method": np.full(count, method),
        "initializer": np.full(count, initializer),
        "restart": again["restart"].values,
        "first_status": first["status"].values,
        "first_log_likelihood": first["log_likelihood"].values,
        **{name: np.full(count, getattr(spec, name)) for name in ("covariance_floor", "tol", "max_passes")},
    }
    renamed = again.drop_vars("restart").rename(restart="retry").drop_attrs(deep=False)
    return renamed.assign({name: ("retry", values) for name, values in columns.items()})


def retry_cell(
    problem: Problem, spec: CellSpec, folder: Path, statuses: Collection[Status], changes: Changes
) -> xr.Dataset | None:
    """Run those fits of a cell again that ended with one of the given statuses, and record them.

    Each starts where it started at first. The record, ``retries.nc``, has a row for each attempt after the
    first one, with how the first one ended and the settings of this one. Rows are added, none is replaced;
    what was tried with the same settings before is not tried again.

    Parameters
    ----------
    problem : Problem
    spec : CellSpec
        How the cell's fits were made.
    folder : Path
        The cell's folder, which holds ``fits.nc``.
    statuses : collection of Status
        Which fits.
    changes : Changes
        What is different.

    Returns
    -------
    xarray.Dataset or None
        The new rows over ``retry``; None if there was nothing to do.
    """
    import xarray as xr

    path = folder / FILE
    fits = read_dataset(folder / "fits.nc")
    earlier = read_dataset(path) if path.is_file() else None
    settings = changes.of(spec)
    wanted = _wanted(fits, statuses, set() if earlier is None else _same(earlier, settings))
    second = dataclasses.replace(spec, **settings)
    arms: dict[tuple[str, str], list[int]] = {}
    for method, initializer, restart in wanted:
        arms.setdefault((method, initializer), []).append(restart)
    blocks = [
        _block(problem, second, fits, arm, block)
        for arm, restarts in arms.items()
        for block in _consecutive(restarts)
    ]
    if not blocks:
        return None
    new = xr.concat(blocks, "retry", data_vars="all", coords="minimal", compat="equals", join="exact")
    parts = [new] if earlier is None else [earlier.drop_attrs(deep=False), new]
    record = xr.concat(parts, "retry", data_vars="all", coords="minimal", compat="equals", join="exact")
    record.attrs = {
        "problem": problem.name, "family": spec.family, "n_components": spec.n_components, "seed": spec.seed
    }  # fmt: skip
    write_dataset(record, path, compress=True)
    return new
