"""Intervals for counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, ndtri, stdtrit

from mixsweep.typing import FloatArray

__all__ = [
    "clustered",
    "jeffreys",
    "paired_difference",
    "pooled_wilson",
    "restarts_needed",
    "unseen_share",
    "wilson",
]


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


def jeffreys(successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Return the equal-tailed interval of a binomial proportion under Jeffreys' prior.

    Quantiles of Beta(x + 1/2, n - x + 1/2), with the ends 0 at no success and 1 at no failure (Brown, Cai
    and DasGupta 2001, section 4.1.2).

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
    tail = (1 - level) / 2
    low = np.where(hits == 0, 0.0, betaincinv(hits + 0.5, total - hits + 0.5, tail))
    high = np.where(hits == total, 1.0, betaincinv(hits + 0.5, total - hits + 0.5, 1 - tail))
    return low, high


def paired_difference(
    both: ArrayLike, only_a: ArrayLike, only_b: ArrayLike, neither: ArrayLike, level: float = 0.95
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the difference of two proportions on the same trials, with Newcombe's interval.

    Square-and-add of the two Wilson intervals with the correlation of the pairs (Newcombe 1998, Statistics in
    Medicine 17, 2635-2650, method 10).

    Parameters
    ----------
    both, only_a, only_b, neither : array_like
        Trials on which both, only the first, only the second and neither of the two succeed.
    level : float
        Nominal coverage.

    Returns
    -------
    difference, low, high : ndarray
        NaN, -1 and 1 without trials.
    """
    a, b, c, d = (np.asarray(count, float) for count in (both, only_a, only_b, neither))
    total = a + b + c + d
    n = np.where(total > 0, total, 1.0)
    first, second = (a + b) / n, (a + c) / n
    (low_a, high_a), (low_b, high_b) = wilson(a + b, n, level), wilson(a + c, n, level)
    product = (a + b) * (c + d) * (a + c) * (b + d)
    cross = a * d - b * c
    # a positive association is lessened by n/2, not beyond zero: the continuity correction of method 10
    lessened = np.where(cross > 0, np.maximum(cross - n / 2, 0.0), cross)
    phi = np.where(product > 0, lessened / np.sqrt(np.where(product > 0, product, 1.0)), 0.0)

    def side(below: FloatArray, above: FloatArray) -> FloatArray:
        squared = np.square(below) - 2 * phi * below * above + np.square(above)
        root: FloatArray = np.sqrt(np.maximum(squared, 0.0))
        return root

    difference = np.where(total > 0, first - second, np.nan)
    low = np.where(total > 0, first - second - side(first - low_a, high_b - second), -1.0)
    high = np.where(total > 0, first - second + side(second - low_b, high_a - first), 1.0)
    return difference, np.maximum(low, -1.0), np.minimum(high, 1.0)


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


def pooled_wilson(successes: ArrayLike, trials: int, starts: int) -> tuple[FloatArray, FloatArray]:
    """Return an interval for a rate over fits of several methods from the same starts.

    Fits from one start are not independent. The interval is that of as many observations as there are starts,
    which is exact when the methods always agree and too wide otherwise.

    Parameters
    ----------
    successes : array_like
        Fits.
    trials, starts : int
        All fits, and the starts they came from.
    """
    return wilson(np.asarray(successes, float) * starts / trials, starts)


def clustered(successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Return an interval of a proportion whose trials come in clusters of like ones.

    Exact binomial limits (Clopper and Pearson 1934) for the number of independent trials that would have the
    same variance, times (z/t)^2 for the few clusters that it is known from (Korn and Graubard 1998). There
    are (sum m)^2 / sum m^2 clusters of the same size (Kish 1965), and the variance between them
    counts as one degree less; one more is added, of clusters that are alike throughout, since a few may agree
    by chance. Where all trials end in the same way, each cluster counts as one trial. In simulated samples of
    2 to 30 clusters of 1 to 200 trials 93.5 to 100 % of the intervals hold the proportion (5 to 95 %),
    whether trials of a cluster are independent, alike or all the same; with four clusters or fewer nearly
    all.

    Parameters
    ----------
    successes, trials : array_like, shape (..., G)
        Counts of each cluster; one without trials does not count.
    level : float
        Nominal coverage.

    Returns
    -------
    low, high : ndarray, shape (...)
        (0, 1) without trials.
    """
    hits, of = np.broadcast_arrays(np.asarray(successes, float), np.asarray(trials, float))
    total = of.sum(-1)
    n = np.where(total > 0, total, 1.0)
    share = hits.sum(-1) / n
    clusters = n**2 / np.where(total > 0, np.square(of).sum(-1), 1.0)
    count = np.maximum((of > 0).sum(-1), 2)
    between = count / (count - 1) * np.square(hits - share[..., None] * of).sum(-1) / n**2
    # a share of 0 or 1 but for rounding
    alike = (share < 1e-12) | (share > 1 - 1e-12)
    binomial = np.where(alike, 1.0, share * (1 - share))
    variance = ((clusters - 1) * between + binomial / clusters) / clusters
    widened = stdtrit(clusters, 0.5 + level / 2) / ndtri(0.5 + level / 2)
    effective = np.where(alike, clusters, np.minimum(binomial / variance / widened**2, n))
    x, tail = share * effective, (1 - level) / 2
    low = np.where(share < 1e-12, 0.0, betaincinv(np.maximum(x, 1e-12), effective - x + 1, tail))
    high = np.where(share > 1 - 1e-12, 1.0, betaincinv(x + 1, np.maximum(effective - x, 1e-12), 1 - tail))
    return np.where(total > 0, low, 0.0), np.where(total > 0, high, 1.0)


def unseen_share(
    n_fits: ArrayLike, n_starts: ArrayLike | None = None, total_starts: int | None = None, level: float = 0.95
) -> tuple[float, float, float]:
    """Estimate the share of start space whose optima have not been seen (Good 1953).

    Parameters
    ----------
    n_fits : array_like of int
        How many fits ended in each optimum, zeros allowed.
    n_starts : array_like of int, optional
        From how many different starts; by default every fit has a start of its own.
    total_starts : int, optional
        From how many starts fits ended in any optimum; by default every fit has a start of its own.
    level : float
        Nominal coverage of the interval.

    Returns
    -------
    share, low, high : float
        f1/N, where f1 and f2 optima were found once and twice in N fits. Its difference from the share u has
        the variance (N u (1 - u) + 2 f2) / N^2 (Esty 1983, with u in place of its estimate); the
        interval has the shares that lie within a normal quantile of their own error, as in Wilson's interval.
        For the low end f2 is that of its own score interval's centre, since an f2 that is small by chance
        would end it too high. Where f1 = f2 = 0 the only end is the rule of three's, where all optima were
        found once that of `_all_different`. In simulated samples of 10 to 1,000 fits from even and uneven
        urns of 2 to 10,000 optima, 94 to 100 % of the intervals hold the truth, most of the excess where
        less than 1/N is unseen; of fewer fits, from 88 %.

        With several fits a start, N is the number of starts, and f1 and 2 f2 are the fits in optima found
        from just one and two starts, over the fits a start: leaving out one start, this is the share of its
        fits whose optima the others did not find. All NaN without fits.
    """
    fits = np.asarray(n_fits, float)
    starts = fits if n_starts is None else np.asarray(n_starts, float)
    total = int(starts.sum()) if total_starts is None else total_starts
    if not fits.sum():
        return np.nan, np.nan, np.nan
    fits_per_start = fits.sum() / total
    once = float(fits[starts == 1].sum() / fits_per_start)
    twice = float(fits[starts == 2].sum() / fits_per_start)
    z = float(ndtri(0.5 + level / 2))
    if once >= total:
        return 1.0, _all_different(total, (1 - level) / 2), 1.0
    low, _ = _esty(once, twice + z**2, total, z)
    _, high = _esty(once, twice, total, z)
    if not once and not twice:
        high = 1 - (1 - level) ** (1 / total)
    return once / total, low, high


def _esty(once: float, twice: float, total: int, z: float) -> tuple[float, float]:
    """Return the shares u at which (f1 - N u)^2 = z^2 (N u (1 - u) + 2 f2), within 0 and 1."""
    square = total**2 + z**2 * total
    middle = (once + z**2 / 2) * total / square
    half = np.sqrt(max(middle**2 - (once**2 - z**2 * twice) / square, 0.0))
    return max(middle - half, 0.0) if once else 0.0, min(middle + half, 1.0)


def _all_different(total: int, chance: float) -> float:
    """Return the unseen share below which N fits in N different optima are too unlikely, for any urn.

    A set A of N optima with the shares p has the chance P(A) = N! prod p to be what N fits find. Drawn one
    after the other without replacement it would come in the order a with the chance prod p / (1 - M_i), where
    M_i is the share of the first i of them, so that Q(A), the sum over all orders, adds up to 1 over all
    sets. P(A) / Q(A) is the harmonic mean over the orders of prod (1 - M_i), hence at most the geometric one,
    and since the logarithm is concave and M_i is i/N of the whole share s of A on average, at most
    prod (1 - i s / N). So the chance that N fits are all different and leave at most u unseen, s >= 1 - u, is
    at most prod over i < N of (1 - i (1 - u) / N), which even urns reach. The end is where this is the
    chance.
    """
    from scipy.optimize import brentq

    def excess(unseen: float) -> float:
        return float(np.log1p(-np.arange(total) * (1 - unseen) / total).sum() - np.log(chance))

    # few fits are different even where they leave nothing unseen
    return 0.0 if excess(0.0) >= 0 else float(brentq(excess, 0.0, 1.0))
