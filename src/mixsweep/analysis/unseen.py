"""What has not been seen: estimates for each start distribution, and what each of them assumes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from mixsweep.analysis.intervals import unseen_share
from mixsweep.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "CAVEAT",
    "ESTIMATORS",
    "Estimate",
    "boender_rinnooy_kan",
    "chao1",
    "unseen_by_initializer",
    "unseen_by_method",
]

#: What holds for all of them.
CAVEAT = (
    "None of these bounds the log-likelihood of what has not been seen: an optimum without fits may be the "
    "highest of all. Each holds for starts drawn in the same way, and says nothing about other starts."
)

#: What each estimate takes for granted.
ESTIMATORS: dict[str, str] = {
    "unseen_share": (
        "Good-Turing: the chance that the next start leads to an optimum not seen yet. Assumes independent "
        "starts from one distribution, and nothing about how uneven the basins are."
    ),
    "n_optima_chao1": (
        "Chao1: a lower bound of the number of optima that exist. Assumes independent starts; near the truth "
        "only where the rare basins are of similar size, too low where some are much rarer than 1 in N."
    ),
    "unseen_share_boender": (
        "Boender and Rinnooy Kan, for one method from one kind of start: the mean of the unseen share when "
        "all divisions of start space into basins are equally likely beforehand. Warning: too confident "
        "where basins are uneven, by a factor of two to four on real data (0.098 against a true 0.194 for "
        "iris with three components after 50 starts)."
    ),
}


@dataclass(frozen=True)
class Estimate:
    """An estimate with a 95 % interval, NaN where the counts do not support one."""

    estimate: float
    low: float
    high: float


def chao1(counts: ArrayLike, level: float = 0.95) -> Estimate:
    """Return a lower bound of the number of categories (Chao 1984), bias-corrected.

    S + (N-1)/N f1 (f1-1) / (2 (f2+1)), with f1 and f2 the categories seen once and twice in N observations.
    The interval treats the logarithm of the unseen number as normal (Chao 1987, equations 11 to 13, with the
    variances in the cases f1 = 0 and f2 = 0 as collected by Colwell 2013, appendix B). The number is whole,
    so its ends are rounded outwards: between two whole numbers a low end excludes the one below, which is
    most often the truth where all categories have been seen. In simulated samples 92 to 100 % of the
    intervals hold the truth where categories are alike: 3 to 1,000 of them, seen one to ten times each on
    average, ten times or more together.

    Parameters
    ----------
    counts : array_like of int, shape (m,)
        Observations of each category, zeros allowed.
    level : float
        Nominal coverage of the interval.
    """
    number = np.asarray(counts, float)
    number = number[number > 0]
    seen, total = len(number), float(number.sum())
    if not seen:
        return Estimate(np.nan, np.nan, np.nan)
    once, twice = float((number == 1).sum()), float((number == 2).sum())
    share = (total - 1) / total
    unseen = share * once * (once - 1) / (2 * (twice + 1))
    z = float(ndtri(0.5 + level / 2))
    if unseen <= 0:
        missed = np.exp(-total / seen)
        middle = seen / (1 - missed)
        half = z * np.sqrt(seen * missed) / (1 - missed)
        return _whole(seen, float(seen), middle - half, middle + half)
    if twice > 0:
        ratio = once / twice
        variance = twice * (share / 2 * ratio**2 + share**2 * ratio**3 + share**2 / 4 * ratio**4)
    else:
        variance = (
            share * once * (once - 1) / 2
            + share**2 * once * (2 * once - 1) ** 2 / 4
            - share**2 * once**4 / (4 * (seen + unseen))
        )
    factor = np.exp(z * np.sqrt(np.log1p(max(variance, 0.0) / unseen**2)))
    return _whole(seen, seen + unseen, seen + unseen / factor, seen + unseen * factor)


def _whole(seen: int, estimate: float, low: float, high: float) -> Estimate:
    """Return an estimate whose interval ends at whole numbers, none below what was seen."""
    return Estimate(estimate, float(max(seen, np.floor(low))), float(np.ceil(high)))


def boender_rinnooy_kan(n_seen: int, total: int) -> tuple[float, float]:
    """Return posterior means of the number of optima and of the unseen share (Boender and Rinnooy Kan 1987).

    W (N-1) / (N-W-2) and W (W+1) / (N (N-1)), for W optima in N starts. The model has one distribution of
    starts and one method, which gives start space one division into basins: several methods together have
    none.

    Parameters
    ----------
    n_seen, total : int
        W and N, of fits by one method from one kind of start.

    Returns
    -------
    number, share : float
        The number is infinite unless N > W + 2; both are NaN without two starts.
    """
    if total < 2 or not n_seen:
        return np.nan, np.nan
    number = n_seen * (total - 1) / (total - n_seen - 2) if total > n_seen + 2 else np.inf
    return number, min(1.0, n_seen * (n_seen + 1) / (total * (total - 1)))


def unseen_by_initializer(fits: xr.Dataset, optima: xr.Dataset) -> xr.Dataset:
    """Return estimates of what starts of each kind have not shown yet, whichever method began there.

    Methods share starts: an optimum counts once for each start from which any method reached it, and a start
    that led nowhere does not count.

    Parameters
    ----------
    fits : xarray.Dataset
        ``optimum`` over (method, initializer, restart).
    optima : xarray.Dataset
        The cell's optima.

    Returns
    -------
    xarray.Dataset
        Over ``initializer``: ``n_starts_ended`` in an optimum; ``n_optima`` seen; ``unseen_share`` by
        Good-Turing with its 95 % interval, the headline; ``n_optima_chao1`` with its interval. NaN where no
        start led to an optimum. Attributes: what each assumes (`ESTIMATORS`) and ``caveat``.
    """
    import xarray as xr

    ended = fits["optimum"].transpose("initializer", "method", "restart").values
    found = _columns(_of_starts, ended, optima.sizes["optimum"])
    variables = {name: ("initializer", values) for name, values in found.items()}
    return xr.Dataset(variables, {"initializer": fits["initializer"]}, _assumed(found))


def unseen_by_method(fits: xr.Dataset, optima: xr.Dataset) -> xr.Dataset:
    """Return what each method by itself has not shown yet from each kind of start, if its basins are even.

    Boender and Rinnooy Kan's estimates, of the method's own fits that ended in an optimum.

    Parameters
    ----------
    fits : xarray.Dataset
        ``optimum`` over (method, initializer, restart).
    optima : xarray.Dataset
        The cell's optima.

    Returns
    -------
    xarray.Dataset
        Over (method, initializer): ``n_fits_ended`` in an optimum; ``n_optima_arm`` seen by the method;
        ``n_optima_boender`` and ``unseen_share_boender``, NaN where fewer than two fits ended in an optimum.
        Attributes: what they assume (`ESTIMATORS`) and ``caveat``.
    """
    import xarray as xr

    ended = fits["optimum"].transpose("method", "initializer", "restart").values
    found = _columns(_of_method, ended.reshape(-1, 1, ended.shape[-1]), optima.sizes["optimum"])
    dims = ("method", "initializer")
    variables = {name: (dims, values.reshape(ended.shape[:2])) for name, values in found.items()}
    return xr.Dataset(variables, {name: fits[name] for name in dims}, _assumed(found))


def _assumed(names: Iterable[str]) -> dict[str, str]:
    return {name: ESTIMATORS[name] for name in names if name in ESTIMATORS} | {"caveat": CAVEAT}


def _columns(
    estimates: Callable[[IntArray, int], dict[str, float]], ended: IntArray, n_optima: int
) -> dict[str, FloatArray]:
    rows = [estimates(arm, n_optima) for arm in ended]
    return {name: np.array([row[name] for row in rows], float) for name in rows[0]}


def incidence(ended: IntArray, n_optima: int) -> tuple[IntArray, int]:
    """Return from how many starts each optimum was reached, and how many starts reached any.

    Parameters
    ----------
    ended : ndarray of int, shape (method, start)
        Optimum of each fit, -1 for none.
    n_optima : int
    """
    ordered = np.sort(ended, axis=0)
    first = np.diff(ordered, axis=0, prepend=-1) > 0
    return np.bincount(ordered[first], minlength=n_optima), int((ended >= 0).any(axis=0).sum())


def _of_starts(ended: IntArray, n_optima: int) -> dict[str, float]:
    n_starts, total = incidence(ended, n_optima)
    n_fits = np.bincount(ended[ended >= 0], minlength=n_optima)
    share, low, high = unseen_share(n_fits, n_starts, total) if n_optima else (np.nan,) * 3
    number = chao1(n_starts)
    return {
        "n_starts_ended": total,
        "n_optima": int((n_starts > 0).sum()),
        "unseen_share": share,
        "unseen_share_low": low,
        "unseen_share_high": high,
        "n_optima_chao1": number.estimate,
        "n_optima_chao1_low": number.low,
        "n_optima_chao1_high": number.high,
    }


def _of_method(ended: IntArray, n_optima: int) -> dict[str, float]:
    n_fits, total = incidence(ended, n_optima)
    seen = int((n_fits > 0).sum())
    expected, posterior = boender_rinnooy_kan(seen, total)
    return {
        "n_fits_ended": total,
        "n_optima_arm": seen,
        "n_optima_boender": expected,
        "unseen_share_boender": posterior,
    }
