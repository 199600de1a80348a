from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri
from tests.mixsweep.analysis.traced import linear, traced

from mixsweep.analysis.ratios import _hit_ratio, _mean_ratio, cost_ratios
from mixsweep.errors import MixsweepError


def two(optimum, slow=1):
    """EM and a gradient method that takes 4 times as many passes, at a pace `slow` times as long."""
    quick = np.array([[5.0, 0, np.nan, np.nan]] * len(optimum[0]))
    late = np.array([[5.0, 5, 5, 0]] * len(optimum[0]))
    fits = traced(np.stack([quick, late])[:, None], np.array(optimum)[:, None], methods=["em", "adam"])
    fits["seconds"] = fits["n_passes"] * np.array([1, slow])[:, None, None]
    return fits


def test_ratios_of_passes_and_of_seconds():
    found = cost_ratios(two([[0] * 8, [0] * 8], slow=3), 0, "em").isel(method=0, initializer=0)
    assert found["method"].item() == "adam"
    np.testing.assert_allclose(found["hit_cost_ratio"], [1 / 4, 1 / 12])
    np.testing.assert_allclose(found["same_optimum_ratio"], [1 / 4, 1 / 12])
    # every start has the same ratio
    np.testing.assert_allclose(found["same_optimum_ratio_low"], found["same_optimum_ratio_high"])
    assert found["n_same"].values.tolist() == [8, 8]
    assert (found["reason"] == "").all()


def test_misses_count_in_the_cost_of_a_hit_and_not_in_that_of_the_same_optimum():
    found = cost_ratios(two([[0, 0, 0, 0, 1, 1, 1, 1, 1, 1], [0] * 6 + [1] * 4]), 0, "em")
    own = found.sel(unit="passes").isel(method=0, initializer=0)
    assert float(own["hit_cost_ratio"]) == pytest.approx((20 / 4) / (80 / 6))
    assert float(own["same_optimum_ratio"]) == pytest.approx(1 / 4)
    assert int(own["n_same"]) == 8


def test_the_other_way_round_it_is_the_reciprocal():
    rng = np.random.default_rng(1)
    fits = two(rng.integers(0, 2, (2, 40)).tolist())
    a, b = (cost_ratios(fits, 0, name).isel(method=0) for name in ("em", "adam"))
    for name in ("hit_cost_ratio", "same_optimum_ratio"):
        np.testing.assert_allclose(a[name], 1 / b[name])
        # the quantile of a sample and that of its mirror image are neighbours
        np.testing.assert_allclose(a[f"{name}_low"], 1 / b[f"{name}_high"], rtol=0.02)


@pytest.mark.parametrize(("n_starts", "abs_error"), [(40, 0.02), (150, 0.02)])
def test_intervals_of_the_hit_cost_ratio_cover_as_often_as_they_say(n_starts, abs_error):
    # methods whose hits go together, rates of 10 to 80 %, misses dearer: 2500 urns, Monte Carlo error 0.0044
    rng = np.random.default_rng(n_starts)
    covered = []
    for _ in range(2500):
        rates = np.exp(rng.uniform(np.log(0.1), np.log(0.8), 2))
        shared = rng.standard_normal(n_starts)
        hits = 0.6 * shared + 0.8 * rng.standard_normal((2, n_starts)) < ndtri(rates)[:, None]
        if hits.sum(axis=1).min() < 3:
            continue
        miss = np.array([4.0, 3.5])
        cost = np.where(
            hits, rng.lognormal(3, 0.5, hits.shape), rng.lognormal(miss[:, None], 0.8, hits.shape)
        )
        means = rates * np.exp(3 + 0.5**2 / 2) + (1 - rates) * np.exp(miss + 0.8**2 / 2)
        truth = np.divide(*(means / rates))
        _, low, high = _hit_ratio(cost, hits)
        covered.append(low <= truth <= high)
    assert np.mean(covered) == pytest.approx(0.95, abs=abs_error)


@pytest.mark.parametrize("n_starts", [10, 40, 1500])
def test_intervals_of_the_mean_ratio_cover_as_often_as_they_say(n_starts):
    rng = np.random.default_rng(n_starts)
    sample = rng.normal(0.7, 1.0, (1500, n_starts))
    bounds = np.array([_mean_ratio(own)[1:] for own in sample])
    covered = (bounds[:, 0] <= np.exp(0.7)) & (np.exp(0.7) <= bounds[:, 1])
    assert covered.mean() == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(
    ("optimum", "best", "reason", "reason_same"),
    [
        ([[0, 0, 1], [0, 0, 0]], 0, "fewer than 3 hits of one of the methods", "fewer than 6 starts"),
        ([[1] * 8, [1] * 8], -1, "no proper optimum is known", ""),
        ([[-1] * 8, [-1] * 8], -1, "no proper optimum is known", "fewer than 6 starts"),
        ([[0], [0]], 0, "fewer than 3 hits", "fewer than 6 starts"),
    ],
)
def test_what_cannot_be_said_has_its_reason(optimum, best, reason, reason_same):
    found = cost_ratios(two(optimum), best, "em")
    for value, text, expected in (
        ("hit_cost_ratio", "reason", reason),
        ("same_optimum_ratio", "reason_same", reason_same),
    ):
        assert all(expected in own for own in found[text].values.ravel())
        assert np.isnan(found[value]).all() == bool(expected)


def test_no_fits_and_no_seconds_are_said():
    fits = two([[0] * 8, [0] * 8])
    unmeasured = cost_ratios(fits.assign(seconds=fits["seconds"] * np.nan), 0, "em").isel(method=0)
    for text in ("reason", "reason_same"):
        assert unmeasured[text].values.ravel().tolist() == [
            "",
            "cannot say: the cost of some fits is not known",
        ]
    fits["n_passes"] = fits["n_passes"] * np.nan
    for text in ("reason", "reason_same"):
        assert (cost_ratios(fits, 0, "em")[text] == "cannot say: no fits were run").all()


def test_a_method_alone_has_no_ratio_and_an_unknown_one_is_named():
    alone = two([[0] * 8, [0] * 8]).isel(method=[0])
    assert cost_ratios(alone, 0, "em").sizes["method"] == 0
    with pytest.raises(MixsweepError, match="method 'emm' is not in this cell; did you mean 'em'"):
        cost_ratios(alone, 0, "emm")


def test_linear_methods_of_known_rates_have_their_known_ratio():
    # gaps fall by rate squared a pass, looked at after 1, 2, 4, ... passes
    rows = np.stack([linear(0.5, 10), linear(0.5**0.25, 10)])[:, None]
    found = cost_ratios(traced(rows, np.zeros((2, 1, 10), int), methods=["em", "gd"]), 0, "em")
    assert 1 / 8 <= found["same_optimum_ratio"].values[0, 0, 0] <= 1 / 2
