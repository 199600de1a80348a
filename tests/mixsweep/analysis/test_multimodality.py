from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tests.mixsweep.helpers import ended_in, optima_of

from mixsweep.analysis.intervals import unseen_share, wilson
from mixsweep.analysis.multimodality import best_known, optima_table, unseen


def test_the_best_known_is_the_highest_proper_optimum():
    assert best_known(optima_of(["spurious", "saddle", "proper", "proper"])) == 2
    assert best_known(optima_of(["proper", "spurious"])) == 0


@pytest.mark.parametrize("kinds", [[], ["saddle", "spurious", "unresolved", "plateau", "boundary"]])
def test_without_a_proper_optimum_there_is_no_best(kinds):
    assert best_known(optima_of(kinds)) == -1


def test_gaps_are_from_the_best_proper_optimum_and_shares_over_all_fits():
    optima = optima_of(["spurious", "proper", "saddle"], [-5.0, -10.0, -12.5], [1, 6, 3])
    table = optima_table(optima, 20, 10)
    assert table["gap"].values.tolist() == [-5, 0, 2.5]
    assert table["kind"].values.tolist() == ["spurious", "proper", "saddle"]
    assert table["n_fits_total"].values.tolist() == [20, 20, 20]
    low, high = wilson([0.5, 3, 1.5], 10)
    np.testing.assert_array_equal(table["basin_share_low"], low)
    np.testing.assert_array_equal(table["basin_share_high"], high)


def test_gaps_are_unknown_without_a_proper_optimum():
    assert np.isnan(optima_table(optima_of(["saddle", "spurious"]), 10, 10)["gap"].values).all()


def test_a_cell_without_optima_has_an_empty_table():
    table = optima_table(optima_of([]), 10, 10)
    assert isinstance(table, xr.Dataset)
    assert table.sizes["optimum"] == 0


def test_unseen_counts_optima_of_every_kind():
    fits = ended_in([[[0] * 7 + [1] + [2] * 2]])
    assert unseen(fits, optima_of(["proper", "saddle", "spurious"])) == unseen_share([7, 1, 2])
    assert np.isnan(unseen(ended_in([[[-1, -1]]]), optima_of([]))).all()


def test_methods_that_always_agree_count_as_one():
    row = [0] * 7 + [1] + [2] * 2
    optima = optima_of(["proper", "saddle", "spurious"])
    np.testing.assert_allclose(
        unseen(ended_in([[row], [row], [row]]), optima), unseen(ended_in([[row]]), optima), rtol=1e-12
    )


def test_an_optimum_found_by_one_method_from_one_start_counts_by_its_fits():
    optima = optima_of(["proper", "proper", "proper"])
    # from the last start one of two methods ends where no other start led
    share, _, _ = unseen(ended_in([[[0] * 9 + [1]], [[0] * 10]]), optima)
    assert share == pytest.approx(0.05)
