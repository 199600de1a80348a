from __future__ import annotations

import numpy as np
from tests.mixsweep.helpers import ended_in

from mixsweep.analysis.flow import LEADING, flow, leading_optima
from mixsweep.analysis.intervals import wilson


def test_starts_are_counted_by_where_both_methods_end():
    fits = ended_in([[[0, 0, 1, -1, 2]], [[0, 1, 1, 0, -1]]])
    found = flow(fits, 0)
    assert found["optimum_a"].values.tolist() == ["0", "1", "2", "other", "none"]
    counts = found["n_flow"].isel(pair=0, initializer=0)
    expected = {("0", "0"): 1, ("0", "1"): 1, ("1", "1"): 1, ("none", "0"): 1, ("2", "none"): 1}
    for (a, b), count in expected.items():
        assert counts.sel(optimum_a=a, optimum_b=b) == count
    assert counts.sum() == found["n_starts"].item() == 5
    assert found["share_same"].item() == 0.4
    np.testing.assert_array_equal(
        (found["share_same_low"].item(), found["share_same_high"].item()), wilson(2, 5)
    )


def test_margins_are_the_counts_of_each_method():
    rng = np.random.default_rng(0)
    fits = ended_in(rng.integers(-1, 30, (3, 2, 200)))
    found = flow(fits, 3)
    assert found.sizes["pair"] == 3
    assert (found["n_flow"].sum(["optimum_a", "optimum_b"]) == found["n_starts"]).all()
    of_b = found["n_flow"].isel(pair=0).sum("optimum_a")
    for label in found["optimum_b"].values[:-2]:
        expected = (fits["optimum"].isel(method=1) == int(label)).sum("restart")
        np.testing.assert_array_equal(of_b.sel(optimum_b=label), expected)
    np.testing.assert_array_equal(
        of_b.sel(optimum_b="none"), (fits["optimum"].isel(method=1) < 0).sum("restart")
    )


def test_the_best_known_leads_however_rare_and_ties_go_to_the_higher():
    fits = ended_in([[[7, *np.repeat(np.arange(20, 40), 2)]]])
    leading = leading_optima(fits, 7)
    assert leading.tolist() == [7, *range(20, 20 + LEADING - 1)]
    assert leading_optima(fits, -1).tolist() == list(range(20, 20 + LEADING))


def test_two_methods_without_an_optimum_are_not_at_the_same_one():
    found = flow(ended_in([[[-1, -1]], [[-1, -1]]]), -1)
    assert found["optimum_a"].values.tolist() == ["other", "none"]
    assert found["share_same"].item() == 0


def test_one_method_has_no_flow_and_no_fits_have_no_share():
    assert flow(ended_in([[[0, 1]]]), 0).sizes["pair"] == 0
    fits = ended_in([[[0, 0]], [[0, 1]]])
    fits["n_passes"][0] = np.nan
    found = flow(fits, 0)
    assert found["n_flow"].sum() == 0
    assert np.isnan(found["share_same"].item())
    assert found["reason"].item() == "cannot say: no fits were run"
