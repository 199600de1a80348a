"""Strings on surfaces whose saddles are known, and what holds for any path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixsweep.analysis.landscape.paths import POINTS, joined, rise, spread, straight, subdivided


@dataclass(frozen=True)
class DoubleWell:
    """Two maxima of height 0 at (-1, 0) and (1, 0), with a saddle of height -1 at (0, 1) between them.

    The ridge runs along y = 1 - x^2 and the straight path far below it.
    """

    steepness: float = 4.0
    rate: float = 0.03

    def heights(self, vectors):
        x, y = vectors.T
        return -np.square(x**2 - 1) - self.steepness * np.square(y - 1 + x**2)

    def risen(self, vectors):
        x, y = vectors.T
        off = y - 1 + x**2
        gradient = np.stack(
            [-4 * x * (x**2 - 1) - 4 * self.steepness * x * off, -2 * self.steepness * off], axis=1
        )
        step = self.rate * gradient
        # far out the surface is so steep that a step in proportion would lead ever further
        length = np.linalg.norm(step, axis=1, keepdims=True)
        return self.heights(vectors), vectors + step * 0.2 / np.maximum(length, 0.2)


class ThreeBasins:
    """Maxima at -2, 0 and 2 on a line, of heights 0, -1 and 0; saddles at -1 and 1 of heights -3 and -2."""

    corners = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    values = np.array([0.0, -3.0, -1.0, -2.0, 0.0])

    def heights(self, vectors):
        return np.interp(vectors[:, 0], self.corners, self.values) - 5 * np.square(vectors[:, 1])

    def risen(self, vectors):
        return self.heights(vectors), vectors * np.array([1.0, 0.7])


WELL = DoubleWell()
ENDS = np.array([[-1.0, 0.0]]), np.array([[1.0, 0.0]])


def test_a_straight_path_goes_through_the_valley():
    line = straight(WELL, *ENDS)
    assert line.vectors.shape == (1, POINTS, 2)
    np.testing.assert_allclose(line.levels, -1 - WELL.steepness, atol=1e-12)
    np.testing.assert_allclose(line.positions[0], np.linspace(0, 1, POINTS), atol=1e-12)


def test_a_string_finds_the_saddle():
    risen = rise(WELL, straight(WELL, *ENDS), 24, 200)
    lowest = risen.heights[0].argmin()
    # no path between the two is higher than the saddle, but its points may miss the lowest place by a little
    np.testing.assert_allclose(risen.levels, -1, atol=5e-3)
    np.testing.assert_allclose(risen.vectors[0, lowest], [0, 1], atol=0.06)


def test_points_of_a_string_are_even():
    risen = rise(WELL, straight(WELL, *ENDS), 24, 200)
    assert np.diff(risen.positions[0]).std() < 0.05 / POINTS
    assert risen.positions[0, -1] == pytest.approx(1)


def test_a_string_at_rest_runs_along_the_gradient():
    """What is left of the gradient across the string is due to the bends between images."""
    images = rise(WELL, straight(WELL, *ENDS), 24, 200).vectors[0, ::2]
    _, moved = WELL.risen(images)
    along = images[2:] - images[:-2]
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    gradient = (moved - images)[1:-1] / WELL.rate
    across = np.abs(gradient[:, 0] * along[:, 1] - gradient[:, 1] * along[:, 0])
    assert across.max() < 0.15
    assert np.linalg.norm(gradient, axis=1).max() > 1


def test_a_path_by_a_third_maximum_has_both_saddles():
    surface = ThreeBasins()
    risen = rise(surface, straight(surface, np.array([[-2.0, 0.0]]), np.array([[2.0, 0.0]])), 12, 10)
    np.testing.assert_allclose(risen.levels, -3, atol=1e-9)


def test_images_above_the_lower_end_stay():
    surface = ThreeBasins()
    line = straight(surface, np.array([[0.0, 0.3]]), np.array([[0.0, -0.3]]))
    risen = rise(surface, line, 12, 10)
    np.testing.assert_array_equal(risen.vectors, line.vectors)
    assert risen.levels == surface.heights(np.array([[0.0, 0.3]]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([6, 12, 24, 48]), st.sampled_from([10, 30]))
def test_no_string_is_lower_than_where_it_started_and_its_ends_stay(seed, segments, steps):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, 3, 2))
    line = straight(WELL, first, second)
    risen = rise(WELL, line, segments, steps)
    assert (risen.levels >= line.levels).all()
    assert (risen.levels <= np.minimum(line.heights[:, 0], line.heights[:, -1])).all()
    np.testing.assert_array_equal(risen.vectors[:, 0], first)
    np.testing.assert_array_equal(risen.vectors[:, -1], second)
    np.testing.assert_allclose(risen.heights.ravel(), WELL.heights(risen.vectors.reshape(-1, 2)))
    # a path is the same whether alone or among others
    alone = rise(WELL, line.take(np.array([1])), segments, steps)
    np.testing.assert_allclose(alone.vectors[0], risen.vectors[1], rtol=0, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.integers(2, 30))
def test_spread_points_lie_on_the_polyline_in_order_and_evenly(seed, corners, count):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(2, corners, 3))
    found = spread(vectors, np.ones((2, corners), dtype=bool), count)
    np.testing.assert_array_equal(found[:, [0, -1]], vectors[:, [0, -1]])
    for polyline, points in zip(vectors, found, strict=True):
        lengths = np.append(0, np.cumsum(np.linalg.norm(np.diff(polyline, axis=0), axis=1)))
        wanted = np.linspace(0, lengths[-1], count)
        expected = np.stack([np.interp(wanted, lengths, polyline[:, axis]) for axis in range(3)], axis=1)
        np.testing.assert_allclose(points, expected, atol=1e-9)


def test_spread_keeps_points_where_the_path_is_low():
    vectors = np.linspace(0, 1, 11)[None, :, None]
    low = np.zeros((1, 11), dtype=bool)
    low[:, 1:6] = True
    found = spread(vectors, low, 21)[0, :, 0]
    assert (found <= 0.6).sum() > 15
    assert (np.diff(found) > 0).all()


def test_spread_of_a_path_of_no_length():
    still = np.ones((1, 4, 2))
    np.testing.assert_array_equal(spread(still, np.ones((1, 4), dtype=bool), 7), np.ones((1, 7, 2)))
    np.testing.assert_array_equal(straight(WELL, *[np.ones((1, 2))] * 2).positions, np.zeros((1, POINTS)))


def test_subdividing_keeps_the_corners():
    vectors = np.random.default_rng(0).normal(size=(2, 5, 3))
    cut = subdivided(vectors, 4)
    np.testing.assert_array_equal(cut[:, ::4], vectors)
    np.testing.assert_allclose(cut[:, 2], vectors[:, :2].mean(axis=1))


def test_the_higher_of_two_paths_is_kept():
    line = straight(WELL, *ENDS)
    risen = rise(WELL, line, 12, 50)
    for kept in (joined(line, risen), joined(risen, line)):
        np.testing.assert_array_equal(kept.heights, risen.heights)
        np.testing.assert_array_equal(kept.vectors, risen.vectors)


def test_no_paths_at_all():
    none = straight(WELL, np.zeros((0, 2)), np.zeros((0, 2)))
    assert none.levels.shape == (0,)
    assert rise(WELL, none, 12, 10).positions.shape == (0, POINTS)
