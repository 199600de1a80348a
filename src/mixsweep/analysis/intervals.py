"""Intervals for counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from mixsweep.typing import FloatArray

__all__ = ["restarts_needed", "unseen_share", "wilson"]


def wilson(successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Return the score interval of a binomial proportion (Wilson 1927).

    Parameters
    ----------
    successes, trials : array_like
        Counts; where trials are 0 the interval is (0, 1).
    level : float
        Nominal coverage.

    Returns
    -------
    low, high : ndarray
    """
    hits, total = np.broadcast_arrays(np.asarray(successes, float), np.asarray(trials, float))
    z = float(ndtri(0.5 + level / 2))
    n = np.where(total > 0, total, 1.0)
    share = hits / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # at 0 and n successes the formula gives exactly 0 and 1 but for rounding
    low = np.where(hits == 0, 0.0, np.maximum(centre - half, 0.0))
    high = np.where(hits == total, 1.0, np.minimum(centre + half, 1.0))
    return np.where(total > 0, low, 0.0), np.where(total > 0, high, 1.0)


def restarts_needed(hit_rate: ArrayLike, chance: float) -> FloatArray:
    """Return how many restarts give at least one hit with a given chance: ceil(log(1-chance) / log(1-rate)).

    Infinite where the rate is 0, 1 where it is 1.
    """
    rate = np.asarray(hit_rate, float)
    with np.errstate(divide="ignore"):  # rates of 0 and 1 give infinity and 0 quite rightly
        needed = np.log1p(-chance) / np.log1p(-rate)
    # a rate of exactly 1 - (1-chance)**(1/m) must give m, not m + 1, in spite of rounding
    restarts: FloatArray = np.maximum(1.0, np.ceil(needed * (1 - 1e-12)))
    return restarts


def unseen_share(counts: ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """Estimate the share of start space whose optima have not been seen (Good 1953).

    Parameters
    ----------
    counts : array_like of int
        How often each optimum was found, zeros allowed.
    level : float
        Nominal coverage of the interval.

    Returns
    -------
    share, low, high : float
        f1/N, with standard error sqrt(f1 (1 - f1/N) + 2 f2) / N (Esty 1983), where f1 and f2 optima were
        found once and twice in N fits. With f1 = f2 = 0 the upper end is the rule of three's,
        1 - (1-level)**(1/N). All NaN without fits.
    """
    seen = np.asarray(counts)
    total = int(seen.sum())
    if total == 0:
        return np.nan, np.nan, np.nan
    once, twice = int((seen == 1).sum()), int((seen == 2).sum())
    share = once / total
    error = np.sqrt(once * (1 - share) + 2 * twice) / total
    z = float(ndtri(0.5 + level / 2))
    high = share + z * error if once or twice else 1 - (1 - level) ** (1 / total)
    return share, max(0.0, share - z * error), min(1.0, high)
