from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.analysis.traced import BEST, linear, traced

from mixsweep.analysis.arrivals import arrivals, run_time_distributions
from mixsweep.analysis.intervals import wilson
from mixsweep.analysis.running_time import expected_running_time

NONE = np.nan


@pytest.fixture
def fits():
    """Of one method: two that arrive after 2 and 4 passes, one in a lower optimum, one failure; 8 passes."""
    rows = [[5, 0.5, 0.5, 0], [5, 5, 0.5, 0], [5, 5, 5, 0], [5, 5, 5, 5]]
    return traced([[rows]], [[[0, 0, 1, -1]]])


def chosen(found, reference, unit="passes", tolerance=1.0):
    place = {"reference": reference, "unit": unit, "tolerance": tolerance}
    return found.sel(place).isel(method=0, initializer=0)


def test_all_fits_count_and_those_that_never_arrive_are_infinite(fits):
    best, own = (chosen(arrivals(fits, BEST), reference) for reference in ("best", "own"))
    assert (int(best["n_fits"]), int(best["n_reached"]), float(best["share_reached"])) == (4, 2, 0.5)
    assert (float(best["share_reached_low"]), float(best["share_reached_high"])) == wilson(2, 4)
    assert (float(best["cost_q25"]), float(best["cost_median"]), float(best["cost_q75"])) == (2, 4, np.inf)
    assert int(own["n_reached"]) == 3
    assert float(own["cost_median"]) == 4
    # two of four within 2 + 4 passes, the others' 8 each paid for
    assert float(best["cost_per_arrival"]) == (2 + 4 + 8 + 8) / 2


def test_at_the_end_of_every_fit_an_arrival_is_a_hit():
    rng = np.random.default_rng(0)
    optimum = rng.integers(-1, 2, (1, 1, 40))
    rows = np.where(rng.random((40, 1)) < 0.5, [[5, 0, NONE]], [[5, 5, 0]])
    fits = traced(rows[None, None], optimum)
    times = expected_running_time(fits, 0)
    found = chosen(arrivals(fits, BEST), "best", tolerance=1e-8)
    for end in ("", "_low", "_high"):
        assert float(found[f"cost_per_arrival{end}"]) == pytest.approx(times[f"passes_per_hit{end}"].item())


def test_seconds_are_passes_at_the_fits_own_pace(fits):
    found = arrivals(fits, BEST)
    assert float(chosen(found, "best", "seconds")["cost_median"]) == 8


def test_the_median_has_an_interval_from_six_fits_on():
    found = arrivals(traced([[linear(0.5, 6)]], np.zeros((1, 1, 6), int)), BEST)
    assert np.isfinite(found["cost_median_low"]).all()
    few = arrivals(traced([[linear(0.5, 5)]], np.zeros((1, 1, 5), int)), BEST)
    assert np.isnan(few["cost_median_low"]).all()
    assert np.isfinite(few["cost_median"]).all()
    assert (few["reason"] == "no interval of the median: fewer than 6 fits").all()


def test_the_distribution_rises_to_all_but_the_mass_that_never_arrives(fits):
    found = chosen(run_time_distributions(fits, BEST), "best")
    share = found["share_arrived"].values
    assert (np.diff(share) >= 0).all()
    assert share[-1] == 1 - float(found["share_never"]) == 0.5
    cost = found["cost"].values
    assert share[cost < 2].max() == 0
    assert share[(cost >= 2) & (cost < 4)].tolist() == [0.25] * int(((cost >= 2) & (cost < 4)).sum())
    assert (found["share_arrived_low"] <= share).all()
    assert (found["share_arrived_high"] >= share).all()


def test_the_distribution_in_one_unit_is_that_of_both(fits):
    both = run_time_distributions(fits, BEST)
    for unit in ("passes", "seconds"):
        assert run_time_distributions(fits, BEST, units=(unit,)).identical(both.sel(unit=[unit]))


def test_without_a_best_known_optimum_only_the_own_one_has_numbers(fits):
    for found in (arrivals(fits, np.nan), run_time_distributions(fits, np.nan)):
        assert (found["reason"].sel(reference="best") == "cannot say: no proper optimum is known").all()
        assert not (found["reason"].sel(reference="own") == "cannot say: no proper optimum is known").any()
    assert np.isnan(arrivals(fits, np.nan)["share_reached"].sel(reference="best")).all()


@pytest.mark.parametrize(
    ("rows", "optimum", "reason"),
    [
        ([[NONE] * 3] * 2, [-1, -1], "cannot say: no fits were run"),
        ([[5, 4, 3]] * 2, [-1, -1], "cannot say: no fit ended in an optimum"),
    ],
)
def test_what_cannot_be_said_has_its_reason(rows, optimum, reason):
    fits = traced([[rows]], [[optimum]])
    for found in (arrivals(fits, BEST), run_time_distributions(fits, BEST)):
        assert (found["reason"] == reason).all()
        for values in found.drop_vars(["reason", "n_fits", "n_reached", "cost"], errors="ignore").values():
            assert np.isnan(values).all()


def test_seconds_that_were_not_measured_are_said(fits):
    found = arrivals(fits.assign(seconds=fits["seconds"] * np.nan), BEST)
    assert (found["reason"].sel(unit="seconds") == "cannot say: the cost of some fits is not known").all()
    assert np.isnan(found["cost_median"].sel(unit="seconds")).all()
    assert float(chosen(found, "best")["cost_median"]) == 4
