from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize
from scipy.special import betaincinv, expit, ndtr, stdtrit
from sklearn.linear_model import LogisticRegression, PoissonRegressor

from mixsweep.analysis.regression import logistic, poisson


def example(n_cells=60, seed=0):
    """A design with columns of very different sizes, and hits that follow it."""
    rng = np.random.default_rng(seed)
    design = np.column_stack([np.ones(n_cells), rng.integers(2, 9, n_cells), rng.uniform(0, 1e-3, n_cells)])
    trials = rng.integers(5, 60, n_cells).astype(float)
    hits = rng.binomial(trials.astype(int), expit(design @ [1.0, -0.4, 800.0])).astype(float)
    return design, hits, trials


def test_logistic_maximises_the_likelihood():
    design, hits, trials = example()
    found = logistic(design, hits, trials, np.arange(60))
    assert found.failure == ""
    score = design.T @ (hits - trials * expit(design @ found.coefficients))
    np.testing.assert_allclose(score / np.abs(design).sum(axis=0), 0, atol=1e-9)


def test_logistic_agrees_with_scikit_learn():
    design, hits, trials = example()
    found = logistic(design, hits, trials, np.arange(60))
    rows = np.vstack([design, design]) / [1, 1, 1e-3]
    model = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10, max_iter=10_000)
    model.fit(rows, np.repeat([1, 0], 60), sample_weight=np.append(hits, trials - hits))
    np.testing.assert_allclose(found.coefficients * [1, 1, 1e-3], model.coef_[0], rtol=1e-4)


def test_poisson_agrees_with_scikit_learn():
    design, hits, trials = example()
    found = poisson(design, hits, trials, np.arange(60))
    model = PoissonRegressor(alpha=0, tol=1e-12, max_iter=10_000)
    model.fit(design[:, 1:] / [1, 1e-3], hits / trials, sample_weight=trials)
    expected = [model.intercept_, *model.coef_ / [1, 1e-3]]
    np.testing.assert_allclose(found.coefficients, expected, rtol=1e-4)


def test_the_covariance_is_that_of_leaving_out_clusters():
    design, hits, trials = example(40)
    clusters = np.arange(40) // 2
    found = logistic(design, hits, trials, clusters)

    def without(cluster):
        kept = clusters != cluster
        return logistic(design[kept], hits[kept], trials[kept], clusters[kept]).coefficients

    # refitted to convergence; one Newton step, as in the covariance, is close to it
    changes = np.array([without(cluster) for cluster in range(20)]) - found.coefficients
    expected = 19 / 20 * changes.T @ changes
    np.testing.assert_allclose(np.diag(found.covariance), np.diag(expected), rtol=0.1)


def test_scale_and_order_of_the_columns_do_not_matter():
    design, hits, trials = example()
    found = logistic(design, hits, trials, np.arange(60))
    scale, order = np.array([1.0, 1e6, 1e-4]), [2, 0, 1]
    other = logistic((design * scale)[:, order], hits, trials, np.arange(60))
    np.testing.assert_allclose(other.coefficients, (found.coefficients / scale)[order], rtol=1e-7)
    expected = (found.covariance / np.outer(scale, scale))[np.ix_(order, order)]
    np.testing.assert_allclose(other.covariance, expected, rtol=1e-6)


def test_the_dispersion_is_about_one_when_only_chance_differs():
    found = logistic(*example(4000), np.arange(4000))
    assert found.dispersion == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize(
    ("design", "hits", "clusters", "told"),
    [
        ([[1, 0], [1, 1]], [5, 2], [0, 1], "2 clusters for 2 coefficients"),
        ([[1, 0], [1, 1], [1, 2], [1, 3]], [0, 0, 10, 10], [0, 1, 2, 3], "estimates do not exist"),
        ([[1, 2], [1, 2], [1, 2], [1, 2]], [1, 2, 3, 4], [0, 1, 2, 3], "confounded"),
        ([[1, 0], [1, 0], [1, 0], [1, 1]], [1, 2, 3, 4], [0, 1, 2, 3], "a term rests on a single cluster"),
    ],
)
def test_what_cannot_be_estimated_is_said(design, hits, clusters, told):
    trials = np.full(len(hits), 10.0)
    found = logistic(np.array(design, float), np.array(hits, float), trials, np.array(clusters))
    assert found.failure.startswith("cannot say: ")
    assert told in found.failure or "separates" in found.failure
    assert np.isnan(found.coefficients).all()


def simulated_hits(rng, rate, fits, scatter, shared):
    """Hits whose rates scatter by beta laws, joined within a cell by normal variables."""
    n_cells, n_arms = rate.shape
    joint = np.sqrt(shared) * rng.standard_normal((n_cells, 1))
    joint = joint + np.sqrt(1 - shared) * rng.standard_normal((n_cells, n_arms))
    return rng.binomial(fits, betaincinv(rate * scatter, (1 - rate) * scatter, ndtr(joint))).astype(float)


@pytest.mark.parametrize("n_cells", [20, 60])
def test_intervals_cover_when_cells_differ_by_more_than_chance(n_cells):
    # 800 designs with 3 methods, four coefficients each: Monte Carlo standard error at most 0.0077 (0.0045 if
    # the coefficients of a design were independent); intervals that take the fits for independent cover 52 %
    rng = np.random.default_rng(n_cells)
    truth = np.array([1.0, -0.5, 0.5, -0.4])
    covered, naive = [], []
    for _ in range(800):
        design = np.zeros((n_cells, 3, 4))
        design[..., 0] = 1
        design[..., 1] = rng.integers(2, 7, (n_cells, 1))
        design[:, 1, 2] = design[:, 2, 3] = 1
        hits = simulated_hits(rng, expit(design @ truth), 50, 5.0, 0.7)
        flat = design.reshape(-1, 4)
        found = logistic(flat, hits.ravel(), np.full(hits.size, 50.0), np.repeat(np.arange(n_cells), 3))
        if found.failure:
            continue
        error = np.abs(found.coefficients - truth)
        covered.append(error < stdtrit(n_cells - 2, 0.975) * np.sqrt(np.diag(found.covariance)))
        weight = 50 * expit(flat @ found.coefficients) * expit(-flat @ found.coefficients)
        plain = np.linalg.inv(flat.T @ (weight[:, None] * flat))
        naive.append(error < 1.96 * np.sqrt(np.diag(plain)))
    assert len(covered) > 795
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)
    assert np.mean(naive) < 0.8


def test_poisson_intervals_cover_whatever_the_variance():
    # counts with a quarter of the Poisson variance, one for each cell: standard error at most 0.0077
    rng = np.random.default_rng(3)
    truth, covered = np.array([0.5, 0.25]), []
    for _ in range(800):
        design = np.column_stack([np.ones(40), rng.integers(2, 9, 40)])
        mean = np.exp(design @ truth)
        counts = rng.gamma(4 * mean, 0.25)
        found = poisson(design, counts, np.ones(40), np.arange(40))
        error = np.abs(found.coefficients - truth)
        covered.append(error < stdtrit(38, 0.975) * np.sqrt(np.diag(found.covariance)))
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_far_starting_points_do_not_stop_the_steps():
    design = np.column_stack([np.ones(30), np.linspace(0, 10, 30)])
    hits = np.round(1000 * expit(design @ [-12.0, 2.0]))
    found = logistic(design, hits, np.full(30, 1000.0), np.arange(30))

    def loss(b):
        predictor = design @ b
        return -(hits * predictor - 1000 * np.logaddexp(0, predictor)).sum()

    best = optimize.minimize(loss, [-12.0, 2.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-8})
    np.testing.assert_allclose(found.coefficients, best.x, rtol=1e-5)
