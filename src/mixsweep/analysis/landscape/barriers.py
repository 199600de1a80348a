"""The barriers between a cell's leading maxima, pair by pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.typing import FloatArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["barriers"]


def barriers(found: xr.Dataset) -> xr.Dataset:
    """Return how far ways between a cell's leading maxima lead down.

    Parameters
    ----------
    found : xarray.Dataset
        As `mixsweep.analysis.landscape.landscape` returns it.

    Returns
    -------
    xarray.Dataset
        Over ``pair``, the higher maximum first: the numbers ``optimum_a`` and ``optimum_b`` of both in the
        census, their ``height_a`` and ``height_b``; ``straight_barrier`` and ``relaxed_barrier``, how far the
        straight and the risen path lead down from the lower maximum; ``barrier_a`` and ``barrier_b``, how far
        the best known way, by other maxima if need be, leads down from each of the two;
        ``density_distance``. In nats; infinite where a way passes points without a finite log-likelihood.
    """
    import xarray as xr

    first, second = np.triu_indices(found.sizes["leading"], 1)
    numbers, heights = found["leading"].values, found["height"].values

    def below(end: np.ndarray[Any, Any], level: str) -> FloatArray:
        lowest = found[level].values[first, second]
        depth: FloatArray = np.where(np.isnan(lowest), np.inf, heights[end] - lowest)
        return depth

    values = {
        "optimum_a": numbers[first],
        "optimum_b": numbers[second],
        "height_a": heights[first],
        "height_b": heights[second],
        "straight_barrier": below(second, "straight_level"),
        "relaxed_barrier": below(second, "relaxed_level"),
        "barrier_a": below(first, "connected_level"),
        "barrier_b": below(second, "connected_level"),
        "density_distance": found["density_distance"].values[first, second],
    }
    return xr.Dataset({name: ("pair", own) for name, own in values.items()})
