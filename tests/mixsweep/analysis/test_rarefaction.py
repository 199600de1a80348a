from __future__ import annotations

from math import comb

import numpy as np
import pytest
from tests.mixsweep.helpers import ended_in, optima_of

from mixsweep.analysis.rarefaction import expected_optima, rarefaction_curves, restart_numbers
from mixsweep.seeds import generator


def test_the_expectation_is_hypergeometric():
    counts, total = [5, 3, 1], 12
    expected, low, high = expected_optima(counts, total, range(1, 13))
    exact = [sum(1 - comb(total - c, m) / comb(total, m) for c in counts) for m in range(1, 13)]
    np.testing.assert_allclose(expected, exact, rtol=1e-10)
    assert expected[-1] == pytest.approx(3)
    assert (low <= expected).all()
    assert (expected <= high).all()


def parts_of(counts, total, size, draws):
    """How many optima random parts of the starts show."""
    ended = np.repeat(np.arange(-1, len(counts)), [total - sum(counts), *counts])
    rng = generator(1, "rarefaction", size)
    return np.array([len(set(rng.permutation(ended)[:size]) - {-1}) for _ in range(draws)])


def test_mean_and_range_are_those_of_random_parts():
    counts = [20, 10, 10, 5, 1, 1]
    seen = parts_of(counts, 50, 12, 4000)
    expected, low, high = expected_optima(counts, 50, [12])
    assert np.mean(seen) == pytest.approx(expected[0], abs=4 * np.std(seen) / np.sqrt(4000))
    # the standard deviation of a standard deviation is about 1 / sqrt(2 draws) of it
    assert np.std(seen) == pytest.approx((high - low)[0] / (2 * 1.959964), rel=4 / np.sqrt(8000))


def test_the_range_covers_as_many_parts_as_stated():
    """Within 2 % of 95 % and three sampling errors, where the numbers are not too coarse."""
    counts = np.round(60 * np.geomspace(1, 0.01, 80)).astype(int) + 1
    seen = parts_of(counts, int(counts.sum()) + 30, 200, 1000)
    _, low, high = expected_optima(counts, int(counts.sum()) + 30, [200])
    assert np.mean((low[0] <= seen) & (seen <= high[0])) == pytest.approx(0.95, abs=0.02 + 0.021)


def test_sizes():
    assert restart_numbers(1).tolist() == [1]
    sizes = restart_numbers(1000)
    assert sizes[0] == 1
    assert sizes[-1] == 1000
    assert len(sizes) <= 50
    assert (np.diff(sizes) > 0).all()


def test_curves_of_each_method_and_initializer():
    fits = ended_in([[[0, 0, 1, -1], [0, 0, 0, 0]], [[-1] * 4, [0, 1, 2, 2]]])
    curves = rarefaction_curves(fits, optima_of(["proper", "proper", "saddle"]))
    assert curves["restarts"].values[-1] == 4
    np.testing.assert_allclose(curves["expected_optima"][..., -1], [[2, 1], [0, 3]])
    assert (curves["expected_optima"].diff("restarts") >= -1e-12).all()


def test_a_cell_without_optima_has_flat_curves():
    assert (rarefaction_curves(ended_in([[[-1, -1]]]), optima_of([]))["expected_optima"] == 0).all()
