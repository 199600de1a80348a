"""What is counted: which fits ran, which of them hit, and why a number may be missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mixsweep.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["FEW_HITS", "hits_of", "ran_of", "reasons"]

#: With fewer hits than this nothing is said about restarts or costs.
FEW_HITS = 3

NO_FITS = "cannot say: no fits were run"
NO_BEST = "cannot say: no proper optimum is known"
FEW = f"cannot say: fewer than {FEW_HITS} fits ended in the best known optimum"

NO_COST = "cannot say: the cost of some fits is not known"


def ran_of(fits: xr.Dataset) -> xr.DataArray:
    """Return where the grid has a fit; a failed fit is one too, with the passes it used."""
    return fits["n_passes"].notnull()


def hits_of(fits: xr.Dataset, best: int | xr.DataArray) -> xr.DataArray:
    """Return which fits ended in the best known optimum; none where that is -1.

    Parameters
    ----------
    fits : xarray.Dataset
        ``optimum`` and ``n_passes`` over (..., method, initializer, restart).
    best : int or xarray.DataArray
        Number of the best known optimum of each cell.
    """
    import xarray as xr

    hits: xr.DataArray = xr.apply_ufunc(_hit, fits["n_passes"], fits["optimum"], best)
    return hits


def _hit(n_passes: FloatArray, optimum: IntArray, best: int | IntArray) -> BoolArray:
    hit: BoolArray = ~np.isnan(n_passes) & (optimum == best) & (optimum >= 0)
    return hit


def reasons(shape: tuple[int, ...], *conditions: tuple[object, str]) -> NDArray[np.object_]:
    """Return the first reason that holds in each place, empty where none does.

    Parameters
    ----------
    shape : tuple of int
    *conditions : (array_like of bool, str)
        Broadcast to the shape.
    """
    result = np.full(shape, "", dtype=object)
    for holds, reason in reversed(conditions):
        result[np.broadcast_to(np.asarray(holds, bool), shape)] = reason
    return result
