"""L-BFGS per fit against the gradient methods of the package Mixture-Models, same starts, same likelihood.

Usage: python benchmarks/lbfgs_against_mixture_models.py [--fits 3] [--seconds 30] [case ...]

Mixture-Models is no dependency. In an environment of its own, beside mixsweep: `python -m pip install
mixture-models`, then `python -m pip install --upgrade autograd`, as Python 3.11 and later cannot import the
version it asks for.

Both start from the same random points and see the same standardised data. Of mixsweep a whole batch is run
until every fit has stopped. A fit's time is its own share of the batch's: each pass is shared by the fits
that take part in it, so that those that run longest pay for the last passes alone. The mean over the batch,
with the fits that never converge, stands in a column of its own; such starts are not given to Mixture-Models.

Mixture-Models fits one start at a time and is stopped as soon as an iterate has mixsweep's log-likelihood
less 1e-6 of it; it uses the likelihood that it computes for its own record. It may also end by itself, fail,
or use up its seconds: then the ratio is of the time until there, and only says that it would be larger if the
fit arrived at all. The ratios of the fits that arrived are compared with the target. Times are CPU time.

The package prints every iterate; here it does not, which spares it that time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import common
import numpy as np
from common import Row
from Mixture_Models import GMM

from mixsweep.loop import Endpoints, run
from mixsweep.methods import METHODS
from mixsweep.objective import Objective
from mixsweep.problems.builtin import load_builtin
from mixsweep.shard import make_starts
from mixsweep.status import Status

#: Problem and number of components.
CASES = {
    "faithful, K=2": ("faithful", 2),
    "faithful, K=3": ("faithful", 3),
    "iris, K=3": ("iris", 3),
    "n=2000, d=4, K=3": ("blobs", 3),
}
#: The package's methods with their settings; its own number of iterations, 100, is too small for Adam.
METHODS_OF_PEER = {"Newton-CG": {"maxiter": 1000}, "adam": {"maxiter": 100_000}}
TOLERANCE = 1e-6
TARGET = 100


class _Arrived(Exception):
    """An iterate has the likelihood looked for."""


class _Expired(Exception):
    """The seconds are used up."""


class _Watched(GMM):
    """The package's mixture, stopped where its record of likelihoods says so."""

    def __init__(self, rows: np.ndarray, wanted: float, seconds: float) -> None:
        super().__init__(rows)
        self._wanted, self._deadline = wanted, time.process_time() + seconds

    def report_likelihood(self, likelihood: float) -> None:
        if not np.isfinite(likelihood):
            raise ValueError(f"log-likelihood {likelihood}")
        if likelihood >= self._wanted:
            raise _Arrived
        if time.process_time() > self._deadline:
            raise _Expired


@dataclass(frozen=True)
class Fit:
    """How one fit of the package ended, and its CPU seconds."""

    seconds: float
    end: str


def objective_of(problem: str, K: int) -> Objective:
    X = common.blobs(2000, 4, K)[0] if problem == "blobs" else load_builtin(problem).X
    return Objective.of(X, "gaussian-full", K, 1e-6)


def peer_start(objective: Objective, starts: dict[str, np.ndarray], restart: int) -> dict[str, np.ndarray]:
    """Return a start in the package's coordinates; its covariance is factor' factor."""
    reported = common.standardised(objective, starts)
    return {
        "log proportions": np.log(reported["weights"][restart]),
        "means": reported["means"][restart].copy(),
        "sqrt_covs": np.linalg.cholesky(reported["covariances"][restart]).swapaxes(-1, -2).copy(),
    }


def peer_fit(
    objective: Objective, start: dict[str, np.ndarray], method: str, wanted: float, limit: float
) -> Fit:
    """Run one fit of the package to a log-likelihood, its own end, or a number of seconds."""
    began = time.process_time()
    model = _Watched(objective.X, wanted, limit)
    try:
        model.fit(start, method, **METHODS_OF_PEER[method])
        end = "ended below"
    except _Arrived:
        end = "arrived"
    except _Expired:
        end = "out of time"
    except (ValueError, AssertionError, ArithmeticError, np.linalg.LinAlgError):
        end = "failed"
    return Fit(time.process_time() - began, end)


def own_share(ends: Endpoints, restart: int) -> float:
    """Return a fit's share of its batch's time."""
    return float(ends.seconds[restart] / ends.seconds.sum())


def compare(case: str, method: str, restarts: int, fits: int, limit: float) -> Row:
    """Return the ratio of one method of the package on one problem."""
    problem, K = CASES[case]
    objective = objective_of(problem, K)
    starts = make_starts(objective, problem, "random-points", range(restarts), seed=1)

    def batch() -> Endpoints:
        return run(objective, METHODS["lbfgs"](), starts)

    ends = batch()
    converged = np.flatnonzero(ends.status == Status.CONVERGED)
    ours, means, theirs = [], [], []
    for restart in converged[:fits]:
        seconds, again = common.cpu_seconds(batch)
        means.append(seconds / restarts)
        ours.append(own_share(again, restart) * seconds)
        value = ends.log_likelihood[restart]
        theirs.append(
            peer_fit(
                objective,
                peer_start(objective, starts, restart),
                method,
                value - TOLERANCE * abs(value),
                limit,
            )
        )
    counts = {end: sum(fit.end == end for fit in theirs) for end in dict.fromkeys(f.end for f in theirs)}
    arrived = [i for i, fit in enumerate(theirs) if fit.end == "arrived"]
    # without any arrival, a bound from below: the time until the fits ended elsewhere
    ratio = common.Spread.of([theirs[i].seconds / ours[i] for i in arrived or range(len(theirs))])
    details = {
        "range": ratio.range,
        "Mixture-Models": f"{common.Spread.of([fit.seconds for fit in theirs]).median:.2g} s",
        "its fits": ", ".join(f"{count} {end}" for end, count in counts.items()),
        "mixsweep": f"{1e3 * common.Spread.of(ours).median:.2g} ms",
        "mean of its batch": f"{1e3 * common.Spread.of(means).median:.2g} ms",
        "its fits converged": f"{len(converged)} of {restarts}",
    }
    unit = f"times faster{'' if arrived else ' at least'} ({len(arrived)} of {len(theirs)} arrived)"
    return common.at_least(f"{case}, {method}", ratio.median, unit, TARGET, **details)


def main(argv: list[str] | None = None) -> None:
    parser = common.argument_parser(__doc__)
    common.add_cases(parser, CASES)
    parser.add_argument("--restarts", type=int, default=100, help="fits in mixsweep's batch")
    parser.add_argument("--fits", type=int, default=3, help="fits of the package, for each method")
    parser.add_argument("--seconds", type=float, default=30, help="CPU time of each of them")
    arguments = parser.parse_args(argv)
    rows = (
        compare(case, method, arguments.restarts, arguments.fits, arguments.seconds)
        for case in arguments.cases
        for method in METHODS_OF_PEER
    )
    common.report("A fit by L-BFGS against Mixture-Models", rows, arguments.json)


if __name__ == "__main__":
    main()
