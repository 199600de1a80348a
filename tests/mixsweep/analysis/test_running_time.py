from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tests.mixsweep.helpers import ended_in

from mixsweep.analysis.intervals import wilson
from mixsweep.analysis.running_time import cheapest, cost_per_hit, expected_running_time
from mixsweep.analysis.success import hit_rates


def timed(optimum, seconds_per_pass=0.5):
    fits = ended_in(optimum)
    return fits.assign(seconds=fits["n_passes"] * seconds_per_pass)


@given(st.lists(st.tuples(st.booleans(), st.floats(1, 1000)), min_size=1, max_size=40))
def test_the_estimate_is_all_cost_over_all_hits_and_lies_in_its_interval(fits):
    hits, cost = np.array([hit for hit, _ in fits]), np.array([cost for _, cost in fits])
    estimate, low, high = cost_per_hit(cost, hits)
    if not hits.any():
        assert np.isinf([estimate, high]).all()
        assert 0 < low < np.inf
        return
    assert estimate == pytest.approx(cost.sum() / hits.sum())
    assert 0 <= low <= estimate <= high


def test_with_equal_costs_the_interval_is_that_of_the_hit_rate():
    hits = np.arange(100) < 12
    _, low, high = cost_per_hit(np.full(100, 7.0), hits)
    rate_low, rate_high = wilson(12, 100)
    assert (low, high) == (pytest.approx(7 / rate_high), pytest.approx(7 / rate_low))


def test_what_is_spent_on_misses_counts_when_nothing_hits():
    _, low, _ = cost_per_hit(np.full(50, 10.0), np.zeros(50, bool))
    _, rate_high = wilson(0, 50)
    assert low == pytest.approx(10 * (1 / rate_high - 1))


def test_costs_that_are_not_known_are_left_out_with_their_fits():
    cost, hits = np.array([10.0, 20, np.nan, 30]), np.array([True, False, True, True])
    np.testing.assert_array_equal(cost_per_hit(cost, hits), cost_per_hit(cost[[0, 1, 3]], hits[[0, 1, 3]]))
    assert np.isnan(cost_per_hit([np.nan, np.nan], [True, False])).all()


@pytest.mark.parametrize("n_fits", [50, 200, 1000])
def test_the_interval_covers_as_often_as_it_says(n_fits):
    # urns of hits and misses with log-normal costs, misses three times as dear and more scattered; rates even
    # on the log scale from 2 to 90 %: 4000 urns, Monte Carlo standard error 0.0034
    rng = np.random.default_rng(n_fits)
    rate = np.exp(rng.uniform(np.log(0.02), np.log(0.9), (4000, 1)))
    hits = rng.random((4000, n_fits)) < rate
    cost = np.where(hits, rng.lognormal(3, 0.5, hits.shape), rng.lognormal(4, 0.8, hits.shape))
    truth = np.exp(3 + 0.5**2 / 2) + np.exp(4 + 0.8**2 / 2) * (1 / rate[:, 0] - 1)
    _, low, high = cost_per_hit(cost, hits)
    assert ((low <= truth) & (truth <= high)).mean() == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(
    ("n_fits", "rate", "scatter", "stated"),
    [
        *((30, 0.3, 0.8, 0.93), (100, 0.05, 1.0, 0.93), (100, 0.9, 1.0, 0.93), (300, 0.95, 1.0, 0.93)),
        *((30, 0.6, 1.5, 0.86), (100, 0.3, 1.5, 0.86), (100, 0.9, 1.5, 0.86), (300, 0.6, 1.5, 0.86)),
        *((12, 0.9, 1.0, 0.86), (30, 0.95, 1.5, 0.72)),
    ],
)
def test_the_interval_covers_as_often_as_is_stated_where_misses_scatter(n_fits, rate, scatter, stated):
    # up to twelve times as dear as hits on average: the standard error of 4,000 samples is at most 0.007
    rng = np.random.default_rng(0)
    hits = rng.random((4000, n_fits)) < rate
    cost = np.where(hits, rng.lognormal(3, 0.5, hits.shape), rng.lognormal(4, scatter, hits.shape))
    truth = np.exp(3 + 0.5**2 / 2) + np.exp(4 + scatter**2 / 2) * (1 / rate - 1)
    _, low, high = cost_per_hit(cost, hits)
    assert ((low <= truth) & (truth <= high)).mean() > stated - 0.01


@pytest.mark.parametrize("skew", [False, True])
def test_skewness_widens_the_interval_upwards(skew):
    normal = stats.norm.ppf((np.arange(40) + 0.5) / 40)
    cost = np.exp(1.2 * normal) if skew else 10 + normal
    estimate, low, high = cost_per_hit(np.append(cost, [5.0] * 40), np.arange(80) >= 40)
    # hits cost the same, and misses are as many
    by_student = np.exp(stats.t.ppf(0.975, 39) * np.std(cost, ddof=1) / cost.mean() / np.sqrt(40))
    rate_low, _ = wilson(40, 80)
    plain = estimate + cost.mean() * np.hypot(1 / rate_low - 2, by_student - 1)
    assert high > 1.01 * plain if skew else high == pytest.approx(plain)
    assert 0 < low < estimate


def test_passes_and_seconds_over_every_arm():
    fits = timed([[[0, 0, 1, -1], [1, 1, 1, 1]]])
    fits["n_passes"][0, 0] = [10, 20, 30, 40]
    fits["seconds"][0, 0] = [1, 2, 3, 4]
    times = expected_running_time(fits, 0)
    assert times["passes_per_hit"].values.tolist() == [[50, np.inf]]
    assert times["seconds_per_hit"].values.tolist() == [[5, np.inf]]
    np.testing.assert_allclose(times["passes_per_hit"], hit_rates(fits, 0)["passes_per_hit"])
    assert (times["reason"] == "").all()


def test_many_cells_at_once_are_the_same_as_one_at_a_time():
    rng = np.random.default_rng(0)
    cells = [timed(rng.integers(-1, 3, (2, 2, 9))) for _ in range(3)]
    best = [0, 2, -1]
    together = expected_running_time(xr.concat(cells, "problem"), xr.DataArray(best, dims="problem"))
    for number, (fits, own) in enumerate(zip(cells, best, strict=True)):
        xr.testing.assert_identical(together.isel(problem=number), expected_running_time(fits, own))


def test_what_cannot_be_said_has_its_reason():
    fits = timed([[[0, 1], [0, 1]]])
    fits["n_passes"][0, 0] = np.nan
    fits["seconds"][0] = np.nan
    times = expected_running_time(fits, 0)
    assert [text.partition(": ")[2] for text in times["reason"].values[0]] == [
        "no fits were run",
        "the cost of some fits is not known",
    ]
    assert np.isnan(times["passes_per_hit"].values[0, 0])
    assert np.isfinite(times["passes_per_hit"].values[0, 1])
    unknown = expected_running_time(fits, -1)
    assert np.isnan(unknown["passes_per_hit"]).all()
    assert unknown["reason"].values[0, 1] == "cannot say: no proper optimum is known"


def test_the_cheapest_arm_has_the_least_cost_per_hit_not_the_highest_hit_rate():
    optimum = np.ones((2, 2, 60), int)
    optimum[0, 0, :50] = 0
    optimum[1, 1, :30] = 0
    fits = timed(optimum)
    fits["n_passes"][1, 1] = 2
    # seconds tell another story than passes
    fits["seconds"][1, 1] = 100
    found = cheapest(fits, 0)
    assert found["cheapest_method"].values.tolist() == ["method1", "method0"]
    assert found["cheapest_initializer"].values.tolist() == ["start1", "start0"]
    assert (found["cheapest_share"] == 1).all()


def test_equal_arms_share_the_choice_about_evenly():
    rng = np.random.default_rng(5)
    fits = timed((rng.random((2, 1, 400)) < 0.5).astype(int))
    fits["optimum"][1] = 1 - fits["optimum"][0]
    fits["optimum"][:, 0, :4] = [[0, 1, 0, 1], [1, 0, 1, 0]]
    share = cheapest(fits, 0)["cheapest_share"].values
    assert (share > 0.3).all()
    assert (share < 1).all()


@pytest.mark.parametrize(
    ("optimum", "best", "reason"),
    [
        ([[[0, 0, 1, 1]]], 0, "cannot say: fewer than 3 fits ended in the best known optimum"),
        ([[[0, 0, 0, 1]]], -1, "cannot say: no proper optimum is known"),
        ([[[-1, -1, -1, -1]]], -1, "cannot say: no proper optimum is known"),
    ],
)
def test_no_arm_is_called_the_cheapest_without_evidence(optimum, best, reason):
    found = cheapest(timed(optimum), best)
    assert (found["cheapest_method"] == "").all()
    assert np.isnan(found["cheapest_share"]).all()
    assert (found["reason"] == reason).all()


def test_no_fits_and_no_seconds_are_said():
    fits = timed([[[0, 0, 0, 0]]])
    without = fits.assign(seconds=fits["seconds"] * np.nan)
    assert cheapest(without, 0)["reason"].values.tolist() == [
        "",
        "cannot say: the cost of some fits is not known",
    ]
    fits["n_passes"][:] = np.nan
    assert (cheapest(fits, 0)["reason"] == "cannot say: no fits were run").all()
