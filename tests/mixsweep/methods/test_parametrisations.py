"""Every gradient method in every coordinates: same optima where they converge, and what they break."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from tests.mixsweep.helpers import METHODS as NAMES
from tests.mixsweep.helpers import SOLVERS, cell, starts

from mixsweep.coordinates import COVARIANCE_CHARTS, WEIGHT_CHARTS
from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.methods.base import GradientMethod
from mixsweep.status import Status

GRADIENT_METHODS = [
    name for name in NAMES if issubclass(METHODS[name], GradientMethod) and name not in SOLVERS
]
#: Steps that the curvature or a line search scales converge in all coordinates.
SCALED = ("lbfgs", "cg", "newton-cg", "trust", "em+lbfgs", "em+newton")
COORDINATES = [(weights, "log-cholesky") for weights in WEIGHT_CHARTS if weights != "natural"] + [
    ("softmax", covariances)
    for covariances in COVARIANCE_CHARTS
    if covariances not in ("natural", "log-cholesky")
]


@functools.cache
def near_an_optimum():
    """A cell, points some EM steps before one of its optima, and the log-likelihood there."""
    objective = cell("faithful", "gaussian-full", 2)
    begin = run(objective, METHODS["em"](), starts(objective, count=3, initializer="kmeans++"), tol=1e-4)
    best = run(objective, METHODS["em"](), begin.parameters, tol=1e-14, max_passes=4000)
    return objective, begin.parameters, best.log_likelihood


@pytest.mark.parametrize(("weights", "covariances"), COORDINATES)
@pytest.mark.parametrize("name", GRADIENT_METHODS)
def test_all_coordinates_lead_to_the_same_optimum(name, weights, covariances):
    objective, begin, best = near_an_optimum()
    method = METHODS[name](weights=weights, covariances=covariances)
    ends = run(objective, method, begin, tol=1e-10, max_passes=200)
    converged = ends.status == Status.CONVERGED
    if name in SCALED:
        assert converged.all()
    # a decrement of 1e-10 a row, times a factor for the rate of EM; others near it or on their way
    np.testing.assert_allclose(ends.log_likelihood[converged], best[converged], atol=1e-6)
    assert set(ends.status[~converged].tolist()) <= {int(Status.BUDGET)}
    assert (ends.log_likelihood < best + 1e-6).all()


class Watched:
    """A method that remembers how many points it asked for are outside the simplex."""

    def __init__(self, method):
        self.method, self.outside = method, 0

    def __getattr__(self, name):
        return getattr(self.method, name)

    def ask(self, objective, state):
        request = self.method.ask(objective, state)
        self.outside += int((~(request.parameters["weights"] > 0).all(axis=1)).sum())
        return request


@pytest.mark.parametrize("name", GRADIENT_METHODS)
def test_weights_that_leave_the_simplex_are_counted(name):
    objective = cell("faithful", "gaussian-full", 3)
    begin = starts(objective, count=10)
    begin["weights"] = np.tile([0.98, 0.01, 0.01], (10, 1))
    # the full steps of these leave it from such starts
    bold = {"learning_rate": 0.5} if "learning_rate" in METHODS[name].__dataclass_fields__ else {}
    watched = Watched(METHODS[name](weights="ratio", **bold))
    ends = run(objective, watched, begin, max_passes=40)
    assert ends.n_constraint_violations.sum() == watched.outside
    assert np.isfinite(ends.log_likelihood).all()
    if name not in ("em+lbfgs", "em+newton", "gem"):  # which begin with EM steps, or shorten theirs
        assert watched.outside > 0


@pytest.mark.parametrize("weights", ["softmax", "softmax-fixed", "stick-breaking"])
@pytest.mark.parametrize("name", ["gd", "lbfgs", "newton-cg"])
def test_charts_of_the_simplex_are_never_left(name, weights):
    objective = cell("faithful", "gaussian-full", 3)
    ends = run(objective, METHODS[name](weights=weights), starts(objective), max_passes=60)
    assert (ends.n_constraint_violations == 0).all()
