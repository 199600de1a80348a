"""Global optimum: how often each method and start reaches the best known, and after how many restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mixsweep.analysis.intervals import restarts_needed, wilson

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["CHANCES", "hit_rates"]

#: Chances of at least one hit for which the number of restarts is stated, in percent.
CHANCES = (95, 99)


def hit_rates(fits: xr.Dataset, best: int) -> xr.Dataset:
    """Return hit rates with Wilson intervals, and restarts needed.

    Parameters
    ----------
    fits : xarray.Dataset
        ``optimum`` and ``n_passes`` over (method, initializer, restart).
    best : int
        Number of the best known optimum; -1 if there is none (then nothing is a hit).

    Returns
    -------
    xarray.Dataset
        Over (method, initializer): ``n_fits`` (all, failures included), ``n_hits``, ``hit_rate`` with 95 %
        interval, ``restarts_95`` and ``restarts_99`` with the interval that the rate's implies (infinite
        where the rate is 0), and ``passes_per_hit``: the expected passes of restarts one after the other to
        the first hit, failures paid for (infinite without hits).
    """
    hits = (fits["optimum"] == best) & (best >= 0)
    n_hits = hits.sum("restart")
    dims = n_hits.dims
    n_fits = fits.sizes["restart"]
    low, high = wilson(n_hits.values, n_fits)
    result = n_hits.to_dataset(name="n_hits").assign(
        n_fits=(dims, (n_hits * 0 + n_fits).values),
        hit_rate=n_hits / n_fits,
        hit_rate_low=(dims, low),
        hit_rate_high=(dims, high),
    )
    passes = fits["n_passes"].sum("restart")
    result["passes_per_hit"] = (passes / n_hits.where(n_hits > 0)).fillna(np.inf)
    for chance in CHANCES:
        result[f"restarts_{chance}"] = (dims, restarts_needed(result["hit_rate"].values, chance / 100))
        result[f"restarts_{chance}_low"] = (dims, restarts_needed(high, chance / 100))
        result[f"restarts_{chance}_high"] = (dims, restarts_needed(low, chance / 100))
    return result
