"""The tables that a sweep's analysis writes: their columns in order, and what these mean."""

from __future__ import annotations

from mixsweep.analysis.metrics import Metric, metric
from mixsweep.analysis.metrics.by_table import BY_TABLE
from mixsweep.schema import KINDS

__all__ = ["APART", "COLUMNS", "KEYS", "ROWS", "TEXT", "TIMING", "record", "with_interval"]


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
        *("n_rows", "n_features", "best_log_likelihood", "unrestricted_log_likelihood", "unrestricted_gap"),
        *("n_fits", "n_hits", *with_interval("hit_rate")),
        *("n_optima", "n_proper", "n_copies", "n_failures", *with_interval("unseen_share"), "missed_chance"),
        *("best_method", "best_initializer", *with_interval("restarts_95"), "n_rates"),
        *("reason", "warning", "verdict"),
    ),
    # one row a problem
    "advice": (
        *("problem", "method", "initializer", "restarts", "expected_passes", "expected_seconds"),
        *("n_hits", "n_fits", *with_interval("hit_rate", "restarts_95"), "n_rates"),
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
        *("leave_one_out_row", "leave_one_out_gain", "leave_one_out_moved"),
    ),
    # optima in which no fit of the arm ended have no row
    "basin_shares": (*_ARM, "optimum", "kind", "n_fits", "n_fits_total", *with_interval("basin_share")),
    # of the starts, which the methods share
    "unseen": (
        *(*_KEY, "initializer", "n_starts_ended", "n_optima"),
        *(*with_interval("unseen_share", "n_optima_chao1"), "reason", "warning"),
    ),
    # of the fits of one method
    "unseen_by_method": (
        *(*_ARM, "n_fits_ended", "n_optima_arm", "n_optima_boender", "unseen_share_boender"),
        *("reason", "warning"),
    ),
    "rarefaction": (*_ARM, "restarts", *with_interval("expected_optima")),
    "agreement": (*_KEY, "optimum_a", "optimum_b", "adjusted_rand", "density_distance"),
    "barriers": (
        *(*_KEY, "optimum_a", "optimum_b", "height_a", "height_b", "straight_barrier", "relaxed_barrier"),
        *("barrier_a", "barrier_b", "density_distance", "reason"),
    ),
    "selection": (
        *("problem", "family", "criterion", "method", "initializer", "restarts", "n_components", "chance"),
        *("chance_none", "choice", "reason"),
    ),
    "hit_rates": (
        *(
            *_ARM,
            "role",
            "n_fits",
            "n_hits",
            *with_interval("hit_rate", "restarts_90", "restarts_95", "restarts_99"),
        ),
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
        *("model", "family", "n_components", "n_features", "n_rows", "separation", "method", "initializer"),
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
        *("n_rated", "share_settled", "rate_difference", "reason"),
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

#: Tables that are made apart from the others, from the landscapes.
APART = frozenset({"barriers"})

#: Columns of the summary of a cell's seconds, measured apart from the sweep.
TIMING = (
    *("method", "way", *with_interval("seconds_per_fit", "seconds_per_pass", "processor_seconds_per_fit")),
    *(*with_interval("seconds_ratio"), "scatter", "busy", "n_repeats", "n_measured", "n_failed", "reason"),
)


def _key(name: str, meaning: str, unit: str = "") -> Metric:
    return Metric(name, meaning, unit)


_KEYS = (
    # what a row is of
    _key("problem", "problem; empty where the row is over all of them"),
    _key("family", "component family with its covariance structure; empty where the row is over all"),
    _key("n_components", "number of mixture components K", "1"),
    _key("method", "method, by its label in the config; in advice the one to use"),
    _key("initializer", "kind of start, “all” for all but oracles together; in advice the one to use"),
    _key("method_a", "first method of the pair"),
    _key("method_b", "second method of the pair"),
    _key("reference_method", "arm of EM that the method is compared with"),
    _key("optimum", "number of the optimum in its cell, 0 for the highest of any kind", "1"),
    _key("optimum_a", "number of the first optimum; “other” for those set together, “none” for none"),
    _key("optimum_b", "number of the second optimum; “other” for those set together, “none” for none"),
    _key("kind", f"what the optimum is: {', '.join(KINDS)}"),
    _key("status", "why the fits stopped"),
    _key("restart", "number of the restart within its cell and initializer", "1"),
    _key("restarts", "restarts that are looked at; in advice those to make in each cell", "1"),
    _key("criterion", "criterion that chooses the number of components: bic or icl"),
    _key("unit", "unit of the cost: passes or seconds"),
    _key("reference", "distance from which optimum: the fit's own (own) or the best known (best)"),
    _key("tolerance", "distance from the optimum that counts as arrived", "nat"),
    _key(
        "accuracy", "share of the rise in log-likelihood that may be missing of a start that is solved", "1"
    ),
    _key("model", "what the fitted model is of"),
    _key("term", "term of the fitted model"),
    _key(
        "role",
        "what the restarts are: drawn; copies of one start; or oracle, made from the generating parameters. "
        "Verdicts and advice are of those drawn",
    ),
    _key("way", "how the fits were run: alone, one after the other, or batched"),
    # what only tables have
    _key("n_rows", "rows of the data", "1"),
    _key("n_features", "features of the data", "1"),
    _key("separation", "smallest distance of two generating means, in standard deviations", "1"),
    _key("best_log_likelihood", "log-likelihood of the highest proper optimum known, data units", "nat"),
    _key(
        "unrestricted_log_likelihood",
        "log-likelihood of the highest optimum of any kind, degenerate and spurious ones included",
        "nat",
    ),
    _key(
        "unrestricted_gap",
        "unrestricted_log_likelihood minus best_log_likelihood; 0 where no optimum lies above the best known",
        "nat",
    ),
    _key("log_likelihood", "log-likelihood on all rows, data units; in nesting the cell's highest", "nat"),
    _key("gap", "log-likelihood of the best known optimum minus that of this one", "nat"),
    _key("n_proper", "optima that are proper local maxima", "1"),
    _key("n_failures", "fits that collapsed, diverged, stalled or ended in an error", "1"),
    _key(
        "missed_chance",
        "chance that a better optimum with at least the best known one's basin, or half of start space, was "
        "missed by the best method and initializer; 0 where the likelihood has 1 maximum in closed form",
        "1",
    ),
    _key("best_method", "method of the arm with the fewest expected passes to the best known optimum"),
    _key("best_initializer", "initializer of the arm with the fewest expected passes to it"),
    Metric(
        "p_holm",
        "p_value adjusted by Holm's step-down procedure for one family of comparisons, all rows of the table "
        "that have a p-value: every cell, pair of methods and initializer, and all initializers together. "
        "Where all rows below a level are claimed to differ, the chance of any false claim is at most that",
        source="Holm (1979)",
    ),
    _key("escape_optimum", "optima to which the ways up from a saddle lead"),
    _key("n_passes", "passes of the fit over all rows", "pass"),
    _key("shard", "file of the fit's shard, relative to the results folder"),
    _key("command", "command that computes this shard again"),
    _key("warning", "what must be known of the numbers of the row; empty where nothing"),
    _key("verdict", "what the cell's numbers say, in a sentence"),
)
#: What columns mean that name a row, or that only tables have; the others' numbers are in `METRICS`.
KEYS: dict[str, Metric] = {record.name: record for record in _KEYS}


def record(column: str, table: str = "") -> Metric:
    """Return what a column means; of an end of an interval, what its number does.

    Parameters
    ----------
    column : str
    table : str
        Where a column of that table means something of its own, this is returned.

    Raises
    ------
    MixsweepError
        If there is no such column.
    """
    own = BY_TABLE.get(table, {})
    number = column.removesuffix("_low").removesuffix("_high")
    return own.get(column) or own.get(number) or KEYS.get(column) or metric(column)


#: Columns that hold text; all others hold numbers.
TEXT = frozenset(name for columns in (*COLUMNS.values(), TIMING) for name in columns if not record(name).unit)

#: What a row of each table is, and what the table is about.
ROWS: dict[str, tuple[str, str]] = {
    "verdicts": ("cell", "best value, how often it was reached, what was not seen, and the verdict in words"),
    "advice": ("problem", "method, start and number of restarts for the hardest of its cells"),
    "optima": ("optimum", "value, kind, basin share and the evidence for the kind"),
    "basin_shares": ("optimum, method and initializer", "how often the method's fits end there"),
    "unseen": ("initializer", "what its starts have not shown by any method: share and number of optima"),
    "unseen_by_method": ("method and initializer", "what the method has not shown, if its basins are even"),
    "rarefaction": ("method, initializer and number of restarts", "optima found on average"),
    "agreement": ("pair of leading optima", "how alike their clusterings and densities are"),
    "barriers": ("pair of leading maxima", "how far the ways between them lead down"),
    "selection": (
        "method, initializer, criterion, number of restarts and K",
        "chance that the criterion chooses this K",
    ),
    "hit_rates": ("method and initializer", "how often the best known optimum is reached, restarts needed"),
    "costs": ("method and initializer", "expected cost to the first hit"),
    "cheapest": ("cell and unit", "the cheapest arm, and how sure that is"),
    "pairs": (
        "pair of methods and initializer",
        "hit rates compared on the same starts; of copies of one start, one counts",
    ),
    "flow": (
        "pair of methods, initializer and pair of optima",
        "where the same starts lead; of copies of one start, one counts",
    ),
    "nesting": ("cell", "whether a cell that it contains has a higher value"),
    "trend": ("model and term", "how hit rates and numbers of optima depend on the design"),
    "difficulty": ("model and point of the design", "the hit rate that the model expects"),
    "decay": ("method and initializer, over all cells and by problem", "how fast hit rates fall with K"),
    "convergence": (
        "method, initializer, reference, unit and tolerance",
        "how many fits come near the optimum, and after what cost",
    ),
    "run_time": ("method, reference, tolerance and cost", "share of fits that had arrived by then"),
    "gaps": ("method, initializer, reference and cost", "quantiles of the distance from the optimum"),
    "ratios": ("method, initializer, EM arm and unit", "cost of EM over that of the method"),
    "rates": ("method and optimum", "observed rate of convergence, and EM's in theory"),
    "conduct": ("method and initializer", "steps down, points that were no mixtures, passes not accepted"),
    "step_sizes": ("method and initializer", "hit rate and cost against the step size"),
    "tuning": ("optimiser and initializer", "what finding the best step size costs"),
    "parametrisations": ("optimiser and initializer", "how much the choice of coordinates matters"),
    "performance_profiles": ("method, initializer, unit and cost ratio", "share of cells within that ratio"),
    "data_profiles": ("method, initializer, accuracy and number of passes", "share of starts solved"),
    "statuses": ("method, initializer and status", "how many fits stopped for this reason"),
    "failures": ("failed fit", "its status, its shard and the command that runs it again"),
}
