"""EM per iteration: the batched pass against scikit-learn's GaussianMixture, same starts, same likelihood.

Usage: python benchmarks/em_against_scikit_learn.py [--repeats 3] [n,d,K ...]

Both run in this process on one thread, in turn; figures are CPU seconds, ratios are of medians over the
repeats. The starts are the generating parameters, disturbed: scikit-learn stops where a component dies. The
log-likelihoods after the same number of passes are compared for every restart.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import statistics
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from mixsweep.loop import run, take
from mixsweep.methods import METHODS
from mixsweep.objective import Objective
from mixsweep.seeds import generator

#: (n, d, K) and the number of restarts.
SIZES = {
    (500, 2, 3): 200,
    (2000, 2, 3): 200,
    (2000, 8, 5): 200,
    (10000, 8, 5): 40,
    (5000, 16, 8): 40,
    (5000, 32, 8): 20,
    (5000, 64, 5): 20,
    (100000, 4, 5): 20,
}
ITERATIONS = 10


def problem(n: int, d: int, K: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return blobs with correlated features, their means and a factor of their common covariance."""
    rng = generator(1, "benchmark", n, d, K)
    means = 4.0 * rng.standard_normal((K, d))
    factor = np.eye(d) + 0.3 * rng.standard_normal((d, d))
    return means[rng.integers(K, size=n)] + rng.standard_normal((n, d)) @ factor.T, means, factor


def disturbed(
    objective: Objective, means: np.ndarray, factor: np.ndarray, restarts: int
) -> dict[str, np.ndarray]:
    """Return starts near the truth."""
    K, scale = objective.n_components, objective.scale
    noise = generator(1, "benchmark starts", *means.shape).standard_normal((restarts, *means.shape))
    covariance = 2 * factor @ factor.T / (scale[:, None] * scale)
    return objective.family.from_moments(
        np.full((restarts, K), 1 / K),
        (means + 0.3 * noise @ factor.T - objective.location) / scale,
        np.broadcast_to(covariance, (restarts, K, *covariance.shape)).copy(),
    )


def scikit_learn(objective: Objective, starts: dict[str, np.ndarray]) -> np.ndarray:
    reported = objective.family.to_reported(
        starts, np.zeros(objective.n_features), np.ones(objective.n_features)
    )
    values = []
    for r in range(len(starts["weights"])):
        model = GaussianMixture(
            objective.n_components,
            tol=0,
            reg_covar=0,
            max_iter=ITERATIONS,
            weights_init=reported["weights"][r],
            means_init=reported["means"][r],
            precisions_init=np.linalg.inv(reported["covariances"][r]),
        )
        model.fit(objective.X)
        values.append(model.lower_bound_ * objective.n_rows)
    return np.array(values)


def timed(call):
    began = time.process_time()
    result = call()
    return time.process_time() - began, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", help="n,d,K; all of the table by default")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    chosen = [tuple(map(int, size.split(","))) for size in arguments.sizes] or list(SIZES)
    warnings.simplefilter("ignore", ConvergenceWarning)  # ten iterations are not meant to converge
    print("|      n |  d | K | restarts | scikit-learn | mixsweep | ratio | largest relative difference |")
    print("|-------:|---:|--:|---------:|-------------:|---------:|------:|----------------------------:|")
    for size in chosen:
        n, d, K = size
        restarts = SIZES.get(size, 50)
        X, means, factor = problem(n, d, K)
        objective = Objective.of(X, "gaussian-full", K, 1e-12)
        starts = disturbed(objective, means, factor, restarts)
        run(objective, METHODS["em"](), take(starts, slice(0, 2)), tol=0, max_passes=2)
        theirs, ours = [], []
        for _ in range(arguments.repeats):
            seconds, expected = timed(lambda o=objective, s=starts: scikit_learn(o, s))
            theirs.append(seconds)
            seconds, ends = timed(
                lambda o=objective, s=starts: run(o, METHODS["em"](), s, tol=0, max_passes=ITERATIONS)
            )
            ours.append(seconds)
        difference = np.max(np.abs(ends.log_likelihood - expected) / np.abs(expected))
        per = 1e6 / (restarts * ITERATIONS)
        a, b = statistics.median(theirs), statistics.median(ours)
        cells = (f"{n:6}", f"{d:2}", f"{K}", f"{restarts:8}", f"{a * per:9.0f} us", f"{b * per:5.0f} us")
        print("|", " | ".join((*cells, f"{a / b:5.1f}", f"{difference:27.1e}")), "|", flush=True)


if __name__ == "__main__":
    main()
