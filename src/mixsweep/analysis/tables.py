"""The tables of a sweep: one row a cell, optimum, method or failure, as csv files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mixsweep.analysis.multimodality import best_known, optima_table
from mixsweep.analysis.speed import run_time_distribution, speed_table
from mixsweep.analysis.success import hit_rates
from mixsweep.analysis.verdict import verdict
from mixsweep.collect import FITS, GRID, SCALARS, CellKey, cell_group, methods_of
from mixsweep.io import write_text
from mixsweep.plan import Cell, cell_shards
from mixsweep.progress import rerun_command
from mixsweep.status import FAILURES, Status

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["COLUMNS", "analyse", "cells_of"]

_KEY = list(GRID)
_ARM = [*_KEY, "method", "initializer"]

#: Columns of each table, in order.
COLUMNS: dict[str, list[str]] = {
    "verdicts": [
        *_KEY, "n_rows", "n_features", "best_log_likelihood", "n_fits", "n_hits", "hit_rate", "hit_rate_low",
        "hit_rate_high", "n_optima", "n_proper", "n_failures", "unseen_share", "unseen_share_low",
        "unseen_share_high", "best_method", "best_initializer", "restarts_95", "verdict",
    ],
    "optima": [
        *_KEY, "optimum", "log_likelihood", "gap", "kind", "n_fits", "n_fits_total", "basin_share",
        "basin_share_low", "basin_share_high", "smallest_weight", "smallest_eigenvalue_ratio",
    ],
    "hit_rates": [
        *_ARM, "n_fits", "n_hits", "hit_rate", "hit_rate_low", "hit_rate_high",
        "restarts_95", "restarts_95_low", "restarts_95_high",
        "restarts_99", "restarts_99_low", "restarts_99_high",
        "passes_per_hit",
    ],
    "convergence": [
        *_ARM, "tolerance", "n_fits", "n_reached", "share_reached",
        "passes_q25", "passes_median", "passes_q75", "seconds_q25", "seconds_median", "seconds_q75",
    ],
    "run_time": [*_KEY, "method", "tolerance", "passes", "share_reached"],
    "statuses": [*_ARM, "status", "n_fits", "n_fits_total"],
    "failures": [*_ARM, "restart", "status", "log_likelihood", "n_passes", "shard", "command"],
}  # fmt: skip


def cells_of(tree: xr.DataTree) -> list[CellKey]:
    """Return the cells of a sweep in the order of its root."""
    root = tree.to_dataset()
    present = (root["status"] != Status.NOT_RUN).any(FITS).values
    axes = [root[name].values for name in GRID]
    return [
        (str(axes[0][i]), str(axes[1][j]), int(axes[2][k]))
        for i, j, k in zip(*np.nonzero(present), strict=True)
    ]


def cell_datasets(tree: xr.DataTree, key: CellKey) -> tuple[xr.Dataset, xr.Dataset]:
    """Return a cell's fits (scalars and traces) and optima."""
    problem, family, n_components = key
    scalars = tree.to_dataset()[list(SCALARS)].sel(problem=problem, family=family, n_components=n_components)
    # indexing by a path may give a DataTree or an array by its type; here it is always a group
    group = cast("xr.DataTree", tree[cell_group(key)])
    traces = group.children["fits"].to_dataset(inherit=False)[["trace_passes", "trace_log_likelihood"]]
    optima = group.children["optima"].to_dataset(inherit=False)
    fits = scalars.drop_vars(GRID).merge(traces, compat="override", join="exact").load()
    # there is room for the cell with the most restarts
    own = int((fits["status"] != Status.NOT_RUN).any(["method", "initializer"]).sum())
    return fits.isel(restart=slice(own)), optima.load()


def status_counts(fits: xr.Dataset) -> list[dict[str, Any]]:
    """Return how many fits of each method and initializer stopped for which reason."""
    rows = []
    total = fits.sizes["restart"]
    for method in fits["method"].values:
        for initializer in fits["initializer"].values:
            values = fits["status"].sel({"method": method, "initializer": initializer}).values
            for status, count in zip(*np.unique(values, return_counts=True), strict=True):
                rows.append(
                    {
                        "method": str(method),
                        "initializer": str(initializer),
                        "status": Status(status).label,
                        "n_fits": int(count),
                        "n_fits_total": total,
                    }
                )
    return rows


def failures(
    tree: xr.DataTree, key: CellKey, fits: xr.Dataset, optima: xr.Dataset
) -> Iterator[dict[str, Any]]:
    """Yield every failed fit with its shard and the command that reruns it."""
    problem, family, n_components = key
    cell = Cell(problem, family, n_components, int(optima.attrs["n_rows"]), int(optima.attrs["n_features"]))
    names = {label: str(settings["method"]) for label, settings in methods_of(tree).items()}
    initializers = [str(name) for name in fits["initializer"].values]
    shards = cell_shards(cell, names, initializers, fits.sizes["restart"], int(tree.attrs["max_passes"]))
    paths = {
        (shard.method, shard.initializer, restart): shard.path
        for shard in shards
        for restart in range(shard.start, shard.stop)
    }
    for i, j, restart in zip(*np.nonzero(np.isin(fits["status"].values, FAILURES)), strict=True):
        method, initializer = str(fits["method"].values[i]), initializers[j]
        path = paths[method, initializer, int(restart)]
        yield {
            "method": method,
            "initializer": initializer,
            "restart": int(restart),
            "status": Status(fits["status"].values[i, j, restart]).label,
            "log_likelihood": float(fits["log_likelihood"].values[i, j, restart]),
            "n_passes": float(fits["n_passes"].values[i, j, restart]),
            "shard": path,
            "command": rerun_command(Path("results") / path, damaged=True),
        }


def _records(dataset: xr.Dataset) -> list[dict[str, Any]]:
    frame = dataset.drop_attrs().to_dataframe().reset_index()
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def cell_rows(tree: xr.DataTree, key: CellKey) -> dict[str, list[dict[str, Any]]]:
    """Return a cell's rows of every table."""
    fits, optima = cell_datasets(tree, key)
    rates = hit_rates(fits, best_known(optima))
    n_starts = fits.sizes["initializer"] * fits.sizes["restart"]
    rows = {
        "verdicts": [verdict(fits, optima, rates)],
        "optima": _records(optima_table(optima, fits["status"].size, n_starts)),
        "hit_rates": _records(rates),
        "convergence": _records(speed_table(fits)),
        "run_time": run_time_distribution(fits),
        "statuses": status_counts(fits),
        "failures": list(failures(tree, key, fits, optima)),
    }
    names = dict(zip(GRID, key, strict=True))
    return {table: [names | row for row in found] for table, found in rows.items()}


def analyse(tree: xr.DataTree) -> dict[str, pd.DataFrame]:
    """Return all tables of a sweep by name."""
    import pandas as pd

    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in COLUMNS}
    for key in cells_of(tree):
        for table, found in cell_rows(tree, key).items():
            rows[table].extend(found)
    return {table: pd.DataFrame(found, columns=COLUMNS[table]) for table, found in rows.items()}


def write_tables(tables: dict[str, pd.DataFrame], folder: Path, verdicts: Path) -> None:
    """Write the tables as csv: the verdicts to a file of their own, the others into the folder."""
    for name, frame in tables.items():
        path = verdicts if name == "verdicts" else folder / f"{name}.csv"
        write_text(path, frame.to_csv(index=False, lineterminator="\n"))
