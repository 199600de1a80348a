"""The verdict of a cell, in words, from closed templates with the counts in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.counts import FEW, FEW_HITS, NO_BEST, NO_FITS, ran_of
from mixsweep.analysis.intervals import pooled_wilson
from mixsweep.analysis.multimodality import best_known, unseen
from mixsweep.analysis.repeated import copies_in_words, repeats
from mixsweep.analysis.unseen import unseen_by_initializer
from mixsweep.schema import KINDS
from mixsweep.status import FAILURES

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["missed_chance", "no_verdict", "verdict"]

#: A chance below this is not written out: no real search is that independent.
SMALLEST_CHANCE = 1e-30


def missed_chance(share: float, n_starts: int) -> float:
    """Return the chance that independent starts all miss an optimum with that basin share: (1 - share)^N.

    An optimum with a larger share is missed with a smaller chance. Beside one that has more than half of
    start space there is none with as large a share, so that half is asked about.
    """
    return float((1 - min(share, 0.5)) ** n_starts)


def no_verdict(why: str) -> dict[str, Any]:
    """Return the row of a cell of which nothing is known."""
    return {"reason": f"cannot say: {why}", "verdict": f"Cannot say: {why}."}


def verdict(fits: xr.Dataset, optima: xr.Dataset, rates: xr.Dataset) -> dict[str, Any]:
    """Return the row of a cell in ``verdicts.csv``.

    Counts and rates are of starts that were drawn: starts of which all restarts are copies are left out,
    unless there are no others. What they found counts, as the best known optimum is over all fits.

    Parameters
    ----------
    fits : xarray.Dataset
        ``optimum``, ``status``, ``n_passes`` over (method, initializer, restart).
    optima : xarray.Dataset
        The cell's optima.
    rates : xarray.Dataset
        `mixsweep.analysis.success.hit_rates` of the cell.

    Returns
    -------
    dict
        Columns of the table besides those that name the cell. ``best_method`` and ``best_initializer`` have
        the fewest expected passes to a hit among those with at least three hits; ``missed_chance`` and
        ``unseen_share`` are for starts of that kind, or of all kinds if there is none. NaN and empty names
        where nothing can be said, with the reason.
    """
    best = best_known(optima)
    n_rows = int(optima.attrs["n_rows"])
    kinds = optima["kind"].values
    names = [str(name) for name in fits["initializer"].values]
    drawn = [name for name in names if not repeats(name, n_rows)] or names
    warning = copies_in_words(names, n_rows)
    n_failures = int(np.isin(fits["status"].values, FAILURES).sum())
    fits, rates = fits.sel(initializer=drawn), rates.sel(initializer=drawn)
    total = int(ran_of(fits).sum())
    n_starts = int(ran_of(fits).any("method").sum())
    row: dict[str, Any] = {
        "n_rows": n_rows,
        "n_features": int(optima.attrs["n_features"]),
        "n_fits": total,
        "n_hits": int(rates["n_hits"].sum()),
        "n_optima": len(kinds),
        "n_proper": int((kinds == KINDS.index("proper")).sum()),
        "n_failures": n_failures,
        "best_method": "",
        "best_initializer": "",
        "reason": NO_FITS if not total else NO_BEST if best < 0 else "",
        "warning": warning,
    }
    if best >= 0 and total:
        low, high = pooled_wilson(row["n_hits"], total, n_starts)
        row |= {
            "best_log_likelihood": float(optima["log_likelihood"].values[best]),
            "n_copies": float(optima["n_copies"].values[best]),
            "hit_rate": row["n_hits"] / total,
            "hit_rate_low": float(low),
            "hit_rate_high": float(high),
        }
    arm = _best_arm(rates)
    if arm is None:
        seen = dict(zip(_UNSEEN, unseen(fits, optima), strict=True))
        row["reason"] = row["reason"] or FEW
    else:
        method, initializer = arm["method"].item(), arm["initializer"].item()
        shares = unseen_by_initializer(fits.sel(initializer=[initializer]), optima)
        seen = {name: shares[name].item() for name in _UNSEEN}
        row |= {
            "best_method": method,
            "best_initializer": initializer,
            "restarts_95": float(arm["restarts_95"]),
            "missed_chance": missed_chance(float(arm["hit_rate"]), int(arm["n_fits"])),
        }
    row |= seen
    row["verdict"] = _sentence(row, optima, best, arm)
    return row


_UNSEEN = ("unseen_share", "unseen_share_low", "unseen_share_high")


def _best_arm(rates: xr.Dataset) -> xr.Dataset | None:
    """Return the method and initializer with the fewest passes to a hit, None if none hit often enough."""
    arms = rates.transpose("method", "initializer")
    cost = np.where(arms["n_hits"] >= FEW_HITS, arms["passes_per_hit"], np.inf)
    if not np.isfinite(cost).any():
        return None
    i, j = np.unravel_index(np.argmin(cost), cost.shape)
    return arms.isel(method=int(i), initializer=int(j))


def _percent(value: float, low: float, high: float) -> str:
    return f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f} %)"


def _chance(value: float) -> str:
    if value < SMALLEST_CHANCE:
        return f"< {SMALLEST_CHANCE:.0e}"
    return f"{value:.0e}" if value < 1e-3 else f"{100 * value:.1f} %"


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _sentence(row: dict[str, Any], optima: xr.Dataset, best: int, arm: xr.Dataset | None) -> str:
    if not row["n_fits"]:
        return "Cannot say: no fits were run."
    if best < 0:
        return (
            f"Cannot say: none of {row['n_fits']} fits led to a proper maximum ({row['n_optima']} other "
            f"stationary points, {_counted(row['n_failures'], 'failed fit', 'failed fits')})."
        )
    value = f"Best value {row['best_log_likelihood']:.4f} reached by"
    proper = f"{_counted(row['n_proper'], 'proper optimum', 'proper optima')} seen"
    if arm is None:
        parts = [
            f"{value} {row['n_hits']} of {_counted(row['n_fits'], 'fit', 'fits')}",
            "cannot say whether it is the global optimum, or how many restarts it takes: fewer than "
            f"{FEW_HITS} hits of any method and start",
            proper,
        ]
    else:
        rate = _percent(*(float(arm[f"hit_rate{end}"]) for end in ("", "_low", "_high")))
        restarts = int(row["restarts_95"])
        size = "this basin share" if float(arm["hit_rate"]) <= 0.5 else "half of start space"
        parts = [
            f"{value} {int(arm['n_hits'])} of {int(arm['n_fits'])} fits by {row['best_method']} from "
            f"{row['best_initializer']}: {rate}",
            proper,
            f"chance that a better optimum with at least {size} was missed: {_chance(row['missed_chance'])}",
        ]
    if np.isfinite(row["unseen_share"]):
        parts.append(f"estimated unseen share of start space {_percent(*(row[name] for name in _UNSEEN))}")
    if arm is not None:
        given = "restart gives" if restarts == 1 else "restarts give"
        parts.append(f"{restarts} {given} a 95 % chance of this value")
    parts += _remarks(row, optima, best)
    return "; ".join(parts) + "."


def _remarks(row: dict[str, Any], optima: xr.Dataset, best: int) -> list[str]:
    """Return what else must be known: higher points, a search that missed, starts that are copies."""
    parts = []
    if best > 0:
        kinds = sorted({KINDS[kind] for kind in optima["kind"].values[:best]})
        higher = _counted(best, "higher stationary point is", "higher stationary points are")
        parts.append(f"{higher} set apart as {' or '.join(kinds)}")
    if not row["n_hits"]:
        if int(optima.attrs["truth_optimum"]) == best:
            parts.append("the generating parameters lead to it, but no drawn start did: the search missed it")
        elif int(optima["n_fits"].values[best]):
            parts.append("only starts that are copies of one reached it: the search missed it")
        else:
            parts.append("seen only by polishing endpoints that had stopped far below it")
    if row["warning"]:
        parts.append(f"warning: {row['warning']}")
    return parts
