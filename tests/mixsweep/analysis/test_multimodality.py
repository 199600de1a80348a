from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tests.mixsweep.helpers import optima_of

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
    table = optima_table(optima, 20)
    assert table["gap"].values.tolist() == [-5, 0, 2.5]
    assert table["kind"].values.tolist() == ["spurious", "proper", "saddle"]
    assert table["n_fits_total"].values.tolist() == [20, 20, 20]
    low, high = wilson([1, 6, 3], 20)
    np.testing.assert_array_equal(table["basin_share_low"], low)
    np.testing.assert_array_equal(table["basin_share_high"], high)


def test_gaps_are_unknown_without_a_proper_optimum():
    assert np.isnan(optima_table(optima_of(["saddle", "spurious"]), 10)["gap"].values).all()


def test_a_cell_without_optima_has_an_empty_table():
    table = optima_table(optima_of([]), 10)
    assert isinstance(table, xr.Dataset)
    assert table.sizes["optimum"] == 0


def test_unseen_counts_optima_of_every_kind():
    optima = optima_of(["proper", "saddle", "spurious"], n_fits=[7, 1, 2])
    assert unseen(optima) == unseen_share([7, 1, 2])
    assert np.isnan(unseen(optima_of([]))).all()
