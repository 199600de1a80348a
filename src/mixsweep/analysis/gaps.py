"""Convergence speed: how far fits still are from an optimum, pass by pass, and when they are first near it.

Two optima to measure from: the fit's own, in which it ends, and the best known of the cell. The first shows
how fast a method is inside a basin, the second counts other basins as never arriving. A fit that ends above
the best known optimum is on its way to one that is not proper, so that it never arrives there either, though
its log-likelihood passes the best known on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.counts import ran_of
from mixsweep.analysis.quantiles import quantiles
from mixsweep.typing import BoolArray, FloatArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "BANDS",
    "REFERENCES",
    "TOLERANCES",
    "UNITS",
    "cost_grid",
    "cost_grids",
    "first_costs",
    "gap_bands",
    "gaps",
]

#: Which optimum the gap is to.
REFERENCES = ("own", "best")
#: What cost is counted in.
UNITS = ("passes", "seconds")
#: Distances from an optimum, in nats.
TOLERANCES = tuple(float(f"1e-{digits}") for digits in range(9))
#: Quantiles of the gaps.
BANDS = {"gap_q05": 0.05, "gap_q25": 0.25, "gap_median": 0.5, "gap_q75": 0.75, "gap_q95": 0.95}
#: Costs at which curves are drawn.
POINTS = 64
#: Decades that they span, up to the highest cost of any fit.
DECADES = 4

_FITS = ("method", "initializer", "restart")


def gaps(fits: xr.Dataset, best_log_likelihood: float) -> xr.DataArray:
    """Return the distance of every checkpoint from the fit's own optimum and from the best known.

    Parameters
    ----------
    fits : xarray.Dataset
        ``trace_log_likelihood`` over (method, initializer, restart, checkpoint) and
        ``polished_log_likelihood`` over (method, initializer, restart).
    best_log_likelihood : float
        Of the best known optimum; NaN if there is none.

    Returns
    -------
    xarray.DataArray
        Over (reference, method, initializer, restart, checkpoint), in nats; infinite for a fit that has no
        such optimum, NaN at checkpoints that it does not have. Not below 0, beyond which is rounding.
    """
    import xarray as xr

    own = fits["polished_log_likelihood"].transpose(*_FITS)
    trace = fits["trace_log_likelihood"].transpose(*_FITS, "checkpoint")
    found = _gaps(own.values, trace.values, best_log_likelihood)
    return xr.DataArray(
        found, trace.coords | {"reference": list(REFERENCES)}, ("reference", *_FITS, "checkpoint")
    )


def _gaps(own: FloatArray, trace: FloatArray, best: float) -> FloatArray:
    """Return the gaps to fits' own optima (...) and to the best known along traces (..., C)."""
    with np.errstate(invalid="ignore"):  # fits that end in no optimum, and checkpoints that they do not have
        optimum = np.stack([own, np.where(own <= best, best, np.nan)])
        optimum[np.isnan(optimum)] = np.inf
        gap: FloatArray = np.maximum(optimum[..., None] - trace, 0.0)
    return gap


def first_costs(
    fits: xr.Dataset, best_log_likelihood: float, tolerances: Sequence[float] = TOLERANCES
) -> xr.DataArray:
    """Return after what cost each fit was first within each tolerance of an optimum.

    Parameters
    ----------
    fits : xarray.Dataset
        As for `gaps`, with ``trace_passes``, ``n_passes`` and ``seconds``.
    best_log_likelihood : float
        Of the best known optimum; NaN if there is none.
    tolerances : sequence of float
        In nats.

    Returns
    -------
    xarray.DataArray
        Over (reference, unit, method, initializer, restart, tolerance); infinite for a fit that never was,
        NaN where there is no fit or its seconds were not measured. The trace is thinned logarithmically (by
        6 % at 2,000 passes), so a value may be late by that much.
    """
    import xarray as xr

    own, trace, passes = _traces(fits)
    pace, ran = _pace(fits), ran_of(fits).transpose(*_FITS).values
    found = np.empty((len(REFERENCES), len(UNITS), *ran.shape, len(tolerances)))
    for method in range(len(ran)):  # one at a time, since traces are large
        gap = _gaps(own[method], trace[method], best_log_likelihood)
        for reference, distance in enumerate(gap):
            for place, tolerance in enumerate(tolerances):
                first = np.where(ran[method], _first(distance <= tolerance, passes[method]), np.nan)
                found[reference, :, method, ..., place] = first, first * pace[method]
    coordinates: dict[str, Any] = {name: fits[name].values for name in _FITS if name in fits.coords}
    coordinates |= {"reference": list(REFERENCES), "unit": list(UNITS), "tolerance": list(tolerances)}
    return xr.DataArray(found, coordinates, ("reference", "unit", *_FITS, "tolerance"), name="cost")


def _traces(fits: xr.Dataset) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the fits' own optima, and log-likelihoods and passes of their checkpoints, as arrays."""
    own = fits["polished_log_likelihood"].transpose(*_FITS).values
    trace, passes = (
        fits[f"trace_{name}"].transpose(*_FITS, "checkpoint").values for name in ("log_likelihood", "passes")
    )
    return own, trace, passes


def _first(within: BoolArray, passes: FloatArray) -> FloatArray:
    """Return the passes at the first checkpoint that is within; infinite without one."""
    if not within.shape[-1]:
        return np.full(within.shape[:-1], np.inf)
    place = within.argmax(axis=-1)[..., None]
    reached = np.take_along_axis(within, place, axis=-1)[..., 0]
    return np.where(reached, np.take_along_axis(passes, place, axis=-1)[..., 0], np.inf)


def _pace(fits: xr.Dataset) -> FloatArray:
    """Return the seconds a pass of every fit, NaN where they were not measured.

    Not zero, so that what takes for ever does so in seconds too; of a fit without passes any number.
    """
    passes, seconds = (fits[name].transpose(*_FITS).values for name in ("n_passes", "seconds"))
    pace: FloatArray = np.maximum(seconds / np.where(passes > 0, passes, 1.0), np.finfo(float).tiny)
    return pace


def cost_grid(highest: float) -> FloatArray:
    """Return costs at which curves are drawn, shape (`POINTS`,): evenly on the log scale, NaN without any."""
    if not (np.isfinite(highest) and highest > 0):
        return np.full(POINTS, np.nan)
    return np.geomspace(highest / 10**DECADES, highest, POINTS)


def cost_grids(fits: xr.Dataset) -> FloatArray:
    """Return `cost_grid` up to the highest cost of any fit, shape (2, `POINTS`): passes and seconds."""
    grids = []
    for name in ("n_passes", "seconds"):
        values = fits[name].values
        grids.append(cost_grid(float(values[np.isfinite(values)].max(initial=0.0))))
    return np.stack(grids)


def gap_bands(fits: xr.Dataset, best_log_likelihood: float, units: Sequence[str] = UNITS) -> xr.Dataset:
    """Return quantiles of the gap over all fits after the same cost.

    A fit that has stopped stays where it is; before its first checkpoint its gap is infinite.

    Parameters
    ----------
    fits, best_log_likelihood
        As for `first_costs`.
    units : sequence of str
        Of `UNITS`, those that are wanted.

    Returns
    -------
    xarray.Dataset
        Over (reference, unit, method, initializer, point): ``gap_q05``, ``gap_q25``, ``gap_median``,
        ``gap_q75`` and ``gap_q95``, infinite where so many fits have no such optimum; over (unit, point)
        ``cost``, the grid that all methods share; ``n_fits`` over (method, initializer). NaN without fits.
    """
    import xarray as xr

    own, trace, passes = _traces(fits)
    ran, pace = ran_of(fits).transpose(*_FITS).values, _pace(fits)
    chosen_units = [UNITS.index(unit) for unit in units]
    grids = cost_grids(fits)[chosen_units]
    bands = np.full((len(REFERENCES), len(units), *ran.shape[:2], POINTS, len(BANDS)), np.nan)
    for arm in np.ndindex(*ran.shape[:2]):  # one at a time, since traces are large
        gap = _gaps(own[arm], trace[arm], best_log_likelihood)
        paces = (np.ones(ran.shape[2]), pace[arm])
        for unit, cost in enumerate(paces[place] for place in chosen_units):
            chosen = ran[arm] & ~np.isnan(cost)
            if not chosen.any() or np.isnan(grids[unit]).any():
                continue
            after = _after(passes[arm][chosen], gap[:, chosen], cost[chosen], grids[unit])
            for reference, current in enumerate(after):
                bands[(reference, unit, *arm)] = quantiles(current, list(BANDS.values()))
    dims = ("reference", "unit", "method", "initializer", "point")
    variables: dict[str, Any] = {name: (dims, bands[..., i]) for i, name in enumerate(BANDS)}
    variables["cost"] = (("unit", "point"), grids)
    variables["n_fits"] = (("method", "initializer"), ran.sum(axis=-1))
    coordinates = {name: fits[name].values for name in ("method", "initializer")}
    return xr.Dataset(variables, coordinates | {"reference": list(REFERENCES), "unit": list(units)})


def _after(passes: FloatArray, gap: FloatArray, pace: FloatArray, grid: FloatArray) -> FloatArray:
    """Return the gap of each fit after each cost.

    Parameters
    ----------
    passes : ndarray, shape (fits, C)
        Of the checkpoints, in rising order; those that a fit does not have may lie between others.
    gap : ndarray, shape (references, fits, C)
    pace : ndarray, shape (fits,)
        Cost of a pass.
    grid : ndarray, shape (points,)

    Returns
    -------
    ndarray, shape (references, points, fits)
    """
    place = np.where(np.isnan(passes), 0, np.arange(1, passes.shape[1] + 1))
    # checkpoint 0, before all others, has an infinite gap
    latest = np.maximum.accumulate(np.concatenate([np.zeros((len(passes), 1), int), place], axis=1), axis=1)
    begun = np.concatenate([np.full((len(passes), 1), -np.inf), passes], axis=1)
    spent = np.take_along_axis(begun, latest, axis=1)
    # at which point of the grid each checkpoint has passed; the grid's last point is rounded
    when = np.searchsorted(grid * (1 + 1e-12), (spent * pace[:, None]).ravel())
    place = np.repeat(np.arange(len(spent)), spent.shape[1]) * (len(grid) + 1) + when
    passed = np.bincount(place, minlength=len(spent) * (len(grid) + 1)).reshape(len(spent), -1)
    own = np.take_along_axis(latest, np.cumsum(passed[:, :-1], axis=1) - 1, axis=1)
    found = np.empty((len(gap), len(grid), len(passes)))
    for reference, values in enumerate(gap):
        current = np.take_along_axis(values, np.maximum(own - 1, 0), axis=1)
        # an overflow on the way has no gap
        unknown = (own == 0) | np.isnan(current)
        found[reference] = np.where(unknown, np.inf, current).T
    return found
