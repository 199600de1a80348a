"""Published identities and examples that the pass and EM must reproduce; each test names its source."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from mixsweep import fit
from mixsweep.objective import Objective
from mixsweep.problems import load_builtin
from mixsweep.status import Status
from tests.mixsweep.helpers import cell, scattered_points, starts


def gaussian_divergence(first, second):
    """KL divergence of Gaussian components, shape (R, K), from means and Cholesky factors."""
    d = first["means"].shape[-1]
    whitened = np.linalg.solve(second["cholesky"], first["cholesky"])
    shift = np.linalg.solve(second["cholesky"], (first["means"] - second["means"])[..., None])[..., 0]
    volume = [np.log(np.diagonal(p["cholesky"], axis1=-2, axis2=-1)).sum(-1) for p in (first, second)]
    squares = np.square(whitened).sum((-2, -1)) + np.square(shift).sum(-1)
    return 0.5 * (squares - d) + volume[1] - volume[0]


def complete_divergence(first, second):
    """KL divergence of the complete-data models, shape (R,)."""
    ratio = np.log(first["weights"] / second["weights"])
    return (first["weights"] * (ratio + gaussian_divergence(first, second))).sum(-1)


def test_each_em_step_gains_at_least_the_divergence_of_the_complete_data():
    # Kunstner, Kumar and Schmidt 2021: EM is mirror descent; gain per row >= KL(new, old)
    objective = cell("faithful", "gaussian-full", 3)
    points = starts(objective, count=5)
    evaluation = objective.evaluate(points)
    swapped = []
    for _ in range(200):
        new = evaluation.maximised
        following = objective.evaluate(new)
        gain = (following.log_likelihood - evaluation.log_likelihood) / objective.n_rows
        slack = gain - complete_divergence(new, points)
        assert slack.min() > -1e-12  # rounding of log-likelihoods near 400
        swapped.append(gain - complete_divergence(points, new))
        points, evaluation = new, following
    # the control: with the arguments exchanged it is no theorem, and fails here
    assert np.min(swapped) < -1e-6


def test_the_evidence_lower_bound_is_one_and_is_tight_at_the_posterior():
    objective = cell("faithful", "gaussian-full", 3)
    parameters = scattered_points(objective, count=1)
    logits = objective.logits(parameters)[0]
    value = objective.evaluate(parameters).log_likelihood[0]

    def bound(q):
        return (q * (logits - np.log(q))).sum(axis=(-2, -1))

    posterior = np.exp(logits - logsumexp(logits, axis=0))
    np.testing.assert_allclose(bound(posterior), value, atol=1e-10)
    rng = np.random.default_rng(0)
    for _ in range(20):
        q = rng.dirichlet(np.ones(3), (500, objective.n_rows)).swapaxes(1, 2)
        assert (bound(np.maximum(q, 1e-300)) <= value).all()
        mixed = 0.999 * posterior + 0.001 * q  # near the posterior, where a wrong bound would show
        assert (bound(mixed) <= value + 1e-10).all()


@pytest.mark.parametrize("family", ["gaussian-full", "gaussian-diag", "gaussian-spherical"])
@pytest.mark.parametrize("name", ["galaxies", "iris"])
def test_the_likelihood_is_unbounded_at_a_row(family, name):
    # Kiefer and Wolfowitz 1956; Day 1969: it grows by d for each unit of -log sigma and coincident row
    objective = cell(name, family, 2)
    d, row = objective.n_features, objective.X[0]
    coincident = (objective.X == row).all(axis=1).sum()
    deviations = np.exp(-np.arange(8.0, 11.0))
    count = len(deviations)
    covariances = np.stack([np.square(deviations), np.ones(count)], axis=1)[..., None, None] * np.eye(d)
    means = np.tile(np.stack([row, np.zeros(d)]), (count, 1, 1))
    points = objective.family.from_moments(np.full((count, 2), 0.5), means, covariances)
    slopes = np.diff(objective.evaluate(points).log_likelihood)
    # squares expanded about the centre of the data lose 1e-16 / sigma^2 of a row, at most 3e-6 here
    np.testing.assert_allclose(slopes, d * coincident, rtol=1e-5)
    # the last one is below the floor of every family: e^-20 of the variance of a feature
    assert objective.collapsed(points, objective.evaluate(points))[-1]


def population(density, half_width, points=4_001):
    """Grid and row weights that stand for a density: the trapezoid rule, exact to 1e-9 for such densities."""
    grid = np.linspace(-half_width, half_width, points)
    weights = density(grid)
    kept = weights > 1e-300
    return grid[kept, None], weights[kept] / weights[kept].sum()


def em_of_means(objective, means, steps, weights=None, *, free=False, opposite=False):
    """EM that leaves the variances of the family ``gaussian-diag`` at 1, from means (R, K, d) in data units.

    Weights are held (equal by default) unless they are free. Opposite means are theta and -theta: their
    M-step is one for theta. Returns the means and log-likelihoods at the last point.
    """
    count, K, d = means.shape
    weights = np.broadcast_to(np.full(K, 1 / K) if weights is None else weights, (count, K))
    deviations = np.broadcast_to(1 / objective.scale, (count, K, d))
    for _ in range(steps):
        standardised = (means - objective.location) / objective.scale
        evaluation = objective.evaluate({"weights": weights, "means": standardised, "deviations": deviations})
        maximised = evaluation.maximised
        means = maximised["means"] * objective.scale + objective.location
        if opposite:
            first, second = np.moveaxis(maximised["weights"][..., None] * means, 1, 0)
            means = np.stack([first - second, second - first], axis=1)
        weights = maximised["weights"] if free else weights
    return means, evaluation.log_likelihood + objective.log_likelihood_offset


def means_only(objective, means, steps):
    """The same from one start in one dimension: means, sorted, and the log-likelihood."""
    found, value = em_of_means(objective, np.array(means, dtype=float)[None, :, None], steps)
    return np.sort(found[0, :, 0]), value[0]


@pytest.mark.parametrize(
    ("mu", "first", "tenth"), [(0.5, 0.7912, 0.00827), (1, 0.1666, 1e-6), (1.5, 0.0391, 0), (2, 0.0085, 0)]
)
def test_ten_steps_suffice_for_two_components(mu, first, tenth):
    # Daskalakis, Tzamos and Zampetakis 2017: relative errors of the population's EM from infinity
    X, weights = population(lambda x: norm.pdf(x, mu) + norm.pdf(x, -mu), 12 * np.hypot(1, mu))
    objective = Objective.of(X, "gaussian-diag", 2, 1e-6, weights)
    for steps, error in ((1, first), (10, tenth)):
        found, _ = means_only(objective, [-1e3, 1e3], steps)
        np.testing.assert_allclose(found[1] / mu - 1, error, atol=1e-4)
        np.testing.assert_allclose(found[0], -found[1], atol=1e-10)


@pytest.mark.parametrize(
    ("R", "g", "expected"), [(2, 8, 1.1425), (3, 8, 2.7715), (4, 8, 5.1023), (5, 8, 8.1023), (2, 5, 1.1405)]
)
def test_the_population_has_arbitrarily_bad_maxima(R, g, expected):
    # Jin, Zhang, Balakrishnan, Wainwright and Jordan 2016: the gap to the truth grows as R^2 / 3 - log(2) / 3
    truth = [-R, R, g * R]
    X, weights = population(lambda x: sum(norm.pdf(x, mean) for mean in truth), g * R + 12.0)
    objective = Objective.of(X, "gaussian-diag", 3, 1e-6, weights)
    found, bad = means_only(objective, [0, g * R - 1, g * R + 1], 400)
    _, best = means_only(objective, truth, 400)
    # the two coincident means approach each other sublinearly
    np.testing.assert_allclose(found, [0, g * R, g * R], atol=0.3)
    np.testing.assert_allclose(best - bad, expected, atol=2e-4)
    np.testing.assert_allclose(best - bad, R**2 / 3 - np.log(2) / 3, atol=0.05)


def test_a_smaller_gap_leaves_no_bad_maximum():
    X, weights = population(lambda x: sum(norm.pdf(x, mean) for mean in (-2, 2, 8)), 20)
    objective = Objective.of(X, "gaussian-diag", 3, 1e-6, weights)
    found, _ = means_only(objective, [0, 7, 9], 1000)
    np.testing.assert_allclose(found, [-2, 2, 8], atol=1e-4)


def test_random_starts_fail_ever_more_often_with_more_components_in_a_row():
    # Jin et al. 2016, theorem 2. Of K unit variances in the plane, 10 apart: rates of success of one data set
    # by an independent program, and standard deviations between data sets (benchmarks/known_variances.py)
    known = {3: (0.672, 0.087), 4: (0.572, 0.061), 6: (0.312, 0.031)}
    rates, n_sets, n_starts = [], 3, 80
    for K, (expected, spread) in known.items():
        rng = np.random.default_rng(K)
        truth = np.stack([10.0 * np.arange(K), np.zeros(K)], axis=1)
        hits = []
        for _ in range(n_sets):
            X = truth[rng.integers(K, size=100 * K)] + rng.standard_normal((100 * K, 2))
            objective = Objective.of(X, "gaussian-diag", K, 1e-6)
            rows = np.stack([X[rng.choice(len(X), K, replace=False)] for _ in range(n_starts)])
            _, values = em_of_means(objective, np.concatenate([truth[None], rows]), 150)
            hits.append(values[1:] > values[0] - 0.5 - 1e-6 * abs(values[0]))
            assert (values[1:] < values[0] + 1e-3).all()
        rates.append(np.mean(hits))
        binomial = expected * (1 - expected) * (1 / 400 + 1 / (n_sets * n_starts))
        assert abs(rates[-1] - expected) < 3 * np.sqrt(spread**2 * (1 + 1 / n_sets) + binomial)
        # EM repairs many starts that have not a row of each component
        assert rates[-1] > 2 * math.factorial(K) / K**K
    assert (np.diff(rates) < 0).all()


@pytest.mark.parametrize(("weight", "expected"), [(0.6, 0.46), (0.7, 0.575), (0.8, 1.0), (0.9, 1.0)])
def test_free_weights_remove_the_bad_maximum_of_two_opposite_means(weight, expected):
    # Xu, Hsu and Maleki 2018; rates of 200 starts by an independent program, within three standard errors
    weights = np.array([weight, 1 - weight])
    X, shares = population(lambda x: weights @ norm.pdf(x, [[1], [-1]]), 12, points=161)
    objective = Objective.of(X, "gaussian-diag", 2, 1e-6, shares)
    theta = 2 * np.random.default_rng(1).standard_normal((200, 1, 1))
    rates = []
    for free in (False, True):
        starts = np.concatenate([theta, -theta], axis=1)
        _, values = em_of_means(objective, starts, 500, weights, free=free, opposite=True)
        # of the value for 2000 rows, to a thousandth
        rates.append(np.mean(2000 * (values.max() - values) < 1e-3))
    error = np.sqrt(expected * (1 - expected) * 2 / 200)
    assert abs(rates[0] - expected) <= 3 * error
    assert rates[1] == 1


def test_free_weights_remove_bad_maxima_of_three_means():
    # Xu, Hsu and Maleki 2018: 0.10 of 300 starts by an independent program, and 0.66 with the weights free
    rng = np.random.default_rng(0)
    weights = np.array([0.2, 0.3, 0.5])
    X = (np.array([-3.0, 0.0, 6.0])[rng.choice(3, 1000, p=weights)] + rng.standard_normal(1000))[:, None]
    objective = Objective.of(X, "gaussian-diag", 3, 1e-6)
    starts = np.stack([X[rng.choice(1000, 3, replace=False)] for _ in range(150)])
    held, free = (em_of_means(objective, starts, 400, weights, free=free)[1] for free in (False, True))
    rates = [np.mean(values > values.max() - 1e-3) for values in (held, free)]
    assert abs(rates[0] - 0.1) < 3 * np.sqrt(0.1 * 0.9 * (1 / 300 + 1 / 150))
    assert rates[1] > 0.4


def test_permuted_components_have_the_same_value_and_decrement():
    objective = cell("iris", "gaussian-full", 3)
    parameters = scattered_points(objective, count=1)
    permuted = {name: values[:, [2, 0, 1]] for name, values in parameters.items()}
    a, b = objective.evaluate(parameters), objective.evaluate(permuted)
    np.testing.assert_allclose(a.log_likelihood, b.log_likelihood, rtol=1e-13)
    np.testing.assert_allclose(a.decrement, b.decrement, rtol=1e-10)


#: Of 1000 starts at random rows or partitions by an independent program: how many ended in an optimum.
ENDS = [
    ("iris", 2, "gaussian-full", "random-points", -214.355, 614),
    ("iris", 2, "gaussian-full", "random-responsibilities", -214.355, 602),
    ("iris", 2, "gaussian-full", "kmeans++", -214.355, 790),
    ("iris", 4, "gaussian-full", "random-points", -163.054, 100),
    ("faithful", 2, "gaussian-full", "random-points", -1130.264, 979),
    ("faithful", 2, "gaussian-full", "random-responsibilities", -1130.264, 1000),
    ("faithful", 3, "gaussian-tied", "random-points", -1126.316, 962),
    ("faithful", 3, "gaussian-tied", "random-responsibilities", -1126.316, 1000),
    ("galaxies", 3, "gaussian-full", "random-points", -203.179, 424),
    ("galaxies", 4, "gaussian-full", "random-points", -197.454, 337),
    ("galaxies", 2, "gaussian-tied", "random-points", -230.352, 275),
    ("galaxies", 3, "gaussian-tied", "random-points", -212.352, 545),
    ("galaxies", 4, "gaussian-tied", "random-points", -207.722, 756),
    ("galaxies", 5, "gaussian-tied", "random-points", -204.605, 860),
    ("galaxies", 6, "gaussian-tied", "random-points", -197.011, 301),
]


def long_fits(problem, n_components, family, initializer, count=200):
    """EM until the log-likelihood changes by 1e-11 of itself, twice the decrement where EM creeps."""
    X = load_builtin(problem).X / (1000 if problem == "galaxies" else 1)
    floor = 1e-4 if problem == "galaxies" else 1e-7
    settings = {"tol": 1.5e-11, "max_passes": 20_000, "covariance_floor": floor}
    return fit(X, n_components, family, "em", initializer, count, **settings)


def within_three_standard_errors(hits, known):
    p = (hits.sum() + known) / (len(hits) + 1000)
    return abs(hits.mean() - known / 1000) <= 3 * np.sqrt(p * (1 - p) * (1 / len(hits) + 1 / 1000))


@pytest.mark.parametrize(("problem", "n_components", "family", "initializer", "optimum", "known"), ENDS)
def test_em_ends_in_the_known_optima_as_often_as_it_should(
    problem, n_components, family, initializer, optimum, known
):
    fits = long_fits(problem, n_components, family, initializer)
    assert within_three_standard_errors(np.abs(fits.log_likelihood.values - optimum) < 0.002, known)


@pytest.mark.parametrize(
    ("problem", "n_components", "known"), [("iris", 3, 35), ("iris", 4, 134), ("galaxies", 6, 772)]
)
def test_em_degenerates_as_often_as_it_should(problem, n_components, known):
    fits = long_fits(problem, n_components, "gaussian-full", "random-points")
    assert within_three_standard_errors(fits.status.values == Status.COLLAPSED, known)
