"""Rarefaction: how many optima so many restarts find, exactly, from the restarts that were made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, ndtri

from mixsweep.analysis.unseen import incidence
from mixsweep.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["expected_optima", "rarefaction_curves", "restart_numbers"]


def expected_optima(
    counts: ArrayLike, total: int, sizes: ArrayLike, level: float = 0.95
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return how many optima a random part of the starts shows.

    Exact: an optimum reached from c of N starts is missed by m of them drawn without replacement with chance
    C(N-c, m) / C(N, m) (Hurlbert 1971, equation 14).

    Parameters
    ----------
    counts : array_like of int, shape (m,)
        Starts that reached each optimum, from each start one optimum at most.
    total : int
        All starts N, those that reached none included.
    sizes : array_like of int, shape (s,)
        Numbers of starts, at most N.
    level : float
        Nominal share of the parts in the range.

    Returns
    -------
    expected, low, high : ndarray, shape (s,)
        The range covers that share of the parts of so many starts, by the exact variance (Heck, van Belle and
        Simberloff 1975, equation 2) and the normal distribution: what somebody with so few restarts may
        find. It narrows to a point at N, and is no interval for what more starts would show; for that see
        `mixsweep.analysis.unseen`.
    """
    number = np.asarray(counts, int)
    number, equal = np.unique(number[number > 0], return_counts=True)
    drawn = np.asarray(sizes, int)
    of_all = _log_choose(total, drawn)
    missed = np.exp(_log_choose(total - number, drawn[:, None]) - of_all[:, None])
    both = _log_choose(total - number[:, None] - number, drawn[:, None, None]) - of_all[:, None, None]
    covariance = np.exp(both) - missed[:, :, None] * missed[:, None, :]
    own = missed * (1 - missed)
    # optima with equal counts are alike: as many variances, and covariances of all pairs of different ones
    diagonal = np.diagonal(covariance, axis1=1, axis2=2)
    variance = ((own - diagonal) * equal).sum(axis=1) + np.einsum("i,sij,j->s", equal, covariance, equal)
    expected = ((1 - missed) * equal).sum(axis=1)
    half = float(ndtri(0.5 + level / 2)) * np.sqrt(np.maximum(variance, 0.0))
    return expected, np.maximum(0.0, expected - half), np.minimum(equal.sum(), expected + half)


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
        Over (method, initializer, restarts): ``expected_optima`` with the range of 95 % of the parts,
        optima of every kind. All zero where no fit ended in an optimum.
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
