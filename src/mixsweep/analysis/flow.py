"""Global optimum: which optimum each method of a pair reaches from the same start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.counts import NO_FITS, ran_of, reasons
from mixsweep.analysis.intervals import wilson
from mixsweep.analysis.paired import pairs_of
from mixsweep.typing import IntArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LEADING", "OTHER", "WITHOUT", "flow", "leading_optima"]

#: How many optima have a row and a column of their own.
LEADING = 8
#: What all other optima, and fits that ended in none, are called.
OTHER, WITHOUT = "other", "none"


def leading_optima(fits: xr.Dataset, best: int) -> IntArray:
    """Return the best known optimum and those in which most fits ended, at most `LEADING`, in their order.

    Parameters
    ----------
    fits : xarray.Dataset
        ``optimum`` over (method, initializer, restart), numbered best first.
    best : int
        Number of the best known optimum; -1 if there is none.
    """
    numbers, counts = np.unique(fits["optimum"].values, return_counts=True)
    numbers, counts = numbers[numbers >= 0], counts[numbers >= 0]
    # of equally frequent ones, the higher leads
    rank = np.lexsort((numbers, -counts, numbers != best))
    leading: IntArray = np.sort(numbers[rank[:LEADING]])
    return leading


def flow(fits: xr.Dataset, best: int) -> xr.Dataset:
    """Count the starts by the optima that the two methods of a pair reach from them.

    Parameters
    ----------
    fits : xarray.Dataset
        A cell's: ``optimum`` and ``n_passes`` over (method, initializer, restart).
    best : int
        Number of the best known optimum; -1 if there is none.

    Returns
    -------
    xarray.Dataset
        ``n_flow`` over (pair, initializer, optimum_a, optimum_b), both axes labelled by the numbers of the
        leading optima, ``other`` and ``none``; over (pair, initializer) ``n_starts`` from which both ran,
        ``share_same`` (the same optimum from the same start) with its 95 % Wilson interval, and ``reason``.
        Without pairs where there is one method.
    """
    import xarray as xr

    pairs, coordinates = pairs_of(fits)
    dims = ("method", "initializer", "restart")
    optimum, ran = fits["optimum"].transpose(*dims).values, ran_of(fits).transpose(*dims).values
    leading = leading_optima(fits, best)
    labels = [*map(str, leading.tolist()), OTHER, WITHOUT]
    size, n_initializers = len(labels), optimum.shape[1]
    place = np.searchsorted(leading, optimum)
    own = np.isin(optimum, leading)
    place = np.where(own, place, np.where(optimum >= 0, size - 2, size - 1))

    counts = np.zeros((len(pairs), n_initializers, size, size), np.int64)
    same = np.zeros(counts.shape[:2], np.int64)
    for number, (i, j) in enumerate(pairs):
        both = ran[i] & ran[j]
        initializer = np.nonzero(both)[0]
        np.add.at(counts[number], (initializer, place[i][both], place[j][both]), 1)
        same[number] = (both & (optimum[i] == optimum[j]) & (optimum[i] >= 0)).sum(axis=-1)
    n_starts = counts.sum(axis=(2, 3))
    low, high = wilson(same, n_starts)
    shares = {"share_same": same / np.maximum(n_starts, 1), "share_same_low": low, "share_same_high": high}
    over = ("pair", "initializer")
    variables: dict[str, Any] = {
        "n_flow": ((*over, "optimum_a", "optimum_b"), counts),
        "n_starts": (over, n_starts),
        "reason": (over, reasons(n_starts.shape, (n_starts == 0, NO_FITS))),
    }
    variables |= {name: (over, np.where(n_starts > 0, values, np.nan)) for name, values in shares.items()}
    coordinates |= {"initializer": fits["initializer"].values, "optimum_a": labels, "optimum_b": labels}
    return xr.Dataset(variables, coordinates)
