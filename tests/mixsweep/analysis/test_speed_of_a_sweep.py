"""The analyses of speed on a real sweep: they fit together, and agree where they say the same."""

from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.helpers import SWEPT

from mixsweep.analysis.arrivals import arrivals, run_time_distributions
from mixsweep.analysis.conduct import conduct
from mixsweep.analysis.gaps import first_costs, gap_bands
from mixsweep.analysis.multimodality import best_known
from mixsweep.analysis.profiles import data_profiles, performance_profiles, solution_costs
from mixsweep.analysis.rates import em_rates, observed_rates
from mixsweep.analysis.ratios import cost_ratios
from mixsweep.analysis.running_time import expected_running_time
from mixsweep.analysis.tables import cell_datasets, cells_of
from mixsweep.collect import GRID, methods_of
from mixsweep.problems import load_builtin


@pytest.fixture(params=SWEPT, ids=lambda key: f"{key[0]}-K{key[2]}")
def swept(request, tree):
    """A cell's key, fits, optima, and number and height of the best known optimum."""
    fits, optima = cell_datasets(tree, request.param)
    best = best_known(optima)
    return request.param, fits, optima, best, float(optima["log_likelihood"][best])


def test_the_tables_agree(swept):
    _, fits, _, best, height = swept
    found = arrivals(fits, height)
    own = found.sel({"reference": "own", "unit": "passes", "tolerance": 1e-4})
    within = fits["polished_log_likelihood"] - fits["trace_log_likelihood"] <= 1e-4
    first = fits["trace_passes"].where(within, np.inf).min("checkpoint")
    np.testing.assert_array_equal(own["n_reached"], np.isfinite(first).sum("restart"))
    median = np.quantile(first.values, 0.5, axis=2, method="inverted_cdf")
    np.testing.assert_array_equal(own["cost_median"], median)
    curves = run_time_distributions(fits, height)
    np.testing.assert_allclose(curves["share_arrived"].isel(point=-1), found["share_reached"])
    np.testing.assert_allclose(curves["share_never"], 1 - found["share_reached"])
    # within a nat of the best known are those that end there, but for optima as near as that
    near = found.sel({"reference": "best", "unit": "passes", "tolerance": 1e-2})
    assert (near["n_reached"] <= expected_running_time(fits, best)["n_hits"]).all()


def test_bands_and_arrivals_tell_the_same_time(swept):
    _, fits, _, _, height = swept
    bands = gap_bands(fits, height)
    first = first_costs(fits, height)
    for unit in ("passes", "seconds"):
        cost = bands["cost"].sel(unit=unit).values
        median = bands["gap_median"].sel(unit=unit, reference="own").values
        arrived = first.sel({"unit": unit, "reference": "own", "tolerance": 1e-4}).values[..., None] <= cost
        half = 2 * arrived.sum(axis=2) >= fits.sizes["restart"]
        # EM and a line search that only goes up: who is near stays near
        np.testing.assert_array_equal(median <= 1e-4, half)


def test_ratios_rates_and_conduct(swept, tree):
    (problem, family, n_components), fits, optima, best, height = swept
    ratios = cost_ratios(fits, best, "em")
    assert ratios["method"].values.tolist() == ["quasi-newton"]
    known = ratios["reason"] == ""
    assert (ratios["hit_cost_ratio"].notnull() == known).all()
    assert ((ratios["hit_cost_ratio_low"] <= ratios["hit_cost_ratio_high"]) | ~known).all()
    theory = em_rates(load_builtin(problem), optima)
    assert ((theory["em_rate"] < 1) | (optima["kind"][:12] != 0)).all()
    observed = observed_rates(fits, optima)
    assert (observed["observed_rate"].fillna(0.5) < 1).all()
    assert (data_profiles(solution_costs(fits, height))["share_profile"].fillna(0) <= 1).all()
    group = tree[f"{problem}/{family}/K{n_components}/fits"].to_dataset(inherit=False)
    counts = ["n_decreases", "largest_decrease", "n_constraint_violations", "n_trial_passes"]
    found = conduct(fits.assign({name: group[name] for name in [*counts, "n_function_values"]}))
    assert (found["n_decreases"].sel({"method": "em"}) == 0).all()
    assert (found["share_trial"].sel({"method": "em"}) == 0).all()
    assert set(methods_of(tree)) == {"em", "quasi-newton"}


def test_a_performance_profile_over_the_cells_of_a_sweep(tree):
    costs = []
    for key in cells_of(tree):
        fits, optima = cell_datasets(tree, key)
        costs.append(expected_running_time(fits, best_known(optima))["passes_per_hit"])
    import xarray as xr

    together = xr.concat(costs, "cell", coords="minimal", compat="override")
    found = performance_profiles(together.assign_coords(problem=("cell", [key[0] for key in cells_of(tree)])))
    assert int(found["n_compared"]) == len(SWEPT)
    assert found["share_cheapest"].values.sum() >= 1
    assert set(GRID).isdisjoint(found.coords)
