"""How the tables of the page show their columns: each column once, and which columns each table shows."""

from __future__ import annotations

from typing import Any

from mixsweep.report.meaning import note

__all__ = ["TABLE_COLUMNS"]

#: Headings of columns, by their format. Intervals (of shares), ranges (of counts) and estimates (of numbers)
#: also show the columns ``NAME_low`` and ``NAME_high``; a pair is a method with its ``best_initializer``.
_HEADINGS: dict[str, dict[str, str]] = {
    "text": {
        "problem": "Problem",
        "family": "Family",
        "initializer": "Initializer",
        "role": "Restarts are",
        "method_a": "First",
        "method_b": "Second",
        "reference_method": "EM arm",
        "optimum_a": "Optimum",
        "optimum_b": "and",
        "escape_optimum": "lead to",
        "criterion": "Criterion",
        "unit": "Unit",
        "what": "Cost",
        "reference": "Optimum",
        "model": "Model",
        "term": "Term",
        "optimiser": "Optimiser",
        "bound_family": "Bound is from",
        "cheapest_method": "Cheapest method",
        "cheapest_initializer": "and initializer",
        "best_parametrisation": "Best",
        "worst_parametrisation": "Worst",
        "restart_numbers": "Restart numbers",
        "shard": "Shard",
        "way": "Fits run",
    },
    "method": {"method": "Method"},
    "pair": {"best_method": "Best"},
    "status": {"status": "Status"},
    "kind": {"kind": "Kind"},
    "command": {"command": "Rerun the shard"},
    "sentence": {"verdict": "Verdict", "statement": "Advice"},
    "words": {"reason": "Missing because", "warning": "Warning"},
    "yes": {"broken": "Broken"},
    "count": {
        "n_components": "K",
        "n_rows": "Rows",
        "n_features": "Features",
        "optimum": "Optimum",
        "n_fits": "Fits",
        "n_fits_total": "Of all fits",
        "n_hits": "Hits",
        "n_failures": "Failures",
        "n_optima": "Optima",
        "n_proper": "Proper",
        "n_copies": "Copies",
        "n_ascending": "Ways up",
        "n_starts_ended": "Starts that ended",
        "n_fits_ended": "Fits that ended",
        "n_optima_arm": "Optima of the method",
        "n_cells_answered": "Cells answered",
        "n_cells": "Of cells",
        "n_rates": "Rates compared",
        "choice": "Most often",
        "n_starts": "Starts",
        "n_both": "Both hit",
        "n_only_a": "Only first",
        "n_only_b": "Only second",
        "n_neither": "Neither",
        "n_flow": "End so",
        "n_clusters": "Clusters",
        "n_observations": "Counts",
        "bound_n_components": "with K",
        "n_counted": "Starts counted",
        "n_rated": "Fits rated",
        "n_decreases": "Steps down",
        "n_constraint_violations": "No mixtures",
        "n_tried": "Tried",
        "n_passes": "Passes",
        "expected_passes": "Passes",
        "restart": "Restart",
        "n_measured": "Fits measured",
        "n_failed": "Failed",
        "n_repeats": "Repeats",
    },
    "log-likelihood": {
        "best_log_likelihood": "Best log-likelihood",
        "unrestricted_log_likelihood": "Highest of any kind",
        "log_likelihood": "Log-likelihood",
        "bound": "Bound",
        "height_a": "Height of the first",
        "height_b": "of the second",
    },
    "nats": {"gap": "Gap, nats", "deficit": "Deficit, nats", "unrestricted_gap": "above the best, nats"},
    "tolerance": {"tolerance": "Tolerance, nats"},
    "percent": {
        "unseen_share_boender": "Unseen, Boender and Rinnooy Kan",
        "cheapest_share": "Share of resamples",
        "chance": "Chance",
        "chance_none": "None",
        "share_trial": "Passes not accepted",
        "share_settled": "Fits whose rate settled",
        "scatter": "Scatter",
    },
    "interval": {
        "hit_rate": "Hit rate",
        "unseen_share": "Unseen, Good-Turing",
        "basin_share": "Basin share",
        "difference": "Difference",
        "share_same": "Same optimum",
        "share_reached": "Arrived",
        "share_decreasing": "Fits with a step down",
        "share_violating": "Fits that left the mixtures",
        "hit_rate_spread": "Spread of hit rates",
    },
    "range": {"restarts": "Restarts", "restarts_95": "Restarts 95 %", "restarts_99": "Restarts 99 %"},
    "estimate": {
        "n_optima_chao1": "Optima, Chao1",
        "cost_per_hit": "Cost per hit",
        "passes_per_hit": "Passes per hit",
        "cost_median": "Median",
        "cost_per_arrival": "Cost per arrival",
        "ratio": "Ratio",
        "estimate": "Estimate",
        "decay": "Change of log rate per component",
        "observed_rate": "Observed rate",
        "seconds_per_pass": "Seconds a pass",
        "seconds_per_fit": "Seconds a fit",
        "processor_seconds_per_fit": "Processor seconds a fit",
        "seconds_ratio": "Times the first method's",
    },
    "rate": {"em_rate": "EM in theory", "em_rate_second": "Second eigenvalue"},
    "seconds": {"expected_seconds": "Seconds"},
    "number": {
        "smallest_weight": "Smallest weight",
        "smallest_eigenvalue_ratio": "Smallest eigenvalue ratio",
        "closest_components": "Closest components",
        "leave_one_out_gain": "Gain without a row, nats",
        "leave_one_out_moved": "Moved without a row",
        "largest_curvature": "Largest curvature",
        "n_optima_boender": "Optima, Boender and Rinnooy Kan",
        "adjusted_rand": "Adjusted Rand index",
        "density_distance": "Density distance, nats",
        "barrier_a": "Down from the first, nats",
        "barrier_b": "Down from the second, nats",
        "relaxed_barrier": "Direct, risen",
        "straight_barrier": "Direct, straight",
        "p_value": "p, mid-p",
        "p_holm": "p, Holm",
        "standard_error": "Standard error",
        "lowest": "Least",
        "highest": "Largest",
        "dispersion": "Dispersion",
        "cost_q25": "Quartile 1",
        "cost_q75": "Quartile 3",
        "rate_difference": "Difference",
        "em_passes_per_digit": "Passes per digit",
        "largest_decrease": "Largest, nats",
        "learning_rate": "Step size",
        "best_learning_rate": "Best",
        "tuning_cost": "Cost of tuning",
        "cost_spread": "Spread of costs",
        "busy": "Wall over processor time",
    },
}

#: What stands for a missing value, where it is no dash: it is infinite, or means all.
_EMPTY = {
    **dict.fromkeys(("restarts_95", "restarts_99", "cost_per_hit", "passes_per_hit"), "∞"),
    **dict.fromkeys(("cost_per_arrival", "cost_spread", "n_optima_boender", "straight_barrier"), "∞"),
    **dict.fromkeys(("cost_q25", "cost_median", "cost_q75"), "never"),
    **dict.fromkeys(("reason", "warning"), ""),
    "problem": "all cells",
}

#: Tables whose restarts are missing where nothing can be said, never infinite.
_UNSAID = {("verdicts", "restarts_95"), ("advice", "restarts_95")}

#: What columns mean that only the page has.
_NOTES = {
    "what": "to the first hit, or to an optimum that both methods reach from the same start",
    "ratio": "cost of the EM arm over that of the method",
    "n_counted": "starts that the ratio rests on",
    "cost_per_hit": note("passes_per_hit"),
    "restart_numbers": "the first few restarts of the fits",
}

_CELL = ("problem", "family", "n_components")
_ARM = (*_CELL, "method", "initializer")

#: Columns that each table of the page shows.
_SHOWN: dict[str, tuple[str, ...]] = {
    "verdicts": (
        *(*_CELL, "verdict", "best_log_likelihood", "hit_rate", "restarts_95", "best_method", "n_optima"),
        *("n_proper", "unseen_share", "n_fits", "n_failures", "unrestricted_log_likelihood"),
        *("unrestricted_gap", "n_rows", "n_features", "reason"),
    ),
    "advice": (
        *("problem", "statement", "method", "initializer", "restarts", "expected_passes"),
        *("expected_seconds", "restarts_95", "hit_rate", "n_hits", "n_fits", "n_rates"),
        *("n_cells_answered", "n_cells"),
    ),
    "optima": (
        *(*_CELL, "optimum", "log_likelihood", "gap", "kind", "basin_share", "n_fits", "n_copies"),
        *("smallest_weight", "smallest_eigenvalue_ratio", "closest_components", "largest_curvature"),
        *("leave_one_out_gain", "leave_one_out_moved", "n_ascending", "escape_optimum"),
    ),
    "basin_shares": (*_ARM, "optimum", "kind", "basin_share", "n_fits", "n_fits_total"),
    "unseen": (
        *(*_CELL, "initializer", "unseen_share", "n_starts_ended", "n_optima", "n_optima_chao1"),
        *("reason", "warning"),
    ),
    "unseen_by_method": (
        *(*_ARM, "unseen_share_boender", "n_fits_ended", "n_optima_arm", "n_optima_boender"),
        *("reason", "warning"),
    ),
    "agreement": (*_CELL, "optimum_a", "optimum_b", "adjusted_rand", "density_distance"),
    "selection": (
        *("problem", "family", "criterion", "method", "initializer", "restarts", "n_components", "chance"),
        *("choice", "chance_none", "reason"),
    ),
    "barriers": (
        *(*_CELL, "optimum_a", "optimum_b", "height_a", "height_b", "barrier_a", "barrier_b"),
        *("relaxed_barrier", "straight_barrier", "density_distance", "reason"),
    ),
    "hit_rates": (
        *(*_ARM, "role", "hit_rate", "n_hits", "n_fits", "restarts_95", "restarts_99", "reason"),
        "warning",
    ),
    "costs": (*_ARM, "unit", "cost_per_hit", "n_hits", "n_fits", "reason"),
    "cheapest": (*_CELL, "unit", "cheapest_method", "cheapest_initializer", "cheapest_share", "reason"),
    "pairs": (
        *(*_CELL, "method_a", "method_b", "initializer", "difference", "p_value", "p_holm", "n_starts"),
        *("n_both", "n_only_a", "n_only_b", "n_neither", "reason"),
    ),
    "flow": (
        *(*_CELL, "method_a", "method_b", "initializer", "optimum_a", "optimum_b", "n_flow", "n_starts"),
        "share_same",
    ),
    "trend": (
        *("model", "term", "estimate", "standard_error", "lowest", "highest", "n_clusters"),
        *("n_observations", "dispersion", "reason"),
    ),
    "decay": ("problem", "method", "initializer", "decay", "n_clusters", "reason"),
    "nesting": (
        *(*_CELL, "broken", "log_likelihood", "bound", "deficit", "bound_family", "bound_n_components"),
        "reason",
    ),
    "convergence": (
        *(*_ARM, "tolerance", "reference", "unit", "share_reached", "n_fits", "cost_q25", "cost_median"),
        *("cost_q75", "cost_per_arrival", "reason"),
    ),
    "ratios": (
        *(*_CELL, "reference_method", "method", "initializer", "unit", "what", "ratio", "n_counted"),
        *("n_starts", "reason"),
    ),
    "rates": (
        *(*_CELL, "optimum", "kind", "method", "observed_rate", "em_rate", "rate_difference"),
        *("em_rate_second", "em_passes_per_digit", "n_rated", "share_settled", "reason"),
    ),
    "timing": (
        *(*_CELL, "method", "way", "seconds_per_pass", "seconds_per_fit", "processor_seconds_per_fit"),
        *("seconds_ratio", "scatter", "busy", "n_measured", "n_failed", "n_repeats", "reason"),
    ),
    "conduct": (
        *(*_ARM, "share_decreasing", "largest_decrease", "n_decreases", "share_violating"),
        *("n_constraint_violations", "share_trial", "n_fits", "reason"),
    ),
    "step_sizes": (
        *(*_ARM, "optimiser", "learning_rate", "hit_rate", "passes_per_hit", "cost_median", "reason"),
    ),
    "tuning": (
        *(*_CELL, "optimiser", "initializer", "n_tried", "best_learning_rate", "tuning_cost", "reason"),
    ),
    "parametrisations": (
        *(*_CELL, "optimiser", "initializer", "hit_rate_spread", "cost_spread", "best_parametrisation"),
        *("worst_parametrisation", "reason"),
    ),
    "statuses": (*_ARM, "status", "n_fits", "n_fits_total"),
    "failures": ("status", *_ARM, "n_fits", "restart_numbers", "command"),
    "first_failures": (*_ARM, "restart", "status", "log_likelihood", "n_passes", "shard", "command"),
}

_FORMATS = {name: form for form, names in _HEADINGS.items() for name in names}


def _column(name: str, table: str) -> dict[str, Any]:
    form = _FORMATS[name]
    return {
        "name": name,
        "label": _HEADINGS[form][name],
        "format": form,
        "empty": "\N{EN DASH}" if (table, name) in _UNSAID else _EMPTY.get(name, "\N{EN DASH}"),
        "note": _NOTES.get(name) or note(name, table),
    }


#: Columns of each table: name, heading, format, what stands for a missing value, and a note on the heading.
TABLE_COLUMNS: dict[str, tuple[dict[str, Any], ...]] = {
    table: tuple(_column(name, table) for name in names) for table, names in _SHOWN.items()
}
