"""Global optimum: which method and start to use for a problem, how often, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.chosen import CHANCE, rates_at_one_time
from mixsweep.analysis.counts import FEW_HITS, NO_COST, ran_of
from mixsweep.analysis.intervals import restarts_needed
from mixsweep.analysis.success import hit_rates
from mixsweep.analysis.verdict_words import RESTARTS, at_one_time, restarts_in_words
from mixsweep.typing import BoolArray, FloatArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["advice", "no_advice"]

_ARM = ("method", "initializer")
_RATE = ("hit_rate", "hit_rate_low", "hit_rate_high")


def advice(fits: xr.Dataset, best: int | xr.DataArray) -> xr.Dataset:
    """Return the method, the start and the number of restarts to use for a problem.

    Of the arms (a method with an initializer) that hit at least three times in every cell for which any arm
    did, the one with the fewest expected passes to the first hit, summed over these cells, is advised. The
    arm that looked best among several is not as good as it looked: the intervals hold for all arms and cells
    that were compared, and the number of restarts is by their low end (see `mixsweep.analysis.chosen`).

    Parameters
    ----------
    fits : xarray.Dataset
        ``optimum``, ``n_passes`` and ``seconds`` over (method, initializer, restart), with any dimensions
        before these for the cells of the problem (family, n_components).
    best : int or xarray.DataArray
        Number of the best known optimum of each cell; -1 where there is none.

    Returns
    -------
    xarray.Dataset
        ``method``, ``initializer``, ``restarts`` to make in each cell: enough for a chance of 95 % in the
        hardest one by the low end of its hit rate's interval; ``expected_passes`` and ``expected_seconds`` of
        so many restarts of all cells that were answered; what this rests on: ``n_hits``, ``n_fits``,
        ``hit_rate`` and ``restarts_95`` with their 95 % intervals in the hardest cell, ``n_rates`` rates
        for which these hold, ``n_cells_answered`` and ``n_cells``; ``statement`` in words, and ``reason``.
        Where nothing can be said: empty names, NaN, and the reason.
    """
    rates = hit_rates(fits, best)
    cells = [str(dim) for dim in rates["n_hits"].dims if dim not in _ARM]
    order = (*cells, *_ARM)
    shape = (-1, *(rates.sizes[name] for name in _ARM))
    flat = {
        str(name): values.transpose(*order).values.reshape(shape) for name, values in rates.data_vars.items()
    }
    enough = flat["n_hits"] >= FEW_HITS
    there: BoolArray = np.asarray((flat["n_fits"] > 0).any(axis=(1, 2)))
    answered: BoolArray = np.asarray(enough.any(axis=(1, 2)))
    eligible = enough[answered].all(axis=0)
    if not answered.any() or not eligible.any():
        why = f"cannot say: {_why_not(there, answered, flat)}"
        return no_advice(why, int(there.sum()), int(answered.sum()))
    i, j = np.unravel_index(
        np.argmin(np.where(eligible, flat["passes_per_hit"][answered].sum(axis=0), np.inf)), eligible.shape
    )
    own = {name: values[answered, i, j] for name, values in flat.items()}
    n_rates = int((flat["n_fits"][answered] > 0).sum())
    low, high = rates_at_one_time(own["n_hits"], own["n_fits"], n_rates)
    hardest = int(np.argmin(low))
    rates_there = own["hit_rate"][hardest], low[hardest], high[hardest]
    needed = [float(restarts_needed(rate, CHANCE)) for rate in rates_there]
    restarts = needed[1]
    spent = {
        name: _mean_cost(fits[variable], ran_of(fits), order, shape)[answered, i, j].sum() * restarts
        for name, variable in (("expected_passes", "n_passes"), ("expected_seconds", "seconds"))
    }
    values: dict[str, Any] = {
        "method": str(rates["method"].values[i]),
        "initializer": str(rates["initializer"].values[j]),
        "restarts": restarts,
        **{name: float(total) for name, total in spent.items()},
        "n_hits": int(own["n_hits"][hardest]),
        "n_fits": int(own["n_fits"][hardest]),
        **dict(zip(_RATE, map(float, rates_there), strict=True)),
        **dict(zip(RESTARTS, (needed[0], needed[2], needed[1]), strict=True)),
        "n_rates": n_rates,
        "n_cells_answered": int(answered.sum()),
        "n_cells": int(there.sum()),
        "reason": "" if np.isfinite(spent["expected_seconds"]) else NO_COST,
    }
    return _as_dataset(values | {"statement": _sentence(values)})


def _mean_cost(
    cost: xr.DataArray, ran: xr.DataArray, order: tuple[str, ...], shape: tuple[int, ...]
) -> FloatArray:
    """Return the mean cost of a fit, shape (cell, method, initializer); NaN where some are not known."""
    total = cost.where(ran, 0.0).sum("restart", skipna=False).transpose(*order).values
    count = ran.sum("restart").transpose(*order).values
    mean: FloatArray = (total / np.maximum(count, 1)).reshape(shape)
    return mean


def _why_not(there: BoolArray, answered: BoolArray, flat: dict[str, Any]) -> str:
    if not there.any():
        return "no fits were run"
    if np.isnan(flat["hit_rate"][there]).all():
        return "no proper optimum is known"
    if not answered.any():
        most = int(flat["n_hits"].max())
        return f"no method and start reached the best known optimum {FEW_HITS} times (the most is {most})"
    return (
        f"no single method and start reached the best known optimum {FEW_HITS} times in each of the "
        f"{int(answered.sum())} cells; the cells need advice of their own"
    )


def no_advice(reason: str, n_cells: int, n_answered: int = 0) -> xr.Dataset:
    """Return the entry of a problem for which nothing can be advised.

    Parameters
    ----------
    reason : str
        Begins with "cannot say: ".
    n_cells, n_answered : int
        Cells of the problem, and those in which some arm hit often enough.
    """
    names = ("restarts", "expected_passes", "expected_seconds", *_RATE, *RESTARTS)
    values: dict[str, Any] = dict.fromkeys(names, np.nan)
    values |= {"method": "", "initializer": "", "n_hits": 0, "n_fits": 0, "n_rates": 0}
    values |= {"n_cells": n_cells, "n_cells_answered": n_answered, "reason": reason}
    return _as_dataset(values | {"statement": f"{reason[0].upper()}{reason[1:]}."})


def _as_dataset(values: dict[str, Any]) -> xr.Dataset:
    import xarray as xr

    return xr.Dataset({name: ((), value) for name, value in values.items()})


def _sentence(values: dict[str, Any]) -> str:
    restarts = restarts_in_words("the best known optimum", *(int(values[name]) for name in RESTARTS))
    text = (
        f"Use {values['method']} from {values['initializer']}: {restarts}, "
        f"in {values['expected_passes']:.0f} passes"
    )
    if np.isfinite(values["expected_seconds"]):
        text += f" or {values['expected_seconds']:.3g} seconds"
    rate, low, high = (100 * values[name] for name in _RATE)
    text += (
        f"; {values['n_hits']} of {values['n_fits']} fits hit, {rate:.1f} % ({low:.1f} to {high:.1f} %)"
        f"{at_one_time(values['n_rates'])}"
    )
    if values["n_cells"] > 1:
        text += f"; for each of {values['n_cells_answered']} of {values['n_cells']} cells, by the hardest"
    return text + "."
