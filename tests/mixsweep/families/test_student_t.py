"""Family student-t: degrees of freedom from the Gaussian limit to heavy tails, and fits of both."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from scipy import stats
from scipy.special import digamma, logsumexp
from tests.mixsweep.helpers import cell, scattered_points, starts

from mixsweep.families.degrees_of_freedom import inverse_degrees, tails_of
from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.objective import Objective
from mixsweep.status import Status


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


def complete_means(parameters):
    """Return the complete data's mean parameters of a row: of z, z u, z u x, z u x x' and z log u."""
    nu = 1 / inverse_degrees(parameters["tails"])
    centres, factors = parameters["means"], parameters["cholesky"]
    second = factors @ factors.swapaxes(-1, -2) + centres[..., :, None] * centres[..., None, :]
    logarithm = digamma(nu / 2) - np.log(nu / 2)
    return [each_row(parameters["weights"], values) for values in (1.0, 1.0, centres, second, logarithm)]


def each_row(weights, values):
    values = np.broadcast_to(values, weights.shape) if np.ndim(values) == 0 else values
    return weights.reshape(*weights.shape, *[1] * (values.ndim - 2)) * values


def m_step(moments):
    """Return what maximises the complete data's likelihood with these means, one component at a time."""
    counts, scaled, first, second, logarithm = moments
    means = first / scaled[..., None]
    about = second - scaled[..., None, None] * means[..., :, None] * means[..., None, :]
    tau = np.zeros(counts.shape)
    for place in np.ndindex(counts.shape):
        target = scaled[place] / counts[place] - 1 - logarithm[place] / counts[place]
        equation = lambda half, target=target: np.log(half) - digamma(half) - target  # noqa: E731
        tau[place] = 0.5 / scipy.optimize.brentq(equation, 1e-3, 1e6, xtol=1e-14, rtol=1e-14)
    return {
        "weights": counts,
        "means": means,
        "cholesky": np.linalg.cholesky(about / counts[..., None, None]),
        "tails": tails_of(tau),
    }


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_step_in_moments_is_the_m_step_of_moments_in_between(rate):
    objective = cell("iris", "student-t")
    points = objective.evaluate(starts(objective)).maximised
    evaluation = objective.evaluate(points)
    old, K = complete_means(points), objective.n_components
    logits = objective.family.logits(objective.prepared, points)
    shares = np.exp(logits - logsumexp(logits, axis=1, keepdims=True)) / objective.n_rows
    X, nu = objective.X, 1 / inverse_degrees(points["tails"])
    whitened = np.linalg.solve(points["cholesky"][:, :, None], (X - points["means"][:, :, None])[..., None])
    half, distance = 0.5 * (nu + X.shape[1])[..., None], np.square(whitened[..., 0]).sum(axis=-1)
    rate_of_u = 0.5 * (nu[..., None] + distance)
    u, logarithm = half / rate_of_u, digamma(half) - np.log(rate_of_u)
    new = [
        shares.sum(axis=-1),
        (shares * u).sum(axis=-1),
        np.einsum("rki,ia->rka", shares * u, X),
        np.einsum("rki,ia,ib->rkab", shares * u, X, X),
        (shares * logarithm).sum(axis=-1),
    ]
    between = [before + rate * (after - before) for before, after in zip(old, new, strict=True)]
    expected = m_step(between)
    found = objective.family.moment_step(points, evaluation, np.full(len(nu), rate))
    assert found["weights"].shape[1] == K
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-8, atol=1e-10)


def test_methods_in_mean_parameters_fit_it():
    objective = heavy_cell()
    begin = starts(objective, "heavy", count=4)
    em, natural, damped, online = (
        run(
            objective,
            METHODS[name](**settings),
            begin,
            tol=1e-10,
            max_passes=500,
            seeds=np.arange(len(begin["weights"])),
        )
        for name, settings in (
            ("em", {}),
            ("natural-gradient", {}),
            ("natural-gradient", {"learning_rate": 0.5}),
            ("online-em", {}),
        )
    )
    np.testing.assert_allclose(natural.log_likelihood, em.log_likelihood, rtol=1e-12)
    np.testing.assert_array_equal(natural.n_passes, em.n_passes)
    assert (damped.n_decreases == 0).all()
    np.testing.assert_allclose(damped.log_likelihood, em.log_likelihood, rtol=0, atol=1e-5)
    # its late steps are small, and noisy
    np.testing.assert_allclose(online.log_likelihood, em.log_likelihood, rtol=0, atol=1e-2)
