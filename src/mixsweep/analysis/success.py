"""Global optimum: how often each method and start reaches the best known, and after how many restarts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mixsweep.analysis.counts import NO_BEST, NO_FITS, hits_of, ran_of, reasons
from mixsweep.analysis.intervals import restarts_needed, wilson
from mixsweep.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["CHANCES", "hit_rates"]

#: Chances of at least one hit for which the number of restarts is stated, in percent.
CHANCES = (90, 95, 99)


def hit_rates(
    fits: xr.Dataset,
    best: int | xr.DataArray,
    interval: Callable[[IntArray, IntArray], tuple[FloatArray, FloatArray]] = wilson,
) -> xr.Dataset:
    """Return hit rates with intervals, and restarts needed.

    Parameters
    ----------
    fits : xarray.Dataset
        ``optimum`` and ``n_passes`` over (..., method, initializer, restart).
    best : int or xarray.DataArray
        Number of the best known optimum; -1 if there is none (then nothing is a hit).
    interval : callable
        `mixsweep.analysis.intervals.wilson` or `mixsweep.analysis.intervals.jeffreys`.

    Returns
    -------
    xarray.Dataset
        Over (..., method, initializer): ``n_fits`` (all that ran, failures included), ``n_hits``,
        ``hit_rate`` with 95 % interval, ``restarts_90``, ``restarts_95`` and ``restarts_99`` with the
        interval that the rate's implies (infinite where the rate is 0), and ``passes_per_hit``: the expected
        passes of restarts one after the other to the first hit, failures paid for (infinite without hits; its
        interval is in `mixsweep.analysis.running_time`). ``reason`` says why all of these are NaN: no fits,
        or no best known optimum.
    """
    n_hits, n_fits = hits_of(fits, best).sum("restart"), ran_of(fits).sum("restart")
    dims = n_hits.dims
    n_fits = n_fits.transpose(*dims)
    without_best = (n_hits * 0 + best < 0).values
    known = (n_fits.values > 0) & ~without_best

    def where_known(values: FloatArray) -> tuple[tuple[object, ...], FloatArray]:
        return dims, np.where(known, values, np.nan)

    low, high = interval(n_hits.values, n_fits.values)
    rate = n_hits.values / np.maximum(n_fits.values, 1)
    passes = fits["n_passes"].sum("restart").transpose(*dims).values
    per_hit = np.where(n_hits.values > 0, passes / np.maximum(n_hits.values, 1), np.inf)
    numbers = {"hit_rate": rate, "hit_rate_low": low, "hit_rate_high": high, "passes_per_hit": per_hit}
    needed = {
        f"restarts_{chance}{end}": restarts_needed(values, chance / 100)
        for chance in CHANCES
        for end, values in (("", rate), ("_low", high), ("_high", low))
    }
    why = reasons(n_hits.shape, (n_fits.values == 0, NO_FITS), (without_best, NO_BEST))
    return n_hits.to_dataset(name="n_hits").assign(
        {"n_fits": n_fits}
        | {name: where_known(values) for name, values in numbers.items()}
        | {"reason": (dims, why)}
        | {name: where_known(values) for name, values in needed.items()}
    )
