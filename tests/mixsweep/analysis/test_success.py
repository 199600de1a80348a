from __future__ import annotations

import numpy as np
from tests.mixsweep.helpers import ended_in

from mixsweep.analysis.intervals import restarts_needed, wilson
from mixsweep.analysis.success import hit_rates


def test_hits_are_counted_for_each_method_and_initializer_over_all_fits():
    fits = ended_in([[[0, 0, 1, -1], [0, 0, 0, 0]], [[2, 1, 1, 1], [-1, -1, -1, 0]]])
    rates = hit_rates(fits, 0)
    assert rates["n_hits"].values.tolist() == [[2, 4], [0, 1]]
    assert (rates["n_fits"] == 4).all()
    assert rates["hit_rate"].values.tolist() == [[0.5, 1.0], [0.0, 0.25]]
    low, high = wilson([[2, 4], [0, 1]], 4)
    np.testing.assert_array_equal(rates["hit_rate_low"], low)
    np.testing.assert_array_equal(rates["hit_rate_high"], high)


def test_restarts_follow_from_the_rates_and_their_intervals():
    rates = hit_rates(ended_in([[[0, 0, 1, -1], [0, 0, 0, 0]]]), 0)
    assert rates["restarts_95"].values.tolist() == [[5, 1]]
    assert rates["restarts_99"].values.tolist() == [[7, 1]]
    np.testing.assert_array_equal(rates["restarts_95_low"], restarts_needed(rates["hit_rate_high"], 0.95))
    np.testing.assert_array_equal(rates["restarts_95_high"], restarts_needed(rates["hit_rate_low"], 0.95))
    assert (rates["restarts_95_low"] <= rates["restarts_95"]).all()
    assert (rates["restarts_95"] <= rates["restarts_95_high"]).all()


def test_never_a_hit_means_no_number_of_restarts():
    rates = hit_rates(ended_in([[[1, 1, -1]]]), 0)
    assert np.isinf(rates["restarts_95"].item())
    assert np.isinf(rates["restarts_95_high"].item())
    assert np.isfinite(rates["restarts_95_low"].item())


def test_fits_without_an_optimum_are_no_hits_when_there_is_no_best():
    rates = hit_rates(ended_in([[[-1, -1, 0]]]), -1)
    assert rates["n_hits"].item() == 0
    assert rates["hit_rate"].item() == 0


def test_passes_per_hit_pay_for_the_failures_and_are_infinite_without_hits():
    fits = ended_in([[[0, 0, 1, -1], [1, 1, 1, 1]]])
    fits["n_passes"][0, 0] = [10, 20, 30, 40]
    assert hit_rates(fits, 0)["passes_per_hit"].values.tolist() == [[50, np.inf]]
