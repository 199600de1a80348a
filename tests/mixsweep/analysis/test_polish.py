from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.helpers import FAMILIES, cell, scattered_points, starts

from mixsweep.analysis import polish as polishing
from mixsweep.analysis.curvature import gradients
from mixsweep.analysis.polish import distinct_points, held_at_saddles, polish
from mixsweep.analysis.stationary import climb, refine
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.endpoints import concatenated, take
from mixsweep.loop import run
from mixsweep.methods.em import EM
from mixsweep.status import Status

LIMITS = Thresholds()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("name", "tol"), [("faithful", 1e-6), ("iris", 1e-10)])
def test_every_point_reached_is_stationary_to_the_threshold(family, name, tol):
    objective = cell(name, family, 3)
    ends = run(objective, EM(), starts(objective, name, 12), tol=tol)
    sound = np.isin(ends.status, (Status.CONVERGED, Status.BUDGET))
    found = distinct_points(objective, take(ends.parameters, sound), LIMITS)
    assert (found.group >= 0).any()
    assert found.points.gradient_norm.max() <= LIMITS.stationary_gradient
    _, again = gradients(objective, found.points.vectors)
    np.testing.assert_allclose(np.linalg.norm(again, axis=1), found.points.gradient_norm, atol=1e-12)
    assert (np.diff(found.points.log_likelihood) <= 0).all()
    reached = found.group >= 0
    gain = found.points.log_likelihood[found.group] - ends.log_likelihood[sound]
    assert gain[reached].min() > -1e-8


def test_endpoints_that_follow_another_lead_where_they_lead_alone():
    objective = cell("iris")
    ends = run(objective, EM(), starts(objective, "iris", 15), tol=1e-9).parameters
    rng = np.random.default_rng(0)
    vector = objective.to_vector(ends)
    near = objective.from_vector(vector + 1e-7 * rng.standard_normal(vector.shape))
    together = distinct_points(objective, concatenated(ends, near), LIMITS)
    np.testing.assert_array_equal(together.group[:15], together.group[15:])
    alone = distinct_points(objective, ends, LIMITS)
    np.testing.assert_allclose(
        together.points.log_likelihood[together.group[:15]],
        alone.points.log_likelihood[alone.group],
        atol=1e-6,
    )


def test_the_way_of_large_cells_leads_to_the_same_optima(monkeypatch):
    objective = cell("iris", n_components=2)
    ends = run(objective, EM(), starts(objective, "iris", 8), tol=1e-5).parameters
    expected, sound = polish(objective, ends, LIMITS)
    monkeypatch.setattr(polishing, "LARGE", 1)
    found, approached = polish(objective, ends, LIMITS)
    assert sound.all()
    assert approached.all()
    values = [objective.evaluate(points).log_likelihood for points in (found, expected)]
    np.testing.assert_allclose(*values, atol=1e-6)


def test_endpoints_of_large_cells_stay_where_they_ended(monkeypatch):
    objective = cell("iris")
    ends = run(objective, EM(), starts(objective, "iris", 8), tol=1e-9).parameters
    expected = distinct_points(objective, ends, LIMITS)
    monkeypatch.setattr(polishing, "LARGE", 1)
    found = distinct_points(objective, ends, LIMITS)
    np.testing.assert_array_equal(found.group, expected.group)
    np.testing.assert_allclose(found.points.log_likelihood, expected.points.log_likelihood, atol=1e-8)
    assert found.points.stationary(LIMITS).all()


def test_points_that_are_not_polished_enough_for_newton_steps_go_on_upwards(monkeypatch):
    objective = cell("faithful", n_components=2)
    early = run(objective, EM(), scattered_points(objective, 4), tol=0, max_passes=15).parameters

    def unpolished(objective, points, thresholds):
        return points, np.ones(len(points["weights"]), dtype=bool)

    monkeypatch.setattr(polishing, "polish", unpolished)
    found = distinct_points(objective, early, LIMITS)
    assert (found.group >= 0).all()
    assert found.points.stationary(LIMITS).all()
    gain = found.points.log_likelihood[found.group] - objective.evaluate(early).log_likelihood
    assert (gain > -1e-8).all()


def test_climbing_never_goes_down_and_arrives():
    objective = cell("faithful", n_components=2)
    scattered = run(objective, EM(), scattered_points(objective, 4), tol=0, max_passes=15).parameters
    ends, sound = climb(objective, scattered, LIMITS)
    assert sound.all()
    before, after = (objective.evaluate(points) for points in (scattered, ends))
    # a start may be at the optimum already, but for the rounding of sums near 400
    assert (after.log_likelihood >= before.log_likelihood - 1e-9).all()
    norm = np.linalg.norm(gradients(objective, objective.to_vector(ends))[1], axis=1)
    # at smaller gradients the log-likelihood, which has to rise, is rounding error; refinement goes on
    assert norm.max() < 1e-6
    assert refine(objective, ends, LIMITS).gradient_norm.max() <= LIMITS.stationary_gradient


def test_a_way_up_that_collapses_is_not_sound():
    objective = cell("faithful", n_components=2)
    X = objective.X
    tight = objective.family.from_moments(
        np.array([[0.99, 0.01]]),
        np.stack([[X.mean(axis=0), X[0]]]),
        np.stack([[np.eye(2), 2e-6 * np.eye(2)]]),
    )
    _, sound = polish(objective, tight, LIMITS)
    assert not sound.any()
    assert distinct_points(objective, tight, LIMITS).group.tolist() == [-1]


def test_an_endpoint_beside_a_saddle_is_held_there():
    objective = cell("faithful", n_components=2)
    covariance = np.cov(objective.X.T, bias=True)
    saddle = objective.family.from_moments(
        np.array([[0.5, 0.5]]), np.zeros((1, 2, 2)), np.stack([[covariance, covariance]])
    )
    aside = {name: values.copy() for name, values in saddle.items()}
    aside["means"][0, 0] += 1e-5
    points, group = held_at_saddles(objective, aside, np.array([0]), LIMITS)
    assert group.tolist() == [0]
    assert points.ascending(LIMITS).tolist() == [True]
    np.testing.assert_allclose(
        points.log_likelihood, refine(objective, saddle, LIMITS).log_likelihood, atol=1e-6
    )
    far = scattered_points(objective, 2)
    assert held_at_saddles(objective, far, np.array([0, 1]), LIMITS)[1].tolist() == [-1, -1]


def test_no_endpoints_lead_nowhere():
    objective = cell("faithful")
    none = take(starts(objective, count=1), slice(0, 0))
    found = distinct_points(objective, none, LIMITS)
    assert len(found.points.log_likelihood) == len(found.group) == 0
