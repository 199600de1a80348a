from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tests.mixsweep.analysis.traced import BEST, linear, traced
from tests.mixsweep.helpers import cell_fits, fits_at, optima_of

from mixsweep.analysis.census import census
from mixsweep.analysis.rates import em_rates, fit_rates, observed_rates, passes_per_digit, rate_agreement
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.problems import load_builtin
from mixsweep.schema import KINDS


@pytest.fixture(scope="module")
def faithful(tmp_path_factory):
    """Long fits of EM, and the optima in which they end."""
    problem = load_builtin("faithful")
    changes = {"n_components": 3, "restarts": 60, "tol": 1e-13, "max_passes": 1000}
    fits = cell_fits(problem, tmp_path_factory.mktemp("fits"), **changes)
    optima = census(problem, fits, Thresholds())
    fits = fits.assign(
        optimum=optima["fit_optimum"], polished_log_likelihood=optima["polished_log_likelihood"]
    )
    return problem, fits, optima


def test_the_observed_rate_is_the_theoretical_one(faithful):
    problem, fits, optima = faithful
    theory, observed = em_rates(problem, optima), observed_rates(fits, optima)
    found = rate_agreement(theory, observed, "em")
    np.testing.assert_allclose(theory["em_rate"][:2], [0.8366, 0.937], atol=1e-3)
    difference = found["rate_difference"].values
    # the second eigenvalue of the best optimum, 0.806, is close to the first, and is seen in its only trace
    np.testing.assert_allclose(difference[1:], 0, atol=1e-3)
    assert theory["em_rate_second"][0] < found["observed_rate"][0] < theory["em_rate"][0] + 1e-3
    assert np.isnan(difference[0])
    assert "does not tell the second eigenvalue from the first" in found["reason"].values[0]
    assert (found["reason"][1:] == "").all()
    assert theory["em_rate_error"].max() < 1e-6
    assert (theory["em_rate_second"] <= theory["em_rate"]).all()
    assert float(theory["em_passes_per_digit"][1]) == pytest.approx(-np.log(10) / np.log(0.937), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "n_components", "fewest"), [("faithful", 2, 2), ("faithful", 4, 3), ("iris", 3, 2)]
)
def test_rates_that_are_compared_agree_at_the_default_tolerance_too(name, n_components, fewest, tmp_path):
    """Fits that stop early have not come to their rate; where that shows nothing is compared."""
    problem = load_builtin(name)
    fits = cell_fits(problem, tmp_path, n_components=n_components, restarts=100, tol=1e-10, max_passes=2000)
    optima = census(problem, fits, Thresholds())
    fits = fits.assign(
        optimum=optima["fit_optimum"], polished_log_likelihood=optima["polished_log_likelihood"]
    )
    found = rate_agreement(em_rates(problem, optima), observed_rates(fits, optima), "em")
    known = found["rate_difference"].notnull().values
    assert known.sum() >= fewest
    assert np.abs(found["rate_difference"].values[known]).max() <= 1e-3
    np.testing.assert_array_equal(found["reason"].values == "", known)


def two_parts(first, second, share, checkpoints=200):
    """Gaps, pass by pass, of which a part falls faster than the rest."""
    passes = np.arange(checkpoints)
    return 0.009 * ((1 - share) * first ** (2 * passes) + share * second ** (2 * passes))


@pytest.mark.parametrize(("share", "settled"), [(0.0, True), (0.5, True), (0.9999, False)])
def test_a_rate_has_settled_when_it_changes_no_more(share, settled):
    gaps = two_parts(0.9, 0.8, share)
    fits = traced([[[gaps[gaps > 1e-7]]]], [[[0]]])
    count = fits.sizes["checkpoint"]
    fits["trace_passes"][:] = np.arange(count)
    found = fit_rates(fits)
    assert bool(found["settled"].item()) == settled
    assert (abs(found["rate"].item() - 0.9) < 1e-3) == settled


def compared(em_rate, second, share_settled, reason=""):
    theory = xr.Dataset(
        {
            "em_rate": ("optimum", [em_rate]),
            "em_rate_second": ("optimum", [second]),
            "reason": ("optimum", np.array([reason], dtype=object)),
        },
        {"optimum": [0]},
    )
    dims = ("method", "optimum")
    observed = xr.Dataset(
        {"observed_rate": (dims, [[0.8]]), "share_settled": (dims, [[share_settled]])}, {"method": ["em"]}
    )
    return rate_agreement(theory, observed, "em").isel(optimum=0)


@pytest.mark.parametrize(
    ("em_rate", "second", "share_settled", "reason"),
    [
        (0.82, 0.5, 0.6, ""),
        (0.82, 0.0, 1.0, ""),
        (0.82, 0.8, 1.0, "does not tell the second eigenvalue"),
        (0.82, 0.5, 0.5, "not in most fits"),
    ],
)
def test_only_rates_of_the_same_thing_are_compared(em_rate, second, share_settled, reason):
    found = compared(em_rate, second, share_settled)
    assert reason in found["reason"].item()
    if reason:
        assert np.isnan(found["rate_difference"])
    else:
        assert found["rate_difference"].item() == pytest.approx(-0.02)
        assert found["reason"].item() == ""


def test_what_theory_says_of_a_saddle_is_not_compared_with_how_fits_came_near_it():
    found = compared(1.08, 0.3, 1.0, "no comparison: EM leaves this point")
    assert np.isnan(found["rate_difference"])
    assert found["reason"].item().startswith("no comparison: EM leaves this point")


def test_fits_that_end_in_a_saddle_are_not_compared_with_what_em_does_there(tmp_path):
    problem = load_builtin("galaxies")
    changes = {"family": "gaussian-tied", "n_components": 3, "restarts": 60, "tol": 1e-10, "max_passes": 2000}
    fits = cell_fits(problem, tmp_path, **changes)
    optima = census(problem, fits, Thresholds())
    fits = fits.assign(
        optimum=optima["fit_optimum"], polished_log_likelihood=optima["polished_log_likelihood"]
    )
    found = rate_agreement(em_rates(problem, optima), observed_rates(fits, optima), "em")
    leaves = (optima["kind"].values == KINDS.index("saddle")) | (found["em_rate"].values >= 1)
    # some fits converge to one, at a rate that is not the largest eigenvalue's
    assert (leaves & found["observed_rate"].notnull().values).any()
    assert found["rate_difference"].isnull().values[leaves].all()
    assert all(reason.startswith("no comparison: EM leaves") for reason in found["reason"].values[leaves])


@pytest.mark.parametrize("rate", [0.3, 0.8, 0.95])
def test_a_linear_trace_has_its_rate(rate):
    fits = traced([[linear(rate, 8, start=0.009)]], np.zeros((1, 1, 8), int))
    np.testing.assert_allclose(fit_rates(fits)["rate"], rate, rtol=1e-3)
    observed = observed_rates(fits, optima_of(["proper"])).isel(method=0, optimum=0)
    for name in ("observed_rate", "observed_rate_low", "observed_rate_high", "observed_rate_q25"):
        assert float(observed[name]) == pytest.approx(rate, rel=1e-3)
    assert int(observed["n_rated"]) == 8
    assert observed["reason"].item() == ""


def test_only_the_end_of_a_trace_counts_and_rounding_does_not():
    own = linear(0.7, 1, checkpoints=8)[0].copy()
    own[:2] = [1e4, 1e3]
    own[own < 1e-9] = 1e-13
    rows = np.stack([own, np.linspace(10, 9, 8), np.full(8, np.nan)])
    found = fit_rates(traced([[rows]], [[[0, 0, -1]]]))["rate"].values[0, 0]
    assert found[0] == pytest.approx(0.7, rel=1e-3)
    assert np.isnan(found[1:]).all()


def test_a_fall_from_afar_is_no_rate():
    # as of EM whose last passes lead from a slow stretch right to the optimum
    own = [5.0, 4.0, 3.0, 2.0, 1e-6, 1e-13]
    assert np.isnan(fit_rates(traced([[[own]]], [[[0]]]))["rate"]).all()


def test_fits_count_for_the_optimum_in_which_they_end():
    rows = np.concatenate([linear(0.5, 3), linear(0.9, 7)])
    fits = traced([[rows]], [[[0] * 3 + [1] * 7]])
    found = observed_rates(fits, optima_of(["proper", "proper"], values=[BEST, BEST - 20])).isel(method=0)
    np.testing.assert_allclose(found["observed_rate"], [0.5, 0.9], rtol=1e-3)
    assert found["n_rated"].values.tolist() == [3, 7]
    assert np.isnan(found["observed_rate_low"].values[0])
    assert found["reason"].values.tolist() == ["no interval: fewer than 6 fits have a rate", ""]


def test_traces_that_do_not_fall_have_no_rate_and_it_is_said():
    fits = traced([[[[3.0, 2.9, 2.8]] * 2]], [[[0, 0]]])
    optima = optima_of(["proper"])
    found = observed_rates(fits, optima)
    assert np.isnan(found["observed_rate"]).all()
    assert found["reason"].item().startswith("cannot say: no fit's trace falls 30 times")


def test_without_optima_there_are_no_rates(faithful):
    problem, fits, optima = faithful
    none = optima.isel(optimum=slice(0), leading=slice(0), leading_=slice(0))
    assert em_rates(problem, none).sizes["optimum"] == 0
    assert observed_rates(fits, none).sizes["optimum"] == 0


def test_a_saddle_is_left_and_other_kinds_have_no_rate():
    problem = load_builtin("faithful")
    mean, covariance = problem.X.mean(axis=0), np.cov(problem.X.T, bias=True)
    middle = fits_at(
        problem, np.array([[0.5, 0.5]]), np.stack([[mean, mean]]), np.stack([[covariance, covariance]])
    )
    optima = census(problem, middle, Thresholds())
    found = em_rates(problem, optima)
    saddle = int(np.flatnonzero(optima["kind"].values == 1)[0])
    assert float(found["em_rate"][saddle]) >= 1 - 1e-6
    assert np.isinf(found["em_passes_per_digit"][saddle])
    assert found["reason"].values[saddle].startswith("no comparison: EM leaves this point")
    elsewhere = em_rates(problem, optima.assign(kind=optima["kind"] * 0 + 2))
    assert np.isnan(elsewhere["em_rate"]).all()
    assert all("of kind proper, saddle, spurious" in reason for reason in elsewhere["reason"].values)


def test_one_component_has_rate_zero(tmp_path):
    problem = load_builtin("iris")
    fits = cell_fits(problem, tmp_path, n_components=1, restarts=2)
    optima = census(problem, fits, Thresholds())
    found = em_rates(problem, optima)
    np.testing.assert_allclose(found["em_rate"], 0, atol=1e-8)
    assert float(found["em_passes_per_digit"][0]) < 1


def test_passes_per_digit():
    found = passes_per_digit(np.array([0.0, 0.1, 1.0, 1.2, np.nan]))
    np.testing.assert_allclose(found, [0, 1, np.inf, np.inf, np.nan])
