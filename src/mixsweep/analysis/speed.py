"""Convergence speed: passes and seconds until a fit is close to its own optimum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mixsweep.typing import FloatArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["TOLERANCES", "first_passes", "run_time_distribution", "speed_table"]

#: Distances from the fit's own optimum, in nats.
TOLERANCES = (1e-2, 1e-4, 1e-6)
QUARTILES = {"q25": 0.25, "median": 0.5, "q75": 0.75}
#: Points of an empirical distribution.
CURVE_POINTS = 64


def first_passes(fits: xr.Dataset) -> xr.DataArray:
    """Return after how many passes each fit was first within each tolerance of its own optimum.

    Parameters
    ----------
    fits : xarray.Dataset
        ``trace_passes``, ``trace_log_likelihood`` over (method, initializer, restart, checkpoint) and
        ``polished_log_likelihood`` over (method, initializer, restart).

    Returns
    -------
    xarray.DataArray
        Over (method, initializer, restart, tolerance); infinite for a fit that never was, or that has no
        optimum. The trace is thinned logarithmically (by 6 % at 2,000 passes), so a value may be late by
        that much.
    """
    gap = fits["polished_log_likelihood"] - fits["trace_log_likelihood"]
    parts = []
    for tolerance in TOLERANCES:
        within = fits["trace_passes"].where(gap <= tolerance)
        parts.append(within.fillna(np.inf).min("checkpoint").expand_dims(tolerance=[tolerance], axis=-1))
    import xarray as xr

    return xr.concat(parts, dim="tolerance", coords="minimal", compat="override", join="exact")


def _quantiles(values: FloatArray, share: float) -> FloatArray:
    # inverted_cdf picks a value of the sample, so that infinities do not spread into their neighbours
    result: FloatArray = np.quantile(values, share, axis=2, method="inverted_cdf")
    return result


def speed_table(fits: xr.Dataset) -> xr.Dataset:
    """Return quartiles of passes and seconds to each tolerance, over all fits.

    Returns
    -------
    xarray.Dataset
        Over (method, initializer, tolerance): ``n_fits`` (all), ``n_reached``, ``share_reached``, and
        quartiles of ``passes`` and ``seconds``, infinite where so many fits never arrive. Seconds are the
        fit's share of its batch's time, in proportion to its passes.
    """
    passes = first_passes(fits).transpose("method", "initializer", "restart", "tolerance")
    # a fit that never arrives takes for ever, also one without passes
    seconds = (passes * fits["seconds"] / fits["n_passes"]).where(np.isfinite(passes), np.inf)
    reached = (passes < np.inf).sum("restart")
    table = reached.to_dataset(name="n_reached").assign(
        n_fits=(reached.dims, np.full(reached.shape, fits.sizes["restart"])),
        share_reached=reached / fits.sizes["restart"],
    )
    for unit, values in (("passes", passes), ("seconds", seconds)):
        for word, share in QUARTILES.items():
            table[f"{unit}_{word}"] = (reached.dims, _quantiles(values.values, share))
    return table


def run_time_distribution(fits: xr.Dataset) -> list[dict[str, float | str]]:
    """Return the empirical distribution of passes to each tolerance, for each method over all its fits.

    Returns
    -------
    list of dict
        ``method``, ``tolerance``, ``passes`` and ``share_reached`` of at most `CURVE_POINTS` points a curve;
        the last share is what ever arrives.
    """
    passes = first_passes(fits)
    rows: list[dict[str, float | str]] = []
    for method in fits["method"].values:
        for tolerance in TOLERANCES:
            values = np.sort(passes.sel({"method": method, "tolerance": tolerance}).values.ravel())
            arrived = values[np.isfinite(values)]
            if not len(arrived):
                rows.append(
                    {"method": str(method), "tolerance": tolerance, "passes": 1.0, "share_reached": 0.0}
                )
                continue
            ranks = np.unique(np.linspace(0, len(arrived) - 1, CURVE_POINTS).round().astype(int))
            for x in np.unique(arrived[ranks]):
                share = np.searchsorted(values, x, side="right") / len(values)
                rows.append(
                    {
                        "method": str(method),
                        "tolerance": tolerance,
                        "passes": float(x),
                        "share_reached": share,
                    }
                )
    return rows
