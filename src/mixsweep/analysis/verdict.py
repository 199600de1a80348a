"""The verdict of a cell: what its counts say of the best known optimum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.chosen import CHANCE, rates_at_one_time
from mixsweep.analysis.counts import FEW, FEW_HITS, NO_BEST, NO_FITS, ran_of
from mixsweep.analysis.drawn import NOTHING_DRAWN, drawn, warnings_in_words
from mixsweep.analysis.intervals import pooled_wilson, restarts_needed
from mixsweep.analysis.multimodality import best_known, unseen
from mixsweep.analysis.unseen import unseen_by_initializer
from mixsweep.analysis.verdict_words import RESTARTS, UNSEEN, Evidence, sentence
from mixsweep.families import FAMILIES
from mixsweep.schema import KINDS
from mixsweep.status import FAILURES

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["missed_chance", "no_verdict", "verdict"]


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

    Counts and rates are of starts that were drawn: starts of which all restarts are copies, and starts made
    from the generating parameters, are left out. What they found counts, as the best known optimum is over
    all fits; where no drawn start leads to it, the sentence says that the search missed it.

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
        the fewest expected passes to a hit among those with at least three hits; ``restarts_95`` with its
        interval, ``missed_chance`` and ``unseen_share`` are for starts of that kind, or the last of all kinds
        if there is none; 0 where the likelihood has a single maximum in closed form. The interval holds for
        all arms compared, so for the chosen one. NaN and empty names where nothing can be said, with the
        reason.
    """
    best = best_known(optima)
    n_rows = int(optima.attrs["n_rows"])
    kinds = optima["kind"].values
    names = [str(name) for name in fits["initializer"].values]
    counted = drawn(names, n_rows)
    n_failures = int(np.isin(fits["status"].values, FAILURES).sum())
    ran = bool(ran_of(fits).any())
    hits = rates["n_hits"].transpose("method", "initializer").values.sum(axis=0)
    reached = [name for name, count in zip(names, hits, strict=True) if count]
    fits = fits[["optimum", "n_passes"]].sel(initializer=counted)
    rates = rates.sel(initializer=counted)
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
        "reason": NO_FITS if not ran else NO_BEST if best < 0 else "" if total else NOTHING_DRAWN,
        "warning": warnings_in_words(names, n_rows),
    }
    if len(kinds):
        row["unrestricted_log_likelihood"] = float(optima["log_likelihood"].values.max())
    if best >= 0:
        row["best_log_likelihood"] = float(optima["log_likelihood"].values[best])
        row["unrestricted_gap"] = row["unrestricted_log_likelihood"] - row["best_log_likelihood"]
        row["n_copies"] = float(optima["n_copies"].values[best])
    if best >= 0 and total:
        low, high = pooled_wilson(row["n_hits"], total, n_starts)
        row |= {
            "hit_rate": row["n_hits"] / total,
            "hit_rate_low": float(low),
            "hit_rate_high": float(high),
        }
    arm = _best_arm(rates)
    if arm is None:
        seen = dict(zip(UNSEEN, unseen(fits, optima), strict=True))
        row["reason"] = row["reason"] or FEW
    else:
        method, initializer = arm["method"].item(), arm["initializer"].item()
        shares = unseen_by_initializer(fits.sel(initializer=[initializer]), optima)
        seen = {name: shares[name].item() for name in UNSEEN}
        row |= {
            "best_method": method,
            "best_initializer": initializer,
            **{name: float(arm[name]) for name in RESTARTS},
            "n_rates": int(arm["n_rates"]),
            "missed_chance": missed_chance(float(arm["hit_rate"]), int(arm["n_fits"])),
        }
    row |= seen
    only_maximum = best >= 0 and row["n_proper"] == 1 and _has_one_maximum(optima)
    if only_maximum:
        row |= {"missed_chance": 0.0, **dict.fromkeys(UNSEEN, 0.0)}
    evidence = Evidence(best, arm, reached, only_maximum)
    row["verdict"] = sentence(row, optima, evidence) if ran else "Cannot say: no fits were run."
    return row


def _has_one_maximum(optima: xr.Dataset) -> bool:
    """Return whether the cell's likelihood is known to have one maximum, in closed form."""
    if int(optima.attrs["n_components"]) != 1:
        return False
    return bool(getattr(FAMILIES[str(optima.attrs["family"])], "one_maximum_alone", False))


def _best_arm(rates: xr.Dataset) -> xr.Dataset | None:
    """Return the method and initializer with the fewest passes to a hit, None if none hit often enough.

    The intervals of its hit rate and of the restarts hold although it was chosen; ``n_rates`` is among how
    many.
    """
    arms = rates.transpose("method", "initializer")
    cost = np.where(arms["n_hits"] >= FEW_HITS, arms["passes_per_hit"], np.inf)
    if not np.isfinite(cost).any():
        return None
    i, j = np.unravel_index(np.argmin(cost), cost.shape)
    own, n_rates = arms.isel(method=int(i), initializer=int(j)), int((arms["n_fits"] > 0).sum())
    low, high = map(float, rates_at_one_time(own["n_hits"].item(), own["n_fits"].item(), n_rates))
    return own.assign(
        hit_rate_low=low,
        hit_rate_high=high,
        restarts_95_low=float(restarts_needed(high, CHANCE)),
        restarts_95_high=float(restarts_needed(low, CHANCE)),
        n_rates=n_rates,
    )
