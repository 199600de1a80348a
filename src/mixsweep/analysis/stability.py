"""Whether an optimum stands when a row is left out: the evidence about spurious maxima.

An optimum that describes the population moves a little when one row is left out, and its log-likelihood falls
by about that row's log-density. One that rests on the accident of a few close rows gains far more by going
elsewhere, or collapses.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from mixsweep.analysis.identify import describe, log_densities, matching
from mixsweep.analysis.polish import polish
from mixsweep.analysis.stationary import smallest_eigenvalue
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.objective import Objective
from mixsweep.typing import IntArray, Parameters

if TYPE_CHECKING:
    import xarray as xr

    from mixsweep.problems.base import Problem

__all__ = ["leave_one_out"]

#: Left out unless said otherwise: so many of the rows that belong most to the lightest component.
MOST_ROWS = 12


def leave_one_out(
    problem: Problem, optima: xr.Dataset, optimum: int, rows: IntArray | None = None
) -> xr.Dataset:
    """Fit again from an optimum with single rows left out.

    Parameters
    ----------
    problem : Problem
        The data.
    optima : xarray.Dataset
        The cell's optima.
    optimum : int
        Which of them.
    rows : ndarray of int, optional
        The rows left out, one at a time; by default those most likely of the component with the least
        weight, as many as it has, and 12 at most.

    Returns
    -------
    xarray.Dataset
        Over ``row``: ``log_likelihood`` of the fit without the row, NaN where it collapsed; ``gain``, by
        how much it is above the optimum's log-likelihood of the other rows; ``moved``, the largest distance
        of matched components or weights, standardised units; ``smallest_eigenvalue_ratio``. Attribute
        ``n_collapsed``.
    """
    import xarray as xr

    objective = Objective.of_problem(
        problem,
        str(optima.attrs["family"]),
        int(optima.attrs["n_components"]),
        float(optima.attrs["covariance_floor"]),
    )
    reported = {name: optima[name].values[[optimum]] for name in ("weights", *objective.family.reported)}
    start = objective.family.from_reported(reported, objective.location, objective.scale)
    left_out = _own_rows(objective, start) if rows is None else np.asarray(rows)
    densities = log_densities(objective, start)[0]
    columns: dict[str, list[float]] = {
        name: [] for name in ("log_likelihood", "gain", "moved", "smallest_eigenvalue_ratio")
    }
    before = describe(objective, start)
    for row in left_out:
        rest = _without(objective, int(row))
        ends, sound = polish(rest, start, Thresholds())
        after = describe(rest, ends)
        value = float(after.log_likelihood[0]) if sound[0] else np.nan
        weights = np.ones(objective.n_rows) if objective.row_weights is None else objective.row_weights
        others = float(densities @ weights - densities[row] * weights[row])
        offset = rest.log_likelihood_offset
        columns["log_likelihood"].append(value + offset)
        columns["gain"].append(value - others)
        columns["moved"].append(float(matching(before, after)[1][0]) if sound[0] else np.nan)
        ratio = smallest_eigenvalue(objective, ends)[0] / objective.smallest_data_eigenvalue
        columns["smallest_eigenvalue_ratio"].append(float(ratio))
    return xr.Dataset(
        {name: ("row", np.array(values, float)) for name, values in columns.items()},
        {"row": left_out},
        {"n_collapsed": int(np.isnan(columns["gain"]).sum())},
    )


def _own_rows(objective: Objective, start: Parameters) -> IntArray:
    """Return the rows that belong most to the component with the least weight."""
    logits = objective.logits(start)[0]
    lightest = int(start["weights"][0].argmin())
    share = logits[lightest] - np.logaddexp.reduce(logits, axis=0)
    count = int(np.clip(round(start["weights"][0][lightest] * objective.n_rows), 1, MOST_ROWS))
    return np.argsort(-share, kind="stable")[:count]


def _without(objective: Objective, row: int) -> Objective:
    """Return the surface without one row, in the same standardised units."""
    keep = np.arange(objective.n_rows) != row
    weights = None if objective.row_weights is None else objective.row_weights[keep]
    X = objective.X[keep]
    return dataclasses.replace(
        objective, X=X, prepared=objective.family.prepare(X, weights), row_weights=weights, truth=None
    )
