from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.mixsweep.analysis.traced import BEST, linear, traced

from mixsweep.analysis.gaps import TOLERANCES, first_costs, gap_bands, gaps

NONE = np.nan


@pytest.fixture
def fits():
    """Of one method: arrives; ends in a lower optimum; no optimum; goes above the best known."""
    rows = [[5, 0.5, 1e-5, 0], [5, 0.5, 1e-3, 0], [5, 0.5, NONE, NONE], [25, 20, 5, 0]]
    polished = np.array([[[BEST, BEST - 20, np.nan, BEST + 20]]])
    return traced([[rows]], [[[0, 1, -1, 2]]], polished)


def first(fits, reference, unit, tolerance):
    chosen = first_costs(fits, BEST).sel({"reference": reference, "unit": unit, "tolerance": tolerance})
    return chosen.values.ravel().tolist()


def test_gaps_are_to_the_own_optimum_and_to_the_best_known(fits):
    found = gaps(fits, BEST)
    np.testing.assert_allclose(found.sel(reference="own", restart=0).values.ravel(), [5, 0.5, 1e-5, 0])
    np.testing.assert_allclose(found.sel(reference="best", restart=1).values.ravel()[:2], [25, 20.5])
    # no optimum, and one above the best known: never near, however high on the way
    assert np.isposinf(found.sel(reference="own", restart=2).values.ravel()[:2]).all()
    assert np.isposinf(found.sel(reference="best", restart=3)).all()


def test_the_first_cost_is_that_of_the_first_checkpoint_within_the_tolerance(fits):
    assert first(fits, "own", "passes", 1.0) == [2, 2, np.inf, 8]
    assert first(fits, "own", "passes", 1e-4) == [4, 8, np.inf, 8]
    assert first(fits, "best", "passes", 1.0) == [2, np.inf, np.inf, np.inf]
    assert first(fits, "own", "seconds", 1.0) == [4, 4, np.inf, 16]


def test_tolerances_go_from_one_nat_down_to_a_hundred_millionth():
    assert TOLERANCES[0] == 1
    assert TOLERANCES[-1] == pytest.approx(1e-8)


def test_the_first_time_counts_though_the_fit_leaves_again():
    fits = traced([[[[1e-7, 1, 1, 1e-7]]]], [[[0]]])
    assert first(fits, "own", "passes", 1e-4) == [1]


def test_a_fit_that_was_not_run_and_one_without_seconds_have_no_cost(fits):
    fits["n_passes"][0, 0, 0] = np.nan
    fits["seconds"][0, 0, 1] = np.nan
    assert np.isnan(first(fits, "own", "passes", 1.0)[0])
    assert first(fits, "own", "passes", 1.0)[1] == 2
    assert np.isnan(first(fits, "own", "seconds", 1.0)[1])


def test_the_first_cost_rises_as_the_tolerance_falls():
    found = first_costs(traced([[linear(0.6, 4)]], np.zeros((1, 1, 4), int)), BEST)
    assert (np.diff(found.values, axis=-1) >= 0).all()


def test_bands_keep_the_last_gap_of_a_fit_that_has_stopped():
    fits = traced([[[[8, 4, NONE, NONE], [8, 4, 2, 1], [8, 4, 2, 1]]]], [[[0, 0, 0]]])
    bands = gap_bands(fits, BEST).sel(reference="own", unit="passes").isel(method=0, initializer=0)
    cost, highest = bands["cost"].values, bands["gap_q95"].values
    assert np.isinf(highest[cost < 1]).all()
    np.testing.assert_allclose(highest[(cost >= 2)], 4)
    np.testing.assert_allclose(bands["gap_median"].values[-1], 1)
    assert bands["n_fits"] == 3


def test_bands_are_ordered_and_infinite_where_so_many_have_no_optimum(fits):
    bands = gap_bands(fits, BEST)
    names = ["gap_q05", "gap_q25", "gap_median", "gap_q75", "gap_q95"]
    for low, high in itertools.pairwise(names):
        assert (bands[low] <= bands[high]).all()
    assert np.isinf(bands["gap_q95"].sel(reference="own")).all()
    assert np.isfinite(bands["gap_q75"].sel(reference="own", unit="passes").values[..., -1]).all()


def test_a_checkpoint_that_a_fit_skipped_counts_for_nothing():
    with_hole = traced([[[[8, NONE, 2, 1]]]], [[[0]]])
    bands = gap_bands(with_hole, BEST).sel(reference="own", unit="passes").isel(method=0, initializer=0)
    at_two = np.searchsorted(bands["cost"].values, 2.0)
    assert bands["gap_median"].values[at_two] == 8


def test_without_fits_or_checkpoints_there_are_no_numbers():
    empty = traced([[[[NONE] * 3] * 2]], [[[-1, -1]]])
    assert np.isnan(first_costs(empty, np.nan)).all()
    assert np.isnan(gap_bands(empty, np.nan)["gap_median"]).all()
    assert np.isnan(gap_bands(empty.isel(restart=slice(0)), np.nan)["gap_median"]).all()
