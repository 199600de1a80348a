"""Convergence speed: how many fits arrive near an optimum, after what cost, and what an arrival costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.counts import NO_BEST, NO_COST, NO_FITS, ran_of, reasons
from mixsweep.analysis.gaps import REFERENCES, TOLERANCES, UNITS, cost_grids, first_costs
from mixsweep.analysis.intervals import wilson
from mixsweep.analysis.quantiles import median_interval, quantiles
from mixsweep.analysis.running_time import cost_per_hit
from mixsweep.typing import FloatArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["arrivals", "run_time_distributions"]

_ARM = ("reference", "unit", "method", "initializer", "tolerance")
FEW_FITS = "no interval of the median: fewer than 6 fits"
NO_OPTIMUM = "cannot say: no fit ended in an optimum"


def arrivals(fits: xr.Dataset, best_log_likelihood: float) -> xr.Dataset:
    """Return how many fits come within each tolerance, and after what cost.

    Parameters
    ----------
    fits : xarray.Dataset
        As for `mixsweep.analysis.gaps.first_costs`.
    best_log_likelihood : float
        Of the best known optimum; NaN if there is none.

    Returns
    -------
    xarray.Dataset
        Over (reference, unit, method, initializer, tolerance): ``n_fits`` (all that ran, failures included),
        ``n_reached``, ``share_reached`` with its 95 % interval, ``cost_q25``, ``cost_median`` (with its
        interval) and ``cost_q75``, infinite where so many fits never arrive; ``cost_per_arrival`` with its
        interval: the expected cost of fits one after the other until one arrives, those that never do paid
        for in full; and ``reason``.
    """
    import xarray as xr

    first = first_costs(fits, best_log_likelihood).transpose(*_ARM, "restart")
    values = first.values
    counted = (~np.isnan(values)).sum(-1)
    reached = np.isfinite(values).sum(-1)
    reason = _reasons(fits, best_log_likelihood, counted)
    silent = reason != ""
    low, high = wilson(reached, counted)
    quarters = quantiles(values, [0.25, 0.5, 0.75])
    middle = median_interval(values)
    whole = _whole_costs(fits)[None, ..., None, :]
    arrived = np.isfinite(values)
    per_arrival = cost_per_hit(np.where(arrived, values, np.where(np.isnan(values), np.nan, whole)), arrived)
    numbers: dict[str, FloatArray] = {
        "share_reached": reached / np.maximum(counted, 1),
        "share_reached_low": low,
        "share_reached_high": high,
        "cost_q25": quarters[..., 0],
        "cost_median": quarters[..., 1],
        "cost_median_low": middle[0],
        "cost_median_high": middle[1],
        "cost_q75": quarters[..., 2],
        "cost_per_arrival": per_arrival[0],
        "cost_per_arrival_low": per_arrival[1],
        "cost_per_arrival_high": per_arrival[2],
    }
    variables: dict[str, Any] = {"n_fits": (_ARM, counted), "n_reached": (_ARM, reached)}
    variables |= {name: (_ARM, np.where(silent, np.nan, found)) for name, found in numbers.items()}
    few = ~silent & np.isnan(middle[0])
    variables["reason"] = (_ARM, np.where(few, FEW_FITS, reason))
    return xr.Dataset(variables, {name: first[name].values for name in _ARM})


def run_time_distributions(
    fits: xr.Dataset,
    best_log_likelihood: float,
    tolerances: Sequence[float] = TOLERANCES,
    units: Sequence[str] = UNITS,
) -> xr.Dataset:
    """Return the empirical distribution of the cost to come within each tolerance.

    Parameters
    ----------
    fits, best_log_likelihood
        As for `arrivals`.
    tolerances : sequence of float
        In nats.
    units : sequence of str
        Of `mixsweep.analysis.gaps.UNITS`, those that are wanted.

    Returns
    -------
    xarray.Dataset
        Over (reference, unit, method, initializer, tolerance, point): ``share_arrived`` with its pointwise
        95 % interval; over the same without point: ``share_never``, the mass that is missing at the end,
        ``n_fits`` and ``reason``; over (unit, point): ``cost``, which all methods share.
    """
    import xarray as xr

    first = first_costs(fits, best_log_likelihood, tolerances).transpose(*_ARM, "restart")
    first = first.sel(unit=list(units))
    grids, values = cost_grids(fits)[[UNITS.index(unit) for unit in units]], first.values
    counted = (~np.isnan(values)).sum(-1)
    arrived = np.empty((*counted.shape, grids.shape[1]), dtype=np.int64)
    for unit, grid in enumerate(grids):
        for point, cost in enumerate(grid * (1 + 1e-12)):  # the grid's last point is rounded
            arrived[:, unit, ..., point] = (values[:, unit] <= cost).sum(-1)
    reason = _reasons(fits, best_log_likelihood, counted)
    silent = reason != ""
    low, high = wilson(arrived, counted[..., None])
    share = arrived / np.maximum(counted, 1)[..., None]
    never = 1 - np.isfinite(values).sum(-1) / np.maximum(counted, 1)
    curves = {"share_arrived": share, "share_arrived_low": low, "share_arrived_high": high}
    variables: dict[str, Any] = {
        name: ((*_ARM, "point"), np.where(silent[..., None], np.nan, found)) for name, found in curves.items()
    }
    variables["share_never"] = (_ARM, np.where(silent, np.nan, never))
    variables["n_fits"] = (_ARM, counted)
    variables["reason"] = (_ARM, reason)
    variables["cost"] = (("unit", "point"), grids)
    return xr.Dataset(variables, {name: first[name].values for name in _ARM})


def _whole_costs(fits: xr.Dataset) -> FloatArray:
    """Return what each fit cost from start to end, over (unit, method, initializer, restart)."""
    dims = ("method", "initializer", "restart")
    return np.stack([fits[name].transpose(*dims).values for name in ("n_passes", "seconds")]).astype(float)


def _reasons(fits: xr.Dataset, best_log_likelihood: float, counted: np.ndarray) -> np.ndarray:
    """Return why numbers are missing, over the dims of an arm."""
    ran = ran_of(fits).transpose("method", "initializer", "restart").values
    without_best = np.isnan(best_log_likelihood) & (np.array(REFERENCES) == "best")
    ended = fits["polished_log_likelihood"].transpose("method", "initializer", "restart").notnull().values
    return reasons(
        counted.shape,
        ((ran.sum(-1) == 0)[..., None], NO_FITS),
        (without_best[:, None, None, None, None], NO_BEST),
        (not ended.any(), NO_OPTIMUM),
        ((counted == 0), NO_COST),
    )
