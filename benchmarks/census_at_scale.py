"""The census of 100,000 endpoints of one cell: time and memory.

The endpoints are synthetic: the optima that a short sweep of the cell finds, with components in random order,
each endpoint as far from its optimum as a fit that stopped early, and some of them far.

    python benchmarks/census_at_scale.py --problem iris --n-components 3 --endpoints 100000
"""

import argparse
import os
import resource
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
import xarray as xr

from mixsweep.analysis.census import census
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.endpoints import take
from mixsweep.loop import run
from mixsweep.methods.em import EM
from mixsweep.objective import Objective
from mixsweep.problems import load_builtin
from mixsweep.shard import make_starts
from mixsweep.status import Status

FLOOR = 1e-6


def endpoints(objective, problem, count, share_far, rng):
    """Return parameters of endpoints around the optima of a short sweep, and the optimum of each."""
    starts = make_starts(objective, problem, "random-points", range(200), 1)
    ends = run(objective, EM(), starts, tol=1e-12, max_passes=5000)
    good = np.flatnonzero(ends.status == Status.CONVERGED)
    # as uneven as the sweep's own basins
    chosen = rng.choice(good, count)
    vector = objective.to_vector(take(ends.parameters, chosen))
    far = rng.random(count) < share_far
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problem", default="iris")
    parser.add_argument("--n-components", type=int, default=3)
    parser.add_argument("--endpoints", type=int, default=100_000)
    parser.add_argument(
        "--share-far", type=float, default=0.01, help="Share of endpoints that stopped early."
    )
    arguments = parser.parse_args()

    problem = load_builtin(arguments.problem)
    objective = Objective.of_problem(problem, "gaussian-full", arguments.n_components, FLOOR)
    rng = np.random.default_rng(0)
    parameters, value = endpoints(objective, arguments.problem, arguments.endpoints, arguments.share_far, rng)
    reported = objective.family.to_reported(parameters, objective.location, objective.scale)
    offset = objective.log_likelihood_offset
    dims = ("method", "initializer", "restart")
    features = list(problem.features)
    fits = xr.Dataset(
        {
            "log_likelihood": (dims, (value + offset)[None, None]),
            "status": (dims, np.full((1, 1, len(value)), Status.CONVERGED, dtype=np.int8)),
            "weights": ((*dims, "component"), reported["weights"][None, None]),
            "means": ((*dims, "component", "feature"), reported["means"][None, None]),
            "covariances": (
                (*dims, "component", "feature", "feature_"),
                reported["covariances"][None, None],
            ),
        },
        {
            "method": ["em"],
            "initializer": ["random-points"],
            "restart": np.arange(len(value)),
            "feature": features,
            "feature_": features,
        },
        {
            "problem": problem.name,
            "family": "gaussian-full",
            "n_components": arguments.n_components,
            "covariance_floor": FLOOR,
        },
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began, worked = time.perf_counter(), time.process_time()
    optima = census(problem, fits, Thresholds())
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    polished = optima["polished_log_likelihood"].values.ravel() - offset
    right = np.abs(polished - value) < 1e-4
    print(
        f"{arguments.problem}, K = {arguments.n_components}: {len(value)} endpoints, "
        f"{optima.sizes['optimum']} optima; {seconds:.1f} s ({cpu:.1f} s of processor time), "
        f"{peak:.0f} MB at most ({before:.0f} MB before); "
        f"{100 * right.mean():.2f} % led to the value of the optimum they were made from"
    )


if __name__ == "__main__":
    main()
