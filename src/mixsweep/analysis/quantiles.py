"""Quantiles of costs, some of which are infinite, and an interval of the median."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr

from mixsweep.typing import FloatArray

__all__ = ["median_interval", "quantiles"]


def quantiles(values: ArrayLike, shares: ArrayLike) -> FloatArray:
    """Return quantiles over the last axis; NaN stands for no value.

    A quantile is a value of the sample, so that infinities do not spread into their neighbours.

    Parameters
    ----------
    values : array_like, shape (..., R)
    shares : array_like, shape (S,)

    Returns
    -------
    ndarray, shape (..., S)
        NaN where there is no value.
    """
    ordered = np.sort(np.asarray(values, float), axis=-1)  # NaN last
    count = _count(ordered)
    # the smallest value with at least that share of the values at or below it; 1e-9 against rounding
    ranks = np.ceil(count[..., None] * np.asarray(shares, float) - 1e-9).astype(int) - 1
    return _at(ordered, np.maximum(ranks, 0))


def median_interval(values: ArrayLike, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Return the interval of the median between two order statistics (Conover 1999, section 3.2).

    Parameters
    ----------
    values : array_like, shape (..., R)
        NaN stands for no value.
    level : float
        The coverage is at least this, whatever the distribution.

    Returns
    -------
    low, high : ndarray, shape (...)
        NaN where there are too few values: fewer than 6 for 95 %.
    """
    ordered = np.sort(np.asarray(values, float), axis=-1)
    count = _count(ordered)
    each = np.arange(ordered.shape[-1] // 2 + 1)
    # the chance that so many values or fewer lie below the median
    below = bdtr(each, np.maximum(count, 1)[..., None], 0.5)
    ranks = (below <= (1 - level) / 2).sum(axis=-1)
    enough = (count > 0) & (ranks > 0)
    low = _at(ordered, np.maximum(ranks - 1, 0)[..., None])[..., 0]
    high = _at(ordered, np.maximum(count - ranks, 0)[..., None])[..., 0]
    return np.where(enough, low, np.nan), np.where(enough, high, np.nan)


def _count(ordered: FloatArray) -> np.ndarray:
    count: np.ndarray = (~np.isnan(ordered)).sum(axis=-1)
    return count


def _at(ordered: FloatArray, ranks: np.ndarray) -> FloatArray:
    if not ordered.shape[-1]:
        return np.full(ranks.shape, np.nan)
    found: FloatArray = np.take_along_axis(ordered, np.minimum(ranks, ordered.shape[-1] - 1), axis=-1)
    return found
