"""Free coordinates of mixtures, for every family."""

from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.helpers import FAMILIES, cell, scattered_points

from mixsweep.analysis.identify import log_densities
from mixsweep.analysis.landscape.paths import rise, straight
from mixsweep.analysis.landscape.surface import LONGEST_RISE, LikelihoodSurface, matched, vectors
from mixsweep.endpoints import take
from mixsweep.loop import run
from mixsweep.methods.em import EM


def turned(parameters, order):
    """The same mixtures with their components in another order."""
    count = len(order)
    return {
        name: values[:, order] if values.shape[1] == count else values for name, values in parameters.items()
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_every_point_of_a_straight_path_is_a_mixture(family):
    objective = cell("iris", family, 3)
    points = scattered_points(objective, 4)
    line = straight(
        LikelihoodSurface(objective), *matched(objective, points, np.array([0, 0, 1]), np.array([1, 2, 3]))
    )
    assert not objective.outside(objective.from_vector(line.vectors.reshape(-1, line.vectors.shape[2]))).any()
    assert np.isfinite(line.heights).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_ends_are_the_points(family):
    objective = cell("faithful", family, 3)
    points = scattered_points(objective, 3)
    first, second = np.array([0, 0, 1]), np.array([1, 2, 2])
    surface = LikelihoodSurface(objective)
    risen = rise(surface, straight(surface, *matched(objective, points, first, second)), 12, 10)
    value = objective.evaluate(points).log_likelihood + objective.log_likelihood_offset
    np.testing.assert_allclose(risen.heights[:, 0], value[first], rtol=0, atol=1e-9)
    np.testing.assert_allclose(risen.heights[:, -1], value[second], rtol=0, atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_order_of_components_changes_nothing(family):
    objective = cell("faithful", family, 3)
    points = scattered_points(objective, 2)
    other = turned(points, np.array([2, 0, 1]))
    mixed = {name: np.concatenate([points[name][:1], other[name][1:]]) for name in points}
    surface = LikelihoodSurface(objective)
    paths = [
        rise(surface, straight(surface, *matched(objective, given, np.array([0]), np.array([1]))), 12, 20)
        for given in (points, mixed, other)
    ]
    for path in paths[1:]:
        np.testing.assert_allclose(path.heights, paths[0].heights, rtol=0, atol=1e-6)
        np.testing.assert_allclose(path.positions, paths[0].positions, rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_point_and_its_copy_are_in_one_place(family):
    objective = cell("faithful", family, 3)
    points = scattered_points(objective, 1)
    both = {
        name: np.concatenate([points[name], turned(points, np.array([1, 2, 0]))[name]]) for name in points
    }
    first, second = matched(objective, both, np.array([0]), np.array([1]))
    np.testing.assert_allclose(second, first, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_points_rise(family):
    objective = cell("faithful", family, 2)
    start = run(objective, EM(), scattered_points(objective, 6), tol=0.0, max_passes=5).parameters
    surface = LikelihoodSurface(objective)
    here = vectors(objective, start)
    heights, moved = surface.risen(here)
    np.testing.assert_allclose(heights, surface.heights(here), rtol=1e-12)
    assert (surface.heights(moved) > heights).all()
    assert np.abs(moved - here).max() <= LONGEST_RISE


def test_a_point_whose_step_would_be_a_collapse_stays():
    objective = cell("faithful", "gaussian-full", 2)
    points = scattered_points(objective, 2)
    # one component on a single row
    points["means"][0, 0] = objective.X[0]
    points["cholesky"][0, 0] = 1e-5 * np.eye(2)
    surface = LikelihoodSurface(objective)
    here = vectors(objective, points)
    heights, moved = surface.risen(here)
    assert np.isfinite(heights).all()
    np.testing.assert_array_equal(moved[0], here[0])
    assert np.abs(moved[1] - here[1]).max() > 0


def test_a_component_without_rows_has_coordinates():
    objective = cell("faithful", "gaussian-full", 2)
    points = scattered_points(objective, 1)
    points["weights"][:] = [1.0, 0.0]
    found = vectors(objective, points)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(
        LikelihoodSurface(objective).heights(found) - objective.log_likelihood_offset,
        log_densities(objective, points).sum(axis=1),
        rtol=0,
        atol=1e-6,
    )


def test_points_without_a_height_are_the_lowest():
    objective = cell("faithful", "gaussian-full", 2)
    surface = LikelihoodSurface(objective)
    beyond = np.full((1, len(vectors(objective, scattered_points(objective, 1))[0])), 1e200)
    heights, moved = surface.risen(beyond)
    assert np.isneginf(heights).all()
    np.testing.assert_array_equal(moved, beyond)
    assert np.isneginf(surface.heights(beyond)).all()


def test_no_points():
    objective = cell("faithful", "gaussian-full", 2)
    none = take(scattered_points(objective, 1), slice(0, 0))
    found = vectors(objective, none)
    assert found.shape == (0, 12)
    assert LikelihoodSurface(objective).heights(found).shape == (0,)


def test_heights_do_not_depend_on_parts(monkeypatch):
    objective = cell("faithful", "gaussian-full", 3)
    surface = LikelihoodSurface(objective)
    here = vectors(objective, scattered_points(objective, 5))
    whole = surface.risen(here)
    monkeypatch.setattr("mixsweep.analysis.landscape.surface.BATCH_COLUMNS", 6)
    for found, expected in zip(surface.risen(here), whole, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(surface.heights(here), whole[0], rtol=1e-12)
