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
from mixsweep.typing import FloatArray

if TYPE_CHECKING:
    import xarray as xr

    from mixsweep.problems.base import Problem

__all__ = ["em_rates", "fit_rates", "observed_rates", "rate_agreement"]

#: Optima at most, the highest.
MOST = 12
#: Kinds at which EM's map is smooth and has a fixed point by itself.
SMOOTH = ("proper", "saddle", "spurious")
#: Gaps below this share of the log-likelihood are in doubt by 1 % and more, from rounding; a rate comes from
#: the last fall by `FALL` above it.
ROUNDING, FALL = 1e-13, 30.0
#: Nearer than this, in nats, the log-likelihood is a quadratic: a seventh of a standard error.
QUADRATIC = 1e-2

NOT_SMOOTH = f"cannot say: a rate is of an optimum of kind {', '.join(SMOOTH)}"
FEW_RATES = "no interval: fewer than 6 fits have a rate"
NO_THEORY = "cannot say: the theoretical rate is not known"
NO_DIFFERENCES = "cannot say: the EM map has no finite differences there"
NO_FALL = f"cannot say: no fit's trace falls {FALL:g} times near the optimum"


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
        distance to the optimum falls to a tenth; ``reason``.
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
    reason = reasons((total,), (~smooth, NOT_SMOOTH), (np.isnan(rate), NO_DIFFERENCES))
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


def fit_rates(fits: xr.Dataset) -> xr.DataArray:
    """Return by which factor each fit's distance from its own optimum shrank a pass at the end.

    From the last checkpoint whose gap is above rounding, and the last one before it whose gap is `FALL` times
    as large, if that is at most 0.01 nats, where the log-likelihood is nearly a quadratic. The gap of EM is
    then a sum of exponentials, one for each eigenvalue of its map's Jacobian, so that the rate comes from
    below: where the second eigenvalue is close to the first it is still too low.

    Parameters
    ----------
    fits : xarray.Dataset
        ``trace_passes``, ``trace_log_likelihood`` over (method, initializer, restart, checkpoint) and
        ``polished_log_likelihood`` over (method, initializer, restart).

    Returns
    -------
    xarray.DataArray
        Over (method, initializer, restart); NaN where the trace does not show such a fall.
    """
    import xarray as xr

    dims = ("method", "initializer", "restart")
    own = fits["polished_log_likelihood"].transpose(*dims)
    trace = fits["trace_log_likelihood"].transpose(*dims, "checkpoint").values
    passes = fits["trace_passes"].transpose(*dims, "checkpoint").values
    # one method at a time, since traces are large
    rates = [_fit_rates(*each) for each in zip(own.values, trace, passes, strict=True)]
    return xr.DataArray(np.reshape(rates, own.shape), own.coords, dims)


def _fit_rates(own: FloatArray, trace: FloatArray, passes: FloatArray) -> FloatArray:
    """Return the rates of fits from the height of their optima and their traces."""
    gap = own[..., None] - trace
    floor = ROUNDING * np.maximum(np.abs(own), 1.0)
    with np.errstate(invalid="ignore"):  # fits without an optimum, and checkpoints that they do not have
        after = np.where((gap > floor[..., None]) & np.isfinite(gap), passes, np.nan)
        gap_after, passes_after = _latest(gap, after)
        earlier = (gap >= FALL * gap_after[..., None]) & (passes < passes_after[..., None])
        gap_before, passes_before = _latest(gap, np.where(earlier & np.isfinite(gap), passes, np.nan))
        gap_before = np.where(gap_before <= QUADRATIC, gap_before, np.nan)
        rate: FloatArray = np.exp(np.log(gap_after / gap_before) / (2 * (passes_after - passes_before)))
    return rate


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
        ``reason``.
    """
    import xarray as xr

    numbers = optima["optimum"].values[:count]
    rates = fit_rates(fits).transpose("method", ...).values
    ended = fits["optimum"].transpose("method", "initializer", "restart").values
    rates, ended = (values.reshape(len(values), -1) for values in (rates, ended))
    own = np.where(ended[:, None] == numbers[:, None], rates[:, None], np.nan)
    quarters = quantiles(own, [0.25, 0.5, 0.75])
    low, high = median_interval(own)
    counted = (~np.isnan(own)).sum(axis=-1)
    columns: dict[str, Any] = {
        "observed_rate": quarters[..., 1],
        "observed_rate_low": low,
        "observed_rate_high": high,
        "observed_rate_q25": quarters[..., 0],
        "observed_rate_q75": quarters[..., 2],
        "n_rated": counted,
        "reason": reasons(counted.shape, (counted == 0, NO_FALL), (np.isnan(low), FEW_RATES)),
    }
    return xr.Dataset(
        {name: (("method", "optimum"), values) for name, values in columns.items()},
        {"method": fits["method"].values, "optimum": numbers},
    )


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
        Over ``optimum``: ``em_rate``, ``observed_rate``, ``rate_difference`` (observed minus theoretical),
        ``reason``.
    """
    own = observed.sel({"method": method}).drop_vars("method")
    result = theory[["em_rate"]].assign(
        observed_rate=own["observed_rate"], rate_difference=own["observed_rate"] - theory["em_rate"]
    )
    conditions = (theory["em_rate"].isnull(), NO_THEORY), (own["observed_rate"].isnull(), NO_FALL)
    return result.assign(reason=("optimum", reasons((theory.sizes["optimum"],), *conditions)))
