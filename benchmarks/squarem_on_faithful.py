"""SQUAREM against EM on faithful, K=3, from the same random points, beside figures to compare with.

Usage: python benchmarks/squarem_on_faithful.py [--restarts 200]

The figures to compare with come from separate programs: 30 starts, a median of 254 evaluations for EM and 61
for SQUAREM, and 87 % of the starts led both to the same optimum. Their stopping rule is not known, and EM,
the slower of the two, gains most from an early stop; so the ratio is shown for several tolerances, each a
hundredth of the one before. Passes are exact and the same on every machine; nothing is timed.
"""

from __future__ import annotations

import dataclasses

import common
import numpy as np
from common import Row

import mixsweep
from mixsweep.analysis.intervals import wilson
from mixsweep.problems.builtin import load_builtin
from mixsweep.status import Status

#: To compare with: median evaluations, starts, and how many of them led to the same optimum.
COMPARED = {"em": 254, "squarem": 61}
COMPARED_STARTS, COMPARED_SAME = 30, 26
#: EM decrement per row at which a fit has converged; the first is that of the default sweep.
TOLERANCES = (1e-10, 1e-12, 1e-14)
#: Two fits are in one optimum when their log-likelihoods differ by less, in nats.
SAME = 1e-3


def interval(successes: int, trials: int) -> str:
    """Return the 95 % interval of a share, in words."""
    low, high = wilson(successes, trials)
    return f"{100 * float(low):.0f} to {100 * float(high):.0f} %"


def compare(tolerance: float, restarts: int) -> list[Row]:
    """Return medians, their ratio and the share of agreement at one tolerance."""
    X = load_builtin("faithful").X
    fits = [
        mixsweep.fit(X, n_components=3, method=method, n_restarts=restarts, tol=tolerance, max_passes=20_000)
        for method in COMPARED
    ]
    converged = np.logical_and.reduce([fit.status.values == Status.CONVERGED for fit in fits])
    passes = [fit.n_passes.values[converged] for fit in fits]
    count = int(converged.sum())
    values = [fit.log_likelihood.values[converged] for fit in fits]
    same = int((np.abs(values[0] - values[1]) < SAME).sum())
    rows = []
    for method, used in zip(COMPARED, passes, strict=True):
        low, middle, high = np.percentile(used, [10, 50, 90])
        details = {
            "spread": f"{low:.0f} to {high:.0f} (10 to 90 %)",
            "to compare with": f"{COMPARED[method]}",
        }
        rows.append(Row(f"median passes of {method}", middle, "passes", details=details))
    expected = COMPARED["em"] / COMPARED["squarem"]
    details = {
        "spread": f"{count} of {restarts} starts, both converged",
        "to compare with": f"{expected:.1f}",
    }
    ratio = float(np.median(passes[0]) / np.median(passes[1]))
    rows.append(Row("median of em over that of squarem", ratio, "times", details=details))
    known = f"{100 * COMPARED_SAME / COMPARED_STARTS:.0f} % ({interval(COMPARED_SAME, COMPARED_STARTS)})"
    details = {"spread": f"{interval(same, count)} (95 %)", "to compare with": known}
    rows.append(Row("starts that lead both to one optimum", 100 * same / count, "%", details=details))
    return [dataclasses.replace(row, name=f"tol={tolerance:.0e}, {row.name}") for row in rows]


def main(argv: list[str] | None = None) -> None:
    parser = common.argument_parser(__doc__)
    parser.add_argument("--restarts", type=int, default=200)
    arguments = parser.parse_args(argv)
    rows = (row for tolerance in TOLERANCES for row in compare(tolerance, arguments.restarts))
    common.report("SQUAREM against EM on faithful, K=3", rows, arguments.json)


if __name__ == "__main__":
    main()
