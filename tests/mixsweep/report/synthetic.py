"""Results folders with made-up numbers and the columns of real ones."""

from __future__ import annotations

import csv
import json
import math
import random
from collections.abc import Iterable, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mixsweep.analysis.barrier_table import barrier_rows
from mixsweep.analysis.columns import COLUMNS, TEXT, TIMING
from mixsweep.analysis.landscape.cell import LEAVES, MAXIMA
from mixsweep.analysis.landscape.plane import SIDE, classical_scaling
from mixsweep.analysis.landscape.tree import connect
from mixsweep.io import write_dataset

METHODS = ("em", "lbfgs", "adam", "gd")
INITIALIZERS = ("random-points", "kmeans++")
STATUSES = ("converged", "budget", "collapsed", "diverged", "stalled", "error")
KINDS = ("proper", "proper", "proper", "spurious", "saddle", "boundary", "plateau", "unresolved")
TOLERANCES = (1e-2, 1e-4, 1e-6)
DEFAULT_CELLS = (
    *(("faithful", "gaussian-full", k) for k in range(1, 6)),
    *(("galaxies", "gaussian-full", k) for k in range(2, 7)),
    *(("iris", "gaussian-full", k) for k in range(2, 5)),
    *((f"blobs-n500-d{d}-k{k}-s{s}-r0", "gaussian-full", k) for d in (2, 8) for k in (3, 5) for s in (2, 4)),
)
SPEED = {"em": 60.0, "lbfgs": 35.0, "adam": 300.0, "gd": 900.0}

Cell = tuple[str, str, int]


def wilson(hits: int, n: int) -> tuple[float, float]:
    z = 1.959963984540054
    centre = (hits + z * z / 2) / (n + z * z)
    half = z * math.sqrt(hits * (n - hits) / n + z * z / 4) / (n + z * z)
    return max(0.0, centre - half), min(1.0, centre + half)


def restarts(rate: float, level: float) -> float:
    if rate <= 0:
        return math.inf
    return 1 if rate >= level else math.ceil(math.log(1 - level) / math.log(1 - rate))


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({key: "" if value is None else value for key, value in row.items()} for row in rows)


def write_results(
    folder: Path,
    cells: Iterable[Cell] = DEFAULT_CELLS,
    n_restarts: int = 100,
    methods: Sequence[str] = METHODS,
) -> Path:
    """Write a results folder; the same arguments give the same bytes."""
    rng = random.Random(7)
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in COLUMNS}
    cells = list(cells)
    for problem, family, k in cells:
        cell = {"problem": problem, "family": family, "n_components": k}
        total = n_restarts * len(methods) * len(INITIALIZERS)
        tables["optima"] += (own := optima(rng, cell, total))
        path = folder / "cells" / problem / family / f"K{k}" / "landscape.nc"
        shape = landscape(own)
        if "/" not in problem + family:
            write_dataset(shape, path)
        rows = barrier_rows(shape, "").to_dict("records")
        tables["barriers"] += [dict.fromkeys(COLUMNS["barriers"]) | cell | row for row in rows]
        hits = [method_rows(rng, cell, method, n_restarts, tables) for method in methods]
        tables["verdicts"].append(verdict(rng, cell, total, sum(hits), tables["optima"]))
        for name, keys in cell_keys(methods, tables["optima"], cell).items():
            tables[name] += [filled(rng, name, cell | key) for key in keys]
    for name, keys in sweep_keys(cells, methods).items():
        tables[name] += [filled(rng, name, key) for key in keys]
    for problem, family, k in cells:
        times = [filled(rng, "timing", row) for row in rows_of(method=methods, way=("alone", "batched"))]
        if "/" not in problem + family:
            write_csv(folder / "timing" / problem / family / f"K{k}.csv", times)
    for name, rows in tables.items():
        write_csv(folder / ("verdicts.csv" if name == "verdicts" else f"tables/{name}.csv"), rows)
    (folder / "plan.json").write_text(
        json.dumps(plan(tables, methods, n_restarts), indent=1), encoding="utf-8"
    )
    return folder


def rows_of(**axes: Iterable[Any]) -> list[dict[str, Any]]:
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def filled(rng: random.Random, table: str, key: dict[str, Any]) -> dict[str, Any]:
    """A row with its key and something in every other column: counts, or shares with their intervals."""
    row = dict(key)
    for name in TIMING if table == "timing" else COLUMNS[table]:
        if name in row:
            continue
        whole = name.removesuffix("_low").removesuffix("_high")
        if name in TEXT:
            row[name] = "Some words." if name == "statement" else ""
        elif name != whole:
            row[name] = row[whole] * (0.7 if name.endswith("_low") else 1.2)
        else:
            row[name] = rng.randint(1, 90) if name.startswith("n_") else rng.uniform(0.01, 0.8)
    return row


def cell_keys(
    methods: Sequence[str], optima: Sequence[dict[str, Any]], cell: dict[str, Any]
) -> dict[str, list[dict[str, Any]]]:
    """The rows that a cell has in the tables with made-up numbers throughout."""
    arms = {"method": methods, "initializer": INITIALIZERS}
    found = range(min(4, sum(all(row[key] == cell[key] for key in cell) for row in optima)))
    pairs = [{"method_a": a, "method_b": b} for a, b in combinations(methods, 2)]
    every = [*INITIALIZERS, "all"]
    grid = [1, 3, 10, 30, 100]
    return {
        "basin_shares": [row | {"kind": "proper"} for row in rows_of(**arms, optimum=found)],
        "unseen": rows_of(initializer=INITIALIZERS),
        "unseen_by_method": rows_of(**arms),
        "rarefaction": rows_of(**arms, restarts=grid),
        "agreement": [{"optimum_a": a, "optimum_b": b} for a, b in combinations(found, 2)],
        "costs": rows_of(**arms),
        "cheapest": rows_of(unit=["passes", "seconds"]),
        "pairs": [pair | row for pair in pairs for row in rows_of(initializer=every)],
        "flow": [
            pair | row
            for pair in pairs
            for row in rows_of(initializer=INITIALIZERS, optimum_a=["0", "other"], optimum_b=["0", "none"])
        ],
        "nesting": [{"bound_family": "gaussian-full", "broken": 0}],
        "gaps": rows_of(**arms, reference=["own", "best"], cost=grid),
        "ratios": [row | {"reference_method": "em"} for row in rows_of(**arms, unit=["passes", "seconds"])],
        "rates": [row | {"kind": "proper"} for row in rows_of(method=methods, optimum=found)],
        "conduct": rows_of(**arms),
        "step_sizes": [row | {"optimiser": "gd"} for row in rows_of(**arms)],
        "tuning": [row | {"optimiser": "gd"} for row in rows_of(initializer=INITIALIZERS)],
        "parametrisations": [row | {"optimiser": "gd"} for row in rows_of(initializer=INITIALIZERS)],
    }


def sweep_keys(cells: Sequence[Cell], methods: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The rows of the tables over the cells of a sweep."""
    arms = {"method": methods, "initializer": INITIALIZERS}
    surfaces = dict.fromkeys((problem, family) for problem, family, _ in cells)
    ks = sorted({k for _, _, k in cells})
    grid = [1, 3, 10, 30, 100]
    return {
        "advice": [{"problem": problem} for problem in dict.fromkeys(problem for problem, _, _ in cells)],
        "selection": [
            {"problem": problem, "family": family} | row
            for problem, family in surfaces
            for row in rows_of(criterion=["bic", "icl"], **arms, restarts=[1, 5, 10, 50], n_components=ks)
        ],
        "trend": rows_of(model=["hit rate", "number of optima"], term=["intercept", "n_components"]),
        "difficulty": rows_of(
            model=["hit rate"], family=["gaussian-full"], n_components=ks, n_features=[2, 8], **arms
        ),
        "decay": [row | {"problem": "", "family": ""} for row in rows_of(**arms)],
        "performance_profiles": rows_of(unit=["passes", "seconds"], **arms, cost_ratio=grid),
        "data_profiles": rows_of(**arms, accuracy=[0.1, 1e-5], passes=grid),
    }


def optima(rng: random.Random, cell: dict[str, Any], total: int) -> list[dict[str, Any]]:
    k = cell["n_components"]
    n = 1 if k == 1 else rng.randint(k, 9 * k)
    weights = sorted((rng.paretovariate(0.7) for _ in range(n)), reverse=True)
    order = [weights[0], *rng.sample(weights[1:], n - 1)]
    best = -1130.264 + 40 * k
    gaps = sorted(rng.lognormvariate(1.0, 1.6) for _ in range(n - 1))
    rows = []
    for index, (gap, weight) in enumerate(zip([0.0, *gaps], order, strict=True)):
        count = max(1, int(total * 0.95 * weight / sum(weights)))
        low, high = wilson(count, total)
        rows.append(
            cell
            | {"optimum": index, "log_likelihood": best - gap, "gap": gap}
            | {"kind": "proper" if index == 0 else rng.choice(KINDS), "n_fits": count, "n_fits_total": total}
            | {"basin_share": count / total, "basin_share_low": low, "basin_share_high": high}
            | {
                "n_copies": math.factorial(k),
                "smallest_weight": rng.uniform(0.01, 1 / k),
                "smallest_eigenvalue_ratio": 10 ** rng.uniform(-6, -0.5),
            }
        )
    if k >= 5:
        rows.append(
            rows[-1] | {"optimum": n, "log_likelihood": best + 21.5, "gap": -21.5, "kind": "degenerate"}
        )
    return rows


def landscape(optima_rows: Sequence[dict[str, Any]]) -> xr.Dataset:
    """A landscape of the maxima among these optima: points in the plane, with hollows between them."""
    maxima = [row for row in optima_rows if row["kind"] in MAXIMA][:LEAVES]
    heights = np.array([row["log_likelihood"] for row in maxima])
    numbers = np.array([row["optimum"] for row in maxima], dtype=np.int64)
    points = np.stack([np.cos(2.4 * numbers), np.sin(1.7 * numbers)], axis=1)
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    first, second = np.triu_indices(len(maxima), 1)
    share = np.linspace(0, 1, 49)
    lines = heights[first, None] * (1 - share) + heights[second, None] * share
    hollow = distances[first, second, None] * 4 * share * (1 - share)
    straight, relaxed = lines - 30 * hollow, lines - 5 * hollow
    levels = relaxed.min(axis=1)
    tree = connect(heights, first, second, levels)
    matrix = np.diag(heights)
    matrix[first, second] = matrix[second, first] = levels
    positions, stress = classical_scaling(distances)
    three = len(maxima) >= 3
    grid = np.linspace(-2, 2, SIDE if three else 0)
    pairwise, pair = ("leading", "leading_"), ("pair", "point")
    variables = {
        "height": ("leading", heights),
        "pair_first": ("pair", numbers[first]),
        "pair_second": ("pair", numbers[second]),
        "straight_position": ("point", share),
        "straight_log_likelihood": (pair, straight),
        "relaxed_position": (pair, np.broadcast_to(share**1.2, relaxed.shape)),
        "relaxed_log_likelihood": (pair, relaxed),
        "straight_level": (pairwise, matrix - 5 * distances),
        "relaxed_level": (pairwise, matrix),
        "connected_level": (pairwise, tree.connected),
        "barrier": (pairwise, heights[:, None] - tree.connected),
        "node_optimum": ("node", np.append(numbers, np.full(len(tree.edges), -1))),
        "node_level": ("node", tree.heights),
        "node_parent": ("node", tree.parents),
        "node_position": ("node", tree.positions),
        "slice_x": ("slice_column", grid),
        "slice_y": ("slice_row", 0.7 * grid),
        "slice_log_likelihood": (
            ("slice_row", "slice_column"),
            (heights[0] if three else 0) - 90 * (grid[:, None] ** 2 + np.sin(3 * grid) ** 2),
        ),
        "corner_optimum": ("corner", numbers[:3] if three else numbers[:0]),
        "corner_position": (("corner", "axis"), points[: 3 if three else 0]),
        "density_distance": (pairwise, distances),
        "map_position": (("leading", "axis"), positions),
        "stress": ((), stress),
    }
    reasons = {
        "reason": "" if len(maxima) > 1 else "the cell has one maximum: there are no paths",
        "slice_reason": "" if three else "a plane needs three maxima",
    }
    return xr.Dataset(variables, {"leading": numbers, "leading_": numbers}, reasons)


def method_rows(
    rng: random.Random, cell: dict[str, Any], method: str, n: int, tables: dict[str, list[dict[str, Any]]]
) -> int:
    k, found = cell["n_components"], 0
    difficulty = 1.0 if k == 1 else rng.betavariate(1.2, 0.6 * k)
    centre = SPEED.get(method, 120.0) * k * rng.lognormvariate(0, 0.5)
    for initializer in INITIALIZERS:
        key = cell | {"method": method, "initializer": initializer}
        rate = min(1.0, difficulty * (1.3 if initializer == "kmeans++" else 1.0))
        hits = sum(rng.random() < rate for _ in range(n))
        found += hits
        low, high = wilson(hits, n)
        row = key | {
            "role": "drawn",
            "n_fits": n,
            "n_hits": hits,
            "hit_rate": hits / n,
            "hit_rate_low": low,
            "hit_rate_high": high,
        }
        for level in (90, 95, 99):
            row[f"restarts_{level}"] = restarts(hits / n, level / 100)
            row[f"restarts_{level}_low"] = restarts(high, level / 100)
            row[f"restarts_{level}_high"] = restarts(low, level / 100)
        tables["hit_rates"].append(row)
        for reference, unit, tolerance in product(("own", "best"), ("passes", "seconds"), TOLERANCES):
            index = TOLERANCES.index(tolerance)
            reached = int(n * (1 - 0.08 * index * (method in ("adam", "gd"))))
            scale = centre * (index + 1) * (1 if unit == "passes" else 2e-5)
            quarters = {"cost_q25": 0.6 * scale, "cost_median": scale, "cost_q75": 1.9 * scale}
            if reached < 0.9 * n:
                quarters["cost_q75"] = math.inf
            counts = {"tolerance": tolerance, "n_fits": n, "n_reached": reached, "share_reached": reached / n}
            arrived = key | {"reference": reference, "unit": unit} | counts | quarters
            tables["convergence"].append(filled(rng, "convergence", arrived))
        bad = {status: rng.randint(0, max(1, n // 25)) for status in STATUSES[1:] if rng.random() < 0.4}
        for status, count in ({"converged": n - sum(bad.values())} | bad).items():
            tables["statuses"].append(key | {"status": status, "n_fits": count, "n_fits_total": n})
        shard = f"{cell['problem']}/{cell['family']}/K{k}/{method}/0"
        for status, count in bad.items():
            for restart in range(count if status != "budget" else 0):
                tables["failures"].append(
                    key
                    | {
                        "restart": restart,
                        "status": status,
                        "log_likelihood": -1500 + restart,
                        "n_passes": 40,
                    }
                    | {"shard": shard, "command": f"snakemake --cores 1 --force results/shards/{shard}.nc"}
                )
    for reference, tolerance in product(("own", "best"), TOLERANCES):
        index = TOLERANCES.index(tolerance)
        top = 1 - 0.08 * index * (method in ("adam", "gd"))
        for point in range(64):
            share = top * (point + 1) / 64
            passes = min(
                5000, round(centre * (index + 1) * math.exp(1.1 * math.log((point + 1) / (64.5 - point)))) + 1
            )
            tables["run_time"].append(
                cell
                | {"method": method, "reference": reference, "tolerance": tolerance}
                | {"passes": passes, "share_reached": share, "n_fits": 2 * n}
            )
    return found


def verdict(
    rng: random.Random, cell: dict[str, Any], total: int, hits: int, optima_rows: list[dict[str, Any]]
) -> dict[str, Any]:
    mine = [row for row in optima_rows if all(row[key] == value for key, value in cell.items())]
    low, high = wilson(hits, total)
    unseen = rng.uniform(0, 0.02)
    sentence = (
        f"Best known value reached by {hits} of {total} fits; the chance that a start falls into an optimum "
        f"not seen yet is {100 * unseen:.1f} %. EM from kmeans++ finds it most often."
    )
    return (
        cell
        | {"n_rows": 272, "n_features": 2, "best_log_likelihood": mine[0]["log_likelihood"], "n_fits": total}
        | {"n_hits": hits, "hit_rate": hits / total, "hit_rate_low": low, "hit_rate_high": high}
        | {"n_optima": len(mine), "n_proper": sum(row["kind"] == "proper" for row in mine), "n_failures": 11}
        | {
            "n_copies": math.factorial(cell["n_components"]),
            "missed_chance": 1e-9,
            "reason": "",
            "warning": "",
        }
        | {"unseen_share": unseen, "unseen_share_low": unseen / 3, "unseen_share_high": unseen * 2}
        | {"best_method": "em", "best_initializer": "kmeans++"}
        | {"restarts_95": restarts(hits / total, 0.95), "verdict": sentence}
    )


def plan(tables: dict[str, list[dict[str, Any]]], methods: Sequence[str], n_restarts: int) -> dict[str, Any]:
    return {
        "config": {"seed": 1, "families": ["gaussian-full"], "methods": {name: {} for name in methods}}
        | {
            "initializers": list(INITIALIZERS),
            "restarts": n_restarts,
            "problems": {"faithful": {}, "iris": {}},
        },
        "versions": {"mixsweep": "0.1.0", "numpy": "2.3.1", "xarray": "2026.1.0"},
        "python": "3.11.9",
        "machine": {"processor": "x86_64", "cores": 2, "memory": "8 GiB"},
        "git_revision": "0123456789abcdef",
        "config_hash": "9f86d081884c7d65",
        "seed": 1,
        "n_cells": len(tables["verdicts"]),
        "n_shards": len(tables["verdicts"]) * len(methods),
        "n_fits": sum(row["n_fits"] for row in tables["verdicts"]),
        "created_at": "2026-01-01T00:00:00Z",
    }
