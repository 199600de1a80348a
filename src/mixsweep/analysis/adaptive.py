"""Global optimum: how many restarts a cell should have before its verdict can stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mixsweep.analysis.chosen import rates_at_one_time
from mixsweep.analysis.counts import FEW_HITS
from mixsweep.analysis.drawn import drawn
from mixsweep.analysis.intervals import restarts_needed
from mixsweep.analysis.success import hit_rates

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["restarts_wanted"]

#: A round at most multiplies the restarts by this: rates from few hits are rough.
GROWTH = 2


def restarts_wanted(fits: xr.Dataset, best: int, n_rows: int, target: float, maximum: int) -> xr.Dataset:
    """Return how many restarts a cell should have after the next round.

    A cell has enough when one of its arms (a method with an initializer) hit at least three times, and has as
    many restarts as give a chance of `target` of the best known optimum, by the low end of the hit rate's
    interval, which holds for all arms at one time. Otherwise it gets what its best arm lacks, but at most
    twice what it has. Only drawn starts count: many copies of one start, or starts from the generating
    parameters, are no evidence of a search. A cell without drawn starts has enough, as more would tell
    nothing.

    Parameters
    ----------
    fits : xarray.Dataset
        A cell's: ``optimum`` and ``n_passes`` over (method, initializer, restart).
    best : int
        Number of the best known optimum; -1 if there is none: then the restarts double.
    n_rows : int
        Rows of the data.
    target : float
        Chance between 0 and 1.
    maximum : int
        Never more restarts than this, unless the cell has them.

    Returns
    -------
    xarray.Dataset
        ``wanted`` and ``n_fits``, restarts that the cell has for each arm; equal when it has enough.
    """
    import xarray as xr

    rates = hit_rates(fits, best)
    there = int(rates["n_fits"].max()) if rates["n_fits"].size else 0
    counted = drawn(fits["initializer"].values, n_rows)
    if not counted:
        return xr.Dataset({"wanted": there, "n_fits": there})
    rates = rates.sel(initializer=counted)
    n_hits, n_fits = rates["n_hits"].values, rates["n_fits"].transpose(*rates["n_hits"].dims).values
    low, _ = rates_at_one_time(n_hits, n_fits, int((n_fits > 0).sum()))
    needed = np.where(n_hits >= FEW_HITS, restarts_needed(low, target), np.inf)
    enough = float(needed.min(initial=np.inf))
    wanted = max(there, min(enough, max(there, 1) * GROWTH, maximum))
    return xr.Dataset({"wanted": int(wanted), "n_fits": there})
