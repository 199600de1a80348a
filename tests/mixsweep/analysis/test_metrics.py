from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tests.mixsweep.analysis.traced import BEST, linear, traced
from tests.mixsweep.helpers import ended_in, fits_at, optima_of
from tests.mixsweep.test_timing import measured

from mixsweep.analysis.adaptive import restarts_wanted
from mixsweep.analysis.advice import advice
from mixsweep.analysis.arrivals import arrivals, run_time_distributions
from mixsweep.analysis.census import census
from mixsweep.analysis.conduct import conduct
from mixsweep.analysis.flow import flow
from mixsweep.analysis.gaps import gap_bands
from mixsweep.analysis.landscape import barriers, landscape
from mixsweep.analysis.metrics import METRICS, convergence, global_optimum, metric, multimodality
from mixsweep.analysis.nesting import audit_summary, nesting_audit
from mixsweep.analysis.paired import paired_comparison, pooled_comparison
from mixsweep.analysis.profiles import data_profiles, performance_profiles, solution_costs
from mixsweep.analysis.rarefaction import rarefaction_curves
from mixsweep.analysis.rates import em_rates, observed_rates, rate_agreement
from mixsweep.analysis.ratios import cost_ratios
from mixsweep.analysis.running_time import cheapest, expected_running_time
from mixsweep.analysis.selection import chosen_components
from mixsweep.analysis.sensitivity import learning_rates, parametrisation_spread, tuning_costs
from mixsweep.analysis.shares import basin_shares
from mixsweep.analysis.stability import leave_one_out
from mixsweep.analysis.success import hit_rates
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.analysis.trend import decay_in_k, hit_rate_trend, optima_trend, predicted_hit_rates
from mixsweep.analysis.unseen import unseen_by_initializer, unseen_by_method
from mixsweep.errors import MixsweepError
from mixsweep.problems import load_builtin
from mixsweep.timing import summary

#: Names of cells, and what functions are given and pass on.
LABELS = {
    "problem",
    "family",
    "n_components",
    "method_a",
    "method_b",
    "optimum_a",
    "optimum_b",
    "term",
    "term_",
}
LABELS |= {"method", "initializer", "unit", "cell"}


def returned():
    """What every function returns, by its name."""
    fits = ended_in([[[0, 0, 0, 1]], [[0, 1, 0, -1]]])
    fits = fits.assign(seconds=fits["n_passes"])
    cells = {
        "problem": ("cell", np.array(["a", "a"], object)),
        "family": ("cell", np.array(["f", "f"], object)),
        "n_components": ("cell", [1, 2]),
    }
    audit = nesting_audit(xr.Dataset(cells | {"log_likelihood": ("cell", [-2.0, -3.0])}), 0.01)
    rates = hit_rates(fits, 0).expand_dims(cell=2)
    trend = hit_rate_trend(rates.assign(n_components=("cell", [1, 2])), ["n_components"])
    points = {"n_components": ("point", [1]), "method": ("point", ["em"]), "initializer": ("point", ["a"])}
    counts = xr.Dataset({"n_optima": ("cell", [1, 2]), "n_components": ("cell", [1, 2])})
    return {
        "hit_rates": hit_rates(fits, 0),
        "expected_running_time": expected_running_time(fits, 0),
        "cheapest": cheapest(fits, 0),
        "paired_comparison": paired_comparison(fits, 0),
        "pooled_comparison": pooled_comparison(fits, 0),
        "flow": flow(fits, 0),
        "nesting_audit": audit,
        "audit_summary": audit_summary(audit),
        "hit_rate_trend": trend,
        "optima_trend": optima_trend(counts, ["n_components"]),
        "decay_in_k": decay_in_k(rates.assign(n_components=("cell", [1, 2]))),
        "predicted_hit_rates": predicted_hit_rates(trend, xr.Dataset(points)),
        "advice": advice(fits, 0),
        "restarts_wanted": restarts_wanted(fits, 0, 200, 0.99, 100),
        **returned_by_the_census(fits),
        **returned_about_speed(),
    }


def returned_about_speed():
    methods = {"slow": {"method": "adam", "learning_rate": 0.01}, "quick": {"method": "adam"}}
    methods |= {"plain": {"method": "lbfgs"}, "ratio": {"method": "lbfgs", "weights": "ratio"}}
    fits = traced([[linear(0.5, 8)]] * 4, np.zeros((4, 1, 8), int), methods=list(methods))
    counts = ("n_decreases", "largest_decrease", "n_constraint_violations", "n_function_values")
    counted = fits.assign(dict.fromkeys((*counts, "n_trial_passes"), fits["n_passes"] * 0))
    optima = optima_of(["unresolved"]).assign_attrs(
        family="gaussian-full", n_components=2, covariance_floor=1e-6
    )
    theory, observed = em_rates(load_builtin("faithful"), optima), observed_rates(fits, optima)
    return {
        "gap_bands": gap_bands(fits, BEST),
        "arrivals": arrivals(fits, BEST),
        "run_time_distributions": run_time_distributions(fits, BEST),
        "performance_profiles": performance_profiles(
            expected_running_time(fits, 0)["passes_per_hit"]
            .expand_dims(cell=1)
            .assign_coords(problem=("cell", ["a"]))
        ),
        "data_profiles": data_profiles(solution_costs(fits, BEST)),
        "em_rates": theory,
        "observed_rates": observed,
        "rate_agreement": rate_agreement(theory, observed, "slow"),
        "conduct": conduct(counted),
        "cost_ratios": cost_ratios(fits, 0, "slow"),
        "learning_rates": learning_rates(fits, 0, methods),
        "tuning_costs": tuning_costs(fits, 0, methods),
        "parametrisation_spread": parametrisation_spread(fits, 0, methods),
        "summary": summary(measured(np.ones((2, 6)), np.ones((2, 6)))),
    }


#: Evidence in the census; its other variables are parameters and identifiers.
EVIDENCE = [
    "gradient_norm",
    "largest_curvature",
    "n_ascending",
    "smallest_weight",
    "smallest_eigenvalue_ratio",
    "closest_components",
    "leave_one_out_row",
    "leave_one_out_gain",
    "leave_one_out_moved",
    "n_copies",
    "classification_entropy",
    "n_fits",
    "basin_share",
    "adjusted_rand",
    "density_distance",
]


#: Heights, levels and errors in the landscape; its other variables are places and identifiers.
LANDSCAPE = [
    "height",
    "straight_log_likelihood",
    "relaxed_log_likelihood",
    "straight_level",
    "relaxed_level",
    "connected_level",
    "barrier",
    "node_level",
    "slice_log_likelihood",
    "density_distance",
    "stress",
]


def returned_by_the_census(fits):
    problem = load_builtin("faithful")
    mean, covariance = problem.X.mean(axis=0), np.cov(problem.X.T, bias=True)
    pooled = fits_at(
        problem, np.array([[0.5, 0.5]]), np.stack([[mean, mean]]), np.stack([[covariance, covariance]])
    )
    optima = census(problem, pooled, Thresholds())
    two = optima_of(["proper", "proper"]).assign_attrs(n_parameters=5)
    two = two.assign(classification_entropy=("optimum", [0.0, 0.0]))
    shape = landscape(problem, optima)
    return {
        "census": optima[EVIDENCE],
        "leave_one_out": leave_one_out(problem, optima, 0, np.array([0])).drop_vars(
            ["log_likelihood", "smallest_eigenvalue_ratio"]
        ),
        "landscape": shape[LANDSCAPE],
        "barriers": barriers(shape),
        "basin_shares": basin_shares(fits, two),
        "unseen_by_initializer": unseen_by_initializer(fits, two),
        "unseen_by_method": unseen_by_method(fits, two),
        "rarefaction_curves": rarefaction_curves(fits, two),
        "chosen_components": chosen_components({1: (fits, two), 2: (fits, two)}),
    }


def test_every_variable_that_a_function_returns_has_a_record():
    seen = set()
    for function, dataset in returned().items():
        for name in map(str, dataset.data_vars):
            assert name in LABELS or metric(name), (function, name)
            seen.add(name)
    # and no record is of something that is returned by none
    assert {name for name in METRICS if name not in seen} == set()


def test_an_interval_has_both_ends_and_says_how_it_is_made():
    for function, dataset in returned().items():
        names = set(map(str, dataset.data_vars))
        for name in names:
            if name.endswith(("_low", "_high")):
                own = metric(name)
                assert {f"{own.name}_low", f"{own.name}_high", own.name} <= names, (function, name)
                assert own.interval, own.name


def test_records_are_complete():
    for name, record in METRICS.items():
        assert record.name == name
        assert record.meaning
        assert not record.meaning.endswith(".")
        assert record.better in ("higher", "lower", "neither")
        if "share" in record.meaning.split()[:1]:
            assert record.denominator, name


def test_no_name_has_two_records():
    records = [record for one in (multimodality, global_optimum, convergence) for record in one.RECORDS]
    assert sorted(record.name for record in records) == sorted(METRICS)


def test_an_unknown_metric_is_told_with_the_nearest():
    with pytest.raises(MixsweepError, match="did you mean 'hit_rate'"):
        metric("hit_rat")
