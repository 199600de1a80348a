"""Global optimum: methods compared in pairs on the starts that they share.

References
----------
Fagerland, M. W., Lydersen, S. and Laake, P. (2013). The McNemar test for binary matched-pairs data: mid-p and
asymptotic are better than exact conditional. BMC Medical Research Methodology 13, 91.
Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics
6, 65-70.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, gammaln

from mixsweep.analysis.counts import NO_BEST, NO_FITS, hits_of, ran_of, reasons
from mixsweep.analysis.intervals import paired_difference
from mixsweep.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["holm", "mid_p", "paired_comparison", "pairs_of", "pooled_comparison"]

_COUNTS = ("n_both", "n_only_a", "n_only_b", "n_neither")


def pairs_of(fits: xr.Dataset) -> tuple[list[tuple[int, int]], dict[str, Any]]:
    """Return the pairs of a cell's methods, and coordinates ``method_a`` and ``method_b`` over ``pair``."""
    names = fits["method"].values.astype(object)
    pairs = list(combinations(range(len(names)), 2))
    first, second = [i for i, _ in pairs], [j for _, j in pairs]
    return pairs, {"method_a": ("pair", names[first]), "method_b": ("pair", names[second])}


def paired_comparison(fits: xr.Dataset, best: int) -> xr.Dataset:
    """Compare the hit rates of every pair of methods for each initializer.

    Parameters
    ----------
    fits : xarray.Dataset
        A cell's: ``optimum`` and ``n_passes`` over (method, initializer, restart).
    best : int
        Number of the best known optimum; -1 if there is none.

    Returns
    -------
    xarray.Dataset
        Over (pair, initializer), without pairs where there is one method: ``method_a``, ``method_b``,
        ``n_starts`` from which both ran, how often both, only one or neither hit (``n_both``, ``n_only_a``,
        ``n_only_b``, ``n_neither``), ``difference`` of the rates (a minus b) with its 95 % interval,
        ``p_value`` (McNemar's, mid-p, of the entry by itself: `holm` adjusts those of a whole table) and
        ``reason``.
    """
    counts, coordinates = _counts(fits, best)
    coordinates["initializer"] = fits["initializer"].values
    return _compared(counts, ("pair", "initializer"), coordinates, best)


def pooled_comparison(fits: xr.Dataset, best: int) -> xr.Dataset:
    """Compare the hit rates of every pair of methods over the starts of all initializers together.

    The test is conditional on the starts on which the two differ, so it holds whatever the initializers'
    rates; the interval is for the mean over initializers, and too wide where their differences differ.

    Parameters
    ----------
    fits, best
        As for `paired_comparison`.

    Returns
    -------
    xarray.Dataset
        Over ``pair``, with the variables of `paired_comparison`.
    """
    counts, coordinates = _counts(fits, best)
    return _compared([count.sum(axis=1) for count in counts], ("pair",), coordinates, best)


def _counts(fits: xr.Dataset, best: int) -> tuple[list[IntArray], dict[str, Any]]:
    """Return how often both, only the first, only the second and neither hit, shape (pair, initializer)."""
    pairs, coordinates = pairs_of(fits)
    dims = ("method", "initializer", "restart")
    hits, ran = hits_of(fits, best).transpose(*dims).values, ran_of(fits).transpose(*dims).values
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    a, b, both_ran = hits[first], hits[second], ran[first] & ran[second]
    return [(both_ran & cell).sum(-1) for cell in (a & b, a & ~b, ~a & b, ~a & ~b)], coordinates


def _compared(
    counts: list[IntArray], dims: tuple[str, ...], coordinates: dict[str, Any], best: int
) -> xr.Dataset:
    import xarray as xr

    n_starts = np.sum(counts, axis=0)
    known = (n_starts > 0) & (best >= 0)
    numbers = dict(
        zip(
            ("difference", "difference_low", "difference_high"),
            paired_difference(counts[0], counts[1], counts[2], counts[3]),
            strict=True,
        )
    )
    numbers["p_value"] = np.where(known, mid_p(counts[1], counts[2]), np.nan)
    variables: dict[str, Any] = dict(zip(_COUNTS, counts, strict=True)) | {"n_starts": n_starts}
    variables |= {name: np.where(known, values, np.nan) for name, values in numbers.items()}
    variables["reason"] = reasons(n_starts.shape, (n_starts == 0, NO_FITS), (best < 0, NO_BEST))
    return xr.Dataset({name: (dims, values) for name, values in variables.items()}, coordinates)


def mid_p(only_a: ArrayLike, only_b: ArrayLike) -> FloatArray:
    """Return McNemar's mid-p value: the chance of more, and half that of equally much, asymmetry.

    Parameters
    ----------
    only_a, only_b : array_like of int
        How often the two differ, either way.

    Returns
    -------
    ndarray
        1 where they never differ (Fagerland, Lydersen and Laake 2013).
    """
    a, b = np.asarray(only_a, float), np.asarray(only_b, float)
    n, most = a + b, np.maximum(a, b)
    point = np.exp(gammaln(n + 1) - gammaln(most + 1) - gammaln(n - most + 1) - n * np.log(2))
    # the chance of more than `most` one way, as an incomplete beta function
    beyond = np.where(most < n, betainc(most + 1, np.maximum(n - most, 1), 0.5), 0.0)
    p = 2 * beyond + np.where(a == b, point / 2, point)
    return np.where(n > 0, np.minimum(p, 1.0), 1.0)


def holm(p_values: ArrayLike) -> FloatArray:
    """Return p-values adjusted by Holm's step-down procedure over all that are not NaN."""
    p = np.asarray(p_values, float)
    flat = p.ravel()
    adjusted = np.full(flat.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(flat))
    order = tested[np.argsort(flat[tested], kind="stable")]
    steps = flat[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted.reshape(p.shape)
