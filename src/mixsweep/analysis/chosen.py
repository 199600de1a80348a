"""The hit rate of an arm that was chosen among several because it looked best on the same starts.

The best of several observed rates is too high on average, and an interval made as if the arm had been given
beforehand misses the rate too often: of 16 arms with equal rates of 5 % and 100 fits each, Wilson's interval
of the best one holds in 63 % of samples, and the restarts that its rate asks for give 95 % by name and 80 %
in truth. Intervals that hold for all arms at one time hold for the chosen one, however it was chosen and
however the arms depend on each other: exact binomial ones (Clopper and Pearson 1934), with the error rate
divided by the number of arms (Bonferroni). Choosing on one half of the starts and estimating on the other
would halve the hits, which are few where it matters, and leave the number of restarts to chance.

References
----------
Clopper, C. J. and Pearson, E. S. (1934). The use of confidence or fiducial limits illustrated in the case of
the binomial. Biometrika 26, 404-413.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from mixsweep.analysis.intervals import wilson
from mixsweep.typing import FloatArray

__all__ = ["CHANCE", "rates_at_one_time"]

#: Chance of the best known optimum for which restarts of a chosen arm are stated.
CHANCE = 0.95


def rates_at_one_time(
    n_hits: ArrayLike, n_fits: ArrayLike, n_compared: int, level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Return intervals of hit rates of which one is chosen, such that that one holds.

    Parameters
    ----------
    n_hits, n_fits : array_like of int
        Of any of the arms compared; where there are no fits the interval is (0, 1).
    n_compared : int
        Rates among which the choice was: all arms that ran, not only those that hit. With one nothing is
        chosen, and the interval is Wilson's.
    level : float
        Nominal coverage.

    Returns
    -------
    low, high : ndarray
    """
    if n_compared <= 1:
        return wilson(n_hits, n_fits, level)
    hits, total = np.broadcast_arrays(np.asarray(n_hits, float), np.asarray(n_fits, float))
    misses, tail = total - hits, (1 - level) / n_compared / 2
    some, other = hits > 0, misses > 0
    low = np.where(some, betaincinv(np.where(some, hits, 1.0), misses + 1, tail), 0.0)
    high = np.where(other, betaincinv(hits + 1, np.where(other, misses, 1.0), 1 - tail), 1.0)
    return low, high
