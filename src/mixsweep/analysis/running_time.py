"""Global optimum: what the first hit costs in passes and in seconds, and which arm pays least.

An arm is a method with an initializer. Independent restarts of it, one after the other until one hits, cost
E[cost of a hit] + E[cost of a miss] (1 - p) / p on average (Auger and Hansen 2005), which is estimated by the
cost of all its fits over its number of hits (Hansen et al. 2021).

References
----------
Auger, A. and Hansen, N. (2005). Performance evaluation of an advanced local search evolutionary algorithm.
IEEE Congress on Evolutionary Computation, 1777-1784.
Hansen, N., Auger, A., Ros, R., Mersmann, O., Tusar, T. and Brockhoff, D. (2021). COCO: a platform for
comparing continuous optimizers in a black-box setting. Optimization Methods and Software 36, 114-144.
Hall, P. (1992). On the removal of skewness by transformation. Journal of the Royal Statistical Society B 54,
221-228.
Zou, G. Y. and Donner, A. (2008). Construction of confidence limits about effect measures: a general approach.
Statistics in Medicine 27, 1693-1702.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from mixsweep.analysis.counts import (
    FEW,
    FEW_HITS,
    NO_BEST,
    NO_COST,
    NO_FITS,
    hits_of,
    ran_of,
    reasons,
)
from mixsweep.analysis.intervals import wilson
from mixsweep.seeds import generator
from mixsweep.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["cheapest", "cost_per_hit", "expected_running_time"]

#: Bootstrap samples, and how many groups the starts are put in if there are more: the sums of groups of
#: independent starts are resampled in their place, which takes the same time however many there are.
N_SAMPLES, N_GROUPS = 400, 1000


def expected_running_time(fits: xr.Dataset, best: int | xr.DataArray) -> xr.Dataset:
    """Return the expected cost to the first hit, failures paid for.

    Parameters
    ----------
    fits : xarray.Dataset
        ``optimum``, ``n_passes`` and ``seconds`` over (..., method, initializer, restart). Seconds are the
        fit's share of its batch's time.
    best : int or xarray.DataArray
        Number of the best known optimum; -1 if there is none.

    Returns
    -------
    xarray.Dataset
        Over (..., method, initializer): ``n_fits``, ``n_hits``, ``passes_per_hit`` and ``seconds_per_hit``
        with 95 % intervals (see `cost_per_hit`), and ``reason``, which says why they are NaN.
    """
    ran, hits = ran_of(fits), hits_of(fits, best)
    n_hits = hits.sum("restart")
    dims, axis = n_hits.dims, hits.dims.index("restart")
    n_fits = ran.sum("restart").transpose(*dims)
    found: dict[str, FloatArray] = {}
    without_best = (n_hits * 0 + best < 0).values
    for unit, cost in (("passes", fits["n_passes"]), ("seconds", fits["seconds"])):
        numbers = cost_per_hit(
            np.moveaxis(cost.transpose(*hits.dims).values, axis, -1), np.moveaxis(hits.values, axis, -1)
        )
        for end, values in zip(("", "_low", "_high"), numbers, strict=True):
            found[f"{unit}_per_hit{end}"] = np.where(without_best, np.nan, values)
    unknown = np.isnan(found["passes_per_hit"]) | np.isnan(found["seconds_per_hit"])
    conditions = (n_fits.values == 0, NO_FITS), (without_best, NO_BEST), (unknown, NO_COST)
    return n_hits.to_dataset(name="n_hits").assign(
        {"n_fits": n_fits}
        | {name: (dims, values) for name, values in found.items()}
        | {"reason": (dims, reasons(n_hits.shape, *conditions))}
    )


def cost_per_hit(
    cost: ArrayLike, hits: ArrayLike, level: float = 0.95
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the expected cost to the first hit and its interval.

    The interval puts together those of the odds of a miss (from Wilson's interval of the hit rate) and of the
    mean costs of hits and of misses by square-and-add (Zou and Donner 2008), so that it is as skew as the
    hit rate's. The mean costs' are Student's on the logarithmic scale, upwards with the correction for
    skewness where that reaches farther (Hall 1992); a single hit or miss is taken to have the relative spread
    of the other kind. Of intervals in simulated samples of 12 to 300 fits, hit rates of 5 to 95 % and
    log-normal costs, 93 to 97 % hold the truth where the logarithm of a miss's cost has a standard deviation
    of up to 1 and there are some five misses or more, and 86 to 96 % where it is 1.5 and there are ten. Fewer
    misses tell too little of what a miss costs where it is much more than a hit: 86 % and 72 % at worst.

    Parameters
    ----------
    cost : array_like, shape (..., R)
        NaN where no fit ran.
    hits : array_like of bool, shape (..., R)
        Which fits hit.
    level : float
        Nominal coverage.

    Returns
    -------
    estimate, low, high : ndarray, shape (...)
        Without a hit: infinite, and from the cost of the misses alone, at the highest hit rate that Wilson's
        interval allows, to infinity. All NaN without a fit whose cost is known.
    """
    spent, hit = np.asarray(cost, float), np.asarray(hits, bool)
    known = np.isfinite(spent)
    n_hits, n_misses = (hit & known).sum(-1), (~hit & known).sum(-1)
    none, nothing = n_hits == 0, n_hits + n_misses == 0
    (hit_mean, *hit_moments), (miss_mean, *miss_moments) = (
        _moments(spent, hit & known),
        _moments(spent, ~hit & known),
    )
    # where every fit hits, a miss to come is taken to cost as much as a hit
    miss_mean = np.where(n_misses > 0, miss_mean, hit_mean)
    hit_low, hit_high = _factors(n_hits, hit_moments, n_misses, miss_moments, level)
    miss_low, miss_high = _factors(n_misses, miss_moments, n_hits, hit_moments, level)
    rate_low, rate_high = wilson(n_hits, n_hits + n_misses, level)
    with np.errstate(divide="ignore", invalid="ignore"):  # no hit means infinite odds, and no fit none
        odds = n_misses / n_hits
        odds_low, odds_high = 1 / rate_high - 1, 1 / rate_low - 1
        missed = miss_mean * odds
        estimate = hit_mean + missed
        low = estimate - _norm(
            hit_mean * (1 - hit_low), miss_mean * (odds - odds_low), missed * (1 - miss_low)
        )
        high = estimate + _norm(
            hit_mean * (hit_high - 1), miss_mean * (odds_high - odds), missed * (miss_high - 1)
        )
        low_without = miss_mean * odds_low
    low = np.where(nothing, np.nan, np.where(none, low_without, np.maximum(low, 0.0)))
    high = np.where(nothing, np.nan, np.where(none, np.inf, high))
    return np.where(nothing, np.nan, np.where(none, np.inf, estimate)), low, high


def _moments(cost: FloatArray, chosen: BoolArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the mean of the chosen costs, NaN without any, and the sums of squared and cubed deviations.

    Deviations are relative to the mean.
    """
    count = chosen.sum(-1)
    total = np.where(chosen, cost, 0.0).sum(-1)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    scale = np.where(mean > 0, mean, 1.0)[..., None]
    deviation = np.where(chosen, (cost - mean[..., None]) / scale, 0.0)
    squares = np.square(deviation)
    return mean, squares.sum(-1), (squares * deviation).sum(-1)


def _factors(
    count: IntArray,
    moments: Sequence[FloatArray],
    other_count: IntArray,
    other_moments: Sequence[FloatArray],
    level: float,
) -> tuple[FloatArray, FloatArray]:
    """Return how many times itself a mean may be, at least and at most.

    A single cost is taken to have the moments of the other kind.
    """
    single = count < 2
    own = np.where(single, other_count, count)
    squares, cubes = (np.where(single, *each) for each in zip(other_moments, moments, strict=True))
    freedom = np.maximum(own - 1, 1)
    deviation = np.sqrt(squares / freedom)
    root = np.sqrt(np.maximum(count, 1))
    t = stdtrit(freedom, 0.5 + level / 2)
    scattered = deviation > 0
    skewness = np.where(scattered, cubes / np.where(scattered, own * deviation**3, 1.0), 0.0) / root
    skew = np.where(np.abs(skewness) > 1e-6, skewness, 1.0)
    # without skewness the transformation is none
    turned = np.where(skew == skewness, 3 / skew * (np.cbrt(1 - skew * (t + skew / 6)) - 1), -t)
    spread = deviation / root
    return np.exp(-t * spread), np.maximum(np.exp(t * spread), 1 - spread * turned)


def _norm(*parts: FloatArray) -> FloatArray:
    result: FloatArray = np.sqrt(sum(np.square(part) for part in parts))
    return result


def cheapest(fits: xr.Dataset, best: int) -> xr.Dataset:
    """Return the arm with the least expected cost to the first hit, in passes and in seconds.

    Arms with fewer than three hits are not considered. The cost of the arm that is chosen because it looked
    the cheapest is too low on average; ``cheapest_share`` tells how much of the choice is chance.

    Parameters
    ----------
    fits : xarray.Dataset
        A cell's, as for `expected_running_time`.
    best : int
        Number of the best known optimum; -1 if there is none.

    Returns
    -------
    xarray.Dataset
        Over ``unit`` (passes, seconds): ``cheapest_method``, ``cheapest_initializer``, ``cheapest_share``:
        in which share of bootstrap samples of the starts, which the methods share, the same arm is the
        cheapest; and ``reason``. Empty names and NaN where nothing can be said.
    """
    import xarray as xr

    dims = ("method", "initializer", "restart")
    hits = hits_of(fits, best).transpose(*dims).values
    ran = ran_of(fits).transpose(*dims).values
    rows = []
    for variable in ("n_passes", "seconds"):
        cost = np.where(ran, fits[variable].transpose(*dims).values, 0.0)
        known = np.isfinite(cost).all(-1)
        frequent = hits.sum(-1) >= FEW_HITS
        conditions = (not ran.any(), NO_FITS), (best < 0, NO_BEST), (not frequent.any(), FEW)
        reason = str(reasons((), *conditions, (not (frequent & known).any(), NO_COST)))
        if reason:
            rows.append(("", "", np.nan, reason))
            continue
        (i, j), share = _winner(cost, hits, frequent & known)
        method, initializer = str(fits["method"].values[i]), str(fits["initializer"].values[j])
        rows.append((method, initializer, share, ""))
    names = ("cheapest_method", "cheapest_initializer", "cheapest_share", "reason")
    columns = zip(names, zip(*rows, strict=True), strict=True)
    return xr.Dataset(
        {
            name: ("unit", np.array(values, dtype=float if name == "cheapest_share" else object))
            for name, values in columns
        },
        {"unit": ["passes", "seconds"]},
    )


def _winner(cost: FloatArray, hits: BoolArray, eligible: BoolArray) -> tuple[tuple[int, int], float]:
    """Return the cheapest arm (the first of equal ones) and how often resampled starts choose it again."""
    n_restarts = cost.shape[-1]
    n_groups = min(n_restarts, N_GROUPS)
    bounds = np.arange(n_groups) * n_restarts // n_groups
    cost, counts = (np.add.reduceat(values, bounds, axis=-1) for values in (cost, hits.astype(float)))
    times = _times(cost.shape[1], n_restarts)
    spent, found = (np.einsum("sjr,ijr->sij", times, values) for values in (cost, counts))

    def choice(spent: FloatArray, found: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):  # no hit costs infinitely much
            each = np.where(eligible & (found > 0), spent / found, np.inf)
        flat: FloatArray = each.reshape(-1, eligible.size)
        return flat

    own = int(choice(cost.sum(-1)[None], counts.sum(-1)[None])[0].argmin())
    again = choice(spent, found)
    possible = np.isfinite(again).any(axis=1)
    share = float((again.argmin(axis=1) == own)[possible].mean()) if possible.any() else np.nan
    i, j = divmod(own, cost.shape[1])
    return (i, j), share


@lru_cache(maxsize=2)
def _times(n_initializers: int, n_restarts: int) -> IntArray:
    """Return how often each group of starts is in each bootstrap sample, the same for all cells."""
    n_groups = min(n_restarts, N_GROUPS)
    rng = generator(0, "resampled starts", n_initializers, n_restarts)
    return rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=(N_SAMPLES, n_initializers))
