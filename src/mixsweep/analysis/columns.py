"""Columns of the tables that a sweep's analysis writes, in order."""

from __future__ import annotations

__all__ = ["COLUMNS", "TEXT", "TIMING", "with_interval"]


def with_interval(*names: str) -> tuple[str, ...]:
    """Return names, each followed by those of its interval's ends."""
    return tuple(f"{name}{end}" for name in names for end in ("", "_low", "_high"))


_KEY = ("problem", "family", "n_components")
_ARM = (*_KEY, "method", "initializer")
_PAIR = (*_KEY, "method_a", "method_b", "initializer")

#: Columns of each table. What the numbers mean is in `mixsweep.analysis.metrics`.
COLUMNS: dict[str, tuple[str, ...]] = {
    # one row a cell
    "verdicts": (
        *_KEY,
        *("n_rows", "n_features", "best_log_likelihood", "n_fits", "n_hits", *with_interval("hit_rate")),
        *("n_optima", "n_proper", "n_copies", "n_failures", *with_interval("unseen_share"), "missed_chance"),
        *("best_method", "best_initializer", "restarts_95", "reason", "warning", "verdict"),
    ),
    # one row a problem
    "advice": (
        *("problem", "method", "initializer", *with_interval("restarts")),
        *("expected_passes", "expected_seconds", "n_hits", "n_fits", *with_interval("hit_rate")),
        *("n_cells_answered", "n_cells", "reason", "statement"),
    ),
    "optima": (
        *_KEY,
        *(
            "optimum",
            "log_likelihood",
            "gap",
            "kind",
            "n_fits",
            "n_fits_total",
            *with_interval("basin_share"),
        ),
        *("n_copies", "smallest_weight", "smallest_eigenvalue_ratio", "closest_components"),
        *("gradient_norm", "largest_curvature", "n_ascending", "escape_optimum", "classification_entropy"),
    ),
    # optima in which no fit of the arm ended have no row
    "basin_shares": (*_ARM, "optimum", "kind", "n_fits", "n_fits_total", *with_interval("basin_share")),
    # the first two estimates are of all methods' fits together, the same in every row of an initializer
    "unseen": (
        *(*_ARM, "n_starts_ended", "n_optima", *with_interval("unseen_share", "n_optima_chao1")),
        *("n_fits_ended", "n_optima_arm", "n_optima_boender", "unseen_share_boender", "reason", "warning"),
    ),
    "rarefaction": (*_ARM, "restarts", *with_interval("expected_optima")),
    "agreement": (*_KEY, "optimum_a", "optimum_b", "adjusted_rand", "density_distance"),
    "selection": (
        *("problem", "family", "criterion", "method", "initializer", "restarts", "n_components", "chance"),
        *("chance_none", "choice", "reason"),
    ),
    "hit_rates": (
        *(*_ARM, "n_fits", "n_hits", *with_interval("hit_rate", "restarts_90", "restarts_95", "restarts_99")),
        *("reason", "warning"),
    ),
    "costs": (
        *(*_ARM, "n_fits", "n_hits", *with_interval("passes_per_hit", "seconds_per_hit")),
        "reason",
    ),
    "cheapest": (*_KEY, "unit", "cheapest_method", "cheapest_initializer", "cheapest_share", "reason"),
    # the initializer "all" stands for the starts of all of them together
    "pairs": (
        *(*_PAIR, "n_starts", "n_both", "n_only_a", "n_only_b", "n_neither", *with_interval("difference")),
        *("p_value", "p_holm", "reason"),
    ),
    "flow": (*_PAIR, "optimum_a", "optimum_b", "n_flow", "n_starts", *with_interval("share_same")),
    "nesting": (
        *(*_KEY, "log_likelihood", "bound", "bound_family", "bound_n_components", "deficit", "broken"),
        "reason",
    ),
    "trend": (
        *("model", "term", *with_interval("estimate"), "standard_error", "lowest", "highest"),
        *("n_clusters", "n_observations", "degrees_of_freedom", "dispersion", "reason"),
    ),
    "difficulty": (
        *("model", "n_components", "n_features", "n_rows", "separation", "method", "initializer"),
        *(*with_interval("predicted_hit_rate"), "reason"),
    ),
    "decay": ("problem", "family", "method", "initializer", *with_interval("decay"), "n_clusters", "reason"),
    "convergence": (
        *(*_ARM, "reference", "unit", "tolerance", "n_fits", "n_reached", *with_interval("share_reached")),
        *("cost_q25", *with_interval("cost_median"), "cost_q75", *with_interval("cost_per_arrival")),
        "reason",
    ),
    # by passes, all initializers together
    "run_time": (*_KEY, "method", "reference", "tolerance", "passes", "share_reached", "n_fits"),
    "gaps": (
        *(*_ARM, "reference", "cost", "n_fits"),
        *("gap_q05", "gap_q25", "gap_median", "gap_q75", "gap_q95"),
    ),
    "ratios": (
        *(*_ARM, "reference_method", "unit", "n_starts", *with_interval("hit_cost_ratio"), "reason"),
        *(*with_interval("same_optimum_ratio"), "n_same", "reason_same"),
    ),
    "rates": (
        *(*_KEY, "method", "optimum", "kind", "em_rate", "em_rate_second", "em_rate_error"),
        *("em_passes_per_digit", *with_interval("observed_rate"), "observed_rate_q25", "observed_rate_q75"),
        *("n_rated", "rate_difference", "reason"),
    ),
    "conduct": (
        *(*_ARM, "n_fits", "n_decreases", *with_interval("share_decreasing"), "largest_decrease"),
        *("n_constraint_violations", *with_interval("share_violating"), "n_function_values"),
        *("n_trial_passes", "share_trial", "reason"),
    ),
    # methods of which the sweep has several arms
    "step_sizes": (
        *(*_ARM, "optimiser", "learning_rate", "n_fits"),
        *(*with_interval("hit_rate", "passes_per_hit", "cost_median"), "reason"),
    ),
    "tuning": (
        *(*_KEY, "optimiser", "initializer", "n_tried", "best_learning_rate", "tuning_cost", "reason"),
    ),
    "parametrisations": (
        *(*_KEY, "optimiser", "initializer", "n_tried", *with_interval("hit_rate_spread")),
        *("best_parametrisation", "worst_parametrisation", "cost_spread", "reason"),
    ),
    # over the cells of the sweep
    "performance_profiles": (
        *("unit", "method", "initializer", "cost_ratio", *with_interval("share_within")),
        *("share_solved", "share_cheapest", "n_compared", "n_left_out", "reason"),
    ),
    "data_profiles": (
        *("method", "initializer", "accuracy", "passes", *with_interval("share_profile"), "n_problems"),
        "reason",
    ),
    "statuses": (*_ARM, "status", "n_fits", "n_fits_total"),
    "failures": (*_ARM, "restart", "status", "log_likelihood", "n_passes", "shard", "command"),
}

#: Columns of the summary of a cell's seconds, measured apart from the sweep.
TIMING = (
    *("method", "way", *with_interval("seconds_per_fit", "seconds_per_pass", "processor_seconds_per_fit")),
    *(*with_interval("seconds_ratio"), "scatter", "busy", "n_repeats", "n_measured", "n_failed", "reason"),
)

#: Columns that hold text; all others hold numbers.
TEXT = frozenset(
    {
        *("problem", "family", "method", "initializer", "method_a", "method_b", "reference_method"),
        *("status", "kind", "criterion", "unit", "reference", "model", "term", "optimiser", "bound_family"),
        *("optimum_a", "optimum_b", "escape_optimum", "shard", "command", "reason", "reason_same", "warning"),
        *("best_method", "best_initializer", "cheapest_method", "cheapest_initializer"),
        *("best_parametrisation", "worst_parametrisation", "verdict", "statement", "way"),
    }
)
