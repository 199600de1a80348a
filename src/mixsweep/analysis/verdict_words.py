"""A cell's verdict in words, from closed templates with the counts in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.chosen import CHANCE
from mixsweep.analysis.counts import FEW_HITS
from mixsweep.analysis.drawn import is_oracle
from mixsweep.schema import KINDS

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["RESTARTS", "UNSEEN", "Evidence", "at_one_time", "restarts_in_words", "sentence"]

#: A chance below this is not written out: no real search is that independent.
SMALLEST_CHANCE = 1e-30

UNSEEN = ("unseen_share", "unseen_share_low", "unseen_share_high")
RESTARTS = ("restarts_95", "restarts_95_low", "restarts_95_high")


def at_one_time(n_rates: int) -> str:
    """Return for how many rates the interval just written holds; nothing where there is one."""
    return f", simultaneous for the {n_rates} rates compared" if n_rates > 1 else ""


def restarts_in_words(what: str, number: int, low: int, high: int) -> str:
    """Return how many restarts give a 95 % chance: by the low end of the hit rate's interval, to be sure.

    Parameters
    ----------
    what : str
        Of what.
    number, low, high : int
        By the hit rate itself, and by the ends of its interval.
    """
    text = f"{_counted(high, 'restart gives', 'restarts give')} a {100 * CHANCE:.0f} % chance of {what}"
    return text if low == high else f"{text} ({number} by the rate itself, {low} to {high} by its interval)"


def _percent(value: float, low: float, high: float) -> str:
    return f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f} %)"


def _chance(value: float) -> str:
    if value < SMALLEST_CHANCE:
        return f"< {SMALLEST_CHANCE:.0e}"
    return f"{value:.0e}" if value < 1e-3 else f"{100 * value:.1f} %"


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on besides the numbers of its row.

    Attributes
    ----------
    best : int
        Number of the best known optimum, -1 if there is none.
    arm : xarray.Dataset or None
        Rates of the method and initializer that the verdict rests on, None if none hit often enough.
    found_by : sequence of str
        Initializers of whose fits some ended in the best known optimum, drawn or not.
    only_maximum : bool
        Whether the likelihood is known to have no other maximum.
    """

    best: int
    arm: xr.Dataset | None
    found_by: Sequence[str]
    only_maximum: bool


def sentence(row: dict[str, Any], optima: xr.Dataset, evidence: Evidence) -> str:
    """Return the verdict of a cell with fits.

    Parameters
    ----------
    row : dict
        The cell's row of the table.
    optima : xarray.Dataset
        The cell's optima.
    evidence : Evidence
    """
    if evidence.best < 0:
        who = f"none of {row['n_fits']} fits" if row["n_fits"] else "no fit"
        return (
            f"Cannot say: {who} led to a proper maximum ({row['n_optima']} other "
            f"stationary points, {_counted(row['n_failures'], 'failed fit', 'failed fits')})."
        )
    if evidence.only_maximum:
        parts = _alone(row)
    else:
        parts = _judged(row, evidence.arm)
    return "; ".join([*parts, *_remarks(row, optima, evidence)]) + "."


def _alone(row: dict[str, Any]) -> list[str]:
    """Return the verdict on a likelihood of which it is known that it has one maximum."""
    return [
        f"Best value {row['best_log_likelihood']:.4f} reached by {row['n_hits']} of "
        f"{_counted(row['n_fits'], 'fit', 'fits')} from drawn starts",
        "the global optimum: with 1 component the likelihood has 1 maximum, in closed form",
    ]


def _judged(row: dict[str, Any], arm: xr.Dataset | None) -> list[str]:
    """Return the verdict on a likelihood that may have maxima not seen."""
    value = f"Best value {row['best_log_likelihood']:.4f} reached by"
    unknown = "cannot say whether it is the global optimum, or how many restarts it takes"
    proper = f"{_counted(row['n_proper'], 'proper optimum', 'proper optima')} seen"
    if arm is None:
        few = f"fewer than {FEW_HITS} hits of any method and start" if row["n_fits"] else "no start was drawn"
        parts = [
            f"{value} {row['n_hits']} of {_counted(row['n_fits'], 'fit', 'fits')} from drawn starts",
            f"{unknown}: {few}",
            proper,
        ]
    else:
        rate = _percent(*(float(arm[f"hit_rate{end}"]) for end in ("", "_low", "_high")))
        size = "this basin share" if float(arm["hit_rate"]) <= 0.5 else "half of start space"
        parts = [
            f"{value} {int(arm['n_hits'])} of {int(arm['n_fits'])} fits by {row['best_method']} from "
            f"{row['best_initializer']}: {rate}{at_one_time(row['n_rates'])}",
            proper,
            f"chance that a better optimum with at least {size} was missed: {_chance(row['missed_chance'])}",
        ]
    if np.isfinite(row["unseen_share"]):
        parts.append(f"estimated unseen share of start space {_percent(*(row[name] for name in UNSEEN))}")
    if arm is not None:
        parts.append(restarts_in_words("this value", *(int(row[name]) for name in RESTARTS)))
    return parts


def _remarks(row: dict[str, Any], optima: xr.Dataset, evidence: Evidence) -> list[str]:
    """Return what else must be known: higher points, a search that missed, starts that are copies."""
    parts, best = [], evidence.best
    if best > 0:
        kinds = sorted({KINDS[kind] for kind in optima["kind"].values[:best]})
        higher = _counted(best, "higher stationary point is", "higher stationary points are")
        top = row["unrestricted_log_likelihood"]
        parts.append(f"{higher} set apart as {' or '.join(kinds)}, up to {top:.4f}")
    if row["n_fits"] and not row["n_hits"]:
        parts.append(_who_found(int(optima.attrs["truth_optimum"]) == best, evidence.found_by))
    if row["warning"]:
        parts.append(f"warning: {row['warning']}")
    return parts


def _who_found(truth_leads_there: bool, found_by: Sequence[str]) -> str:
    """Return how a best known optimum is known that no drawn start led to."""
    others = [name for name in found_by if not is_oracle(name)]
    if others:
        return f"no drawn start led to it: it was reached from {' and '.join(others)}, copies of one start"
    if truth_leads_there:
        return "the generating parameters lead to it, but no drawn start did: the search missed it"
    if found_by:
        return (
            f"starts of {' and '.join(found_by)}, made from the generating parameters, led to it, but no "
            "drawn start did: the search missed it"
        )
    return "seen only by polishing endpoints that had stopped far below it"
