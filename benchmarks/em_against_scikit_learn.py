"""EM per iteration: the batched pass against scikit-learn's GaussianMixture, same starts, same likelihood.

Usage: python benchmarks/em_against_scikit_learn.py [--repeats 3] [n,d,K ...]

Both run in this process on one thread, in turn; times are CPU time, the ratio is the median of the pairs'.
The starts are the generating parameters, disturbed: scikit-learn stops where a component dies. The
log-likelihoods after the same number of passes are compared for every restart; where they differ, the target
is not reached, however fast it was.
"""

from __future__ import annotations

import warnings

import common
import numpy as np
from common import Row
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from mixsweep.endpoints import take
from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.objective import Objective

ITERATIONS = 10
#: How many times faster an iteration should be, by n, d, K.
TARGETS = {
    (500, 2, 3): 60,
    (2000, 2, 3): 40,
    (2000, 8, 5): 20,
    (10000, 8, 5): 16,
    (5000, 16, 8): 15,
    (5000, 32, 8): 9,
    (5000, 64, 5): 6,
    (100000, 4, 5): 25,
}
#: Largest relative difference of log-likelihoods that are the same.
SAME = 1e-9


def scikit_learn(objective: Objective, starts: dict[str, np.ndarray]) -> np.ndarray:
    """Return the log-likelihoods after ten passes from each start."""
    reported = common.standardised(objective, starts)
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


def compare(n: int, d: int, K: int, restarts: int, repeats: int) -> Row:
    """Return the ratio at one size."""
    objective, starts = common.blobs_near_truth(n, d, K, restarts)
    run(objective, METHODS["em"](), take(starts, slice(0, 2)), tol=0, max_passes=2)
    pairs = common.in_pairs(
        lambda: scikit_learn(objective, starts),
        lambda: run(objective, METHODS["em"](), starts, tol=0, max_passes=ITERATIONS),
        repeats,
    )
    expected, ends = pairs.results
    difference = np.max(np.abs(ends.log_likelihood - expected) / np.abs(expected))
    theirs, ours = (
        common.Spread.of(seconds).median * 1e6 / (restarts * ITERATIONS)
        for seconds in (pairs.first, pairs.second)
    )
    ratio = pairs.ratios()
    details = {
        "range": ratio.range,
        "restarts": str(restarts),
        "scikit-learn": f"{theirs:.0f} us",
        "mixsweep": f"{ours:.0f} us",
        "largest relative difference": f"{difference:.1e}",
    }
    name, unit = common.size_name(n, d, K), "times faster"
    if (n, d, K) not in TARGETS:
        return Row(name, ratio.median, unit, details=details)
    row = common.at_least(name, ratio.median, unit, TARGETS[n, d, K], **details)
    return common.provided(row, difference <= SAME)


def main(argv: list[str] | None = None) -> None:
    parser = common.argument_parser(__doc__)
    common.add_sizes(parser)
    arguments = parser.parse_args(argv)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ten iterations are not meant to converge
        rows = (compare(*size, arguments.repeats) for size in common.chosen(arguments))
        common.report("One EM iteration of one fit against scikit-learn", rows, arguments.json)


if __name__ == "__main__":
    main()
