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
from mixsweep.typing import FloatArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["BANDS", "REFERENCES", "TOLERANCES", "UNITS", "cost_grid", "first_costs", "gap_bands", "gaps"]

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

    own = fits["polished_log_likelihood"]
    best = xr.full_like(own, best_log_likelihood).where(own <= best_log_likelihood)
    optimum = xr.concat([own, best], "reference", coords="minimal", compat="override", join="exact")
    optimum = optimum.assign_coords(reference=list(REFERENCES)).fillna(np.inf)
    trace = fits["trace_log_likelihood"]
    found: xr.DataArray = (optimum - trace).clip(min=0).transpose("reference", *_FITS, "checkpoint")
    return found


def costs(fits: xr.Dataset) -> xr.DataArray:
    """Return what every checkpoint cost, over (unit, method, initializer, restart, checkpoint).

    Seconds are the fit's share of its batch's time, in proportion to its passes.
    """
    import xarray as xr

    passes = fits["trace_passes"]
    seconds = passes * (fits["seconds"] / fits["n_passes"].where(fits["n_passes"] > 0))
    both = xr.concat([passes, seconds], "unit", coords="minimal", compat="override", join="exact")
    return both.assign_coords(unit=list(UNITS)).transpose("unit", *_FITS, "checkpoint")


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

    gap, spent = gaps(fits, best_log_likelihood), costs(fits)
    ran = ran_of(fits).transpose(*_FITS)
    known = xr.concat([ran, ran & fits["seconds"].notnull()], "unit").transpose("unit", *_FITS)
    parts = []
    for tolerance in tolerances:
        within = spent.where(gap <= tolerance).min("checkpoint", skipna=True)
        parts.append(within.fillna(np.inf).where(known).expand_dims(tolerance=[tolerance], axis=-1))
    found = xr.concat(parts, dim="tolerance", coords="minimal", compat="override", join="exact")
    return found.transpose("reference", "unit", *_FITS, "tolerance")


def cost_grid(highest: float) -> FloatArray:
    """Return costs at which curves are drawn, shape (`POINTS`,): evenly on the log scale over four decades.

    Passes begin at 1, where the start is looked at.
    """
    if not (np.isfinite(highest) and highest > 0):
        return np.full(POINTS, np.nan)
    return np.geomspace(highest / 10**DECADES, highest, POINTS)


def gap_bands(fits: xr.Dataset, best_log_likelihood: float) -> xr.Dataset:
    """Return quantiles of the gap over all fits after the same cost.

    A fit that has stopped stays where it is; before its first checkpoint its gap is infinite.

    Parameters
    ----------
    fits, best_log_likelihood
        As for `first_costs`.

    Returns
    -------
    xarray.Dataset
        Over (reference, unit, method, initializer, point): ``gap_q05``, ``gap_q25``, ``gap_median``,
        ``gap_q75`` and ``gap_q95``, infinite where so many fits have no such optimum; over (unit, point)
        ``cost``, the grid that all methods share; ``n_fits`` over (method, initializer). NaN without fits.
    """
    import xarray as xr

    gap, spent = gaps(fits, best_log_likelihood).values, costs(fits).values
    ran = ran_of(fits).transpose(*_FITS).values
    shape = (len(REFERENCES), len(UNITS), *ran.shape[:2], POINTS)
    bands = np.full((*shape, len(BANDS)), np.nan)
    grids = np.stack([cost_grid(_highest(own)) for own in spent])
    for unit, own in enumerate(spent):
        if np.isnan(grids[unit]).any():
            continue
        for place in np.ndindex(*ran.shape[:2]):
            chosen = ran[place] & ~(
                np.isnan(own[place]).all(axis=-1) & np.isfinite(gap[0][place]).any(axis=-1)
            )
            if not chosen.any():
                continue
            for reference in range(len(REFERENCES)):
                current = _after(own[place][chosen], gap[reference][place][chosen], grids[unit])
                bands[(reference, unit, *place)] = quantiles(current.T, list(BANDS.values()))
    dims = ("reference", "unit", "method", "initializer", "point")
    variables: dict[str, Any] = {name: (dims, bands[..., i]) for i, name in enumerate(BANDS)}
    variables["cost"] = (("unit", "point"), grids)
    variables["n_fits"] = (("method", "initializer"), ran.sum(axis=-1))
    coordinates = {name: fits[name].values for name in ("method", "initializer")}
    return xr.Dataset(variables, coordinates | {"reference": list(REFERENCES), "unit": list(UNITS)})


def _highest(values: FloatArray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.max()) if finite.size else np.nan


def _after(spent: FloatArray, gap: FloatArray, grid: FloatArray) -> FloatArray:
    """Return the gap of each fit after each cost, shape (fits, points), from traces of shape (fits, C)."""
    # checkpoints that a fit does not have may lie between others
    order = np.argsort(spent, axis=1)
    spent, gap = np.take_along_axis(spent, order, axis=1), np.take_along_axis(gap, order, axis=1)
    gap = np.where(np.isnan(gap), np.inf, gap)
    found = np.full((len(spent), len(grid)), np.inf)
    for point, cost in enumerate(grid * (1 + 1e-12)):  # the grid's last point is rounded
        passed = (spent <= cost).sum(axis=1)
        own = np.take_along_axis(gap, np.maximum(passed - 1, 0)[:, None], axis=1)[:, 0]
        found[:, point] = np.where(passed > 0, own, np.inf)
    return found
