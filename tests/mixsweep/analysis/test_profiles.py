from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.mixsweep.analysis.traced import BEST, traced

from mixsweep.analysis.intervals import clustered, wilson
from mixsweep.analysis.profiles import ACCURACIES, data_profiles, performance_profiles, solution_costs


def costs_of(values, problems=None):
    """Costs of cells (rows) for methods (columns), with one initializer; by default a problem each."""
    values = np.asarray(values, float)[..., None]
    names = [f"method{i}" for i in range(values.shape[1])]
    coordinates = {"method": names, "initializer": ["a"]}
    coordinates["problem"] = ("cell", range(len(values)) if problems is None else problems)
    return xr.DataArray(values, coordinates, ("cell", "method", "initializer"))


def test_a_performance_profile_is_the_distribution_of_the_ratio_to_the_cheapest():
    # three cells; the second method is twice, four times and half as dear
    found = performance_profiles(costs_of([[10, 20], [5, 20], [8, 4]])).isel(initializer=0)
    ratio = found["cost_ratio"].values
    assert ratio[0] == 1
    assert ratio[-1] == pytest.approx(4)
    first, second = found["share_within"].values
    np.testing.assert_allclose(first, np.where(ratio < 2 - 1e-9, 2 / 3, 1))
    np.testing.assert_allclose(second, 1 / 3 + (ratio >= 2 - 1e-9) / 3 + (ratio >= 4 - 1e-9) / 3)
    assert found["share_cheapest"].values.tolist() == [2 / 3, 1 / 3]
    ends = clustered([1, 1, 0], 1)
    assert (found["share_within_low"].values[0, 0], found["share_within_high"].values[0, 0]) == ends
    # two of the cells are of one problem
    found = performance_profiles(costs_of([[10, 20], [5, 20], [8, 4]], ["a", "b", "b"])).isel(initializer=0)
    ends = clustered([1, 1], [1, 2])
    assert (found["share_within_low"].values[0, 0], found["share_within_high"].values[0, 0]) == ends


@pytest.mark.parametrize("alike", [False, True])
def test_intervals_of_profiles_hold_for_cells_of_a_few_problems(alike):
    """Eight problems with six cells each: in which method is cheaper they are alike, or not at all."""
    rng = np.random.default_rng(0)
    problems = np.repeat(list("abcdefgh"), 6)
    performance, data = [], []
    for _ in range(300):
        first = rng.random(8)[np.repeat(np.arange(8), 6)] if alike else rng.random(48)
        found = performance_profiles(costs_of(np.where(first[:, None] < 0.5, [1, 2], [2, 1]), problems))
        ends = [found[f"share_within_{end}"].values[0, 0, 0] for end in ("low", "high")]
        performance.append(ends[0] <= 0.5 <= ends[1])
        # each cell has two starts, solved after one pass or after four
        coordinates = {"method": ["a"], "initializer": ["a"], "restart": [0, 1], "accuracy": [0.1]}
        coordinates["problem"] = ("cell", problems)
        solved = np.where(first < 0.5, 1.0, 4.0)[:, None, None, None, None] * np.ones((1, 1, 1, 2, 1))
        costs = xr.DataArray(solved, coordinates, ("cell", "method", "initializer", "restart", "accuracy"))
        found = data_profiles(costs).isel(method=0, initializer=0, accuracy=0)
        found = found.isel(point=np.flatnonzero(found["passes"].values < 3)[-1])
        data.append(float(found["share_profile_low"]) <= 0.5 <= float(found["share_profile_high"]))
    # 2 % below nominal, and three Monte Carlo standard errors
    assert min(np.mean(performance), np.mean(data)) > 0.93 - 3 * np.sqrt(0.93 * 0.07 / 300)


def test_unsolved_cells_count_and_unknown_ones_are_left_out():
    found = performance_profiles(costs_of([[1, np.inf], [np.inf, np.inf], [2, 2], [np.nan, 1]]))
    assert int(found["n_compared"]) == 3
    assert int(found["n_left_out"]) == 1
    assert found["share_solved"].values.ravel().tolist() == [2 / 3, 1 / 3]
    assert found["share_within"].values[..., -1].ravel().tolist() == [2 / 3, 1 / 3]


@given(arrays(float, (5, 3), elements=st.floats(0.1, 1e6) | st.just(np.inf)))
def test_profiles_rise_and_some_arm_is_cheapest_in_every_solved_cell(values):
    found = performance_profiles(costs_of(values))
    solved = np.isfinite(values).any(axis=1).mean()
    if not solved:
        assert (found["reason"] == "cannot say: no arm solved any cell").all()
        return
    assert (np.diff(found["share_within"].values, axis=-1) >= 0).all()
    assert found["share_cheapest"].values.sum() >= solved - 1e-12
    np.testing.assert_allclose(found["share_within"][..., -1], found["share_solved"])


def test_other_units_leave_performance_profiles_as_they_are():
    values = np.random.default_rng(0).lognormal(3, 1, (20, 3))
    a, b = performance_profiles(costs_of(values)), performance_profiles(costs_of(values * 2.0**7))
    xr.testing.assert_identical(a, b)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full((2, 2), np.nan), "cannot say: no cell has the costs of all arms"),
        (np.zeros((0, 2)), "cannot say: no cell has the costs of all arms"),
        (np.full((2, 2), np.inf), "cannot say: no arm solved any cell"),
    ],
)
def test_performance_profiles_of_nothing_say_so(values, reason):
    found = performance_profiles(costs_of(values))
    assert (found["reason"] == reason).all()
    assert np.isnan(found["share_within"]).all()
    assert np.isnan(found["share_solved"]).all()


def test_a_single_arm_is_the_cheapest():
    assert performance_profiles(costs_of([[3], [4]]))["share_cheapest"].item() == 1


def test_a_problem_is_solved_when_all_but_a_share_of_the_rise_is_made():
    # from the same start 100 nats below: one method is 10, 0.5 and 0 below the best after 2, 4 and 8 passes
    rows = [[[[100, 10, 0.5, 0]]], [[[80, 20, 5, 5]]]]
    optimum = [[[0]], [[1]]]
    fits = traced(rows, optimum)
    found = solution_costs(fits, BEST).isel(initializer=0, restart=0)
    assert found["accuracy"].values.tolist() == list(ACCURACIES)
    # the second begins at the same -200 and comes to -125, three quarters of the way
    assert found.values.tolist() == [[2, 8, 8, 8], [np.inf] * 4]
    quarter = solution_costs(fits, BEST, (0.3,)).isel(initializer=0, restart=0)
    assert quarter.values.tolist() == [[2], [4]]


def test_a_dip_of_one_method_does_not_make_the_start_easier_for_the_others():
    # the start is 100 nats below; the second method falls 900 deeper before it rises
    steady = [[[100, 50, 5, 0]]]
    alone = solution_costs(traced([steady], [[[0]]]), BEST, (0.1,))
    found = solution_costs(traced([steady, [[[100, 1000, 20, 0]]]], [[[0]], [[0]]]), BEST, (0.1,))
    assert found.isel(method=0).item() == alone.item() == 4
    assert found.isel(method=1).item() == 8
    # nor does a fit that fails at once, whose start is the same
    failed = solution_costs(
        traced([steady, [[[100, np.nan, np.nan, np.nan]]]], [[[0]], [[-1]]]), BEST, (0.1,)
    )
    assert failed.isel(method=0).item() == 4


def test_fits_above_the_best_known_and_failures_solve_nothing():
    polished = np.array([[[BEST, BEST + 20, np.nan]]])
    fits = traced([[[[9, 0], [29, 0], [9, 0]]]], [[[0, 1, -1]]], polished)
    found = solution_costs(fits, BEST).values[0, 0]
    assert (found[0] == 2).all()
    assert np.isnan(found[1:]).all()


def test_data_profiles_count_starts_or_problems():
    rows = [[[[9, 0, 0]] * 3 + [[9, 9, 0]]], [[[9, 9, 0]] * 4]]
    optimum = np.zeros((2, 1, 4), int)
    costs = solution_costs(traced(rows, optimum), BEST)
    one = data_profiles(costs).sel(accuracy=1e-3).isel(initializer=0)
    passes, share = one["passes"].values, one["share_profile"].values
    np.testing.assert_allclose(share[0], 0.75 * (passes >= 2) + 0.25 * (passes >= 4 - 1e-9))
    assert one["n_problems"].values.tolist() == [4, 4]
    assert (one["share_profile_low"].values[0, -1], one["share_profile_high"].values[0, -1]) == wilson(4, 4)
    # three cells of four starts are three observations, or two where they are of two problems
    three = xr.concat([costs] * 3, "cell")
    for problems, counts in ((["a", "b", "c"], [4, 4, 4]), (["a", "b", "b"], [4, 8])):
        cells = data_profiles(three.assign_coords(problem=("cell", problems)))
        cells = cells.sel(accuracy=1e-3).isel(initializer=0)
        np.testing.assert_allclose(cells["share_profile"], one["share_profile"])
        assert cells["n_problems"].values.tolist() == [12, 12]
        assert cells["share_profile_low"].values[0, -1] == clustered(counts, counts)[0]


def test_data_profiles_without_an_optimum_say_so():
    fits = traced([[[[9, 8]] * 2]], [[[-1, -1]]])
    for best in (BEST, np.nan):
        found = data_profiles(solution_costs(fits, best))
        assert (found["reason"] == "cannot say: no start has a fit that ended in an optimum").all()
        assert np.isnan(found["share_profile"]).all()
