from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.helpers import FAMILIES, cell, starts

from mixsweep.analysis.stationary import refine
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.endpoints import take
from mixsweep.loop import run
from mixsweep.methods.em import EM
from mixsweep.methods.lbfgs import LBFGS

LIMITS = Thresholds()


@pytest.mark.parametrize("family", FAMILIES)
def test_refinement_keeps_or_lowers_the_gradient_and_does_not_move_far(family):
    objective = cell("faithful", family, 2)
    ends = run(objective, LBFGS(), starts(objective), tol=1e-10)
    vector, evaluation = objective.to_vector(ends.parameters), objective.evaluate(ends.parameters)
    before = objective.loss(vector, ends.parameters, evaluation)[1]
    points = refine(objective, ends.parameters, LIMITS)
    assert (points.gradient_norm <= np.linalg.norm(before, axis=1)).all()
    assert points.gradient_norm.max() < 1e-12
    assert points.stationary(LIMITS).all()
    np.testing.assert_allclose(points.log_likelihood, ends.log_likelihood, atol=1e-5)
    assert (points.log_likelihood >= ends.log_likelihood - 1e-9).all()


def test_a_maximum_has_only_negative_curvatures():
    objective = cell("faithful", n_components=2)
    ends = run(objective, LBFGS(), starts(objective), tol=1e-12)
    best = take(ends.parameters, np.array([np.argmax(ends.log_likelihood)]))
    points = refine(objective, best, LIMITS)
    assert points.largest_curvature[0] < 0
    assert not points.ascending(LIMITS)[0]
    assert not points.flat(LIMITS)[0]


@pytest.mark.parametrize("name", ["faithful", "iris"])
def test_two_equal_components_at_the_pooled_gaussian_are_stationary_with_an_ascent(name):
    objective = cell(name, n_components=2)
    d = objective.n_features
    covariance = np.atleast_2d(np.cov(objective.X.T, bias=True))
    pooled = objective.family.from_moments(
        np.array([[0.5, 0.5]]), np.zeros((1, 2, d)), np.stack([[covariance, covariance]])
    )
    points = refine(objective, pooled, LIMITS)
    assert points.stationary(LIMITS)[0]
    assert points.ascending(LIMITS)[0]


def test_the_curvature_is_that_along_a_real_direction_for_one_component():
    """With K = 1 the means' curvatures are those of a Gaussian, -1 / variance, known exactly."""
    objective = cell("faithful", "gaussian-diag", 1)
    points = refine(objective, run(objective, EM(), starts(objective, count=1)).parameters, LIMITS)
    # means -1 (unit variances), logarithms of deviations -2: the largest is -1
    assert points.largest_curvature[0] == pytest.approx(-1, abs=1e-6)


def test_no_points_give_no_points():
    objective = cell("faithful", n_components=2)
    none = take(starts(objective, count=1), slice(0, 0))
    assert len(refine(objective, none, LIMITS).log_likelihood) == 0
