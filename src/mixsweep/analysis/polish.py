"""From endpoints to distinct stationary points: cluster, polish what represents many, confirm, refine.

Endpoints that are the same within the thresholds are polished once, by the highest of them; the others follow
it if it hardly moved, since then all of them lie where it lies, and are polished themselves if it did.
Nearly stationary points need only Newton steps, whose Hessian tells their kind as well; the others go uphill
first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixsweep.analysis.curvature import coordinates, gradients
from mixsweep.analysis.identify import describe, leaders, same_as
from mixsweep.analysis.stationary import StationaryPoints, climb, refine
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.endpoints import take
from mixsweep.loop import run
from mixsweep.methods.lbfgs import LBFGS
from mixsweep.methods.squarem import SQUAREM
from mixsweep.objective import Objective
from mixsweep.status import Status
from mixsweep.typing import BoolArray, FloatArray, IntArray, Parameters

__all__ = ["POLISHED", "Polished", "distinct_points", "held_at_saddles", "polish"]

#: Points whose EM decrement per row is below this are given to Newton's method as they are.
NEAR_DECREMENT = 1e-8
#: First-order polishing goes on until the EM decrement per row is below the first, or for so many passes; a
#: point above the second is then handed to the second-order method.
POLISH_TOL, RESOLVED_TOL, POLISH_PASSES = 1e-12, 1e-10, 120
#: With so many coordinates L-BFGS only finds the way, until the decrement is below the first. From there
#: accelerated EM takes a sixth of its passes and a third of the time of each. Where EM is slow it does not
#: arrive in so many, and L-BFGS goes on.
LARGE, ON_THE_WAY, ACCELERATED_PASSES = 64, 1e-5, 60
#: There, points that go to Newton's method as they are take a few such passes before, down to the first
#: if they can: their Hessian need not be measured again after the steps that it gives.
CLOSE, CLOSING_PASSES = 1e-14, 24
#: A converged endpoint with a smaller gradient per row that polishing carried away is looked at where it was.
NEARLY_STATIONARY = 1e-4
#: Statuses whose endpoints are polished; collapsed and diverged fits have no optimum.
POLISHED = (Status.CONVERGED, Status.BUDGET, Status.STALLED, Status.SADDLE)


@dataclass(frozen=True)
class Polished:
    """The distinct stationary points of a cell, highest first, and where each endpoint led.

    Attributes
    ----------
    points : StationaryPoints
        P points.
    group : ndarray of int, shape (R,)
        Number of the point to which each endpoint was polished, -1 where to none.
    """

    points: StationaryPoints
    group: IntArray


def polish(objective: Objective, starts: Parameters, thresholds: Thresholds) -> tuple[Parameters, BoolArray]:
    """Carry R points uphill until stationary.

    First-order methods first; what they leave unresolved goes on by a safeguarded second-order method.

    Returns
    -------
    parameters : dict of ndarray
    sound : ndarray of bool, shape (R,)
        False where the way up led to a collapse or did not end, and where the point cannot be evaluated.
    """
    if not len(starts["weights"]):
        return starts, np.zeros(0, dtype=bool)
    if _large(objective, starts):
        starts = _approached(objective, starts)
    ends = run(objective, LBFGS(), starts, tol=POLISH_TOL, max_passes=POLISH_PASSES)
    parameters = ends.parameters
    # without a finite decrement the M-step's covariance is singular: the fit is about to collapse
    sound: BoolArray = np.isin(ends.status, POLISHED) & np.isfinite(ends.em_decrement)
    rest = np.flatnonzero(sound & ~(ends.em_decrement < RESOLVED_TOL))
    if len(rest):
        climbed, sound[rest] = climb(objective, take(parameters, rest), thresholds)
        for name, values in climbed.items():
            parameters[name][rest] = values
    return parameters, sound


def _large(objective: Objective, points: Parameters) -> bool:
    """Return whether second derivatives take more time than some tens of passes."""
    return bool(coordinates(objective, take(points, slice(0, 1))).shape[1] >= LARGE)


def _approached(objective: Objective, starts: Parameters) -> Parameters:
    """Carry points near to where L-BFGS leads, by fewer passes of accelerated EM once they are on the way."""
    way = run(objective, LBFGS(), starts, tol=ON_THE_WAY, max_passes=POLISH_PASSES)
    found = np.flatnonzero(way.status == Status.CONVERGED)
    ends = _accelerated(objective, take(way.parameters, found), POLISH_TOL, ACCELERATED_PASSES)
    for name, values in ends.items():
        way.parameters[name][found] = values
    return way.parameters


def _accelerated(objective: Objective, starts: Parameters, tol: float, passes: int) -> Parameters:
    """Carry points on by accelerated EM; they stay where its long steps lead to a collapse."""
    if not len(starts["weights"]):
        return starts
    ends = run(objective, SQUAREM(), starts, tol=tol, max_passes=passes)
    usable = np.isin(ends.status, (Status.CONVERGED, Status.BUDGET)) & np.isfinite(ends.em_decrement)
    for name, values in starts.items():
        ends.parameters[name][~usable] = values[~usable]
    return ends.parameters


class _Way:
    """Where each of R endpoints was carried, as far as it was."""

    def __init__(self, objective: Objective, starts: Parameters, thresholds: Thresholds) -> None:
        self.objective, self.starts, self.thresholds = objective, starts, thresholds
        self.raw = describe(objective, starts)
        self.parameters = {name: values.copy() for name, values in starts.items()}
        self.sound = np.zeros(len(starts["weights"]), dtype=bool)
        self.refined = refine(objective, take(starts, slice(0, 0)), thresholds)
        #: Number of an endpoint among the refined points, -1 where it is not refined yet.
        self.place = np.full(len(self.sound), -1)

    def carry(self, index: IntArray) -> BoolArray:
        """Carry the chosen endpoints to stationary points; return which of them hardly moved."""
        near = index[self._decrement(index) < NEAR_DECREMENT]
        nearly = take(self.starts, near)
        if _large(self.objective, nearly):
            nearly = _accelerated(self.objective, nearly, CLOSE, CLOSING_PASSES)
        points = refine(self.objective, nearly, self.thresholds)
        close = same_as(self.raw.take(near), describe(self.objective, points.parameters), self.thresholds)
        settled = close & points.stationary(self.thresholds)
        self._enter(near[settled], points.take(settled))
        away = np.setdiff1d(index, near[settled])
        ends, self.sound[away] = polish(self.objective, take(self.starts, away), self.thresholds)
        for name, values in ends.items():
            self.parameters[name][away] = values
        moved = ~same_as(self.raw.take(away), describe(self.objective, ends), self.thresholds)
        return ~np.isin(index, away[moved]) & self.sound[index]

    def _decrement(self, index: IntArray) -> FloatArray:
        chunk = max(1, CHUNK_COLUMNS // self.objective.n_components)
        parts = [np.zeros(0)]
        for start in range(0, len(index), chunk):
            chosen = take(self.starts, index[start : start + chunk])
            parts.append(self.objective.evaluate(chosen).decrement)
        return np.concatenate(parts)

    def _enter(self, index: IntArray, points: StationaryPoints) -> None:
        self.place[index] = len(self.refined.log_likelihood) + np.arange(len(index))
        self.refined = StationaryPoints.joined(self.refined, points)
        self.sound[index] = True
        for name, values in points.parameters.items():
            self.parameters[name][index] = values

    def _resolved(self, parameters: Parameters) -> StationaryPoints:
        """Refine points; where Newton steps come to no stationary point, the way up goes on first."""
        points = refine(self.objective, parameters, self.thresholds)
        stuck = np.flatnonzero(~points.stationary(self.thresholds))
        climbed, sound = climb(self.objective, take(points.parameters, stuck), self.thresholds)
        found = refine(self.objective, take(climbed, np.flatnonzero(sound)), self.thresholds)
        number = np.arange(len(points.log_likelihood))
        number[stuck[sound]] = len(number) + np.arange(sound.sum())
        return StationaryPoints.joined(points, found).take(number)

    def merged(self, index: IntArray) -> tuple[StationaryPoints, IntArray]:
        """Return the distinct points among the chosen endpoints, highest first, and the number of each."""
        leader = leaders(describe(self.objective, take(self.parameters, index)), self.thresholds)
        # a refined point stands for its group
        by_place = np.argsort(self.place[index] < 0, kind="stable")
        heads, first = np.unique(leader[by_place], return_index=True)
        stand = index[by_place[first]]
        group = np.searchsorted(heads, leader)
        new = stand[self.place[stand] < 0]
        self._enter(new, self._resolved(take(self.parameters, new)))
        points = self.refined.take(self.place[stand])
        # Newton steps may carry two representatives into one point
        again = leaders(describe(self.objective, points.parameters), self.thresholds)
        kept, number = np.unique(again, return_inverse=True)
        points = points.take(kept)
        order = np.argsort(-points.log_likelihood, kind="stable")
        return points.take(order), np.argsort(order)[number][group]


#: Endpoints evaluated in one batch have at most so many columns (points x components).
CHUNK_COLUMNS = 1024


def distinct_points(objective: Objective, starts: Parameters, thresholds: Thresholds) -> Polished:
    """Return the distinct stationary points to which R endpoints lead.

    Parameters
    ----------
    objective : Objective
        The cell.
    starts : dict of ndarray
        Endpoints of fits, restarts first.
    thresholds : Thresholds
        What counts as stationary and as the same.
    """
    way = _Way(objective, starts, thresholds)
    count = len(way.sound)
    # whom each endpoint follows into its optimum: itself where it is carried itself
    leader = np.arange(count)
    finite = np.flatnonzero(way.raw.finite)
    leader[finite] = finite[leaders(way.raw.take(finite), thresholds)]
    heads = finite[leader[finite] == finite]
    steady = np.zeros(count, dtype=bool)
    steady[heads] = way.carry(heads)
    own = finite[~steady[leader[finite]] & (leader[finite] != finite)]
    leader[own] = own
    way.carry(own)
    tried = np.flatnonzero((leader == np.arange(count)) & way.sound)
    group = np.full(count, -1)
    points, group[tried] = way.merged(tried)
    return Polished(points, group[leader])


def held_at_saddles(
    objective: Objective, ends: Parameters, chosen: IntArray, thresholds: Thresholds
) -> tuple[StationaryPoints, IntArray]:
    """Return stationary points beside endpoints which polishing carried away from them.

    Parameters
    ----------
    objective : Objective
        The cell.
    ends : dict of ndarray
        Endpoints, restarts first.
    chosen : ndarray of int
        Those of converged fits that polishing led far up.
    thresholds : Thresholds

    Returns
    -------
    points : StationaryPoints
        The distinct ones.
    group : ndarray of int, shape of `chosen`
        Which of them is beside each endpoint, -1 where none is.
    """
    starts = take(ends, chosen)
    _, gradient = gradients(objective, coordinates(objective, starts))
    near = np.flatnonzero(np.linalg.norm(gradient, axis=1) < NEARLY_STATIONARY)
    group = np.full(len(chosen), -1)
    raw = describe(objective, take(starts, near))
    leader = leaders(raw, thresholds)
    heads, follows = np.unique(leader, return_inverse=True)
    points = refine(objective, take(starts, near[heads]), thresholds)
    after = describe(objective, points.parameters)
    gap = np.abs(after.log_likelihood - raw.log_likelihood[heads])
    distance = _rms(after.sketch - raw.sketch[heads])
    beside = points.stationary(thresholds) & (gap < thresholds.ended_within) & (distance < BESIDE)
    numbers = np.where(beside, np.cumsum(beside) - 1, -1)
    group[near] = numbers[follows]
    return points.take(beside), group


#: A saddle is beside an endpoint if the log-densities of the rows differ by less, root mean square.
BESIDE = 0.1


def _rms(difference: FloatArray) -> FloatArray:
    result: FloatArray = np.sqrt(np.square(difference).mean(axis=1))
    return result
