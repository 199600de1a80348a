"""Family student-t: degrees of freedom from the Gaussian limit to heavy tails, and fits of both."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import digamma, gammaln
from tests.mixsweep.helpers import cell, scattered_points, starts

from mixsweep.errors import MixsweepError
from mixsweep.families.degrees_of_freedom import (
    log_excess,
    log_excess_difference,
    log_normaliser,
    maximising,
    q_gain,
)
from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.objective import Objective
from mixsweep.status import Status

#: Reciprocals of degrees of freedom on both sides of where the series end, 1 / 32.
INVERSES = np.concatenate([np.geomspace(1e-10, 1e3, 60), 1 / 32 + np.array([-1e-13, 0, 1e-13])])


def heavy(n=240, seed=3):
    """Two clusters with t tails of 3 degrees of freedom."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, 2)) / np.sqrt(rng.chisquare(3, n) / 3)[:, None]
    first = (np.arange(n) % 3 == 0)[:, None]
    return np.where(first, rows @ np.array([[1, 0.5], [0, 0.8]]), 0.7 * rows + np.array([6, 3]))


def heavy_cell(n_components=2, **changes):
    return Objective.of(heavy(**changes), "student-t", n_components, 1e-6)


def degrees(objective, parameters):
    d = objective.n_features
    return objective.family.to_reported(parameters, np.zeros(d), np.ones(d))["degrees_of_freedom"]


def test_the_series_join_the_direct_formulas():
    half = 0.5 / INVERSES[INVERSES > 1e-5]
    tau = 0.5 / half
    # the direct formulas lose what the series keep: digits in proportion to half
    np.testing.assert_allclose(log_excess(tau), np.log(half) - digamma(half), rtol=1e-15 * half.max() * 30)
    for d in (1, 2, 3, 8):
        direct = gammaln(half + d / 2) - gammaln(half) - d / 2 * np.log(half)
        np.testing.assert_allclose(log_normaliser(tau, d), direct, atol=1e-10)
    edge = np.array([1 / 32 * (1 - 1e-12), 1 / 32 * (1 + 1e-12)])
    for values in (log_excess(edge), log_normaliser(edge, 3), log_excess_difference(edge, edge / 2)):
        np.testing.assert_allclose(values[0], values[1], rtol=1e-11)


def test_the_excess_is_an_integral_without_cancellation():
    # log x - digamma(x) = integral of (1 / (1 - e^-t) - 1 / t) e^(-x t) over t > 0
    for tau in (1e-8, 1e-4, 0.01, 0.2, 2.0):
        x = 0.5 / tau

        def integrand(s, x=x):
            t = s / x
            return (1 / 2 + t / 12 - t**3 / 720 if t < 1e-3 else 1 / -np.expm1(-t) - 1 / t) * np.exp(-s) / x

        expected = integrate.quad(integrand, 0, 60, epsabs=0, epsrel=1e-12, limit=200)[0]
        np.testing.assert_allclose(log_excess(np.array(tau)), expected, rtol=1e-10)


@pytest.mark.parametrize("ratio", [1e-6, 0.2, 0.9, 1.5])
def test_differences_of_the_excess_do_not_cancel(ratio):
    tau = np.geomspace(1e-10, 1e-3, 8)
    difference = log_excess_difference(tau, ratio * tau)
    # to third order: tau + tau^2 / 3
    expected = tau * (1 - ratio) + np.square(tau) * (1 - ratio**2) / 3
    np.testing.assert_allclose(difference, expected, rtol=1e-8)
    np.testing.assert_allclose(
        log_excess_difference(INVERSES, INVERSES / 3),
        log_excess(INVERSES) - log_excess(INVERSES / 3),
        rtol=1e-11,
    )


def test_the_m_step_of_the_degrees_of_freedom_solves_its_equation():
    excess = np.geomspace(1e-12, 1e4, 200)
    tau = maximising(excess)
    np.testing.assert_allclose(log_excess(tau), excess, rtol=3e-14)
    assert ((excess / 2 <= tau) & (tau <= excess)).all()


def test_the_gain_is_the_change_of_q_and_largest_at_the_m_step():
    tau, excess = np.array([0.02, 0.3, 1.5]), np.array([0.1, 0.2, 0.05])

    def q(inverse):
        x = 0.5 / inverse
        return x * np.log(x) - gammaln(x) - x * (1 + excess)

    best = maximising(excess)
    np.testing.assert_allclose(q_gain(tau, best, excess), q(best) - q(tau), atol=1e-13)
    assert (q_gain(tau, best, excess) > 0).all()
    for factor in (0.9, 1.1):
        assert (q_gain(tau, factor * best, excess) < q_gain(tau, best, excess)).all()
    # near the Gaussian limit the gain is (relative step)^2 / 4
    small = np.array([1e-9, 1e-6, 1e-4])
    near = small * (1 + 1e-3)
    np.testing.assert_allclose(q_gain(small, near, log_excess(near)), 0.25e-6, rtol=1e-3)


def test_degrees_of_freedom_rise_by_no_more_than_the_number_of_features():
    objective = cell("faithful", "student-t", 2)
    points = starts(objective)
    for _ in range(50):
        maximised = objective.evaluate(points).maximised
        assert (degrees(objective, maximised) <= degrees(objective, points) + 2 + 1e-9).all()
        points = maximised


@pytest.mark.parametrize("name", ["iris", "faithful", "galaxies"])
def test_with_a_million_degrees_of_freedom_it_is_the_gaussian_mixture(name):
    gaussian, objective = cell(name), cell(name, "student-t")
    # points near the data: far ones have squared distances of thousands, and tails of their own
    begin = starts(gaussian, name, count=4, initializer="kmeans++")
    points = run(gaussian, METHODS["em"](), begin, tol=0, max_passes=8).parameters
    expected, slope = gaussian.evaluate(points), gaussian.family.gradient(points, gaussian.evaluate(points))
    for tails, share in ((1e-3, 1.0), (0.0, 1e-4)):
        same = {**points, "tails": np.full(points["weights"].shape, tails)}
        found = objective.evaluate(same)
        # a row's log-density differs by about its squared distance squared / 4 nu
        np.testing.assert_allclose(found.log_likelihood, expected.log_likelihood, atol=0.02 * share)
        np.testing.assert_allclose(found.maximised["means"], expected.maximised["means"], atol=2e-4 * share)
        gradient = objective.family.gradient(same, found)
        for array, derivative in slope.items():
            np.testing.assert_allclose(
                gradient[array], derivative, rtol=1e-2 * share, atol=share * np.abs(derivative).max() * 1e-3
            )


def test_an_optimum_of_the_gaussian_mixture_is_a_stationary_point():
    gaussian, objective = cell("faithful", n_components=2), cell("faithful", "student-t", 2)
    begin = starts(gaussian, count=1, initializer="kmeans++")
    optimum = run(gaussian, METHODS["em"](), begin, tol=1e-18).parameters
    same = {**optimum, "tails": np.zeros((1, 2))}
    evaluation = objective.evaluate(same)
    np.testing.assert_allclose(
        evaluation.log_likelihood, gaussian.evaluate(optimum).log_likelihood, atol=1e-7
    )
    _, gradient = objective.loss(objective.to_vector(same), same, evaluation)
    assert np.abs(gradient).max() < 1e-8
    assert abs(evaluation.decrement[0]) < 1e-14
    # one cluster of faithful has heavier tails than normal ones: there the way up is by them
    heavier = [same | {"tails": np.array([tails])} for tails in ([0.0, 1e-2], [1e-2, 0.0])]
    rises = [objective.evaluate(point).log_likelihood - evaluation.log_likelihood for point in heavier]
    assert min(rises) < 0 < max(rises)


@pytest.mark.parametrize("tails", [1e-6, 1e-4, 1e-2, 3.0])
def test_the_gradient_holds_from_the_gaussian_limit_to_heavy_tails(tails):
    objective = heavy_cell()
    points = scattered_points(objective, count=2)
    points["tails"][:] = tails
    evaluation = objective.evaluate(points)
    gradient = objective.family.gradient(points, evaluation)
    for name, values in points.items():
        for place in np.ndindex(values.shape[1:]):
            if name == "cholesky" and place[-1] > place[-2]:
                continue
            h = 1e-5
            around = []
            for sign in (1, -1):
                moved = {key: array.copy() for key, array in points.items()}
                moved[name][(slice(None), *place)] += sign * h
                around.append(objective.evaluate(moved).log_likelihood)
            slope = (around[0] - around[1]) / (2 * h)
            # rounding 1e-12 of the totals over the step
            np.testing.assert_allclose(gradient[name][(slice(None), *place)], slope, rtol=1e-6, atol=2e-6)


def test_the_likelihood_is_even_and_smooth_in_the_tails():
    objective = heavy_cell()
    points = scattered_points(objective)
    mirrored = {**points, "tails": -points["tails"]}
    np.testing.assert_array_equal(
        objective.evaluate(points).log_likelihood, objective.evaluate(mirrored).log_likelihood
    )
    limit = {**points, "tails": np.zeros_like(points["tails"])}
    gradient = objective.family.gradient(limit, objective.evaluate(limit))
    np.testing.assert_array_equal(gradient["tails"], 0)


def test_em_never_lowers_the_likelihood_of_heavy_tails():
    objective = heavy_cell(3)
    ends = run(objective, METHODS["em"](), starts(objective, count=20), tol=1e-10, max_passes=150)
    assert np.nanmin(np.diff(ends.trace_log_likelihood, axis=1)) > -1e-10
    assert (ends.em_decrement > -1e-14).all()


def test_q_has_its_derivatives_and_its_maximum_at_the_m_step():
    objective = heavy_cell()
    points = run(objective, METHODS["em"](), starts(objective), tol=0, max_passes=4).parameters
    evaluation = objective.evaluate(points)
    family = objective.family
    here, there = (family.complete_gradient(at, evaluation) for at in (points, evaluation.maximised))
    for name, derivative in family.gradient(points, evaluation).items():
        np.testing.assert_allclose(here[name], derivative, rtol=1e-9, atol=1e-9)
        if name != "weights":  # whose derivatives are equal, not zero
            lower = np.tril(there[name]) if name == "cholesky" else there[name]
            np.testing.assert_allclose(lower, 0, atol=1e-8)
    np.testing.assert_allclose(there["weights"], objective.n_rows, rtol=1e-12)


def test_both_conditional_steps_together_are_the_m_step():
    objective = heavy_cell()
    points = scattered_points(objective)
    evaluation = objective.evaluate(points)
    first, second = (objective.family.conditional_step(points, evaluation, cycle) for cycle in (0, 1))
    for name, values in evaluation.maximised.items():
        moved, kept = (second, first) if name == "tails" else (first, second)
        np.testing.assert_array_equal(moved[name], values)
        np.testing.assert_array_equal(kept[name], points[name])


@pytest.mark.parametrize(
    "name",
    [
        "squarem",
        "ecm",
        "gem",
        "lbfgs",
        "riemannian-lbfgs",
        "cg",
        "adam",
        "nesterov",
        "em+lbfgs",
        "newton-cg",
        "trust",
    ],
)
def test_methods_end_in_the_optimum_of_the_basin(name):
    objective = heavy_cell()
    begin = run(objective, METHODS["em"](), starts(objective, count=3, initializer="kmeans++"), max_passes=60)
    reference = run(objective, METHODS["em"](), begin.parameters, tol=1e-14)
    assert (degrees(objective, reference.parameters) < 10).all()
    ends = run(objective, METHODS[name](), begin.parameters, tol=1e-11)
    assert (ends.status == Status.CONVERGED).all()
    np.testing.assert_allclose(ends.log_likelihood, reference.log_likelihood, atol=1e-6)


def test_one_component_agrees_with_scipy():
    rows = heavy()[::3, :1]
    objective = Objective.of(rows, "student-t", 1, 1e-6)
    ends = run(objective, METHODS["lbfgs"](), starts(objective, count=1), tol=1e-14)
    found = objective.family.to_reported(ends.parameters, objective.location, objective.scale)
    nu, location, scale = stats.t.fit(rows[:, 0])
    expected = stats.t.logpdf(rows[:, 0], nu, location, scale).sum()
    np.testing.assert_allclose(ends.log_likelihood + objective.log_likelihood_offset, expected, atol=1e-5)
    np.testing.assert_allclose(found["degrees_of_freedom"][0], nu, rtol=1e-3)
    np.testing.assert_allclose(found["scale_matrices"][0, 0], scale**2, rtol=1e-3)


def test_degrees_of_freedom_of_the_simulation_are_found():
    objective = heavy_cell(n=6000)
    begin = starts(objective, count=2, initializer="kmeans++")
    ends = run(objective, METHODS["squarem"](), begin, tol=1e-11)
    best = ends.log_likelihood.argmax()
    # standard errors of nu = 3 from 2000 and 4000 rows: near 0.15 and 0.1
    np.testing.assert_allclose(degrees(objective, ends.parameters)[best], 3, atol=0.6)


def test_gradient_methods_reach_the_gaussian_limit_where_em_creeps():
    # one cluster of faithful has lighter tails than a Gaussian
    objective = cell("faithful", "student-t", 2)
    begin = starts(objective, count=3, initializer="kmeans++")
    em = run(objective, METHODS["em"](), begin, tol=1e-10, max_passes=400)
    lbfgs = run(objective, METHODS["lbfgs"](), begin, tol=1e-12, max_passes=400)
    assert (em.status == Status.BUDGET).all()
    assert (lbfgs.status == Status.CONVERGED).all()
    assert (degrees(objective, lbfgs.parameters).max(axis=1) > 1e5).all()
    deficit = lbfgs.log_likelihood - em.log_likelihood
    assert ((deficit > 1e-3) & (deficit < 1)).all()


def test_starts_have_the_covariances_they_are_given():
    objective = cell("iris", "student-t")
    covariances = np.broadcast_to(objective.covariance, (2, 3, 4, 4)).copy()
    begin = objective.family.from_moments(np.full((2, 3), 1 / 3), np.zeros((2, 3, 4)), covariances)
    found = objective.family.to_reported(begin, np.zeros(4), np.ones(4))
    nu = found["degrees_of_freedom"][..., None, None]
    np.testing.assert_allclose(nu, 4, rtol=1e-12)
    np.testing.assert_allclose(nu / (nu - 2) * found["scale_matrices"], covariances, rtol=1e-12)


@pytest.mark.parametrize("name", ["natural-gradient", "online-em"])
def test_methods_in_mean_parameters_refuse_it(name):
    objective = cell("faithful", "student-t", 2)
    with pytest.raises(MixsweepError, match=rf"{name}.*student-t.*step in mean parameters"):
        run(objective, METHODS[name](), starts(objective))
