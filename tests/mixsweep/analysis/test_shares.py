from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom
from tests.mixsweep.helpers import ended_in, optima_of

from mixsweep.analysis.shares import basin_shares, simultaneous_intervals
from mixsweep.seeds import generator

#: Basin shares as on faithful and on iris with three components: few optima, and many rare ones.
FAITHFUL = np.array([0.063, 0.865, 0.05, 0.004, 0.018])
IRIS = np.concatenate([[0.394, 0.3, 0.071, 0.05, 0.03], 0.155 * np.geomspace(1, 0.05, 60) / 19.0])


@pytest.mark.parametrize(
    ("shares", "total"), [(FAITHFUL, 100), (FAITHFUL, 1000), (IRIS / IRIS.sum(), 200), ([0.6, 0.3, 0.1], 50)]
)
def test_all_intervals_hold_as_often_as_stated(shares, total):
    """Within 2 % of the nominal 95 %, and the sampling error of 600 simulations (three times 0.9 %)."""
    samples = generator(1, "simultaneous intervals", total, len(shares)).multinomial(total, shares, size=600)
    low, high = simultaneous_intervals(samples, total)
    held = ((low <= shares) & (shares <= high)).all(axis=-1)
    assert 0.93 - 0.027 < held.mean() < 0.97 + 0.027


def test_samples_together_have_the_intervals_that_each_has_by_itself():
    samples = generator(1, "samples together").multinomial(80, IRIS / IRIS.sum(), size=(3, 2))
    low, high = simultaneous_intervals(samples, 100)
    for place in np.ndindex(3, 2):
        own = simultaneous_intervals(samples[place], 100)
        assert np.array_equal(own, (low[place], high[place]))
    assert np.shape(simultaneous_intervals(np.zeros((2, 0), int), 100)) == (2, 2, 0)


def test_ends_are_where_the_mid_p_tails_have_the_adjusted_error_rate():
    low, high = simultaneous_intervals([30, 60, 10], 100)
    for count, below, above in zip([30, 60, 10], low, high, strict=True):
        tails = (
            binom.sf(count, 100, below) + 0.5 * binom.pmf(count, 100, below),
            binom.cdf(count - 1, 100, above) + 0.5 * binom.pmf(count, 100, above),
        )
        assert tails == pytest.approx((0.05 / 6, 0.05 / 6), rel=1e-8)


def test_two_categories_stand_or_fall_together():
    low, high = simultaneous_intervals([30, 70], 100)
    np.testing.assert_allclose(low, 1 - high[::-1])
    assert binom.sf(30, 100, low[0]) + 0.5 * binom.pmf(30, 100, low[0]) == pytest.approx(0.025, rel=1e-8)


def test_extreme_counts():
    low, high = simultaneous_intervals([0, 20], 20)
    assert low[0] == 0
    assert high[1] == 1
    assert 0 < high[0] < 1
    assert [list(ends) for ends in simultaneous_intervals([0, 0], 0)] == [[0, 0], [1, 1]]
    assert [ends.shape for ends in simultaneous_intervals([], 5)] == [(0,), (0,)]


def test_shares_are_of_all_fits_of_the_method_and_initializer():
    fits = ended_in([[[0, 0, 1, -1], [1, 1, 1, 1]], [[0, 0, 0, 0], [-1, -1, -1, -1]]])
    shares = basin_shares(fits, optima_of(["proper", "proper"]))
    assert shares["n_fits"].values.tolist() == [[[2, 1], [0, 4]], [[4, 0], [0, 0]]]
    np.testing.assert_allclose(shares["basin_share"], shares["n_fits"] / 4)
    assert (shares["n_fits_total"] == 4).all()
    low, high = simultaneous_intervals([2, 1], 4)
    np.testing.assert_allclose(shares["basin_share_low"][0, 0], low)
    np.testing.assert_allclose(shares["basin_share_high"][0, 0], high)


def test_a_cell_without_optima_has_empty_shares():
    shares = basin_shares(ended_in([[[-1, -1]]]), optima_of([]))
    assert shares["basin_share"].shape == (1, 1, 0)
