from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from mixsweep.analysis.landscape.tree import branches, connect


def brute_force(heights, first, second, levels):
    """The best lowest point over all ways, by Floyd and Warshall."""
    best = np.full((len(heights), len(heights)), -np.inf)
    best[first, second] = best[second, first] = levels
    np.fill_diagonal(best, heights)
    for middle in range(len(heights)):
        best = np.maximum(best, np.minimum(best[:, [middle]], best[[middle]]))
    np.fill_diagonal(best, heights)
    return best


def ancestors(parents, node):
    way = [node]
    while parents[way[-1]] >= 0:
        way.append(int(parents[way[-1]]))
    return way


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.booleans())
def test_levels_are_the_best_over_all_ways(seed, count, rounded):
    rng = np.random.default_rng(seed)
    heights = rng.normal(size=count)
    first, second = np.triu_indices(count, 1)
    levels = np.minimum(heights[first], heights[second]) - rng.exponential(size=len(first))
    if rounded:  # ties
        heights, levels = np.ceil(heights), np.floor(levels)
    tree = connect(heights, first, second, levels)
    np.testing.assert_array_equal(tree.connected, brute_force(heights, first, second, levels))
    np.testing.assert_array_equal(tree.connected, tree.connected.T)
    assert (tree.connected <= np.minimum(heights[:, None], heights)).all()
    # the tree says the same: two leaves join at the height at which they are connected
    assert len(tree.heights) == len(tree.parents) == 2 * count - 1
    for a, b in zip(first, second, strict=True):
        way = ancestors(tree.parents, a)
        meeting = next(node for node in ancestors(tree.parents, b) if node in way)
        assert tree.heights[meeting] == tree.connected[a, b]
    assert (tree.parents == -1).sum() == 1
    assert sorted(tree.positions[:count]) == list(range(count))


def test_branches_do_not_cross():
    rng = np.random.default_rng(0)
    heights = rng.normal(size=8)
    first, second = np.triu_indices(8, 1)
    tree = connect(heights, first, second, np.minimum(heights[first], heights[second]) - rng.random(28))
    for node in range(8, 15):
        leaves = [leaf for leaf in range(8) if node in ancestors(tree.parents, leaf)]
        places = sorted(tree.positions[leaves])
        assert places == list(range(int(places[0]), int(places[0]) + len(places)))
    # the highest leaf of all is the first
    assert tree.positions[heights.argmax()] == 0


def test_points_without_a_path_are_trees_of_their_own():
    tree = connect(
        np.array([3.0, 2.0, 1.0]), np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([1.5, -np.inf, -np.inf])
    )
    assert tree.connected[0, 1] == 1.5
    assert np.isneginf(tree.connected[:2, 2]).all()
    np.testing.assert_array_equal(tree.parents, [3, 3, -1, -1])
    assert tree.edges.tolist() == [0]
    np.testing.assert_array_equal(tree.positions, [0, 1, 2, 0.5])


def test_two_paths_between_the_same_points():
    tree = connect(np.zeros(2), np.array([0, 1]), np.array([1, 0]), np.array([-2.0, -1.0]))
    assert tree.connected[0, 1] == -1
    assert tree.edges.tolist() == [1]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_connect(count):
    none = np.zeros(0, dtype=np.int64)
    tree = connect(np.zeros(count), none, none, np.zeros(0))
    assert tree.connected.shape == (count, count)
    assert tree.edges.shape == (0,)
    assert len(tree.heights) == len(tree.parents) == len(tree.positions) == count


def test_branches_of_a_drawn_tree():
    drawn = branches(
        xr.Dataset(
            {
                "node_optimum": ("node", [0, 2, 5, -1, -1]),
                "node_level": ("node", [-1.0, -2.0, -3.0, -4.0, -6.0]),
                "node_parent": ("node", [3, 3, 4, 4, -1]),
                "node_position": ("node", [0.0, 1.0, 2.0, 0.5, 1.25]),
            }
        )
    )
    np.testing.assert_array_equal(drawn.optimum, [0, 2, 5, -1])
    np.testing.assert_array_equal(drawn.upper, [-1, -2, -3, -4])
    np.testing.assert_array_equal(drawn.lower, [-4, -4, -6, -6])
    np.testing.assert_array_equal(drawn.parent_position, [0.5, 0.5, 1.25, 1.25])


def test_a_single_optimum_is_drawn_as_a_point():
    names = {"node_optimum": [0], "node_level": [-1.0], "node_parent": [-1], "node_position": [0.0]}
    drawn = branches(xr.Dataset({name: ("node", values) for name, values in names.items()}))
    assert drawn.upper == drawn.lower == -1
