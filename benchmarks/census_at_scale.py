"""The census of 100,000 endpoints of one cell: time, memory and whether the optima are the right ones.

Usage: python benchmarks/census_at_scale.py [--problem iris] [--n-components 3] [--endpoints 100000]

The endpoints are synthetic: the optima that a short sweep of the cell finds, with components in random order,
each endpoint as far from its optimum as a fit that stopped early, and some of them far. Seconds are wall
time. Memory is the peak of the whole process, which also made the endpoints.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator

import common
import numpy as np
import xarray as xr
from common import Row

from mixsweep.analysis.census import census
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.endpoints import take
from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.objective import Objective
from mixsweep.problems import Problem, load_builtin
from mixsweep.seeds import generator
from mixsweep.shard import make_starts
from mixsweep.status import Status

FLOOR = 1e-6
#: What the census of the full number of endpoints may take, in seconds and in megabytes.
SECONDS, MEGABYTES = 60, 2000
#: Share of the endpoints that stopped early.
SHARE_FAR = 0.01
#: Log-likelihoods that differ by less are those of one optimum, in nats.
SAME = 1e-4
#: Percent of the endpoints that must lead to the optimum they were made from; those that stopped far from it
#: may lie in the basin of another.
RIGHT = 100 * (1 - SHARE_FAR)


def endpoints(objective: Objective, problem: str, count: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return parameters of endpoints around the optima of a short sweep, and the values of these."""
    rng = generator(1, "endpoints", problem, objective.n_components)
    starts = make_starts(objective, problem, "random-points", range(200), 1)
    ends = run(objective, METHODS["em"](), starts, tol=1e-12, max_passes=5000)
    # as uneven as the sweep's own basins
    chosen = rng.choice(np.flatnonzero(ends.status == Status.CONVERGED), count)
    vector = objective.to_vector(take(ends.parameters, chosen))
    far = rng.random(count) < SHARE_FAR
    distance = np.where(far, 10 ** rng.uniform(-3, -1, count), 10 ** rng.uniform(-9, -5, count))
    direction = rng.standard_normal(vector.shape)
    vector += distance[:, None] * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    parameters = objective.from_vector(vector)
    order = np.argsort(rng.random(parameters["weights"].shape), axis=1)
    turned = {
        name: np.take_along_axis(values, order.reshape(*order.shape, *[1] * (values.ndim - 2)), axis=1)
        for name, values in parameters.items()
    }
    return turned, ends.log_likelihood[chosen]


def as_fits(
    problem: Problem, objective: Objective, parameters: dict[str, np.ndarray], value: np.ndarray
) -> xr.Dataset:
    """Return the endpoints as the fits of a cell."""
    reported = objective.family.to_reported(parameters, objective.location, objective.scale)
    dims, features = ("method", "initializer", "restart"), list(problem.features)
    arrays = {
        "log_likelihood": (dims, (value + objective.log_likelihood_offset)[None, None]),
        "status": (dims, np.full((1, 1, len(value)), Status.CONVERGED, dtype=np.int8)),
        "weights": ((*dims, "component"), reported["weights"][None, None]),
        "means": ((*dims, "component", "feature"), reported["means"][None, None]),
        "covariances": ((*dims, "component", "feature", "feature_"), reported["covariances"][None, None]),
    }
    coordinates = {
        "method": ["em"],
        "initializer": ["random-points"],
        "restart": np.arange(len(value)),
        "feature": features,
        "feature_": features,
    }
    attributes = {
        "problem": problem.name,
        "family": objective.family.name,
        "n_components": objective.n_components,
        "covariance_floor": FLOOR,
    }
    return xr.Dataset(arrays, coordinates, attributes)


def peak() -> float:
    """Return the largest resident memory of this process so far, in megabytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def measure(name: str, n_components: int, count: int) -> Iterator[Row]:
    """Yield seconds, megabytes and the share of endpoints that led to the right optimum."""
    problem = load_builtin(name)
    objective = Objective.of_problem(problem, "gaussian-full", n_components, FLOOR)
    parameters, value = endpoints(objective, name, count)
    fits = as_fits(problem, objective, parameters, value)
    before = peak()
    began, worked = time.perf_counter(), time.process_time()
    optima = census(problem, fits, Thresholds())
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    polished = optima["polished_log_likelihood"].values.ravel() - objective.log_likelihood_offset
    right = 100 * np.mean(np.abs(polished - value) < SAME)
    cell = f"{name}, K={n_components}, {count} endpoints"
    details = {"processor time": f"{cpu:.1f} s", "optima": str(optima.sizes["optimum"])}
    yield common.at_most(f"{cell}: time", seconds, "s", SECONDS, **details)
    yield common.at_most(f"{cell}: peak memory", peak(), "MB", MEGABYTES, before=f"{before:.0f} MB")
    yield common.at_least(f"{cell}: led to the optimum they were made from", right, "%", RIGHT)


def main(argv: list[str] | None = None) -> None:
    parser = common.argument_parser(__doc__)
    parser.add_argument("--problem", default="iris")
    parser.add_argument("--n-components", type=int, default=3)
    parser.add_argument("--endpoints", type=int, default=100_000)
    arguments = parser.parse_args(argv)
    rows = measure(arguments.problem, arguments.n_components, arguments.endpoints)
    common.report("Census of the endpoints of one cell", rows, arguments.json)


if __name__ == "__main__":
    main()
