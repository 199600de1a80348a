"""Methods from the same starts on real data, beside figures to compare with where there are some.

Usage: python benchmarks/same_start_comparison.py [--restarts 300] [case ...]

The figures to compare with (hits of EM, L-BFGS and BFGS, medians of their work, their degenerate fits, and
the share of starts that led EM and L-BFGS to the same optimum) come from separate programs, with SciPy's
L-BFGS-B and BFGS to a gradient of 1e-6, from random points with another seed. SciPy's two are here as well,
one fit at a time. Stopping rules differ, and with them the work.

mixsweep standardises the data itself; EM does not mind, other methods do. In the cases in raw units every
method sees the data as they are, centimetres of iris and minutes of faithful, from the same starts. Further
rows there say how many of its hits on standardised data each method loses by that: EM none, as it is
equivariant; L-BFGS and BFGS, on faithful, as many as in the figures to compare with, give or take three
standard errors of both together. Those figures are of raw units for iris, of 1000 km/s for galaxies and of
standardised data for faithful, unless the case says otherwise.

A hit ends within 0.01 nats of the known optimum. Fits that collapse or end above it, where a component
holds a few rows only, are counted as degenerate. Passes are exact and the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import common
import numpy as np
from common import Row

from mixsweep.analysis.intervals import paired_difference, wilson
from mixsweep.endpoints import Endpoints
from mixsweep.loop import run
from mixsweep.objective import Objective
from mixsweep.problems.builtin import load_builtin
from mixsweep.shard import make_method, make_starts
from mixsweep.status import Status

#: Settings of each method, and the method of the figures to compare with that it is like.
METHODS = {
    "em": ({"method": "em"}, "em"),
    "squarem": ({"method": "squarem"}, ""),
    "daarem": ({"method": "daarem"}, ""),
    "lbfgs": ({"method": "lbfgs"}, "lbfgs"),
    "L-BFGS-B": ({"method": "scipy", "solver": "L-BFGS-B"}, "lbfgs"),
    "BFGS": ({"method": "scipy", "solver": "BFGS"}, "bfgs"),
    "cg": ({"method": "cg"}, ""),
    "em+lbfgs": ({"method": "em+lbfgs"}, ""),
    "riemannian-lbfgs": ({"method": "riemannian-lbfgs"}, ""),
}
NEAR = 0.01
FLOOR = 1e-6
PASSES = 3000


@dataclass(frozen=True)
class Figures:
    """Of one method, to compare with: hits, degenerate fits, and median work."""

    hits: int
    degenerate: int
    work: int


@dataclass(frozen=True)
class Case:
    """A likelihood surface.

    Attributes
    ----------
    problem : str
        Name of the data set.
    n_components : int
        Number of components K.
    optimum : float
        Log-likelihood of the best proper optimum known, in the data's units.
    starts : int
        Number of starts of the figures to compare with.
    known : dict
        Figures to compare with, by method.
    same : int or None
        Share of starts in percent that led EM and L-BFGS to the same optimum.
    unit : float
        What the data are divided by.
    raw : bool
        Whether the methods see the data as they are.
    """

    problem: str
    n_components: int
    optimum: float
    starts: int
    known: dict[str, Figures] = field(default_factory=dict)
    same: int | None = None
    unit: float = 1.0
    raw: bool = False


def _figures(
    em: tuple[int, int, int], lbfgs: tuple[int, int, int], bfgs: tuple[int, int, int]
) -> dict[str, Figures]:
    return {"em": Figures(*em), "lbfgs": Figures(*lbfgs), "bfgs": Figures(*bfgs)}


CASES = {
    "iris, K=3": Case("iris", 3, -180.185477, 300),
    "iris, K=3, raw units": Case(
        "iris", 3, -180.185477, 300, _figures((15, 15, 85), (9, 40, 248), (12, 116, 144)), 33, raw=True
    ),
    "galaxies, K=3": Case(
        "galaxies", 3, -203.179228, 300, _figures((127, 0, 87), (133, 4, 48), (126, 12, 45)), 82, 1000
    ),
    "galaxies, K=4": Case(
        "galaxies", 4, -197.453764, 300, _figures((108, 1, 194), (24, 26, 75), (14, 34, 58)), 23, 1000
    ),
    "faithful, K=2": Case(
        "faithful", 2, -1130.263960, 150, _figures((146, 0, 24), (148, 0, 48), (145, 0, 50)), 96
    ),
    "faithful, K=2, raw units": Case(
        "faithful", 2, -1130.263960, 60, _figures((58, 0, 24), (30, 5, 61), (43, 7, 51)), 53, raw=True
    ),
    "faithful, K=3": Case(
        "faithful", 3, -1114.439873, 150, _figures((15, 0, 182), (32, 0, 77), (18, 26, 80)), 69
    ),
}


@dataclass(frozen=True)
class Fits:
    """How one method's fits ended, with log-likelihoods in the data's units."""

    ends: Endpoints
    value: np.ndarray
    optimum: float

    @property
    def collapsed(self) -> np.ndarray:
        """Which fits collapsed."""
        return self.ends.status == Status.COLLAPSED

    @property
    def converged(self) -> np.ndarray:
        """Which fits converged."""
        return self.ends.status == Status.CONVERGED

    @property
    def hits(self) -> np.ndarray:
        """Which fits ended in the known optimum."""
        return ~self.collapsed & (np.abs(self.value - self.optimum) < NEAR)

    @property
    def above(self) -> np.ndarray:
        """Which fits ended above it."""
        return ~self.collapsed & (self.value > self.optimum + NEAR)


def fits_of(case: Case, method: str, restarts: int, raw: bool) -> Fits:
    """Return a method's fits of standardised data, or of the data as they are."""
    X = load_builtin(case.problem).X / case.unit
    surface = common.in_data_units if raw else Objective.of
    objective = surface(X, "gaussian-full", case.n_components, FLOOR)
    starts = make_starts(objective, case.problem, "random-points", range(restarts), 0)
    ends = run(objective, make_method(METHODS[method][0]), starts, max_passes=PASSES)
    return Fits(ends, ends.log_likelihood + objective.log_likelihood_offset, case.optimum)


def percent(count: int, total: int) -> str:
    """Return a share with its 95 % interval."""
    low, high = (100 * float(end) for end in wilson(count, total))
    return f"{100 * count / total:.1f} % ({low:.0f} to {high:.0f})"


def same_optimum(first: Fits, second: Fits) -> str:
    """Return in how many of the starts from which both converged they found the same optimum."""
    both = first.converged & second.converged
    difference = np.abs(first.value - second.value)
    return percent(int((difference[both] < NEAR).sum()), int(both.sum())) if both.any() else "none converged"


def compare(name: str, restarts: int) -> Iterator[Row]:
    """Yield a row for each method on one surface; in raw units also what each loses by them."""
    case = CASES[name]
    fits = {method: fits_of(case, method, restarts, case.raw) for method in METHODS}
    for method, own in fits.items():
        hits, passes = int(own.hits.sum()), own.ends.n_passes
        others = ~own.collapsed & ~own.converged
        details = {
            "hits": percent(hits, restarts),
            "median passes": f"{np.median(passes):.0f}",
            "collapsed": str(int(own.collapsed.sum())),
            "above": str(int(own.above.sum())),
            "not converged": str(int(others.sum())),
            "EM's optimum": "" if method == "em" else same_optimum(fits["em"], own),
            **_to_compare_with(case, METHODS[method][1]),
        }
        cost = passes.sum() / hits if hits else np.inf
        yield Row(f"{name}, {method}", float(cost), "passes a hit", details=details)
    if case.raw:
        for method, own in fits.items():
            yield lost(name, method, fits_of(case, method, restarts, raw=False).hits, own.hits)


def _to_compare_with(case: Case, like: str) -> dict[str, str]:
    if like not in case.known:
        return {}
    known = case.known[like]
    return {
        "hits to compare with": percent(known.hits, case.starts),
        "passes to compare with": str(known.work),
        "degenerate to compare with": percent(known.degenerate, case.starts),
        "EM's optimum to compare with": f"{case.same} %" if like == "lbfgs" else "",
    }


def lost(name: str, method: str, standardised: np.ndarray, raw: np.ndarray) -> Row:
    """Return the share of starts that hit with standardised data and no more in raw units, net."""
    pairs = [(standardised & raw), (standardised & ~raw), (~standardised & raw), (~standardised & ~raw)]
    share, low, high = (100 * float(part) for part in paired_difference(*(pair.sum() for pair in pairs)))
    details = {
        "hits": percent(int(raw.sum()), len(raw)),
        "hits standardised": percent(int(standardised.sum()), len(raw)),
        "95 % interval": f"{low:.1f} to {high:.1f}",
    }
    title, like = f"hits lost by raw units: {name}, {method}", METHODS[method][1]
    if like == "em":
        return common.at_most(title, share, "%", 0, **details)
    # the case without raw units, where there are figures of both
    other, case = CASES[name.removesuffix(", raw units")], CASES[name]
    if like not in other.known:
        return Row(title, share, "%", details=details)
    theirs = [(each.known[like].hits / each.starts, each.starts) for each in (other, case)]
    ours = [(float(hits.mean()), len(raw)) for hits in (standardised, raw)]
    error = 100 * np.sqrt(sum(rate * (1 - rate) / starts for rate, starts in theirs + ours))
    known = 100 * (theirs[0][0] - theirs[1][0])
    details["hits lost to compare with"] = f"{known:.1f}"
    return common.between(title, share, "%", known - 3 * error, known + 3 * error, **details)


def main(argv: list[str] | None = None) -> None:
    parser = common.argument_parser(__doc__)
    common.add_cases(parser, CASES)
    parser.add_argument("--restarts", type=int, default=300)
    arguments = parser.parse_args(argv)
    rows = (row for name in arguments.cases for row in compare(name, arguments.restarts))
    common.report("Methods from the same starts: all passes of the fits over the hits", rows, arguments.json)


if __name__ == "__main__":
    main()
