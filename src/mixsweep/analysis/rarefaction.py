"""Rarefaction: how many optima so many restarts find, exactly, from the restarts that were made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, ndtri

from mixsweep.analysis.unseen import chao1, incidence
from mixsweep.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["expected_optima", "rarefaction_curves", "restart_numbers"]


def expected_optima(
    counts: ArrayLike, total: int, sizes: ArrayLike, level: float = 0.95
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return how many categories a random part of the observations shows.

    Exact: an optimum reached from c of N starts is missed by m of them drawn without replacement with chance
    C(N-c, m) / C(N, m) (Hurlbert 1971, equation 14; for several optima a start, Mao, Colwell and Chang 2005).

    Parameters
    ----------
    counts : array_like of int, shape (m,)
        Starts that reached each optimum.
    total : int
        All starts N, those that reached none included.
    sizes : array_like of int, shape (s,)
        Numbers of starts, at most N.
    level : float
        Nominal coverage of the interval.

    Returns
    -------
    expected, low, high : ndarray, shape (s,)
        The interval is for another sample of as many starts from the same distribution: its variance is the
        unconditional one of Colwell et al. (2012), equation 5, with the number of optima that exist estimated
        by Chao1.
    """
    number = np.asarray(counts, int)
    number = number[number > 0]
    drawn = np.asarray(sizes, int)
    missed = np.exp(_log_choose(total - number, drawn[:, None]) - _log_choose(total, drawn[:, None]))
    expected = (1 - missed).sum(axis=1)
    if not len(number):
        return expected, np.zeros(len(drawn)), np.zeros(len(drawn))
    exist = chao1(number).estimate
    variance = np.square(1 - missed).sum(axis=1) - np.square(expected) / exist
    half = float(ndtri(0.5 + level / 2)) * np.sqrt(np.maximum(variance, 0.0))
    return expected, np.maximum(0.0, expected - half), expected + half


def _log_choose(n: ArrayLike, k: IntArray) -> FloatArray:
    """Return the logarithm of a binomial coefficient, minus infinity where k > n."""
    whole, part = np.broadcast_arrays(np.asarray(n, float), np.asarray(k, float))
    possible = part <= whole
    rest = np.where(possible, whole - part, 0.0)
    result: FloatArray = np.where(
        possible, gammaln(whole + 1) - gammaln(part + 1) - gammaln(rest + 1), -np.inf
    )
    return result


def restart_numbers(total: int, points: int = 50) -> IntArray:
    """Return up to so many numbers of restarts from 1 to all, evenly spaced on a logarithmic axis."""
    spaced = np.round(np.geomspace(1, max(total, 1), points)).astype(np.int64)
    return np.unique(spaced)


def rarefaction_curves(fits: xr.Dataset, optima: xr.Dataset) -> xr.Dataset:
    """Return the expected number of optima found against the number of restarts, for each arm.

    Parameters
    ----------
    fits : xarray.Dataset
        ``optimum`` over (method, initializer, restart).
    optima : xarray.Dataset
        The cell's optima.

    Returns
    -------
    xarray.Dataset
        Over (method, initializer, restarts): ``expected_optima`` with its 95 % interval, optima of every
        kind. All zero where no fit ended in an optimum.
    """
    import xarray as xr

    ended = fits["optimum"].transpose("method", "initializer", "restart")
    sizes = restart_numbers(ended.sizes["restart"])
    found = np.zeros((3, *ended.shape[:2], len(sizes)))
    for arm in np.ndindex(ended.shape[:2]):
        counts, _ = incidence(ended.values[arm][None], optima.sizes["optimum"])
        found[(slice(None), *arm)] = expected_optima(counts, ended.sizes["restart"], sizes)
    dims = ("method", "initializer", "restarts")
    names = ("expected_optima", "expected_optima_low", "expected_optima_high")
    return xr.Dataset(
        {name: (dims, values) for name, values in zip(names, found, strict=True)},
        {"method": fits["method"], "initializer": fits["initializer"], "restarts": sizes},
    )
