"""Whether an optimum stands when a row is left out: the evidence about spurious maxima.

An optimum that describes the population moves a little when one row is left out, and its log-likelihood falls
by about that row's log-density. One that rests on the accident of a few close rows gains far more by going
elsewhere, or collapses.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mixsweep.analysis.curvature import smallest_eigenvalue
from mixsweep.analysis.identify import describe, log_densities, matching
from mixsweep.analysis.polish import POLISHED, polish
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.endpoints import take
from mixsweep.loop import run
from mixsweep.methods.em import EM
from mixsweep.objective import Objective
from mixsweep.schema import KINDS
from mixsweep.status import Status
from mixsweep.typing import FloatArray, IntArray, Parameters

if TYPE_CHECKING:
    import xarray as xr

    from mixsweep.problems.base import Problem

__all__ = ["Stability", "leave_one_out", "stability"]

#: Left out unless said otherwise: so many of the rows that belong most to the lightest component.
MOST_ROWS = 12
#: The census leaves a row out of so many of the highest optima of these kinds.
LOOKED_AT = {"proper": 1, "spurious": 2, "degenerate": 1}
#: There EM goes on without the row until the decrement per row is below the first, or for so many passes.
EM_TOL, EM_PASSES = 1e-9, 300


@dataclass(frozen=True)
class Stability:
    """What leaving one row out does to P optima.

    Attributes
    ----------
    row : ndarray of int, shape (P,)
        The row left out: of those that belong to the component with the least weight the one that lies
        farthest out in it. -1 where none was.
    gain : ndarray, shape (P,)
        By how much EM without the row rises above the optimum's log-likelihood of the other rows; infinite
        where the fit collapses, NaN where no row was left out.
    moved : ndarray, shape (P,)
        The largest distance of matched components or weights, standardised units; NaN where the fit
        collapses or no row was left out.
    """

    row: IntArray
    gain: FloatArray
    moved: FloatArray


def stability(objective: Objective, parameters: Parameters, kind: NDArray[np.int8]) -> Stability:
    """Leave one row out of the highest proper and the highest spurious optima.

    Parameters
    ----------
    objective : Objective
        The cell.
    parameters : dict of ndarray
        P optima, highest first.
    kind : ndarray of int8, shape (P,)
        Positions in `mixsweep.schema.KINDS`.
    """
    count = len(kind)
    found = Stability(np.full(count, -1), np.full(count, np.nan), np.full(count, np.nan))
    for name, most in LOOKED_AT.items():
        for number in np.flatnonzero(kind == KINDS.index(name))[:most]:
            own = take(parameters, slice(number, number + 1))
            row = _outermost_row(objective, own)
            found.row[number] = row
            found.gain[number], found.moved[number] = _went_on(objective, own, row)
    return found


def _outermost_row(objective: Objective, start: Parameters) -> int:
    """Return the row that lies farthest out in the component with the least weight, of those it has."""
    logits = objective.logits(start)[0]
    lightest = logits[int(start["weights"][0].argmin())]
    share = lightest - np.logaddexp.reduce(logits, axis=0)
    own = np.flatnonzero(share >= min(np.log(0.5), share.max()))
    return int(own[lightest[own].argmin()])


def _went_on(objective: Objective, start: Parameters, row: int) -> tuple[float, float]:
    """Return by how much EM without a row gains on an optimum, and how far it moves."""
    rest = _without(objective, row)
    ends = run(rest, EM(), start, tol=EM_TOL, max_passes=EM_PASSES)
    if ends.status[0] == Status.COLLAPSED:
        return np.inf, np.nan
    if ends.status[0] not in POLISHED:
        return np.nan, np.nan
    before, after = describe(rest, start), describe(rest, ends.parameters)
    return (
        float(after.log_likelihood[0] - before.log_likelihood[0]),
        float(matching(before, after)[1][0]),
    )


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
