"""Basin shares of the optima, by method and initializer, with simultaneous intervals.

Every fit ends in one of the optima or in none, so the counts of one method and initializer are multinomial.
The usual simultaneous intervals do not hold here: most optima are rare, and with shares such as those of
iris, K = 3, and 100 fits, Goodman's intervals (1965) of nominal 95 % all hold in only 30 % of simulated
samples, since a score interval about a count of one begins far above the shares of most optima that are seen
once; those of Sison and Glaz (1995), of one width for all, ask for many counts in every cell. Exact binomial
intervals with mid probabilities, Bonferroni-adjusted for the number of optima estimated to exist (Chao 1984),
all hold in 93.5 to 98 % (50 to 1,000 fits, 2 to 97 optima, even and uneven).
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc

from mixsweep.analysis.unseen import chao1
from mixsweep.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["basin_shares", "simultaneous_intervals"]

#: Halvings of (0, 1) that find an end to 1e-12.
_HALVINGS = 40


def simultaneous_intervals(
    counts: ArrayLike, total: int, level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Return intervals for the shares of a multinomial sample that all hold at one time.

    Mid-p intervals (Lancaster 1961; Berry and Armitage 1995): the ends are the shares at which the tail
    beyond the count, with half the probability of the count itself, is the error rate, divided by two tails
    and the number of categories. With two categories, which stand or fall together, one interval counts.

    Parameters
    ----------
    counts : array_like of int, shape (..., m)
        Fits in each category, zeros allowed; a sample each.
    total : int
        All fits of a sample, at least the sum of its counts; the rest are a category of their own.
    level : float
        Nominal chance that all intervals of a sample hold.

    Returns
    -------
    low, high : ndarray, shape (..., m)
        (0, 1) where there are no fits.
    """
    number = np.asarray(counts, int)
    if not total:
        return np.zeros(number.shape), np.ones(number.shape)
    samples = number.reshape(prod(number.shape[:-1]), number.shape[-1])
    error = np.array([_error(sample, total, level) for sample in samples])
    # samples that have the same count and error rate have the same interval
    each = np.stack([number.ravel(), np.repeat(error, number.shape[-1])])
    (values, error), inverse = np.unique(each, axis=1, return_inverse=True)
    observed = values / total
    low = np.where(values > 0, _end(values, total, error, np.zeros(len(values)), observed, upwards=True), 0.0)
    high = np.where(
        values < total, _end(values, total, error, observed, np.ones(len(values)), upwards=False), 1.0
    )
    return low[inverse].reshape(number.shape), high[inverse].reshape(number.shape)


def _error(counts: IntArray, total: int, level: float) -> float:
    """Return the error rate of each tail of each interval of a sample."""
    categories = np.ceil(chao1(counts).estimate) + (int(counts.sum()) < total)
    return float((1 - level) / max(1.0, categories if categories > 2 else 1.0) / 2)


def _end(
    values: FloatArray, total: int, error: FloatArray, low: FloatArray, high: FloatArray, *, upwards: bool
) -> FloatArray:
    """Return the share between two bounds whose tail beyond the count, mid-p, is the error rate."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        # chances of at least, and of more than, the count
        at_least = np.where(values > 0, betainc(np.maximum(values, 1), total - values + 1, middle), 1.0)
        more = np.where(values < total, betainc(values + 1, np.maximum(total - values, 1), middle), 0.0)
        above = (at_least + more) / 2
        # the upper tail grows with the share, the lower one falls
        beyond = above > error if upwards else 1 - above < error
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    return (low + high) / 2


def basin_shares(fits: xr.Dataset, optima: xr.Dataset) -> xr.Dataset:
    """Return how often the fits of each method and initializer ended in each optimum.

    Parameters
    ----------
    fits : xarray.Dataset
        ``optimum`` over (method, initializer, restart).
    optima : xarray.Dataset
        The cell's optima.

    Returns
    -------
    xarray.Dataset
        Over (method, initializer, optimum): ``n_fits``, ``n_fits_total`` (all fits, failures included),
        ``basin_share`` and its 95 % interval, simultaneous over the optima.
    """
    import xarray as xr

    ended = fits["optimum"].transpose("method", "initializer", "restart")
    numbers = np.arange(optima.sizes["optimum"])
    counts = (ended.values[..., None, :] == numbers[:, None]).sum(axis=-1)
    total = ended.sizes["restart"]
    low, high = simultaneous_intervals(counts, total)
    dims = ("method", "initializer", "optimum")
    return xr.Dataset(
        {
            "n_fits": (dims, counts),
            "n_fits_total": (dims, np.full(counts.shape, total)),
            "basin_share": (dims, counts / total),
            "basin_share_low": (dims, low),
            "basin_share_high": (dims, high),
        },
        {"method": fits["method"], "initializer": fits["initializer"], "optimum": numbers},
    )
