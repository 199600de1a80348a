"""Landscapes whose maxima and saddles are known, and cells with nothing to connect."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tests.mixsweep.helpers import FAMILIES, cell_fits, fits_at

from mixsweep.analysis.census import census
from mixsweep.analysis.landscape import LEAVES, branches, landscape
from mixsweep.analysis.landscape.cell import leading_maxima
from mixsweep.analysis.landscape.detours import detours
from mixsweep.analysis.landscape.paths import POINTS, rise, straight
from mixsweep.analysis.landscape.surface import LikelihoodSurface, matched
from mixsweep.analysis.stationary import refine
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.io import read_dataset, write_dataset
from mixsweep.objective import Objective
from mixsweep.problems import Problem, load_builtin
from mixsweep.schema import KINDS

LIMITS = Thresholds()


@pytest.fixture(scope="module")
def faithful(tmp_path_factory):
    """The four maxima of three Gaussians on faithful."""
    problem = load_builtin("faithful")
    folder = tmp_path_factory.mktemp("faithful")
    fits = cell_fits(problem, folder, n_components=3, restarts=150, tol=1e-10, max_passes=2000)
    optima = census(problem, fits, LIMITS)
    return problem, optima, landscape(problem, optima)


def pairs_of_rows(n_pairs):
    """Rows {j, j + 0.2}, and the mixtures of a tight component on one pair and a wide one on the rest.

    Amendola, Drton and Sturmfels (2016): each is a maximum, and mirror images have equal heights.
    """
    X = (np.arange(1, n_pairs + 1)[:, None] + np.array([0.0, 0.2])).reshape(-1, 1)
    rest = [np.delete(X, [2 * j, 2 * j + 1]) for j in range(n_pairs)]
    means = np.array([[[j + 1.1], [others.mean()]] for j, others in enumerate(rest)])
    variances = np.array([[0.01, others.var()] for others in rest])[..., None, None]
    weights = np.tile([1 / n_pairs, 1 - 1 / n_pairs], (n_pairs, 1))
    problem = Problem("pairs", X, ("x",))
    return problem, census(problem, fits_at(problem, weights, means, variances), LIMITS)


@pytest.fixture(scope="module")
def mirrored():
    problem, optima = pairs_of_rows(7)
    return problem, optima, landscape(problem, optima)


def holds(found: xr.Dataset) -> None:
    """What is true of every landscape."""
    height = found["height"].values
    lower = np.minimum(height[:, None], height)
    levels = [found[f"{name}_level"].values for name in ("straight", "relaxed", "connected")]
    for level in levels:
        np.testing.assert_array_equal(level, level.T)
        np.testing.assert_array_equal(np.diagonal(level), height)
        assert (level <= lower).all()
    assert (levels[0] <= levels[1]).all()
    assert (levels[1] <= levels[2]).all()
    barrier = found["barrier"].values
    assert (barrier >= 0).all()
    np.testing.assert_allclose(barrier - barrier.T, height[:, None] - height, atol=1e-9)
    # the barrier below the lower of two is symmetric
    lower_barrier = np.minimum(barrier, barrier.T)
    np.testing.assert_allclose(lower_barrier, lower - levels[2], atol=1e-9)
    numbers = list(found["leading"].values)
    ends = [[numbers.index(n) for n in found[f"pair_{end}"].values] for end in ("first", "second")]
    for path in ("straight", "relaxed"):
        along = found[f"{path}_log_likelihood"].values
        np.testing.assert_allclose(along[:, 0], height[ends[0]], rtol=0, atol=1e-9)
        np.testing.assert_allclose(along[:, -1], height[ends[1]], rtol=0, atol=1e-9)
        np.testing.assert_array_equal(along.min(axis=1), found[f"{path}_level"].values[ends[0], ends[1]])
    np.testing.assert_array_equal(found["node_optimum"][: len(numbers)], numbers)


def test_faithful_has_its_known_barriers(faithful):
    _, optima, found = faithful
    holds(found)
    np.testing.assert_allclose(
        found["height"], [-1114.439873, -1119.213971, -1119.644655, -1127.071667], atol=1e-5
    )
    np.testing.assert_allclose(found["height"], optima["log_likelihood"][:4], rtol=0, atol=1e-9)
    level = found["connected_level"].values
    # three of its saddles, each refined from an image of a path until its gradient vanished
    for a, b, saddle in ((0, 2, -1119.910081), (1, 2, -1119.670694), (0, 1, -1119.910081)):
        assert saddle - 0.05 < level[a, b] < saddle + 0.005, (a, b)
    # two saddles lead to the lowest maximum, of heights -1127.373 and -1127.675; the paths find the lower one
    assert -1127.9 < level[1, 3] < -1127.373
    # without relaxing, the path between the best and the common maximum would seem to cross a deep valley
    assert found["straight_level"].values[0, 1] < -1130
    assert found.attrs["reason"] == found.attrs["slice_reason"] == ""


def test_a_saddle_of_the_census_is_on_the_way(faithful):
    """The strings find another saddle below this one; where a fit stopped at it they need not."""
    problem, optima, found = faithful
    saddle = {
        "weights": [0.355604, 0.436685, 0.207712],
        "means": [[2.035735, 54.47225], [4.327515, 77.615366], [4.20828, 84.892159]],
        "covariances": [
            [[0.068657, 0.430076], [0.430076, 33.670399]],
            [[0.165834, 1.219157], [1.219157, 26.115039]],
            [[0.171307, 0.972739], [0.972739, 21.378913]],
        ],
    }
    arrays = [
        np.concatenate([optima[name].values[:4], np.array([values])]) for name, values in saddle.items()
    ]
    with_saddle = census(problem, fits_at(problem, *arrays), LIMITS)
    assert [KINDS[kind] for kind in with_saddle["kind"].values].count("saddle") == 1
    assert float(with_saddle["log_likelihood"].min()) == pytest.approx(-1127.373, abs=1e-3)
    again = landscape(problem, with_saddle)
    holds(again)
    assert again["connected_level"].values[1, 3] == pytest.approx(-1127.373, abs=5e-3)
    assert found["connected_level"].values[1, 3] < -1127.6
    np.testing.assert_allclose(again["connected_level"][:3, :3], found["connected_level"][:3, :3], atol=1e-3)


def test_detours_are_by_the_highest_saddle_between_two_maxima():
    kinds = ["proper", "saddle", "proper", "spurious", "saddle", "saddle", "saddle", "saddle"]
    none = [-1, -1]
    optima = xr.Dataset(
        {
            "kind": ("optimum", [KINDS.index(kind) for kind in kinds]),
            "log_likelihood": ("optimum", -np.arange(8.0)),
            # both sides to one; known twice; to nowhere; to what is not looked at
            "escape_optimum": (
                ("optimum", "side"),
                [none, [2, 2], none, none, [3, 0], [0, 3], [2, -1], [2, 7]],
            ),
        }
    )
    found = detours(optima, np.array([0, 2, 3]))
    assert [values.tolist() for values in found] == [[0], [2], [4]]
    assert [len(values) for values in detours(optima, np.zeros(0, dtype=np.int64))] == [0, 0, 0]


def test_the_lowest_point_of_a_path_is_by_a_saddle(faithful):
    problem, optima, found = faithful
    objective = Objective.of_problem(problem, "gaussian-full", 3, 1e-6)
    reported = {name: optima[name].values[1:3] for name in ("weights", *objective.family.reported)}
    parameters = objective.family.from_reported(reported, objective.location, objective.scale)
    surface = LikelihoodSurface(objective)
    ends = matched(objective, parameters, np.array([0]), np.array([1]))
    path = rise(surface, straight(surface, *ends), 24, 40)
    lowest = path.vectors[0, path.heights[0].argmin()]
    saddle = refine(objective, objective.from_vector(lowest[None]), LIMITS)
    assert saddle.gradient_norm[0] < 1e-8
    assert saddle.n_ascending[0] == 1
    height = saddle.log_likelihood[0] + objective.log_likelihood_offset
    assert height == pytest.approx(-1119.670694, abs=1e-5)
    # no path between the two is above the saddle; a point of this one may be, by as little as it is off
    assert height - 0.05 < path.levels[0] < height + 1e-3
    assert found["relaxed_level"].values[1, 2] == pytest.approx(path.levels[0], abs=1e-3)


def test_mirror_images_have_equal_barriers(mirrored):
    _, optima, found = mirrored
    holds(found)
    height = found["height"].values
    assert len(height) == 7
    np.testing.assert_allclose(height[[0, 2, 4]], height[[1, 3, 5]], atol=1e-6)
    # which pair of rows each maximum is on, and its mirror image
    tight = np.take_along_axis(
        optima["means"].values[found["leading"].values, :, 0],
        optima["covariances"].values[found["leading"].values, :, 0, 0].argmin(axis=1)[:, None],
        axis=1,
    )[:, 0]
    mirror = np.abs(tight[:, None] + tight - 8.2).argmin(axis=1)
    # of two mirror images only one path may be in the tree, which goes on to rise
    for name in ("straight_level", "connected_level", "barrier"):
        values = found[name].values
        np.testing.assert_allclose(values, values[np.ix_(mirror, mirror)], atol=1e-3, err_msg=name)


def test_the_order_of_components_changes_nothing(mirrored):
    problem, optima, found = mirrored
    turned = optima.copy(deep=True)
    for name in ("weights", "means", "covariances"):
        turned[name].values[::2] = turned[name].values[::2, ::-1].copy()
    again = landscape(problem, turned)
    for name in ("straight_level", "relaxed_level", "connected_level", "density_distance"):
        np.testing.assert_allclose(again[name], found[name], rtol=0, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(again["slice_log_likelihood"], found["slice_log_likelihood"], atol=1e-6)


def test_maxima_that_differ_by_a_split():
    """Two far groups of rows and a third component: it halves one group or the other.

    Between the two the third component must leave its group, whose half is worth little, and grow in the
    other; so the best way leads down to where two components are enough. The path found may fall short of
    that by a tenth of the barrier: emptying a component takes many steps.
    """
    rng = np.random.default_rng(3)
    left = np.concatenate([rng.normal(-10, 0.3, 60), rng.normal(-7.5, 0.3, 60)])
    right = np.concatenate([rng.normal(7.5, 0.3, 60), rng.normal(10, 0.3, 60)])
    X = np.concatenate([left, right])[:, None]
    parts = (np.split(left, 2), np.split(right, 2))

    def at(groups):
        return (
            np.array([len(rows) / len(X) for rows in groups]),
            np.array([[rows.mean()] for rows in groups]),
            np.array([[[rows.var()]] for rows in groups]),
        )

    arrays = [np.stack(both) for both in zip(at([*parts[0], right]), at([left, *parts[1]]), strict=True)]
    problem = Problem("split", X, ("x",))
    optima = census(problem, fits_at(problem, *arrays), LIMITS)
    assert [KINDS[kind] for kind in optima["kind"].values] == ["proper", "proper"]
    found = landscape(problem, optima)
    holds(found)
    two = Objective.of(X, "gaussian-full", 2, 1e-6)
    names = ("weights", "means", "covariances")
    reported = {name: values[None] for name, values in zip(names, at([left, right]), strict=True)}
    pooled = two.family.from_reported(reported, two.location, two.scale)
    level = two.evaluate(pooled).log_likelihood[0] + two.log_likelihood_offset
    barrier = found["height"].values.min() - level
    assert barrier > 50
    assert level - 0.1 * barrier < found["connected_level"].values[0, 1] < level + 0.01
    assert found["straight_level"].values[0, 1] < level - 10 * barrier


def test_the_tree_and_its_chart(faithful):
    _, _, found = faithful
    assert found.sizes["node"] == 7
    drawn = branches(found)
    assert len(drawn.upper) == 6
    assert (drawn.lower <= drawn.upper).all()
    np.testing.assert_array_equal(drawn.optimum[:4], found["leading"])
    np.testing.assert_allclose(drawn.lower.min(), found["connected_level"].min())


def test_the_slice_goes_through_the_best_and_the_most_common_maxima(faithful):
    _, optima, found = faithful
    corners = found["corner_optimum"].values
    assert corners[0] == 0
    others = optima["n_fits"].values[1:4]
    assert set(corners[1:]) == set(1 + np.argsort(-others)[:2])
    # the grid comes near the best: no point of the plane is higher by more than rounding
    grid = found["slice_log_likelihood"].values
    assert -1116 < grid.max() <= -1114.439872
    assert (
        found["slice_x"].values[0] < 0 < found["corner_position"].values[1, 0] < found["slice_x"].values[-1]
    )


def test_the_map_keeps_the_distances_of_densities(faithful):
    _, optima, found = faithful
    np.testing.assert_allclose(found["density_distance"], optima["density_distance"][:4, :4], atol=1e-7)
    places = found["map_position"].values
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    off = np.square(distances - found["density_distance"].values).sum()
    assert found["stress"] == pytest.approx(np.sqrt(off / np.square(found["density_distance"].values).sum()))
    assert found["stress"] < 0.3


def test_a_landscape_is_the_same_when_made_again_and_read_back(mirrored, tmp_path):
    problem, optima, found = mirrored
    xr.testing.assert_identical(landscape(problem, optima), found)
    write_dataset(found, tmp_path / "landscape.nc")
    xr.testing.assert_equal(read_dataset(tmp_path / "landscape.nc"), found)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n_components", [1, 3])
def test_every_family(family, n_components, tmp_path):
    problem = load_builtin("galaxies")
    fits = cell_fits(problem, tmp_path, family=family, n_components=n_components, restarts=6)
    optima = census(problem, fits, LIMITS)
    found = landscape(problem, optima)
    holds(found)
    count = found.sizes["leading"]
    assert found.sizes["pair"] == count * (count - 1) // 2
    write_dataset(found, tmp_path / "landscape.nc")
    assert read_dataset(tmp_path / "landscape.nc").sizes["point"] == POINTS
    if n_components == 1:
        assert count == 1
        assert "one maximum" in found.attrs["reason"]


def kept(optima, count):
    return optima.isel(optimum=slice(0, count))


def test_two_maxima_have_a_path_and_no_slice(faithful):
    problem, optima, _ = faithful
    found = landscape(problem, kept(optima, 2))
    holds(found)
    assert found.sizes["pair"] == 1
    assert found.attrs["reason"] == ""
    assert found.attrs["slice_reason"] == "a plane needs three maxima"
    assert found.sizes["slice_row"] == found.sizes["corner"] == 0
    assert found["stress"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_connect(faithful, count, tmp_path):
    problem, optima, _ = faithful
    found = landscape(problem, kept(optima, count))
    holds(found)
    assert found.sizes["leading"] == found.sizes["node"] == count
    assert found.sizes["pair"] == 0
    assert found.attrs["reason"]
    assert np.isnan(found["stress"])
    assert len(branches(found).optimum) == count
    write_dataset(found, tmp_path / "landscape.nc")
    assert read_dataset(tmp_path / "landscape.nc").sizes["leading"] == count


def test_a_cell_without_maxima_says_so(faithful):
    problem, optima, _ = faithful
    saddles = optima.assign(
        kind=("optimum", np.full(optima.sizes["optimum"], KINDS.index("saddle"), np.int8))
    )
    found = landscape(problem, saddles)
    assert found.sizes["leading"] == 0
    assert found.attrs["reason"] == "no optimum of the cell is a maximum"


def test_proper_maxima_come_before_higher_spurious_ones():
    kinds = ["spurious"] * 5 + ["saddle", "degenerate"] + ["proper"] * 9 + ["boundary", "unresolved"]
    optima = xr.Dataset(
        {
            "kind": ("optimum", [KINDS.index(kind) for kind in kinds]),
            "log_likelihood": ("optimum", -np.arange(float(len(kinds)))),
        }
    )
    chosen = leading_maxima(optima)
    np.testing.assert_array_equal(chosen, [0, 1, 2, *range(7, 16)])
    assert len(chosen) == LEAVES
