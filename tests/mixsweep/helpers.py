"""Cells and parameter points that several test modules use."""

from __future__ import annotations

import numpy as np

from mixsweep.objective import Objective
from mixsweep.problems import Problem, load_builtin
from mixsweep.shard import ShardSpec, make_starts

FAMILIES = ("gaussian-full", "gaussian-diag")
METHODS = ("em", "lbfgs", "adam", "gd")


def cell(name="faithful", family="gaussian-full", n_components=3, covariance_floor=1e-6):
    return Objective.of_problem(load_builtin(name), family, n_components, covariance_floor)


def starts(objective, name="faithful", count=6, initializer="random-points", seed=1):
    return make_starts(objective, name, initializer, range(count), seed)


def scattered_points(objective, count=4, seed=0):
    """Parameter points with unequal weights and covariances, away from any stationary point."""
    rng = np.random.default_rng(seed)
    vector = objective.family.to_vector(starts(objective, count=count, seed=seed))
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
