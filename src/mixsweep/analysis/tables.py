"""The tables of a sweep, as csv files: one row a cell, an optimum, a method, a pair of methods, a failure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from mixsweep.analysis.cell_tables import cell_tables
from mixsweep.analysis.columns import APART, COLUMNS, TEXT
from mixsweep.analysis.multimodality import best_known
from mixsweep.analysis.paired import holm
from mixsweep.analysis.profiles import solution_costs
from mixsweep.analysis.running_time import expected_running_time
from mixsweep.analysis.speed_tables import CONDUCT, SPEED_TABLES, speed_tables
from mixsweep.analysis.success import hit_rates
from mixsweep.analysis.sweep_tables import CellSummary, sweep_tables
from mixsweep.analysis.verdict import no_verdict
from mixsweep.collect import FITS, GRID, SCALARS, CellKey, cell_group, methods_of
from mixsweep.io import write_text
from mixsweep.plan import Cell
from mixsweep.problems import Problem, read_problem
from mixsweep.problems.simulate import separation_of
from mixsweep.status import Status

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = [
    "COLUMNS",
    "analyse",
    "analyse_speed",
    "cell_datasets",
    "cells_of",
    "joined",
    "of_cells",
    "write_table",
    "write_tables",
]

#: The rows of each table by cell.
CellRows = dict[str, list[tuple[CellKey, "pd.DataFrame"]]]

_KEPT = ["log_likelihood", "kind", "classification_entropy"]


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
    """Return a cell's fits (scalars, traces and conduct), and its optima, whose values are read when used."""
    problem, family, n_components = key
    scalars = tree.to_dataset()[list(SCALARS)].sel(problem=problem, family=family, n_components=n_components)
    # indexing by a path may give a DataTree or an array by its type; here it is always a group
    group = cast("xr.DataTree", tree[cell_group(key)])
    own = group.children["fits"].to_dataset(inherit=False)
    traces = own[["trace_passes", "trace_log_likelihood", *CONDUCT]]
    optima = group.children["optima"].to_dataset(inherit=False)
    fits = scalars.drop_vars(GRID).merge(traces, compat="override", join="exact").load()
    # there is room for the cell with the most restarts
    restarts = int((fits["status"] != Status.NOT_RUN).any(["method", "initializer"]).sum())
    return fits.isel(restart=slice(restarts)), optima


def analyse(tree: xr.DataTree, problems: Path) -> dict[str, pd.DataFrame]:
    """Return the verdicts and tables of what the optima are and how often the best is found, by name.

    Parameters
    ----------
    tree : xarray.DataTree
        As `mixsweep.collect.open_sweep` gives it. A cell whose group is missing has a verdict that says so.
    problems : Path
        The folder of the problems' files. What needs the data is left out where a file is missing.
    """
    import pandas as pd

    rows: CellRows = defaultdict(list)
    problem_of = lru_cache(maxsize=1)(partial(_problem, problems))
    optimisers = {label: str(settings["method"]) for label, settings in methods_of(tree).items()}
    summaries = []
    for key in cells_of(tree):
        if not _is_there(tree, key):
            why = no_verdict("the cell is missing from the collection")
            rows["verdicts"].append((key, pd.DataFrame([why])))
            continue
        fits, optima = cell_datasets(tree, key)
        cell = Cell(*key, int(optima.attrs["n_rows"]), int(optima.attrs["n_features"]))
        best = best_known(optima)
        rates, costs = hit_rates(fits, best), expected_running_time(fits, best)
        own = cell_tables(fits, optima, rates, costs, cell, int(tree.attrs["max_passes"]), optimisers)
        for table, frame in own.items():
            rows[table].append((key, frame))
        summaries.append(_summary(key, fits, optima, rates, costs, problem_of(key[0])))
    names = [table for table in COLUMNS if table not in (*APART, *SPEED_TABLES)]
    over_cells = sweep_tables(summaries)
    tables = {name: joined(over_cells.get(name) or of_cells(rows[name]), COLUMNS[name]) for name in names}
    # one family of comparisons: what is adjusted within a cell is not for a reader of all cells
    tables["pairs"]["p_holm"] = holm(tables["pairs"]["p_value"].astype(float))
    return tables


def analyse_speed(tree: xr.DataTree, problems: Path) -> dict[str, pd.DataFrame]:
    """Return the tables of how fast the methods get there, by name; arguments as of `analyse`."""
    rows: CellRows = defaultdict(list)
    problem_of = lru_cache(maxsize=1)(partial(_problem, problems))
    methods = methods_of(tree)
    for key in cells_of(tree):
        if _is_there(tree, key):
            fits, optima = cell_datasets(tree, key)
            own = speed_tables(fits, optima, best_known(optima), problem_of(key[0]), methods)
            for table, frame in own.items():
                rows[table].append((key, frame))
    return {table: joined(of_cells(rows[table]), COLUMNS[table]) for table in SPEED_TABLES}


def _is_there(tree: xr.DataTree, key: CellKey) -> bool:
    return f"/{cell_group(key)}/optima" in tree.groups


def _problem(folder: Path, name: str) -> Problem | None:
    path = folder / f"{name}.nc"
    return read_problem(path) if path.is_file() else None


def _summary(
    key: CellKey,
    fits: xr.Dataset,
    optima: xr.Dataset,
    rates: xr.Dataset,
    costs: xr.Dataset,
    problem: Problem | None,
) -> CellSummary:
    truth = None if problem is None else problem.truth
    several = truth is not None and len(truth["weights"]) > 1
    separation = separation_of(truth["means"], truth["covariances"]) if several and truth else np.nan
    best = best_known(optima)
    value = float(optima["log_likelihood"].values[best]) if best >= 0 else np.nan
    return CellSummary(
        key,
        fits[["optimum", "n_passes", "seconds"]],
        optima[_KEPT],
        rates,
        best,
        costs,
        solution_costs(fits, value),
        separation,
    )


def of_cells(rows: Sequence[tuple[CellKey, pd.DataFrame]]) -> list[pd.DataFrame]:
    """Return the rows of all cells with the columns that name a cell: in one frame, or none without rows."""
    import pandas as pd

    filled = [(key, frame) for key, frame in rows if len(frame)]
    if not filled:
        return []
    lengths = [len(frame) for _, frame in filled]
    columns = zip(*(key for key, _ in filled), strict=True)
    names = {
        name: np.repeat(np.array(column, dtype=np.int64 if name == "n_components" else object), lengths)
        for name, column in zip(GRID, columns, strict=True)
    }
    return [pd.concat([frame for _, frame in filled], ignore_index=True).assign(**names)]


def joined(frames: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    """Return the rows of all parts in one table with these columns, text that is missing as empty text."""
    import pandas as pd

    filled = [frame for frame in frames if len(frame)]
    if not filled:
        return pd.DataFrame(columns=list(columns))
    table = pd.concat(filled, ignore_index=True).reindex(columns=list(columns))
    text = [name for name in columns if name in TEXT]
    return table.astype(dict.fromkeys(text, object)).fillna(dict.fromkeys(text, ""))


def write_tables(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """Write tables as csv into a folder."""
    for name, frame in tables.items():
        write_table(frame, folder / f"{name}.csv")


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as csv."""
    write_text(path, table.to_csv(index=False, lineterminator="\n"))
