from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tests.mixsweep.helpers import ended_in

from mixsweep.analysis.intervals import jeffreys, restarts_needed, wilson
from mixsweep.analysis.success import CHANCES, hit_rates


def test_hits_are_counted_for_each_method_and_initializer_over_all_fits():
    fits = ended_in([[[0, 0, 1, -1], [0, 0, 0, 0]], [[2, 1, 1, 1], [-1, -1, -1, 0]]])
    rates = hit_rates(fits, 0)
    assert rates["n_hits"].values.tolist() == [[2, 4], [0, 1]]
    assert (rates["n_fits"] == 4).all()
    assert rates["hit_rate"].values.tolist() == [[0.5, 1.0], [0.0, 0.25]]
    low, high = wilson([[2, 4], [0, 1]], 4)
    np.testing.assert_array_equal(rates["hit_rate_low"], low)
    np.testing.assert_array_equal(rates["hit_rate_high"], high)
    assert (rates["reason"] == "").all()


def test_another_interval_can_be_had():
    rates = hit_rates(ended_in([[[0, 0, 1, -1]]]), 0, jeffreys)
    np.testing.assert_array_equal((rates["hit_rate_low"], rates["hit_rate_high"]), jeffreys([[2]], [[4]]))


def test_restarts_follow_from_the_rates_and_their_intervals():
    rates = hit_rates(ended_in([[[0, 0, 1, -1], [0, 0, 0, 0]]]), 0)
    assert rates["restarts_90"].values.tolist() == [[4, 1]]
    assert rates["restarts_95"].values.tolist() == [[5, 1]]
    assert rates["restarts_99"].values.tolist() == [[7, 1]]
    for chance in CHANCES:
        name = f"restarts_{chance}"
        np.testing.assert_array_equal(
            rates[f"{name}_low"], restarts_needed(rates["hit_rate_high"], chance / 100)
        )
        np.testing.assert_array_equal(
            rates[f"{name}_high"], restarts_needed(rates["hit_rate_low"], chance / 100)
        )
        assert (rates[f"{name}_low"] <= rates[name]).all()
        assert (rates[name] <= rates[f"{name}_high"]).all()


def test_never_a_hit_means_no_number_of_restarts():
    rates = hit_rates(ended_in([[[1, 1, -1]]]), 0)
    assert np.isinf(rates["restarts_95"].item())
    assert np.isinf(rates["restarts_95_high"].item())
    assert np.isfinite(rates["restarts_95_low"].item())


def test_without_a_best_known_optimum_nothing_is_a_hit_and_rates_are_unknown():
    rates = hit_rates(ended_in([[[-1, -1, 0]]]), -1)
    assert rates["n_hits"].item() == 0
    assert rates["n_fits"].item() == 3
    assert np.isnan(rates["hit_rate"].item())
    assert np.isnan(rates["restarts_99_low"].item())
    assert rates["reason"].item() == "cannot say: no proper optimum is known"


def test_what_was_not_run_is_no_trial():
    fits = ended_in([[[0, 0, 1, -1], [-1, -1, -1, -1]]])
    fits["n_passes"][0, 0, 3] = np.nan
    fits["n_passes"][0, 1] = np.nan
    rates = hit_rates(fits, 0)
    assert rates["n_fits"].values.tolist() == [[3, 0]]
    assert rates["hit_rate"].values[0, 0] == pytest.approx(2 / 3)
    assert np.isnan(rates["hit_rate"].values[0, 1])
    assert rates["reason"].values.tolist() == [["", "cannot say: no fits were run"]]


def test_one_restart_has_a_rate_with_a_wide_interval():
    rates = hit_rates(ended_in([[[0]]]), 0)
    assert rates["hit_rate"].item() == 1
    assert rates["hit_rate_low"].item() < 0.3


def test_passes_per_hit_pay_for_the_failures_and_are_infinite_without_hits():
    fits = ended_in([[[0, 0, 1, -1], [1, 1, 1, 1]]])
    fits["n_passes"][0, 0] = [10, 20, 30, 40]
    assert hit_rates(fits, 0)["passes_per_hit"].values.tolist() == [[50, np.inf]]


def test_many_cells_at_once_are_the_same_as_one_at_a_time():
    rng = np.random.default_rng(0)
    cells = [ended_in(rng.integers(-1, 3, (2, 2, 9))) for _ in range(3)]
    best = [0, 2, -1]
    together = hit_rates(xr.concat(cells, "n_components"), xr.DataArray(best, dims="n_components"))
    for number, (fits, own) in enumerate(zip(cells, best, strict=True)):
        xr.testing.assert_identical(together.isel(n_components=number), hit_rates(fits, own))
