"""Cells and parameter points that several test modules use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from mixsweep.analysis.census import Thresholds, census
from mixsweep.cell import CellSpec, assemble
from mixsweep.io import write_dataset
from mixsweep.objective import Objective
from mixsweep.problems import Problem, load_builtin
from mixsweep.schema import KINDS
from mixsweep.shard import ShardSpec, fit_shard, make_starts
from mixsweep.shard_file import timing_path
from mixsweep.status import Status

GAUSSIAN = ("gaussian-full", "gaussian-diag", "gaussian-spherical", "gaussian-tied")
#: Degrees of freedom go to infinity on most problems, where EM only creeps; and there is no step in means.
FAMILIES = (*GAUSSIAN, "student-t")
#: Methods that own their loop: each fit alone, and ends of their own besides the common ones.
SOLVERS = ("slsqp", "trust-constr", "scipy", "scikit-learn")
METHODS = (
    "em",
    "squarem",
    "daarem",
    "natural-gradient",
    "lbfgs",
    "riemannian-lbfgs",
    "em+lbfgs",
    "cg",
    "adam",
    "gd",
    "nesterov",
    "rmsprop",
    "sgd",
    "newton-cg",
    "trust",
    "em+newton",
    "gem",
    "ecm",
    "cem",
    "sem",
    "daem",
    "online-em",
    *SOLVERS,
)


def cell(name="faithful", family="gaussian-full", n_components=3, covariance_floor=1e-6):
    return Objective.of_problem(load_builtin(name), family, n_components, covariance_floor)


def starts(objective, name="faithful", count=6, initializer="random-points", seed=1):
    return make_starts(objective, name, initializer, range(count), seed)


def scattered_points(objective, count=4, seed=0):
    """Parameter points with unequal weights and covariances, away from any stationary point."""
    rng = np.random.default_rng(seed)
    vector = objective.to_vector(starts(objective, count=count, seed=seed))
    return objective.from_vector(vector + 0.3 * rng.standard_normal(vector.shape))


def spec(**changes):
    values = {
        "family": "gaussian-full",
        "n_components": 2,
        "method": "em",
        "settings": {"method": "em"},
        "initializer": "random-points",
        "start": 0,
        "stop": 8,
        "seed": 1,
        "tol": 1e-8,
        "max_passes": 300,
        "covariance_floor": 1e-6,
    }
    return ShardSpec(**(values | changes))


def blobs(n=120, d=2, k=3, spread=4.0, seed=0):
    """A simulated problem made here, with its truth."""
    rng = np.random.default_rng(seed)
    means = spread * rng.standard_normal((k, d))
    X = means[np.arange(n) % k] + rng.standard_normal((n, d))
    truth = {"weights": np.full(k, 1 / k), "means": means, "covariances": np.stack([np.eye(d)] * k)}
    return Problem("blobs", X, tuple(f"x{j}" for j in range(d)), truth, {})


def cell_spec(**changes):
    values = {
        "family": "gaussian-full",
        "n_components": 2,
        "methods": {"em": {"method": "em"}},
        "initializers": ("random-points",),
        "restarts": 10,
        "seed": 1,
        "tol": 1e-8,
        "max_passes": 300,
        "covariance_floor": 1e-6,
    }
    return CellSpec(**(values | changes))


def write_shards(problem, cell, folder):
    """Fit a cell's shards into a folder as the workflow does; return their paths."""
    paths = []
    for shard, made_from in cell.shard_specs(problem):
        path = folder / shard.method / Path(shard.path).name
        fits, timing = fit_shard(problem, made_from)
        write_dataset(timing, timing_path(path))
        write_dataset(fits, path)
        paths.append(path)
    return paths


def cell_fits(problem, folder, **changes):
    """All fits of a cell, by way of its shards."""
    cell = cell_spec(**changes)
    write_shards(problem, cell, folder)
    return assemble(problem, cell, folder)[0]


def fits_at(problem, weights, means, covariances, status=Status.CONVERGED):
    """Fits of one method that ended at the given parameters, data units, over (1, 1, restart)."""
    count, n_components, _ = means.shape
    objective = Objective.of_problem(problem, "gaussian-full", n_components, 1e-6)
    reported = {"weights": weights, "means": means, "covariances": covariances}
    inside = objective.family.from_reported(reported, objective.location, objective.scale)
    dims = ("method", "initializer", "restart")
    value = objective.evaluate(inside).log_likelihood + objective.log_likelihood_offset
    return xr.Dataset(
        {
            "log_likelihood": (dims, value[None, None]),
            "status": (dims, np.full((1, 1, count), status, dtype=np.int8)),
            "weights": ((*dims, "component"), weights[None, None]),
            "means": ((*dims, "component", "feature"), means[None, None]),
            "covariances": ((*dims, "component", "feature", "feature_"), covariances[None, None]),
        },
        {
            "method": ["em"],
            "initializer": ["random-points"],
            "restart": np.arange(count),
            "feature": list(problem.features),
            "feature_": list(problem.features),
        },
        {
            "problem": problem.name,
            "family": "gaussian-full",
            "n_components": n_components,
            "covariance_floor": 1e-6,
        },
    )


#: Cells of the sweep of `write_cells`: iris has no K = 2, and some fits of iris collapse.
SWEPT = (
    ("faithful", "gaussian-full", 2),
    ("faithful", "gaussian-full", 3),
    ("iris", "gaussian-full", 3),
)
SWEPT_METHODS = {"em": {"method": "em"}, "quasi-newton": {"method": "lbfgs", "memory": 5}}


def write_cells(folder):
    """Fit the cells of `SWEPT` and write ``cells/<cell>/{fits,timing,optima}.nc`` below a folder."""
    for name, family, n_components in SWEPT:
        problem = load_builtin(name)
        cell = cell_spec(
            family=family,
            n_components=n_components,
            methods=SWEPT_METHODS,
            initializers=("random-points", "kmeans++"),
            restarts=12,
        )
        place = f"{name}/{family}/K{n_components}"
        write_shards(problem, cell, folder / "shards" / place)
        fits, timing = assemble(problem, cell, folder / "shards" / place)
        write_dataset(timing, folder / "cells" / place / "timing.nc")
        write_dataset(fits, folder / "cells" / place / "fits.nc")
        write_dataset(census(problem, fits, Thresholds()), folder / "cells" / place / "optima.nc")
    return folder / "cells"


def optima_of(kinds, values=None, n_fits=None, truth_optimum=-1):
    """A hand-made census: kinds in words, best first."""
    count = len(kinds)
    n_fits = np.ones(count, int) if n_fits is None else np.asarray(n_fits)
    columns = {
        "log_likelihood": -10.0 - np.arange(count) if values is None else np.asarray(values, float),
        "kind": np.array([KINDS.index(kind) for kind in kinds], np.int8),
        "n_fits": n_fits,
        "basin_share": n_fits / max(n_fits.sum(), 1),
        "smallest_weight": np.full(count, 0.3),
        "smallest_eigenvalue_ratio": np.full(count, 0.5),
    }
    return xr.Dataset(
        {name: ("optimum", values) for name, values in columns.items()},
        {"optimum": np.arange(count)},
        {"truth_optimum": truth_optimum, "n_rows": 100, "total_weight": 100.0, "n_features": 2}
        | {"family": "gaussian-full", "n_components": 3},
    )


def ended_in(optimum):
    """Hand-made fits: the optimum of each, over (method, initializer, restart); ten passes each."""
    optimum = np.asarray(optimum)
    methods, initializers, restarts = optimum.shape
    return xr.Dataset(
        {
            "optimum": (("method", "initializer", "restart"), optimum),
            "n_passes": (("method", "initializer", "restart"), np.full(optimum.shape, 10.0)),
        },
        {
            "method": [f"method{i}" for i in range(methods)],
            "initializer": [f"start{j}" for j in range(initializers)],
            "restart": np.arange(restarts),
        },
    )
