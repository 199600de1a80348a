from __future__ import annotations

import numpy as np
import pytest

from mixsweep.families.quadratic import (
    maximised_factors,
    quadratic_coefficients,
    reference_coefficients,
    reference_factors,
    reference_shift_and_covariance,
    shift_and_covariance,
)
from mixsweep.linalg import SMALL, reference_inverse, upper_indices

SIZES = [1, 2, 3, 5, 8, SMALL, SMALL + 1, 25]


pytestmark = pytest.mark.usefixtures("either_kernel")


def covariances(d, shape=(4, 3), seed=0):
    root = np.random.default_rng(seed).normal(size=(*shape, d, 2 * d + 1))
    return root @ root.swapaxes(-1, -2) / d


def features(X):
    first, second = upper_indices(X.shape[1])
    return np.concatenate([np.ones((len(X), 1)), X, X[:, first] * X[:, second]], axis=1)


@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("factor", [-0.5, 1.0])
def test_coefficients_give_the_mahalanobis_distance(d, factor):
    rng = np.random.default_rng(1)
    matrices, means, constant = covariances(d), rng.normal(size=(4, 3, d)), rng.normal(size=(4, 3))
    inverse = reference_inverse(np.linalg.cholesky(matrices))
    found = quadratic_coefficients(constant, means, inverse, factor)
    np.testing.assert_allclose(
        found, reference_coefficients(constant, means, inverse, factor), rtol=1e-12, atol=1e-12
    )
    X = rng.normal(size=(20, d))
    difference = X[:, None, None] - means
    distance = np.einsum(
        "nrki,nrki->nrk", difference, np.linalg.solve(matrices, difference[..., None])[..., 0]
    )
    expected = constant + factor * distance
    np.testing.assert_allclose(
        np.moveaxis(found @ features(X).T, -1, 0), expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max()
    )


@pytest.mark.parametrize("d", SIZES)
def test_sums_of_features_give_mean_and_covariance(d):
    rng = np.random.default_rng(2)
    X, shares = rng.normal(size=(200, d)) + 1, rng.uniform(size=(2, 3, 200))
    # as the pass gives them: a part of rows that are longer
    room = np.zeros((2, 3, features(X).shape[1] + 3))
    sums = room[..., :-3]
    sums[:] = shares @ features(X)
    means = rng.normal(size=(2, 3, d))
    shift, found = shift_and_covariance(sums, means)
    for each, expected in zip(reference_shift_and_covariance(sums, means), (shift, found), strict=True):
        np.testing.assert_allclose(each, expected, rtol=1e-12, atol=1e-12)
    for r, k in np.ndindex(2, 3):
        expected = np.atleast_2d(np.cov(X.T, aweights=shares[r, k], ddof=0))
        np.testing.assert_allclose(found[r, k], expected, rtol=1e-10, atol=1e-12)
        centre = np.average(X, axis=0, weights=shares[r, k])
        np.testing.assert_allclose(means[r, k] + shift[r, k], centre, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("d", SIZES)
def test_the_gain_is_that_of_the_expected_log_density(d):
    shift = np.random.default_rng(3).normal(size=(4, 3, d))
    old, new = covariances(d), covariances(d, seed=4)
    inverse = reference_inverse(np.linalg.cholesky(old))
    found = maximised_factors(inverse, shift, new)
    for each, expected in zip(found, reference_factors(inverse, shift, new), strict=True):
        np.testing.assert_allclose(each, expected, rtol=1e-11, atol=1e-11)
    factors, whitened, gain = found
    np.testing.assert_allclose(factors @ factors.swapaxes(-1, -2), new, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(np.linalg.cholesky(old) @ whitened[..., None], shift[..., None], atol=1e-9)
    # the Kullback-Leibler divergence of the old density from the new one
    trace = np.trace(
        np.linalg.solve(old, new + shift[..., :, None] * shift[..., None, :]), axis1=-2, axis2=-1
    )
    volume = np.linalg.slogdet(new)[1] - np.linalg.slogdet(old)[1]
    np.testing.assert_allclose(gain, 0.5 * (trace - d - volume), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("d", [2, SMALL + 1])
def test_what_is_no_component_is_not_finite_and_leaves_the_others_as_they_are(d):
    sums, means = np.ones((2, 2, features(np.ones((1, d))).shape[1])), np.zeros((2, 2, d))
    sums[0, 0] = 0.0
    with np.errstate(all="ignore"):
        shift, found = shift_and_covariance(sums, means)
    assert np.isnan(shift[0, 0]).all()
    assert np.isnan(found[0, 0]).all()
    assert (shift[1] == 1).all()
    matrices, inverse = covariances(d, (2, 2)), np.broadcast_to(np.eye(d), (2, 2, d, d))
    matrices[0, 0], matrices[0, 1] = -np.eye(d), np.nan
    with np.errstate(all="ignore"):
        factors, _, gain = maximised_factors(inverse, means, matrices)
    assert (factors[0, 0] == 0).all()
    assert np.isnan(factors[0, 1]).any()
    assert not np.isfinite(gain[0]).any()
    assert np.isfinite(gain[1]).all()
    assert maximised_factors(inverse[:0], means[:0], matrices[:0])[0].shape == (0, 2, d, d)
    assert shift_and_covariance(sums[:0], means[:0])[1].shape == (0, 2, d, d)
