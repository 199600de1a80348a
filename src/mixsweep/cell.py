"""A cell's fits: its shards put together over (method, initializer, restart)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.cost import block_cap, seconds_per_fit
from mixsweep.errors import MixsweepError
from mixsweep.io import read_dataset
from mixsweep.plan import Cell, Shard, blocks
from mixsweep.problems.base import Problem
from mixsweep.shard import ShardSpec

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["CellSpec", "assemble", "timing_path"]


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
        n_rows, n_features = problem.X.shape
        cell = Cell(problem.name, self.family, self.n_components, n_rows, n_features)
        for label, settings in self.methods.items():
            cost = seconds_per_fit(
                self.family, str(settings["method"]), n_rows, n_features, self.n_components, self.max_passes
            )
            for initializer in self.initializers:
                for start, stop in blocks(self.restarts, block_cap(cost)):
                    yield (
                        Shard(cell, label, initializer, start, stop),
                        ShardSpec(
                            family=self.family,
                            n_components=self.n_components,
                            method=label,
                            settings=settings,
                            initializer=initializer,
                            start=start,
                            stop=stop,
                            seed=self.seed,
                            tol=self.tol,
                            max_passes=self.max_passes,
                            covariance_floor=self.covariance_floor,
                        ),
                    )


def timing_path(path: Path) -> Path:
    """Return the file of wall times beside a file of fits."""
    return path.with_name(path.stem + ".timing.nc")


def _check(path: Path, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    for name, value in expected.items():
        if name not in found or found[name] != value:
            raise MixsweepError(
                f"{path}: made with {name} = {found.get(name)!r}, but this sweep has {value!r}: the file belongs to "
                "another config or version. Delete it, or use another results folder (snakemake --directory)."
            )


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
        If a shard is missing, damaged or made from something else; the message names it.
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
        fits = read_dataset(path)
        _check(path, fits.attrs, expected.attributes(problem))
        for store, dataset in zip(stores, (fits, read_dataset(timing_path(path))), strict=True):
            for name, variable in dataset.data_vars.items():
                if name not in store:
                    values = np.zeros((*shape, *variable.shape[1:]), dtype=variable.dtype)
                    store[name] = ((*dims, *variable.dims[1:]), values)
                block = slice(shard.start, shard.stop)
                store[name][1][order[shard.method], place[shard.initializer], block] = variable.values
        coordinates = {name: fits[name].values for name in ("feature", "feature_") if name in fits.coords}
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
    }
    return (
        xr.Dataset(stores[0], coords=grid | coordinates, attrs=common),
        xr.Dataset(stores[1], coords=grid, attrs=common),
    )
