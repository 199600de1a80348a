from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from mixsweep.analysis.landscape.plane import SIDE, classical_scaling, slice_through


class Bowl:
    """Minus the squared distance from a centre; no height where the first coordinate is above 3."""

    centre = np.array([0.5, -1.0, 2.0])

    def heights(self, vectors):
        return np.where(vectors[:, 0] > 3, -np.inf, -np.square(vectors - self.centre).sum(axis=1))


POINTS = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 2.0]])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_points_of_a_plane_keep_their_distances(seed, count):
    rng = np.random.default_rng(seed)
    flat = np.concatenate([rng.normal(size=(count, 2)), np.zeros((count, 1))], axis=1)
    points = Rotation.random(rng=seed).apply(flat)
    distances = cdist(points, points)
    positions, stress = classical_scaling(distances)
    np.testing.assert_allclose(cdist(positions, positions), distances, atol=1e-6)
    assert stress < 1e-6
    np.testing.assert_allclose(positions.mean(axis=0), 0, atol=1e-9)


def test_the_map_is_the_projection_on_the_principal_axes():
    points = np.random.default_rng(0).normal(size=(9, 5)) * np.array([5.0, 3.0, 1.0, 0.5, 0.1])
    positions, stress = classical_scaling(cdist(points, points))
    centred = points - points.mean(axis=0)
    left, values, _ = np.linalg.svd(centred)
    np.testing.assert_allclose(np.abs(positions), np.abs(left[:, :2] * values[:2]), atol=1e-9)
    lost = cdist(points, points) - cdist(positions, positions)
    assert stress == pytest.approx(np.sqrt((lost**2).sum() / (cdist(points, points) ** 2).sum()))
    assert 0 < stress < 0.2
    assert (positions[np.abs(positions).argmax(axis=0), [0, 1]] > 0).all()


def test_a_simplex_has_no_faithful_map():
    """Points at equal distances in many dimensions: nothing like it exists in the plane."""
    _, stress = classical_scaling(1.0 - np.eye(12))
    assert stress > 0.5


@pytest.mark.parametrize("count", [0, 1, 3])
def test_without_distances_there_is_no_stress(count):
    positions, stress = classical_scaling(np.zeros((count, count)))
    np.testing.assert_array_equal(positions, np.zeros((count, 2)))
    assert np.isnan(stress)


def test_two_points_lie_on_an_axis():
    positions, stress = classical_scaling(np.array([[0.0, 3.0], [3.0, 0.0]]))
    np.testing.assert_allclose(np.abs(positions), [[1.5, 0], [1.5, 0]], atol=1e-12)
    assert stress == pytest.approx(0, abs=1e-12)


def test_a_slice_goes_through_the_three_points():
    found = slice_through(Bowl(), POINTS)
    assert found is not None
    assert found.heights.shape == (SIDE, SIDE)
    np.testing.assert_allclose(cdist(found.corners, found.corners), cdist(POINTS, POINTS))
    for axis, values in enumerate((found.x, found.y)):
        assert values[0] < found.corners[:, axis].min() < found.corners[:, axis].max() < values[-1]
    # the surface is a paraboloid, so its heights in the plane are one of the distances from a point there
    along, across = POINTS[1] / np.sqrt(2), np.array([-0.5, 0.5, 2]) / np.sqrt(4.5)
    place = np.array([along @ Bowl.centre, across @ Bowl.centre])
    off = np.square(Bowl.centre).sum() - np.square(place).sum()
    x, y = np.meshgrid(found.x, found.y)
    expected = -np.square(x - place[0]) - np.square(y - place[1]) - off
    there = np.isfinite(found.heights)
    np.testing.assert_allclose(found.heights[there], expected[there], atol=1e-9)


def test_where_there_is_no_height_there_is_a_gap():
    found = slice_through(Bowl(), 3 * POINTS)
    assert found is not None
    assert 0 < np.isnan(found.heights).mean() < 0.5


@pytest.mark.parametrize("third", [[2.0, 2.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1e-9]])
def test_points_on_one_line_have_no_plane(third):
    assert slice_through(Bowl(), np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 0.0], third])) is None


def test_two_points_in_one_place_have_no_plane():
    assert slice_through(Bowl(), np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])) is None
