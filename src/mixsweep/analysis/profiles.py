"""Convergence speed over many cells: performance profiles and data profiles.

Both tell which share of problems an arm solves within a cost, in a performance profile relative to the
cheapest arm on the same problem, in a data profile by itself. A performance profile depends on which arms
are compared, even in the order of two of them: where more than two are drawn, look at the pair alone before
saying which of two is better (Gould and Scott 2016).

References
----------
Dolan, E. D. and More, J. J. (2002). Benchmarking optimization software with performance profiles.
Mathematical Programming 91, 201-213.
Gould, N. and Scott, J. (2016). A note on performance profiles for benchmarking software. ACM Transactions on
Mathematical Software 43, 15.
More, J. J. and Wild, S. M. (2009). Benchmarking derivative-free optimization algorithms. SIAM Journal on
Optimization 20, 172-191.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixsweep.analysis.counts import ran_of, reasons
from mixsweep.analysis.gaps import cost_grid
from mixsweep.analysis.intervals import clustered, wilson
from mixsweep.typing import FloatArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ACCURACIES", "data_profiles", "performance_profiles", "solution_costs"]

#: Shares of the rise from the start to the best value that may be missing (More and Wild's tau).
ACCURACIES = (1e-1, 1e-3, 1e-5, 1e-7)
#: Points of a profile, and the largest ratio of a performance profile where no arm needs more.
POINTS, LEAST_RANGE = 64, 2.0

NO_CELLS = "cannot say: no cell has the costs of all arms"
NONE_SOLVED = "cannot say: no arm solved any cell"
NO_PROBLEMS = "cannot say: no start has a fit that ended in an optimum"

_FITS = ("method", "initializer", "restart")


def performance_profiles(costs: xr.DataArray) -> xr.Dataset:
    """Return on which share of cells an arm costs at most so many times as much as the cheapest.

    Parameters
    ----------
    costs : xarray.DataArray
        Over (cell, method, initializer), such as ``passes_per_hit`` of the cells, with the coordinate
        ``problem`` over cell: infinite where the arm does not solve the cell, NaN where its cost is not
        known. A cell in which any cost is not known is left out; one that no arm solves is counted.

    Returns
    -------
    xarray.Dataset
        Over (method, initializer, point): ``share_within`` with its 95 % interval, of which the units are
        problems, since cells of one are alike; over (method, initializer): ``share_solved`` (of cells, at any
        cost), ``share_cheapest`` (ties count for each) and ``reason``; over point: ``cost_ratio``;
        ``n_compared`` cells and ``n_left_out``.
    """
    import xarray as xr

    values = costs.transpose("cell", "method", "initializer").values.astype(float)
    whole = ~np.isnan(values).any(axis=(1, 2)) if values[0:1].size else np.zeros(len(values), bool)
    values = values[whole]
    least = values.min(axis=(1, 2), initial=np.inf)
    with np.errstate(invalid="ignore"):  # infinite over infinite: solved by no arm
        ratios = np.where(np.isfinite(values), values / least[:, None, None], np.inf)
    finite = ratios[np.isfinite(ratios)]
    grid = np.geomspace(1, max(LEAST_RANGE, finite.max(initial=1.0)), POINTS)
    near = ratios[..., None] <= grid * (1 + 1e-12)
    within = near.sum(axis=0)
    silent = reasons(values.shape[1:], (not len(values), NO_CELLS), (not finite.size, NONE_SOLVED))
    count = max(len(values), 1)
    groups = _groups(costs["problem"].values[whole])
    low, high = clustered(np.moveaxis(near, 0, -1) @ groups, groups.sum(axis=0))
    arm, known = ("method", "initializer"), silent == ""
    curves = {"share_within": within / count, "share_within_low": low, "share_within_high": high}
    variables: dict[str, Any] = {
        name: ((*arm, "point"), np.where(known[..., None], found, np.nan)) for name, found in curves.items()
    }
    variables["share_solved"] = (arm, np.where(known, np.isfinite(ratios).sum(axis=0) / count, np.nan))
    variables["share_cheapest"] = (arm, np.where(known, within[..., 0] / count, np.nan))
    variables["reason"] = (arm, silent)
    variables["cost_ratio"] = ("point", grid)
    variables["n_compared"] = ((), len(values))
    variables["n_left_out"] = ((), int((~whole).sum()))
    return xr.Dataset(variables, {name: costs[name].values for name in arm})


def _groups(problems: NDArray[Any]) -> FloatArray:
    """Return which of C cells are of which of G problems, as ones and zeros, shape (C, G)."""
    names, number = np.unique(problems.astype(str), return_inverse=True)
    return np.eye(len(names))[number]


def solution_costs(
    fits: xr.Dataset, best_log_likelihood: float, accuracies: Sequence[float] = ACCURACIES
) -> xr.DataArray:
    """Return after how many passes each fit had all but a share of the rise that its start allows.

    Every start is a problem. The rise is from the log-likelihood at the start to the highest that any method
    reached from it, as in More and Wild's convergence test; fits that end in no optimum or above the best
    known, in one that is not proper, solve nothing. A pass gives the gradient besides
    the value, so it is the unit in which they count, the simplex gradient.

    Parameters
    ----------
    fits : xarray.Dataset
        A cell's: ``trace_passes``, ``trace_log_likelihood``, ``polished_log_likelihood`` and ``n_passes``.
    best_log_likelihood : float
        Of the best known optimum; NaN if there is none.
    accuracies : sequence of float
        Shares of the rise that may be missing.

    Returns
    -------
    xarray.DataArray
        Over (method, initializer, restart, accuracy); infinite where never, also for a fit that failed, NaN
        for starts from which no fit ended in such an optimum.
    """
    import xarray as xr

    trace = fits["trace_log_likelihood"].transpose(*_FITS, "checkpoint").values
    passes = fits["trace_passes"].transpose(*_FITS, "checkpoint").values
    ended = fits["polished_log_likelihood"].transpose(*_FITS).values <= best_log_likelihood
    ran = ran_of(fits).transpose(*_FITS).values
    # the first pass is at the start itself, which the methods share, and lets them differ by rounding only
    first = np.fmax.reduce(trace[..., :1], axis=(0, -1), initial=-np.inf)
    best = np.full(ran.shape[1:], -np.inf)
    for own, sound in zip(trace, ended, strict=True):  # one method at a time, since traces are large
        highest = np.fmax.reduce(own, axis=-1, initial=-np.inf)
        best = np.where(sound, np.maximum(best, highest), best)
    problem = ended.any(axis=0)
    found = np.empty((*ran.shape, len(accuracies)))
    for method, place in np.ndindex(len(ran), len(accuracies)):
        with np.errstate(invalid="ignore"):  # starts without an optimum have no rise
            enough = best - accuracies[place] * (best - first)
        solved = (trace[method] >= enough[..., None]) & ended[method][..., None]
        own = np.where(solved, passes[method], np.inf).min(axis=-1, initial=np.inf)
        found[method, ..., place] = np.where(ran[method] & problem, own, np.nan)
    coordinates = {name: fits[name].values for name in _FITS} | {"accuracy": list(accuracies)}
    return xr.DataArray(found, coordinates, (*_FITS, "accuracy"), name="passes")


def data_profiles(costs: xr.DataArray) -> xr.Dataset:
    """Return which share of problems an arm solves within so many passes.

    Parameters
    ----------
    costs : xarray.DataArray
        `solution_costs` of a cell, or of cells, over (cell, method, initializer, restart, accuracy) with the
        coordinate ``problem`` over cell.

    Returns
    -------
    xarray.Dataset
        Over (method, initializer, accuracy, point): ``share_profile`` with its 95 % interval; over (method,
        initializer, accuracy): ``n_problems`` and ``reason``; over point: ``passes``. The interval's units
        are the starts of one cell, and where there is ``cell`` the data sets, since the cells of one and
        their starts are alike.
    """
    import xarray as xr

    over = ("method", "initializer", "accuracy")
    each = costs if "cell" in costs.dims else costs.expand_dims(cell=1)
    values = each.transpose(*over, "cell", "restart").values
    of_cell = (~np.isnan(values)).sum(axis=-1)
    counted = of_cell.sum(axis=-1)
    finite = values[np.isfinite(values)]
    grid = cost_grid(float(finite.max()) if finite.size else np.nan)
    solved = np.stack([(values <= cost * (1 + 1e-12)).sum(axis=-1) for cost in grid], axis=-2)
    share = solved.sum(axis=-1) / np.maximum(counted, 1)[..., None]
    if "cell" in costs.dims:
        groups = _groups(costs["problem"].values)
        low, high = clustered(solved @ groups, (of_cell @ groups)[..., None, :])
    else:
        low, high = wilson(solved[..., 0], of_cell)
    silent = reasons(counted.shape, (counted == 0, NO_PROBLEMS), (not finite.size, NO_PROBLEMS))
    curves = {"share_profile": share, "share_profile_low": low, "share_profile_high": high}
    variables: dict[str, Any] = {
        name: ((*over, "point"), np.where((silent == "")[..., None], found, np.nan))
        for name, found in curves.items()
    }
    variables["n_problems"] = (over, counted)
    variables["reason"] = (over, silent)
    variables["passes"] = ("point", grid)
    return xr.Dataset(variables, {name: costs[name].values for name in over})
