"""Convergence speed: the linear rate of EM at each optimum, in theory and as it is observed.

The distance to the optimum shrinks by the rate rho a pass, the gap of the log-likelihood by rho squared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.counts import reasons
from mixsweep.analysis.em_jacobian import largest_eigenvalues
from mixsweep.analysis.quantiles import median_interval, quantiles
from mixsweep.objective import Objective
from mixsweep.schema import KINDS
from mixsweep.typing import BoolArray, FloatArray

if TYPE_CHECKING:
    import xarray as xr

    from mixsweep.problems.base import Problem

__all__ = ["em_rates", "fit_rates", "observed_rates", "rate_agreement", "rate_differences"]

#: Optima at most, the highest.
MOST = 12
#: Kinds at which EM's map is smooth and has a fixed point by itself.
SMOOTH = ("proper", "saddle", "spurious")
#: Gaps below this share of the log-likelihood are in doubt by 1 % and more, from rounding; a rate comes from
#: the last fall by `FALL` above it.
ROUNDING, FALL = 1e-13, 30.0
#: Nearer than this, in nats, the log-likelihood is a quadratic: a seventh of a standard error.
QUADRATIC = 1e-2
#: A fall is geometric when the rates of its two halves differ by no more.
SETTLED = 1e-3
#: Two eigenvalues can be told apart when the second's share of the gap shrinks to this share of itself, or
#: less, within the fall.
APART = 1 / 3

NOT_SMOOTH = f"cannot say: a rate is of an optimum of kind {', '.join(SMOOTH)}"
FEW_RATES = "no interval: fewer than 6 fits have a rate"
NO_DIFFERENCES = "cannot say: the EM map has no finite differences there"
NO_FALL = f"cannot say: no fit's trace falls {FALL:g} times near the optimum"
LEFT = "no comparison: EM leaves this point, and what fits show is how they came near it"
TOO_NEAR = f"no comparison: a fall of {FALL:g} times does not tell the second eigenvalue from the first"
UNSETTLED = f"no comparison: not in most fits the rate changes by {SETTLED:g} at most within the last fall"


def em_rates(problem: Problem, optima: xr.Dataset, count: int = MOST) -> xr.Dataset:
    """Return the theoretical rate of EM at the highest optima.

    Parameters
    ----------
    problem : Problem
        The data.
    optima : xarray.Dataset
        The cell's optima.
    count : int
        How many of them.

    Returns
    -------
    xarray.Dataset
        Over ``optimum``: ``em_rate``, the largest eigenvalue of the EM map's Jacobian, the fraction of
        information that is missing; above 1 EM leaves the point, at a saddle. ``em_rate_second``, the next
        eigenvalue; ``em_rate_error``, the residual of the first; ``em_passes_per_digit``, in which the
        distance to the optimum falls to a tenth; ``reason`` why there is no rate, or none that fits could
        show, since EM leaves the point.
    """
    import xarray as xr

    objective = Objective.of_problem(
        problem,
        str(optima.attrs["family"]),
        int(optima.attrs["n_components"]),
        float(optima.attrs["covariance_floor"]),
    )
    leading = optima.isel(optimum=slice(0, count))
    total = leading.sizes["optimum"]
    smooth = np.isin(leading["kind"].values, [KINDS.index(kind) for kind in SMOOTH])
    rate, second, error = (np.full(total, np.nan) for _ in range(3))
    if smooth.any():
        reported = {name: leading[name].values[smooth] for name in ("weights", *objective.family.reported)}
        points = objective.family.from_reported(reported, objective.location, objective.scale)
        eigenvalues, residual = largest_eigenvalues(objective, points, 2)
        rate[smooth], second[smooth], error[smooth] = *eigenvalues.T, residual[:, 0]
    left = (leading["kind"].values == KINDS.index("saddle")) | (rate >= 1)
    reason = reasons((total,), (~smooth, NOT_SMOOTH), (np.isnan(rate), NO_DIFFERENCES), (left, LEFT))
    columns: dict[str, Any] = {
        "em_rate": rate,
        "em_rate_second": second,
        "em_rate_error": error,
        "em_passes_per_digit": passes_per_digit(rate),
        "reason": reason,
    }
    return xr.Dataset(
        {name: ("optimum", values) for name, values in columns.items()},
        {"optimum": leading["optimum"].values},
    )


def passes_per_digit(rate: FloatArray) -> FloatArray:
    """Return after how many passes the distance is a tenth: infinite from rate 1, 0 at rate 0."""
    with np.errstate(divide="ignore", invalid="ignore"):  # rates of 0 and of 1, and unknown ones
        passes: FloatArray = np.where(rate >= 1, np.inf, -np.log(10) / np.log(np.clip(rate, 0, None)))
    return np.where(np.isnan(rate), np.nan, np.abs(passes))


def fit_rates(fits: xr.Dataset) -> xr.Dataset:
    """Return by which factor each fit's distance from its own optimum shrank a pass at the end.

    From the last checkpoint whose gap is above rounding, and the last one before it whose gap is `FALL` times
    as large, if that is at most 0.01 nats, where the log-likelihood is nearly a quadratic. The gap of EM is
    then a sum of exponentials, one for each eigenvalue of its map's Jacobian, so that the rate comes from
    below: where the second eigenvalue is close to the first it is still too low. A fit that stops early has
    not come to its rate yet, which shows in a rate that changes within the fall.

    Parameters
    ----------
    fits : xarray.Dataset
        ``trace_passes``, ``trace_log_likelihood`` over (method, initializer, restart, checkpoint) and
        ``polished_log_likelihood`` over (method, initializer, restart).

    Returns
    -------
    xarray.Dataset
        Over (method, initializer, restart): ``rate``, NaN where the trace does not show such a fall;
        ``settled``: whether the rates of the fall's halves differ by `SETTLED` at most.
    """
    import xarray as xr

    dims = ("method", "initializer", "restart")
    own = fits["polished_log_likelihood"].transpose(*dims)
    trace = fits["trace_log_likelihood"].transpose(*dims, "checkpoint").values
    passes = fits["trace_passes"].transpose(*dims, "checkpoint").values
    # one method at a time, since traces are large
    found = [_fit_rates(*each) for each in zip(own.values, trace, passes, strict=True)]
    rate, settled = (np.reshape([each[place] for each in found], own.shape) for place in (0, 1))
    return xr.Dataset({"rate": (dims, rate), "settled": (dims, settled)}, own.coords)


def _fit_rates(own: FloatArray, trace: FloatArray, passes: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return the rates of fits from the height of their optima and their traces, and which have settled."""
    gap = own[..., None] - trace
    floor = ROUNDING * np.maximum(np.abs(own), 1.0)
    with np.errstate(invalid="ignore"):  # fits without an optimum, and checkpoints that they do not have
        usable = (gap > floor[..., None]) & np.isfinite(gap)
        after = _latest(gap, np.where(usable, passes, np.nan))
        earlier = usable & (gap >= FALL * after[0][..., None]) & (passes < after[1][..., None])
        before = _latest(gap, np.where(earlier, passes, np.nan))
        before = np.where(before[0] <= QUADRATIC, before[0], np.nan), before[1]
        within = usable & (passes > before[1][..., None]) & (passes < after[1][..., None])
        middle = _halfway(gap, np.where(within, passes, np.nan), np.sqrt(before[0] * after[0]))
        settled: BoolArray = np.abs(_rate(before, middle) - _rate(middle, after)) <= SETTLED
        return _rate(before, after), settled


def _rate(before: tuple[FloatArray, FloatArray], after: tuple[FloatArray, FloatArray]) -> FloatArray:
    """Return the rate between two checkpoints, each with its gap and its passes; NaN where one is missing."""
    rate: FloatArray = np.exp(np.log(after[0] / before[0]) / (2 * (after[1] - before[1])))
    return rate


def _halfway(gap: FloatArray, passes: FloatArray, level: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return gap and passes at the checkpoint nearest to a level of the gap; NaN without any."""
    away = np.abs(np.log(np.where(np.isnan(passes), np.nan, gap) / level[..., None]))
    place = np.where(np.isnan(away), np.inf, away).argmin(axis=-1)[..., None]
    chosen = np.take_along_axis(passes, place, axis=-1)[..., 0]
    return np.where(np.isnan(chosen), np.nan, np.take_along_axis(gap, place, axis=-1)[..., 0]), chosen


def _latest(gap: FloatArray, passes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return gap and passes at the checkpoint with the most passes that are not NaN; NaN without any."""
    place = np.where(np.isnan(passes), -np.inf, passes).argmax(axis=-1)[..., None]
    chosen = np.take_along_axis(passes, place, axis=-1)[..., 0]
    return np.where(np.isnan(chosen), np.nan, np.take_along_axis(gap, place, axis=-1)[..., 0]), chosen


def observed_rates(fits: xr.Dataset, optima: xr.Dataset, count: int = MOST) -> xr.Dataset:
    """Return the rate at which the fits of each method approached each optimum.

    Of a method that converges faster than linearly it is the mean over the last fall.

    Parameters
    ----------
    fits : xarray.Dataset
        As for `fit_rates`, with ``optimum``.
    optima : xarray.Dataset
        The cell's optima.
    count : int
        How many of them, the highest.

    Returns
    -------
    xarray.Dataset
        Over (method, optimum): ``observed_rate``, the median over fits, with its 95 % interval (NaN with
        fewer than 6), ``observed_rate_q25`` and ``observed_rate_q75``, ``n_rated``: from how many fits;
        ``share_settled``: of these, in which the rate hardly changes any more; ``reason``.
    """
    import xarray as xr

    numbers = optima["optimum"].values[:count]
    found = fit_rates(fits)
    ended = fits["optimum"].transpose("method", "initializer", "restart").values
    rates, settled, ended = (
        values.reshape(len(values), -1) for values in (found["rate"].values, found["settled"].values, ended)
    )
    own = np.where(ended[:, None] == numbers[:, None], rates[:, None], np.nan)
    quarters = quantiles(own, [0.25, 0.5, 0.75])
    low, high = median_interval(own)
    counted = (~np.isnan(own)).sum(axis=-1)
    still = (~np.isnan(own) & settled[:, None]).sum(axis=-1)
    columns: dict[str, Any] = {
        "observed_rate": quarters[..., 1],
        "observed_rate_low": low,
        "observed_rate_high": high,
        "observed_rate_q25": quarters[..., 0],
        "observed_rate_q75": quarters[..., 2],
        "n_rated": counted,
        "share_settled": np.where(counted > 0, still / np.maximum(counted, 1), np.nan),
        "reason": reasons(counted.shape, (counted == 0, NO_FALL), (np.isnan(low), FEW_RATES)),
    }
    return xr.Dataset(
        {name: (("method", "optimum"), values) for name, values in columns.items()},
        {"method": fits["method"].values, "optimum": numbers},
    )


def rate_differences(theory: xr.Dataset, observed: xr.Dataset) -> xr.Dataset:
    """Return how far observed rates are from the theoretical ones of EM, where both are of the same thing.

    Parameters
    ----------
    theory, observed : xarray.Dataset
        `em_rates` and `observed_rates` of the same optima.

    Returns
    -------
    xarray.Dataset
        Over (method, optimum): ``rate_difference``, observed minus theoretical, and ``reason`` where it is
        NaN: EM leaves the point, traces cannot tell its two largest eigenvalues apart, or most fits stopped
        before the rate had settled. On the default sweep the 59 others are 0.001 at most; a single fit that
        comes to its optimum along the second eigenvector shows that eigenvalue, one optimum in 200 elsewhere.
    """
    import xarray as xr

    dims = ("method", "optimum")
    rate, second = theory["em_rate"].values, np.clip(theory["em_rate_second"].values, 0, None)
    with np.errstate(divide="ignore", invalid="ignore"):  # rates of 0 and of 1, and unknown ones
        # within the fall the gap's first part shrinks by `FALL`, and its second by a power of that
        near = FALL ** (1 - np.log(second) / np.log(rate)) > APART
    rates, share = (observed[name].transpose(*dims).values for name in ("observed_rate", "share_settled"))
    conditions = (np.isnan(rates), NO_FALL), (near, TOO_NEAR), (share <= 0.5, UNSETTLED)
    reason = np.where(theory["reason"] == "", reasons(rates.shape, *conditions), theory["reason"].values)
    difference = np.where(reason == "", rates - rate, np.nan)
    return xr.Dataset({"rate_difference": (dims, difference), "reason": (dims, reason)}, observed.coords)


def rate_agreement(theory: xr.Dataset, observed: xr.Dataset, method: str) -> xr.Dataset:
    """Return how far the observed rate of an EM arm is from the theoretical one.

    Parameters
    ----------
    theory, observed : xarray.Dataset
        `em_rates` and `observed_rates` of the same optima.
    method : str
        The label of the arm.

    Returns
    -------
    xarray.Dataset
        Over ``optimum``: ``em_rate``, ``observed_rate``, and what `rate_differences` says.
    """
    chosen = {"method": method}
    own = observed["observed_rate"].sel(chosen).drop_vars("method")
    found = rate_differences(theory, observed).sel(chosen).drop_vars("method")
    return found.assign(em_rate=theory["em_rate"], observed_rate=own)
