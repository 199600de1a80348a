"""Cells about which little or nothing can be said: no exception, no number without a base, and the reason."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tests.mixsweep.analysis.traced import BEST, traced
from tests.mixsweep.helpers import ended_in, optima_of

from mixsweep.analysis.adaptive import restarts_wanted
from mixsweep.analysis.advice import advice
from mixsweep.analysis.arrivals import arrivals, run_time_distributions
from mixsweep.analysis.conduct import conduct
from mixsweep.analysis.flow import flow
from mixsweep.analysis.gaps import gap_bands
from mixsweep.analysis.multimodality import best_known
from mixsweep.analysis.paired import paired_comparison, pooled_comparison
from mixsweep.analysis.profiles import data_profiles, performance_profiles, solution_costs
from mixsweep.analysis.rates import observed_rates
from mixsweep.analysis.ratios import cost_ratios
from mixsweep.analysis.running_time import cheapest, expected_running_time
from mixsweep.analysis.sensitivity import learning_rates, parametrisation_spread, tuning_costs
from mixsweep.analysis.success import hit_rates
from mixsweep.analysis.tables import cell_datasets, cells_of
from mixsweep.analysis.trend import decay_in_k, hit_rate_trend

FUNCTIONS = (
    *(hit_rates, expected_running_time, cheapest, paired_comparison, pooled_comparison, flow, advice),
    lambda fits, best: hit_rate_trend(as_cells(fits, best), ["n_components"]),
    lambda fits, best: decay_in_k(as_cells(fits, best)),
)


def as_cells(fits, best):
    return hit_rates(fits, best).expand_dims(cell=4).assign(n_components=("cell", [1, 2, 3, 4]))


def cell(optimum, seconds=0.5, n_passes=None):
    fits = ended_in(optimum)
    if n_passes is not None:
        fits["n_passes"][:] = n_passes
    return fits.assign(seconds=fits["n_passes"] * seconds)


CELLS = {
    "no proper optimum": (cell([[[1, 0], [0, 0]], [[1, -1], [0, 1]]]), -1),
    "all failed": (cell([[[-1] * 5] * 2] * 2), -1),
    "never the best": (cell([[[1] * 5] * 2] * 2), 0),
    "one restart": (cell([[[0]], [[1]]]), 0),
    "one restart of one method": (cell([[[0]]]), 0),
    "one method": (cell([[[0, 1, 0, 0, 2], [0, 0, 0, 1, 1]]]), 0),
    "one component: every fit the same": (cell([[[0] * 5] * 2] * 2), 0),
    "failed without a pass": (cell([[[-1] * 4]] * 2, n_passes=0), -1),
    "not run": (cell([[[-1] * 4]] * 2, n_passes=np.nan), -1),
    "seconds not measured": (cell([[[0, 0, 0, 1]]] * 2, seconds=np.nan), 0),
    "no restarts": (cell([[[0, 0]]] * 2).isel(restart=slice(0)), -1),
    "ties": (cell([[[0, 0, 0, 1]], [[0, 0, 0, 1]]]), 0),
}


@pytest.mark.parametrize("name", CELLS)
def test_every_missing_number_has_its_reason(name):
    fits, best = CELLS[name]
    for function in FUNCTIONS:
        found = function(fits, best)
        for variable, values in found.data_vars.items():
            if values.dtype.kind != "f" or values.dims != found["reason"].dims or variable in LIMITS:
                continue
            unexplained = np.isnan(values.values) & (found["reason"].values == "")
            assert not unexplained.any(), (function, variable)
    assert int(restarts_wanted(fits, best, 200, 0.99, 10)["wanted"]) <= 10


#: Ends of the design, which levels of a method or initializer do not have.
LIMITS = ("lowest", "highest")


SETTINGS = {
    "method0": {"method": "adam", "learning_rate": 0.01, "weights": "ratio"},
    "method1": {"method": "adam", "learning_rate": 0.02, "weights": "ratio"},
}
CHARTS = {
    "method0": {"method": "lbfgs", "weights": "ratio"},
    "method1": {"method": "lbfgs", "weights": "softmax"},
}
CONDUCT = (
    "n_decreases",
    "largest_decrease",
    "n_constraint_violations",
    "n_trial_passes",
    "n_function_values",
)
#: What is said about the cell's speed.
SPEED = {
    "arrivals": lambda fits, best: arrivals(fits, best_value(best)),
    "run_time_distributions": lambda fits, best: run_time_distributions(fits, best_value(best)),
    "cost_ratios": lambda fits, best: cost_ratios(fits, best, "method0"),
    "data_profiles": lambda fits, best: data_profiles(solution_costs(fits, best_value(best))),
    "performance_profiles": lambda fits, best: performance_profiles(
        expected_running_time(fits, best)["passes_per_hit"]
        .expand_dims(cell=1)
        .assign_coords(problem=("cell", ["a"]))
    ),
    "learning_rates": lambda fits, best: learning_rates(fits, best, SETTINGS),
    "tuning_costs": lambda fits, best: tuning_costs(fits, best, SETTINGS),
    "parametrisation_spread": lambda fits, best: parametrisation_spread(fits, best, CHARTS),
    "observed_rates": lambda fits, best: observed_rates(fits, optima_of(["proper", "proper"])),
    "conduct": lambda fits, best: conduct(fits.assign({name: fits["n_passes"] * 0 for name in CONDUCT})),
}


def best_value(best):
    return BEST - 20.0 * best if best >= 0 else np.nan


def with_traces(fits):
    """The same cell with the traces of fits that go to their optima in three passes."""
    optimum = fits["optimum"].values
    gaps = np.where(fits["n_passes"].values[..., None] > 0, [5.0, 0.1, 0.0], np.nan)
    made = traced(gaps, optimum, methods=fits["method"].values.tolist())
    return made.assign(n_passes=fits["n_passes"], seconds=fits["seconds"])


@pytest.mark.parametrize("function", SPEED)
@pytest.mark.parametrize("name", CELLS)
def test_what_is_missing_about_speed_has_its_reason(name, function):
    fits, best = CELLS[name]
    found = SPEED[function](with_traces(fits), best)
    for variable, values in found.data_vars.items():
        text = "reason_same" if variable.startswith("same_optimum") else "reason"
        if values.dtype.kind != "f" or not set(found[text].dims) <= set(values.dims):
            continue
        missing = np.isnan(values)
        unexplained = missing & (found[text] == "")
        assert not unexplained.any(), (function, variable)
        if best < 0 and function != "observed_rates" and variable.startswith(ABOUT_THE_BEST):
            assert missing.all(), (function, variable)


#: Numbers that rest on the best known optimum.
ABOUT_THE_BEST = (
    "hit_",
    "passes_per_hit",
    "tuning_cost",
    "best_learning_rate",
    "share_profile",
    "cost_spread",
)


@pytest.mark.parametrize("name", CELLS)
def test_bands_of_gaps_of_any_cell(name):
    fits, best = CELLS[name]
    bands = gap_bands(with_traces(fits), best_value(best))
    assert np.isnan(bands["gap_median"].sel(reference="best")).all() or (bands["n_fits"] > 0).any()


@pytest.mark.parametrize("name", ["no proper optimum", "all failed", "not run", "no restarts"])
def test_no_number_is_made_up(name):
    fits, best = CELLS[name]
    for function in (hit_rates, expected_running_time, cheapest, paired_comparison, advice):
        found = function(fits, best)
        for variable, values in found.data_vars.items():
            if values.dtype.kind == "f":
                assert np.isnan(values.values).all(), (function, variable)


def test_cells_of_a_real_sweep_one_by_one_and_together(tree):
    root = tree.to_dataset()
    known = []
    for problem, family, n_components in cells_of(tree):
        fits, optima = cell_datasets(tree, (problem, family, n_components))
        best = best_known(optima)
        for function in FUNCTIONS:
            assert function(fits, best).sizes is not None
        place = {"problem": [problem], "family": [family], "n_components": [n_components]}
        known.append(xr.DataArray([[[best]]], coords=place, dims=list(place), name="best"))
        alone = expected_running_time(fits, best)
        together = expected_running_time(
            root.sel(problem=problem, family=family, n_components=n_components), best
        )
        xr.testing.assert_allclose(alone, together.drop_vars(list(place)))
    best = xr.combine_by_coords(known, fill_value=-1, join="outer")["best"].reindex_like(
        root["status"][..., 0, 0, 0]
    )
    rates = hit_rates(root, best.astype(int))
    missing = rates.sel(problem="iris", n_components=2)
    assert (missing["n_fits"] == 0).all()
    assert (missing["reason"] == "cannot say: no fits were run").all()
    found = advice(
        root.sel(problem="faithful", family="gaussian-full"),
        best.sel(problem="faithful", family="gaussian-full"),
    )
    assert found["n_cells"].item() == 2
    assert found["statement"].item().startswith(("Use ", "Cannot say: "))
