"""Family gaussian-tied: what one covariance for all components implies, and known optima."""

from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.helpers import cell, scattered_points, starts

from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.objective import Objective


def covariance(parameters):
    factor = parameters["cholesky"][:, 0]
    return factor @ factor.swapaxes(-1, -2)


def test_it_is_the_full_family_with_equal_covariances():
    objective, full = cell("iris", "gaussian-tied"), cell("iris", "gaussian-full")
    points = scattered_points(objective)
    same = {**points, "cholesky": np.repeat(points["cholesky"], 3, axis=1)}
    evaluation, expected = objective.evaluate(points), full.evaluate(same)
    np.testing.assert_allclose(evaluation.log_likelihood, expected.log_likelihood, rtol=1e-13)
    for name in ("weights", "means"):
        np.testing.assert_allclose(evaluation.maximised[name], expected.maximised[name], atol=1e-12)
    np.testing.assert_allclose(objective.logits(points), full.logits(same), rtol=1e-9, atol=1e-9)
    # the one factor's derivative is the sum of those of its copies
    gradient, each = objective.family.gradient(points, evaluation), full.family.gradient(same, expected)
    total = each["cholesky"].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(gradient["cholesky"], total, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
def test_within_and_between_make_up_the_total_scatter(weighted):
    X = cell("iris").X
    row_weights = np.random.default_rng(0).uniform(0.5, 2, len(X)) if weighted else None
    objective = Objective.of(X, "gaussian-tied", 3, 1e-6, row_weights)
    maximised = objective.evaluate(scattered_points(objective)).maximised
    between = np.einsum("rk,rki,rkj->rij", maximised["weights"], maximised["means"], maximised["means"])
    total = np.broadcast_to(objective.covariance, between.shape)  # the rows are centred
    np.testing.assert_allclose(covariance(maximised) + between, total, atol=1e-12)


def test_a_component_without_rows_leaves_the_covariance_to_the_others():
    objective = cell("faithful", "gaussian-tied", 2)
    points = scattered_points(objective, count=2)
    evaluation = objective.evaluate(points)
    far = {name: values.copy() for name, values in points.items()}
    far["means"][:, 1] = 1e3
    found = objective.evaluate(far)
    np.testing.assert_array_equal(found.counts[:, 1], 0)
    total = np.broadcast_to(objective.covariance, (2, 2, 2))
    np.testing.assert_allclose(covariance(found.maximised), total, atol=1e-12)
    assert objective.collapsed(far, found).all()
    # online EM may meet such a mini-batch, and goes on from where the component is
    stepped = objective.family.moment_step(points, found, np.full(2, 0.1))
    assert all(np.isfinite(values).all() for values in stepped.values())
    np.testing.assert_array_equal(stepped["means"][:, 1], points["means"][:, 1])
    assert not objective.collapsed(points, evaluation).any()


def test_as_many_components_as_features_are_told_apart_from_the_factor():
    objective = cell("iris", "gaussian-tied", 4)
    points = scattered_points(objective)
    assert not objective.coincident(points).any()
    points["means"][:, 1] = points["means"][:, 3]
    assert objective.coincident(points).all()


@pytest.mark.parametrize(("n_components", "expected"), [(2, -230.352), (3, -212.352), (4, -207.722)])
def test_the_best_values_for_galaxies_are_the_known_ones(n_components, expected):
    # thousands of km/s; the highest of 1,000 EM fits by another implementation, to three decimals
    objective = cell("galaxies", "gaussian-tied", n_components)
    ends = run(objective, METHODS["squarem"](), starts(objective, "galaxies", 40), tol=1e-10)
    offset = objective.log_likelihood_offset + objective.n_rows * np.log(1000)
    assert np.nanmax(ends.log_likelihood) + offset == pytest.approx(expected, abs=6e-4)
