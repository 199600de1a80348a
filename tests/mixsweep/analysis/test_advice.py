from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binomtest
from tests.mixsweep.helpers import ended_in

from mixsweep.analysis.advice import advice
from mixsweep.analysis.success import hit_rates


def timed(optimum):
    fits = ended_in(optimum)
    return fits.assign(seconds=fits["n_passes"] * 0.5)


def hits_of(*counts, n_restarts=20):
    """Fits of one initializer in which each method hits so many times."""
    return [[[0] * count + [1] * (n_restarts - count)] for count in counts]


def test_the_arm_with_the_least_expected_cost_is_advised_with_its_numbers():
    fits = timed(hits_of(10, 5))
    fits["n_passes"][1] = 2
    fits["seconds"][1] = 3
    found = advice(fits, 0)
    rates = hit_rates(fits, 0).isel(method=1, initializer=0)
    assert (found["method"].item(), found["initializer"].item()) == ("method1", "start0")
    for name in ("n_hits", "n_fits", "hit_rate", "restarts_95"):
        assert found[name].item() == rates[name].item()
    # of two arms, each of the exact intervals of 97.5 %
    exact = binomtest(5, 20).proportion_ci(0.975, "exact")
    assert found["hit_rate_low"].item() == pytest.approx(exact.low)
    assert found["hit_rate_high"].item() == pytest.approx(exact.high)
    assert found["restarts"].item() == found["restarts_95_high"].item() == 40
    assert (found["restarts_95"].item(), found["restarts_95_low"].item()) == (11, 5)
    assert found["expected_passes"].item() == 40 * 2
    assert found["expected_seconds"].item() == 40 * 3
    assert found["reason"].item() == ""
    assert found["statement"].item() == (
        "Use method1 from start0: 40 restarts give a 95 % chance of the best known optimum (11 by the rate "
        "itself, 5 to 40 by its interval), in 80 passes or 120 seconds; 5 of 20 fits hit, 25.0 % (7.3 to "
        "52.3 %), simultaneous for the 2 rates compared."
    )


def test_an_arm_that_always_hits_needs_one_restart():
    found = advice(timed(hits_of(200, n_restarts=200)), 0)
    assert (
        "1 restart gives a 95 % chance of the best known optimum, in 10 passes" in found["statement"].item()
    )


def test_fewer_than_three_hits_say_nothing_however_cheap():
    fits = timed(hits_of(2, 3))
    fits["n_passes"][0] = 0.1
    assert advice(fits, 0)["method"].item() == "method1"
    none = advice(fits.isel(method=[0]), 0)
    assert none["statement"].item() == (
        "Cannot say: no method and start reached the best known optimum 3 times (the most is 2)."
    )
    assert none["method"].item() == ""
    for name in ("restarts", "restarts_95_high", "expected_seconds", "hit_rate"):
        assert np.isnan(none[name].item())


@pytest.mark.parametrize(
    ("optimum", "best", "told"),
    [
        ([[[-1, -1, -1]]], -1, "no proper optimum is known"),
        ([[[1, 1, 1]]], 0, "(the most is 0)"),
        ([[[0]]], 0, "(the most is 1)"),
    ],
)
def test_bad_cells_have_a_statement(optimum, best, told):
    found = advice(timed(optimum), best)
    assert told in found["statement"].item()
    assert found["reason"].item().startswith("cannot say: ")


def test_no_fits_and_no_seconds():
    fits = timed(hits_of(10))
    without = advice(fits.assign(seconds=fits["seconds"] * np.nan), 0)
    assert np.isnan(without["expected_seconds"].item())
    assert without["reason"].item() == "cannot say: the cost of some fits is not known"
    assert "seconds" not in without["statement"].item()
    fits["n_passes"][:] = np.nan
    assert advice(fits, 0)["statement"].item() == "Cannot say: no fits were run."


def cells(*optimum):
    return xr.concat([timed(values) for values in optimum], "n_components")


def test_a_problem_of_several_cells_gets_the_arm_with_the_least_sum_and_restarts_for_the_hardest():
    fits = cells(hits_of(10, 4), hits_of(4, 20), hits_of(0, 1))
    best = xr.DataArray([0, 0, 0], dims="n_components")
    found = advice(fits, best)
    # 20 and 50 passes a hit for the first method, 50 and 10 for the other
    assert found["method"].item() == "method1"
    assert (found["n_hits"].item(), found["n_fits"].item()) == (4, 20)
    # two arms in two cells that were answered; the exact interval of 98.75 % of 4 of 20 begins at 3.9 %
    assert found["n_rates"].item() == 4
    low = binomtest(4, 20).proportion_ci(1 - 0.05 / 4, "exact").low
    assert found["restarts"].item() == np.ceil(np.log(0.05) / np.log(1 - low))
    assert found["restarts_95"].item() == 14
    assert found["expected_passes"].item() == found["restarts"].item() * 20
    assert (found["n_cells_answered"].item(), found["n_cells"].item()) == (2, 3)
    assert "for each of 2 of 3 cells, by the hardest" in found["statement"].item()


def test_cells_with_no_arm_in_common_need_advice_of_their_own():
    found = advice(cells(hits_of(10, 0), hits_of(0, 10)), xr.DataArray([0, 0], dims="n_components"))
    assert "no single method and start" in found["reason"].item()
    assert found["n_cells_answered"].item() == 2


def test_a_cell_that_the_grid_does_not_have_is_not_counted():
    fits = cells(hits_of(10, 4), hits_of(5, 20))
    fits["n_passes"][1] = np.nan
    found = advice(fits, xr.DataArray([0, -1], dims="n_components"))
    assert (found["n_cells_answered"].item(), found["n_cells"].item()) == (1, 1)
    assert found["statement"].item() == advice(fits.isel(n_components=0), 0)["statement"].item()


@pytest.mark.parametrize(("rate", "n_fits", "n_methods"), [(0.05, 100, 8), (0.5, 100, 8), (0.3, 20, 8)])
def test_the_advised_restarts_keep_their_word_although_the_arm_was_chosen(rate, n_fits, n_methods):
    """Arms of equal rates from two kinds of start, 200 times: Monte Carlo standard error 0.015 at 95 %."""
    rng = np.random.default_rng(0)
    covered, reached = [], []
    for _ in range(200):
        found = advice(timed((rng.random((n_methods, 2, n_fits)) >= rate).astype(int)), 0)
        covered.append(found["hit_rate_low"].item() <= rate <= found["hit_rate_high"].item())
        reached.append(1 - (1 - rate) ** found["restarts"].item())
    assert np.mean(covered) >= 0.95
    assert np.mean(np.array(reached) >= 0.95) >= 0.95
