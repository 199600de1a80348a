from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixsweep.analysis.quantiles import median_interval, quantiles


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0.01, 1))
def test_quantiles_are_those_of_numpy(values, share):
    found = quantiles(np.array(values), [share, 0.5])
    expected = np.quantile(values, [share, 0.5], method="inverted_cdf")
    if abs(share * len(values) - round(share * len(values))) > 1e-6:
        np.testing.assert_array_equal(found, expected)
    assert found[1] == expected[1]


def test_infinities_stay_in_their_place_and_missing_values_do_not_count():
    np.testing.assert_array_equal(quantiles([1.0, np.inf, 2.0, np.nan], [1 / 3, 2 / 3, 1.0]), [1, 2, np.inf])
    assert np.isnan(quantiles([np.nan, np.nan], [0.5])).all()
    assert np.isnan(quantiles(np.zeros((3, 0)), [0.5])).all()


def test_the_interval_of_the_median_is_that_of_the_sign_test():
    # Conover 1999, table A3: n = 6 the extremes, n = 20 the 6th and the 15th
    for count, low, high in ((6, 1, 6), (9, 2, 8), (20, 6, 15)):
        assert median_interval(np.arange(1.0, count + 1)) == (low, high)
    assert np.isnan(median_interval(np.arange(5.0))).all()
    assert np.isnan(median_interval(np.zeros((2, 0)))).all()


@pytest.mark.parametrize("count", [7, 25, 100])
def test_the_interval_of_the_median_covers_at_least_as_often_as_it_says(count):
    values = np.random.default_rng(count).lognormal(0, 2, (4000, count))
    low, high = median_interval(values)
    assert ((low <= 1) & (high >= 1)).mean() >= 0.95 - 0.01  # three Monte Carlo standard errors
