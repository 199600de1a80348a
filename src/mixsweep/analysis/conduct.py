"""What methods did on the way: steps down, points that were no mixtures, passes at points not accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.counts import NO_FITS, ran_of, reasons
from mixsweep.analysis.intervals import wilson

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["conduct"]

#: Counts of a fit that are summed over fits.
TOTALS = ("n_decreases", "n_constraint_violations", "n_function_values", "n_trial_passes")
NO_PASSES = "cannot say which share of passes: none was taken"


def conduct(fits: xr.Dataset) -> xr.Dataset:
    """Return how often the log-likelihood fell and constraints were broken.

    Parameters
    ----------
    fits : xarray.Dataset
        ``n_decreases``, ``largest_decrease``, ``n_constraint_violations``, ``n_trial_passes``,
        ``n_function_values`` and ``n_passes`` over (..., method, initializer, restart).

    Returns
    -------
    xarray.Dataset
        Over (..., method, initializer): ``n_fits``; the totals ``n_decreases``,
        ``n_constraint_violations``, ``n_function_values`` and ``n_trial_passes``; ``share_decreasing`` and
        ``share_violating``, of fits with any, with 95 % intervals; ``largest_decrease`` of all fits;
        ``share_trial``, of passes at points that were not accepted; ``reason``.
    """
    all_ran = ran_of(fits)
    n_fits = all_ran.sum("restart")
    dims, count = n_fits.dims, n_fits.values
    silent = reasons(count.shape, (count == 0, NO_FITS))
    names = {*TOTALS, "n_passes", "largest_decrease"}
    each = {name: fits[name].transpose(*dims, "restart").values for name in names}
    ran = all_ran.transpose(*dims, "restart").values
    total = {name: np.nansum(np.where(ran, values, 0), axis=-1) for name, values in each.items()}

    numbers: dict[str, np.ndarray[Any, Any]] = {}
    for share, name in (("decreasing", "n_decreases"), ("violating", "n_constraint_violations")):
        having = (ran & (each[name] > 0)).sum(axis=-1)
        low, high = wilson(having, count)
        numbers[f"share_{share}"] = having / np.maximum(count, 1)
        numbers[f"share_{share}_low"], numbers[f"share_{share}_high"] = low, high
    largest = np.where(ran, each["largest_decrease"], 0.0)
    numbers["largest_decrease"] = (
        np.fmax.reduce(largest, axis=-1) if largest.shape[-1] else np.zeros(count.shape)
    )
    passes = total["n_passes"]
    numbers["share_trial"] = total["n_trial_passes"] / np.where(passes > 0, passes, np.nan)
    silent[(silent == "") & (passes == 0)] = NO_PASSES
    return n_fits.to_dataset(name="n_fits").assign(
        {name: (dims, total[name]) for name in TOTALS}
        | {name: (dims, np.where(count > 0, values, np.nan)) for name, values in numbers.items()}
        | {"reason": (dims, silent)}
    )
