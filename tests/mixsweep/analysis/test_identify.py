from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mixsweep.helpers import FAMILIES, cell, scattered_points

from mixsweep.analysis.identify import (
    Description,
    closest_components,
    describe,
    leaders,
    matching,
    same,
    same_as,
    transport,
)
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.endpoints import take

LIMITS = Thresholds()


def turned(parameters, order):
    """The same mixtures with their components in another order."""
    count = len(order)
    return {
        name: values[:, order] if values.shape[1] == count else values for name, values in parameters.items()
    }


def described(values, sketches, weights=None, components=None):
    count = len(values)
    return Description(
        np.asarray(values, float),
        np.repeat(np.asarray(sketches, float)[:, None], 32, axis=1),
        np.full((count, 2), 0.5) if weights is None else np.asarray(weights, float),
        np.zeros((count, 2, 1)) if components is None else np.asarray(components, float),
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_the_order_of_components_does_not_matter(family):
    objective = cell("faithful", family, 3)
    points = scattered_points(objective, 5)
    order = np.array([2, 0, 1])
    first, second = describe(objective, points), describe(objective, turned(points, order))
    assert same_as(first, second, LIMITS).all()
    found, distance = matching(first, second)
    np.testing.assert_array_equal(found, np.tile(np.argsort(order), (5, 1)))
    assert distance.max() < 1e-12
    assert not same_as(first, second.take(np.array([1, 2, 3, 4, 0])), LIMITS).any()


def test_descriptions_do_not_depend_on_chunks(monkeypatch):
    objective = cell("faithful")
    points = scattered_points(objective, 5)
    whole = describe(objective, points)
    monkeypatch.setattr("mixsweep.analysis.identify.CHUNK_ELEMENTS", 1)
    for name, values in vars(describe(objective, points)).items():
        np.testing.assert_allclose(values, getattr(whole, name), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(whole.log_likelihood, objective.evaluate(points).log_likelihood, rtol=1e-12)


def test_the_sketch_estimates_distances_of_log_densities():
    objective = cell("faithful")
    points = scattered_points(objective, 30)
    densities, sketch = objective.log_density(points), describe(objective, points).sketch
    exact, estimated = (
        np.sqrt(np.square(values[1:] - values[:-1]).mean(axis=1)) for values in (densities, sketch)
    )
    # the ratio of a mean of 32 squares to its expectation: standard deviation 0.25, that of its root 0.125
    np.testing.assert_allclose(estimated, exact, rtol=5 * 0.125)


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 3), st.floats(-1, 1), st.floats(-1, 1)), max_size=120
    )
)
@settings(max_examples=40, deadline=None)
def test_leaders_are_those_of_comparing_all_pairs(drawn):
    """Well separated groups with spreads below and above the windows that are compared without a tree."""
    values = np.array([-(value + 1e-5 * noise) for value, _, noise, _ in drawn])
    sketches = np.array([place + 1e-4 * noise for _, place, _, noise in drawn])
    points = described(values, sketches)
    found = leaders(points, LIMITS)
    expected = np.full(len(values), -1)
    for i in np.argsort(-values, kind="stable"):
        if expected[i] < 0:
            free = np.flatnonzero(expected < 0)
            expected[free[same(points, np.full(len(free), i), free, LIMITS)]] = i
    np.testing.assert_array_equal(found, expected)


def test_a_large_window_is_searched_by_its_tree():
    rng = np.random.default_rng(0)
    place = rng.integers(0, 40, 3000)
    points = described(-1e-6 * rng.random(3000), place + 1e-5 * rng.random(3000))
    leader = leaders(points, LIMITS)
    assert len(np.unique(leader)) == len(np.unique(place))
    np.testing.assert_array_equal(place[leader], place)


def test_equal_heights_are_told_apart_by_density_and_equal_densities_by_parameters():
    places = np.array([[[0.0], [1.0]], [[0.0], [1.0]], [[0.0], [2.0]]])
    points = described([-1, -1, -1], [0, 5, 0], components=places)
    assert leaders(points, LIMITS).tolist() == [0, 1, 2]
    assert leaders(dataclasses.replace(points, components=places * 0), LIMITS).tolist() == [0, 1, 0]


def test_mixtures_that_share_a_weight_differently_between_equal_components_are_one():
    points = described(
        [-1, -1], [0, 0], [[0.2, 0.3, 0.5], [0.4, 0.1, 0.5]], [[[0.0], [0.0], [3.0]], [[0.0], [0.0], [3.0]]]
    )
    assert matching(points.take(np.array([0])), points.take(np.array([1])))[1][0] == pytest.approx(0.2)
    assert transport(points, 0, 1) == pytest.approx(0, abs=1e-12)
    assert leaders(points, LIMITS).tolist() == [0, 0]


def test_the_place_of_a_component_without_weight_does_not_matter():
    points = described([-1, -1], [0, 0], [[1.0, 0.0], [1.0, 0.0]], [[[0.0], [3.0]], [[0.0], [-3.0]]])
    assert leaders(points, LIMITS).tolist() == [0, 0]


def test_the_best_matching_is_found_where_nearest_neighbours_collide():
    first = described([-1], [0], components=[[[0.0], [1.0]]])
    second = described([-1], [0], components=[[[0.9], [1.2]]])
    order, distance = matching(first, second)
    assert order.tolist() == [[0, 1]]
    assert distance[0] == pytest.approx(0.9)


def test_closest_components():
    components = np.array([[[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]]])
    assert closest_components(components).tolist() == [1.0]
    assert closest_components(components[:, :1]).tolist() == [np.inf]


def test_no_points():
    objective = cell("faithful")
    none = describe(objective, take(scattered_points(objective, 1), slice(0, 0)))
    assert leaders(none, LIMITS).tolist() == []
    assert none.finite.tolist() == []
