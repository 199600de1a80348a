from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.mixsweep.helpers import cell, starts

from mixsweep.analysis import information
from mixsweep.analysis.curvature import hessians
from mixsweep.analysis.information import gaussian_hessians, rounding
from mixsweep.analysis.row_moments import posterior_covariances, quadratic_scores
from mixsweep.linalg import lower_indices
from mixsweep.loop import run
from mixsweep.methods.em import EM


def weighted(objective):
    times = np.random.default_rng(0).integers(1, 4, objective.n_rows).astype(float)
    prepared = objective.family.prepare(objective.X, times)
    return dataclasses.replace(objective, row_weights=times, prepared=prepared)


@pytest.fixture
def mixtures():
    """Return means, factors and their inverses of components, and rows."""
    rng = np.random.default_rng(1)
    factors = np.tril(0.3 * rng.standard_normal((2, 3, 3, 3))) + np.eye(3)
    return rng.standard_normal((2, 3, 3)), factors, np.linalg.inv(factors), rng.standard_normal((40, 3))


def scores_of_rows(means, factors, inverses, X):
    """Return the scores in the weight, the mean and the factor of every component, (P, K, 1 + d + m, n)."""
    e = np.einsum("rkij,rknj->rkin", inverses, X - means[:, :, None])
    g = np.einsum("rkji,rkjn->rkin", inverses, e)
    entries = []
    for i, j in zip(*lower_indices(3), strict=True):
        logarithmic = factors[:, :, i, i, None] if i == j else 1.0
        entries.append(logarithmic * g[:, :, i] * e[:, :, j] - float(i == j))
    return np.concatenate([np.ones_like(g[:, :, :1]), g, np.stack(entries, axis=2)], axis=2)


def test_sums_of_moments_are_the_covariances_of_the_scores_of_rows(mixtures):
    means, factors, inverses, X = mixtures
    rng = np.random.default_rng(2)
    posterior = rng.dirichlet(np.ones(3), (2, 40)).swapaxes(1, 2)
    times = rng.integers(1, 4, 40).astype(float)
    scores = scores_of_rows(means, factors, inverses, X)
    joint = np.einsum("rkn,kl->rkln", posterior, np.eye(3)) - posterior[:, :, None] * posterior[:, None]
    expected = np.einsum("n,rkln,rkin,rljn->rkilj", times, joint, scores, scores)
    found = posterior_covariances(
        X, posterior, times, quadratic_scores(means, factors, inverses, *lower_indices(3))
    )
    np.testing.assert_allclose(found, expected, atol=1e-10)
    plain = posterior_covariances(
        np.repeat(X, times.astype(int), axis=0),
        np.repeat(posterior, times.astype(int), axis=2),
        None,
        quadratic_scores(means, factors, inverses, *lower_indices(3)),
    )
    np.testing.assert_allclose(found, plain, atol=1e-10)


@pytest.mark.parametrize("change", [lambda objective: objective, weighted], ids=["plain", "row weights"])
@pytest.mark.parametrize("family", ["gaussian-full", "gaussian-tied"])
def test_hessians_by_moments_are_those_by_rows_within_their_rounding(monkeypatch, family, change):
    objective = change(cell("iris", family, 3))
    ends = run(objective, EM(), starts(objective, "iris", 6), tol=1e-6, max_passes=30).parameters
    vectors = objective.to_vector(ends)
    by_rows, information_of_rows = gaussian_hessians(objective, vectors)
    assert (rounding(objective, vectors) == information.ROUNDING).all()
    monkeypatch.setattr(information, "MANY", 1)
    by_moments, complete = gaussian_hessians(objective, vectors)
    np.testing.assert_array_equal(complete, information_of_rows)
    assert (by_moments != by_rows).any()
    np.testing.assert_allclose(by_moments, by_moments.swapaxes(1, 2), rtol=0, atol=1e-12)
    unit = np.sqrt(complete[:, :, None] * complete[:, None])
    share = (np.abs(by_moments - by_rows) / unit).max(axis=(1, 2))
    assert (share <= rounding(objective, vectors) + 1e-14).all()


def test_a_narrow_component_is_measured_by_rows(monkeypatch):
    objective = cell("faithful", "gaussian-full", 2)
    monkeypatch.setattr(information, "MANY", 1)
    wide = run(objective, EM(), starts(objective, count=1)).parameters
    narrow = {name: values.copy() for name, values in wide.items()}
    narrow["cholesky"][:, 0] *= 0.05
    vectors = np.concatenate([objective.to_vector(wide), objective.to_vector(narrow)])
    both, _ = gaussian_hessians(objective, vectors)
    errors = rounding(objective, vectors)
    assert errors[1] == information.ROUNDING
    monkeypatch.setattr(information, "MANY", 1000)
    rows, _ = gaussian_hessians(objective, vectors)
    np.testing.assert_array_equal(both[1], rows[1])
    assert (both[0] != rows[0]).any()
    assert (hessians(objective, vectors)[1] > 0).all()
