"""Methods from the same starts on real data, beside figures to compare with where there are some.

Usage: python benchmarks/same_start_comparison.py [--restarts 300] [case ...]

The figures to compare with (hits of EM and of L-BFGS, medians of their work, and the share of starts that led
both to the same optimum) come from separate programs, with SciPy's L-BFGS-B to a gradient of 1e-6, from
random points with another seed. Those fits saw standardised data for faithful, and centimetres for iris: as
mixsweep standardises the data itself, and only EM does not mind, L-BFGS is not quite comparable there.
Stopping rules differ too, and with them the work.

A hit ends within 0.01 nats of the known optimum. Fits that collapse or end above it, where a component
holds a few rows only, are counted as degenerate. Passes are exact and the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import common
import numpy as np
import xarray as xr
from common import Row

import mixsweep
from mixsweep.analysis.intervals import wilson
from mixsweep.problems.builtin import load_builtin
from mixsweep.status import Status

METHODS = ("em", "squarem", "daarem", "lbfgs", "cg", "em+lbfgs")
NEAR = 0.01


@dataclass(frozen=True)
class Case:
    """A likelihood surface.

    Attributes
    ----------
    problem : str
        Name of the data set.
    n_components : int
        Number of components K.
    unit : float
        What the data are divided by.
    optimum : float
        Log-likelihood of the best proper optimum known, in these units.
    starts : int
        Number of starts of the figures to compare with.
    hits, work : dict
        Figures to compare with, by method.
    same : int
        Share of starts in percent that led EM and L-BFGS to the same optimum.
    """

    problem: str
    n_components: int
    unit: float
    optimum: float
    starts: int
    hits: dict[str, int]
    work: dict[str, int]
    same: int


CASES = {
    "iris, K=3": Case("iris", 3, 1, -180.185477, 300, {"em": 15, "lbfgs": 9}, {"em": 85, "lbfgs": 248}, 33),
    "galaxies, K=3": Case(
        "galaxies", 3, 1000, -203.179228, 300, {"em": 127, "lbfgs": 133}, {"em": 87, "lbfgs": 48}, 82
    ),
    "galaxies, K=4": Case(
        "galaxies", 4, 1000, -197.453764, 300, {"em": 108, "lbfgs": 24}, {"em": 194, "lbfgs": 75}, 23
    ),
    "faithful, K=2": Case(
        "faithful", 2, 1, -1130.263960, 150, {"em": 146, "lbfgs": 148}, {"em": 24, "lbfgs": 48}, 96
    ),
    "faithful, K=3": Case(
        "faithful", 3, 1, -1114.439873, 150, {"em": 15, "lbfgs": 32}, {"em": 182, "lbfgs": 77}, 69
    ),
}


def percent(count: int, total: int) -> str:
    """Return a share with its 95 % interval."""
    low, high = (100 * float(end) for end in wilson(count, total))
    return f"{100 * count / total:.1f} % ({low:.0f} to {high:.0f})"


def same_optimum(first: xr.Dataset, second: xr.Dataset) -> str:
    """Return in how many of the starts from which both converged they found the same optimum."""
    both = (first.status.values == Status.CONVERGED) & (second.status.values == Status.CONVERGED)
    difference = np.abs(first.log_likelihood.values - second.log_likelihood.values)
    return percent(int((difference[both] < NEAR).sum()), int(both.sum())) if both.any() else "none converged"


def compare(name: str, restarts: int) -> list[Row]:
    """Return a row for each method on one surface."""
    case = CASES[name]
    X = load_builtin(case.problem).X / case.unit
    fits = {
        method: mixsweep.fit(X, case.n_components, method=method, n_restarts=restarts, max_passes=3000)
        for method in METHODS
    }
    rows = []
    for method, fit in fits.items():
        value, status = fit.log_likelihood.values, fit.status.values
        collapsed = status == Status.COLLAPSED
        hits = int((~collapsed & (np.abs(value - case.optimum) < NEAR)).sum())
        above = int((~collapsed & (value > case.optimum + NEAR)).sum())
        passes = fit.n_passes.values
        details = {
            "hits": percent(hits, restarts),
            "hits to compare with": percent(case.hits[method], case.starts) if method in case.hits else "",
            "median passes": f"{np.median(passes):.0f}",
            "to compare with": str(case.work.get(method, "")),
            "collapsed": str(int(collapsed.sum())),
            "above": str(above),
            "not converged": str(int((~collapsed & (status != Status.CONVERGED)).sum())),
            "EM's optimum": "" if method == "em" else same_optimum(fits["em"], fit),
            "that to compare with": f"{case.same} %" if method == "lbfgs" else "",
        }
        cost = passes.sum() / hits if hits else np.inf
        rows.append(Row(f"{name}, {method}", float(cost), "passes a hit", details=details))
    return rows


def main(argv: list[str] | None = None) -> None:
    parser = common.argument_parser(__doc__)
    common.add_cases(parser, CASES)
    parser.add_argument("--restarts", type=int, default=300)
    arguments = parser.parse_args(argv)
    rows = (row for name in arguments.cases for row in compare(name, arguments.restarts))
    common.report("Methods from the same starts: all passes of the fits over the hits", rows, arguments.json)


if __name__ == "__main__":
    main()
