"""The verdict of a cell, in words, from closed templates with the counts in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.intervals import pooled_wilson
from mixsweep.analysis.multimodality import best_known, unseen
from mixsweep.schema import KINDS
from mixsweep.status import FAILURES

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["verdict"]

#: With fewer hits than this nothing is said about restarts.
FEW_HITS = 3


def _share(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{100 * row[name]:.1f} %, 95 % interval {100 * low:.1f} to {100 * high:.1f} %"


def verdict(fits: xr.Dataset, optima: xr.Dataset, rates: xr.Dataset) -> dict[str, Any]:
    """Return the row of a cell in ``verdicts.csv``.

    ``best_method`` and ``best_initializer`` are those with the fewest expected passes to a hit.

    Parameters
    ----------
    fits : xarray.Dataset
        ``optimum``, ``status``, ``n_passes`` over (method, initializer, restart).
    optima : xarray.Dataset
        The cell's optima.
    rates : xarray.Dataset
        `mixsweep.analysis.success.hit_rates` of the cell.
    """
    best = best_known(optima)
    kinds = optima["kind"].values
    total = int(fits["status"].size)
    hits = int(rates["n_hits"].sum())
    low, high = pooled_wilson(hits, total, fits.sizes["initializer"] * fits.sizes["restart"])
    row: dict[str, Any] = {
        "n_rows": int(optima.attrs["n_rows"]),
        "n_features": int(optima.attrs["n_features"]),
        "best_log_likelihood": float(optima["log_likelihood"].values[best]) if best >= 0 else np.nan,
        "n_fits": total,
        "n_hits": hits,
        "hit_rate": hits / total,
        "hit_rate_low": float(low),
        "hit_rate_high": float(high),
        "n_optima": len(kinds),
        "n_proper": int((kinds == KINDS.index("proper")).sum()),
        "n_failures": int(np.isin(fits["status"].values, FAILURES).sum()),
        "best_method": "",
        "best_initializer": "",
        "restarts_95": np.nan,
    }
    row["unseen_share"], row["unseen_share_low"], row["unseen_share_high"] = unseen(fits, optima)
    if hits:
        cost = rates["passes_per_hit"].values
        i, j = np.unravel_index(np.argmin(cost), cost.shape)
        row["best_method"] = str(rates["method"].values[i])
        row["best_initializer"] = str(rates["initializer"].values[j])
        row["restarts_95"] = float(rates["restarts_95"].values[i, j])
    row["verdict"] = _sentence(row, optima, best, rates)
    return row


def _sentence(row: dict[str, Any], optima: xr.Dataset, best: int, rates: xr.Dataset) -> str:
    if best < 0:
        return (
            f"Cannot say: none of {row['n_fits']} fits led to a proper maximum ({row['n_optima']} other "
            f"stationary points, {row['n_failures']} failed fits)."
        )
    parts = [
        f"Best value {row['best_log_likelihood']:.4f} reached by {row['n_hits']} of {row['n_fits']} fits "
        f"({_share(row, 'hit_rate')})"
    ]
    if row["n_hits"] < FEW_HITS:
        parts.append("too few to say that it is the global optimum, or how many restarts it takes")
    else:
        chosen = rates.sel({"method": row["best_method"], "initializer": row["best_initializer"]})
        restarts, passes = int(row["restarts_95"]), float(chosen["passes_per_hit"])
        parts.append(
            f"at the least cost by {row['best_method']} from {row['best_initializer']} "
            f"({int(chosen['n_hits'])} of {int(chosen['n_fits'])}, {passes:.0f} passes a hit): {restarts} "
            f"{'restart gives' if restarts == 1 else 'restarts give'} a 95 % chance of it"
        )
    n_proper = row["n_proper"]
    parts.append(f"{n_proper} proper {'optimum' if n_proper == 1 else 'optima'} seen")
    if np.isfinite(row["unseen_share"]):
        parts.append(f"unseen share of start space {_share(row, 'unseen_share')}")
    if best > 0:
        above = "1 higher stationary point is" if best == 1 else f"{best} higher stationary points are"
        kinds = sorted({KINDS[kind] for kind in optima["kind"].values[:best]})
        parts.append(f"{above} set apart as {' or '.join(kinds)}")
    if not row["n_hits"]:
        if int(optima.attrs["truth_optimum"]) == best:
            parts.append("the generating parameters lead to it, but no fit did: the search missed it")
        else:
            parts.append("seen only by polishing endpoints that had stopped far below it")
    return "; ".join(parts) + "."
