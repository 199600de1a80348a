"""A cell's fits: its shards put together over (method, initializer, restart)."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep import NUMERICS_VERSION
from mixsweep.contents import Contents
from mixsweep.errors import MixsweepError
from mixsweep.io import IncompleteFileError, read_contents, write_contents
from mixsweep.plan import Cell, Shard, cell_shards
from mixsweep.problems.base import Problem
from mixsweep.shard import ShardSpec, shard_contents
from mixsweep.shard_file import differences, timing_path

if TYPE_CHECKING:
    import xarray as xr

logger = logging.getLogger(__name__)

__all__ = ["CellSpec", "assemble", "recorded_spec"]


@dataclass(frozen=True)
class CellSpec:
    """Which fits a cell has, and how they were made."""

    family: str
    n_components: int
    methods: Mapping[str, Mapping[str, Any]]
    """Settings by label, the optimiser's name under ``method``."""
    initializers: tuple[str, ...]
    restarts: int
    seed: int
    tol: float
    max_passes: int
    covariance_floor: float

    def shard_specs(self, problem: Problem) -> Iterator[tuple[Shard, ShardSpec]]:
        """Yield the cell's shards with what each is made from."""
        cell = Cell(problem.name, self.family, self.n_components, problem.n_rows, problem.n_features)
        names = {label: str(settings["method"]) for label, settings in self.methods.items()}
        for shard in cell_shards(cell, names, self.initializers, self.restarts, self.max_passes):
            yield shard, self.shard_spec(shard.method, shard.initializer, shard.start, shard.stop)

    def shard_spec(self, method: str, initializer: str, start: int, stop: int) -> ShardSpec:
        """Return what some restarts of a method, by its label, and an initializer are made from."""
        return ShardSpec(
            family=self.family,
            n_components=self.n_components,
            method=method,
            settings=self.methods[method],
            initializer=initializer,
            start=start,
            stop=stop,
            seed=self.seed,
            tol=self.tol,
            max_passes=self.max_passes,
            covariance_floor=self.covariance_floor,
        )


def _check(path: Path, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    for name, own, value in differences(found, expected):
        raise MixsweepError(
            f"{path}: made with {name} = {own!r}, but this sweep has {value!r}: the file "
            "belongs to another config or version. Delete it, or use another results folder "
            "(snakemake --directory)."
        )


def recorded_spec(path: Path, fits: xr.Dataset) -> CellSpec:
    """Return how the fits of a cell's file were made.

    Raises
    ------
    MixsweepError
        If other numerical code made them.
    """
    if fits.attrs["numerics_version"] != NUMERICS_VERSION:
        raise MixsweepError(
            f"{path}: made with numerical version {fits.attrs['numerics_version']}, this is "
            f"{NUMERICS_VERSION}: the fits of this version differ"
        )
    return CellSpec(
        family=str(fits.attrs["family"]),
        n_components=int(fits.attrs["n_components"]),
        methods=json.loads(fits.attrs["methods"]),
        initializers=tuple(str(name) for name in fits["initializer"].values),
        restarts=fits.sizes["restart"],
        seed=int(fits.attrs["seed"]),
        tol=float(fits.attrs["tol"]),
        max_passes=int(fits.attrs["max_passes"]),
        covariance_floor=float(fits.attrs["covariance_floor"]),
    )


def _read_shard(problem: Problem, spec: ShardSpec, path: Path) -> tuple[Contents, Contents]:
    """Read a shard; one that is damaged is made again, the same to the byte as it was."""
    try:
        fits, timing = read_contents(path), read_contents(timing_path(path))
    except IncompleteFileError as error:
        if not path.is_file():
            raise
        logger.warning("%s; fitting this shard again", error)
        fits, timing = shard_contents(problem, spec)
        write_contents(timing, timing_path(path))
        write_contents(fits, path)
        fits, timing = read_contents(path), read_contents(timing_path(path))
    _check(path, fits.attrs, spec.attributes(problem))
    return fits, timing


def assemble(problem: Problem, spec: CellSpec, folder: Path) -> tuple[xr.Dataset, xr.Dataset]:
    """Put a cell's shards together.

    Parameters
    ----------
    problem : Problem
        The data.
    spec : CellSpec
        The cell.
    folder : Path
        The cell's folder of shards, with a subfolder for each method.

    Returns
    -------
    fits, timing : xarray.Dataset
        Over (method, initializer, restart).

    Raises
    ------
    MixsweepError
        If a shard is missing or made from something else; the message names it. A damaged one is named in
        the log and fitted again.
    """
    import xarray as xr

    order = {label: i for i, label in enumerate(spec.methods)}
    place = {initializer: j for j, initializer in enumerate(spec.initializers)}
    shape = (len(order), len(place), spec.restarts)
    dims = ("method", "initializer", "restart")
    stores: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    coordinates: dict[str, Any] = {}
    for shard, expected in spec.shard_specs(problem):
        path = folder / shard.method / Path(shard.path).name
        fits, timing = _read_shard(problem, expected, path)
        for store, contents in zip(stores, (fits, timing), strict=True):
            for name, stored in contents.variables.items():
                if stored.dims == (name,):
                    continue
                if name not in store:
                    values = np.zeros((*shape, *stored.values.shape[1:]), dtype=stored.dtype)
                    store[name] = ((*dims, *stored.dims[1:]), values)
                block = slice(shard.start, shard.stop)
                store[name][1][order[shard.method], place[shard.initializer], block] = stored.values
        coordinates = {name: fits[name] for name in ("feature", "feature_") if name in fits}
    grid = {"method": list(order), "initializer": list(place), "restart": np.arange(spec.restarts)}
    common = {
        "problem": problem.name,
        "family": spec.family,
        "n_components": spec.n_components,
        "methods": json.dumps({label: dict(settings) for label, settings in spec.methods.items()}),
        "seed": spec.seed,
        "tol": spec.tol,
        "max_passes": spec.max_passes,
        "covariance_floor": spec.covariance_floor,
        "numerics_version": NUMERICS_VERSION,
    }
    return (
        xr.Dataset(stores[0], coords=grid | coordinates, attrs=common),
        xr.Dataset(stores[1], coords=grid, attrs=common),
    )
