from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal
from tests.mixsweep.helpers import FAMILIES, cell, scattered_points, starts

from mixsweep.analysis import stationary
from mixsweep.analysis.stationary import curvature, hessians, refine
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.endpoints import take
from mixsweep.loop import run
from mixsweep.methods.em import EM
from mixsweep.methods.lbfgs import LBFGS

LIMITS = Thresholds()


def loss_by_scipy(X, vector, n_components):
    """Negative log-likelihood per row of gaussian-full, written independently of the family."""
    d, K = X.shape[1], n_components
    means = vector[K : K + K * d].reshape(K, d)
    factors = np.zeros((K, d, d))
    factors[:, *np.tril_indices(d)] = vector[K + K * d :].reshape(K, -1)
    factors[:, range(d), range(d)] = np.exp(factors[:, range(d), range(d)])
    logits = np.stack(
        [
            multivariate_normal.logpdf(X, mean, factor @ factor.T)
            for mean, factor in zip(means, factors, strict=True)
        ],
        axis=1,
    )
    return -logsumexp(logits + np.log(softmax(vector[:K])), axis=1).mean()


def test_hessian_agrees_with_differences_of_the_log_likelihood():
    objective = cell("faithful", n_components=2)
    vector = objective.to_vector(scattered_points(objective, 1))[0]
    step = 1e-3

    def loss(change):
        return loss_by_scipy(objective.X, vector + change, 2)

    size = len(vector)
    unit = step * np.eye(size)
    expected = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            corners = loss(unit[i] + unit[j]) - loss(unit[i] - unit[j])
            corners += loss(-unit[i] - unit[j]) - loss(unit[j] - unit[i])
            expected[i, j] = corners / (4 * step**2)
    np.testing.assert_allclose(hessians(objective, vector[None])[0][0], expected, atol=1e-4, rtol=1e-4)


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


@pytest.mark.parametrize("flat", [1e-12, 1.0])
def test_whether_a_direction_leads_up_does_not_depend_on_what_is_only_bounded(flat):
    """At a threshold of 1 every curvature is found exactly; at a small one the clear ones are bounded."""
    objective = cell("iris", n_components=3)
    vectors = objective.to_vector(scattered_points(objective, 3))
    hessian, error = hessians(objective, vectors)
    exact = curvature(objective, hessian, error, 1.0)
    found = curvature(objective, hessian, error, flat)
    assert (found.relative >= exact.relative - 1e-12).all()
    np.testing.assert_array_equal(found.relative > 0, exact.relative > 0)
    np.testing.assert_array_equal(found.n_positive, exact.n_positive)


def test_one_eigenvalue_of_large_matrices_is_the_lowest(monkeypatch):
    matrices = np.random.default_rng(0).standard_normal((4, 20, 20))
    matrices = matrices + matrices.swapaxes(1, 2)
    expected = np.linalg.eigvalsh(matrices)[:, 0]
    np.testing.assert_allclose(stationary._lowest(matrices), expected, rtol=1e-12)
    monkeypatch.setattr(stationary, "LARGE", 1)
    np.testing.assert_allclose(stationary._lowest(matrices), expected, rtol=1e-12)
