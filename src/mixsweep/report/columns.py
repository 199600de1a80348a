"""How the tables of the page show their columns."""

from __future__ import annotations

from typing import Any

__all__ = ["TABLE_COLUMNS"]


def _column(
    name: str, label: str, form: str = "text", empty: str = "\N{EN DASH}", note: str = ""
) -> dict[str, Any]:
    return {"name": name, "label": label, "format": form, "empty": empty, "note": note}


_CELL = (_column("problem", "Problem"), _column("family", "Family"), _column("n_components", "K", "count"))
_METHOD = (_column("method", "Method", "method"), _column("initializer", "Initializer"))
_RESTARTS = "restarts until the best known optimum is among them with this probability; ∞ without a hit"

#: Columns of each table: name, heading, format, what stands for a missing value, and a note on the heading.
#: Formats: text, method, status, kind, command, count, log-likelihood, nats, percent, interval, range,
#: number, seconds, tolerance, sentence, pair (method and ``best_initializer``). Intervals and ranges also
#: show the columns ``NAME_low`` and ``NAME_high``.
TABLE_COLUMNS: dict[str, tuple[dict[str, Any], ...]] = {
    "verdicts": (
        *_CELL,
        _column("verdict", "Verdict", "sentence"),
        _column(
            "best_log_likelihood",
            "Best log-likelihood",
            "log-likelihood",
            note="highest proper optimum known, in nats",
        ),
        _column(
            "hit_rate", "Hit rate", "interval", note="fits in the best known optimum, of all fits of the cell"
        ),
        _column("restarts_95", "Restarts 95 %", "count", "∞", _RESTARTS),
        _column(
            "best_method",
            "Best",
            "pair",
            note="method and initializer with the fewest expected passes to the best known optimum",
        ),
        _column("n_optima", "Optima", "count", note="distinct optima of every kind"),
        _column("n_proper", "Proper", "count", note="optima that are proper local maxima"),
        _column(
            "unseen_share",
            "Unseen",
            "interval",
            note="estimated share of starts that lead to an optimum not seen yet",
        ),
        _column("n_fits", "Fits", "count"),
        _column("n_failures", "Failures", "count"),
        _column("n_rows", "Rows", "count"),
        _column("n_features", "Features", "count"),
    ),
    "optima": (
        *_CELL,
        _column("optimum", "Rank", "count", note="0 is the first of the cell"),
        _column("log_likelihood", "Log-likelihood", "log-likelihood"),
        _column("gap", "Gap, nats", "nats", note="best known minus this"),
        _column("kind", "Kind", "kind"),
        _column("basin_share", "Basin share", "interval", note="fits that end here, of all fits of the cell"),
        _column("n_fits", "Fits", "count"),
        _column("smallest_weight", "Smallest weight", "number"),
        _column("smallest_eigenvalue_ratio", "Smallest eigenvalue ratio", "number"),
    ),
    "hit_rates": (
        *_CELL,
        *_METHOD,
        _column("hit_rate", "Hit rate", "interval", note="with its 95 % Wilson interval"),
        _column("n_hits", "Hits", "count"),
        _column("n_fits", "Fits", "count"),
        _column("restarts_95", "Restarts 95 %", "range", "∞", _RESTARTS),
        _column("restarts_99", "Restarts 99 %", "range", "∞", _RESTARTS),
    ),
    "convergence": (
        *_CELL,
        *_METHOD,
        _column("tolerance", "Tolerance, nats", "tolerance"),
        _column("share_reached", "Arrived", "percent", note="of all fits"),
        _column("n_fits", "Fits", "count"),
        _column("passes_q25", "Passes, quartile 1", "count", "never"),
        _column("passes_median", "Passes, median", "count", "never"),
        _column("passes_q75", "Passes, quartile 3", "count", "never"),
        _column("seconds_q25", "Seconds, quartile 1", "seconds", "never"),
        _column("seconds_median", "Seconds, median", "seconds", "never"),
        _column("seconds_q75", "Seconds, quartile 3", "seconds", "never"),
    ),
    "statuses": (
        *_CELL,
        *_METHOD,
        _column("status", "Status", "status"),
        _column("n_fits", "Fits", "count"),
        _column("n_fits_total", "Of all", "count"),
    ),
    "failures": (
        _column("status", "Status", "status"),
        *_CELL,
        *_METHOD,
        _column("n_fits", "Fits", "count"),
        _column("restarts", "Restart numbers"),
        _column("command", "Rerun the shard", "command"),
    ),
    "first_failures": (
        *_CELL,
        *_METHOD,
        _column("restart", "Restart", "count"),
        _column("status", "Status", "status"),
        _column("log_likelihood", "Log-likelihood", "log-likelihood"),
        _column("n_passes", "Passes", "count"),
        _column("shard", "Shard"),
        _column("command", "Rerun the shard", "command"),
    ),
}
