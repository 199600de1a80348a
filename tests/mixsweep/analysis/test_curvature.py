from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal
from tests.mixsweep.helpers import cell, scattered_points

from mixsweep.analysis import curvature as module
from mixsweep.analysis.curvature import curvature, hessians


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
    np.testing.assert_allclose(module._lowest(matrices), expected, rtol=1e-12)
    monkeypatch.setattr(module, "LARGE", 1)
    np.testing.assert_allclose(module._lowest(matrices), expected, rtol=1e-12)
