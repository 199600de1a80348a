"""Multimodality: the optima of a cell with their basin shares, and what has not been seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mixsweep.analysis.intervals import pooled_wilson, unseen_share
from mixsweep.analysis.unseen import incidence
from mixsweep.schema import KINDS
from mixsweep.status import Status

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["best_known", "corrected_status", "optima_table", "unseen"]


#: What the table of optima takes over from the census.
_EVIDENCE = (
    *("log_likelihood", "n_fits", "basin_share", "n_copies", "smallest_weight", "smallest_eigenvalue_ratio"),
    *("closest_components", "gradient_norm", "largest_curvature", "n_ascending", "classification_entropy"),
    *("leave_one_out_gain", "leave_one_out_moved"),
)


def best_known(optima: xr.Dataset) -> int:
    """Return the number of the highest proper optimum, -1 if there is none."""
    proper = np.flatnonzero(optima["kind"].values == KINDS.index("proper"))
    if not len(proper):
        return -1
    return int(proper[np.argmax(optima["log_likelihood"].values[proper])])


def corrected_status(fits: xr.Dataset, optima: xr.Dataset) -> xr.DataArray:
    """Return why the fits stopped, with converged ones that ended in a saddle marked as such.

    A fit cannot tell a saddle from a maximum; the census can.

    Parameters
    ----------
    fits : xarray.Dataset
        ``status`` and ``optimum`` over (method, initializer, restart).
    optima : xarray.Dataset
        The cell's optima.
    """
    saddle = np.append(optima["kind"].values == KINDS.index("saddle"), False)
    held = (fits["status"] == Status.CONVERGED) & saddle[fits["optimum"].values]
    status: xr.DataArray = fits["status"].where(~held, np.int8(Status.SADDLE))
    return status.assign_attrs(fits["status"].attrs)


def optima_table(optima: xr.Dataset, n_fits_total: int, n_starts: int) -> xr.Dataset:
    """Return a cell's optima with gaps and Wilson intervals of their basin shares.

    Parameters
    ----------
    optima : xarray.Dataset
        As `mixsweep.analysis.census.census` gives them.
    n_fits_total : int
        All fits of the cell, failures included: the denominator of the shares.
    n_starts : int
        The starts they came from, which the methods share: what the intervals count.

    Returns
    -------
    xarray.Dataset
        Over ``optimum``: ``log_likelihood``, ``gap`` (best known minus this; negative above it, NaN without a
        proper optimum), ``kind`` in words, counts, shares with 95 % intervals (of each optimum by itself;
        for simultaneous ones see `mixsweep.analysis.shares`), and evidence.
    """
    low, high = pooled_wilson(optima["n_fits"].values, n_fits_total, n_starts)
    best = best_known(optima)
    values = optima["log_likelihood"].values
    evidence = optima[[name for name in _EVIDENCE if name in optima]]
    if "leave_one_out_row" in optima:
        left_out = optima["leave_one_out_row"]
        evidence = evidence.assign(leave_one_out_row=left_out.where(left_out >= 0))
    return evidence.assign(
        gap=("optimum", values[best] - values if best >= 0 else np.full(len(values), np.nan)),
        kind=("optimum", np.array([KINDS[kind] for kind in optima["kind"].values], dtype=object)),
        n_fits_total=("optimum", np.full(len(values), n_fits_total)),
        basin_share_low=("optimum", low),
        basin_share_high=("optimum", high),
    )


def unseen(fits: xr.Dataset, optima: xr.Dataset) -> tuple[float, float, float]:
    """Return the Good-Turing share of start space with unseen optima and its interval.

    Pooled over methods and initializers; methods share starts, which the estimate takes into account.

    Parameters
    ----------
    fits : xarray.Dataset
        ``optimum`` over (method, initializer, restart).
    optima : xarray.Dataset
        The cell's optima.
    """
    ended = fits["optimum"].transpose("method", "initializer", "restart").values
    ended = ended.reshape(ended.shape[0], -1)
    n_starts, total = incidence(ended, optima.sizes["optimum"])
    n_fits = np.bincount(ended[ended >= 0], minlength=optima.sizes["optimum"])
    return unseen_share(n_fits, n_starts, total)
