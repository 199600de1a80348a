"""From endpoints to distinct stationary points: cluster, polish what represents many, confirm, refine.

Endpoints that are the same within the thresholds are polished once, by the highest of them, if a stationary
point lies beside it: then all of them lie there and follow it. Elsewhere each is polished itself.
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
    count = len(starts["weights"])
    if not count:
        return starts, np.zeros(0, dtype=bool)
    parameters, sound = take(starts, np.arange(count)), np.zeros(count, dtype=bool)
    if _large(objective, starts):
        parameters, sound = _approached(objective, starts)
    late = np.flatnonzero(~sound)
    ends = run(objective, LBFGS(), take(parameters, late), tol=POLISH_TOL, max_passes=POLISH_PASSES)
    _put(parameters, late, ends.parameters)
    # without a finite decrement the M-step's covariance is singular: the fit is about to collapse
    sound[late] = np.isin(ends.status, POLISHED) & np.isfinite(ends.em_decrement)
    rest = late[sound[late] & ~(ends.em_decrement < RESOLVED_TOL)]
    if len(rest):
        climbed, sound[rest] = climb(objective, take(parameters, rest), thresholds)
        _put(parameters, rest, climbed)
    return parameters, sound


def _put(parameters: Parameters, index: IntArray, values: Parameters) -> None:
    """Replace the chosen points, in place."""
    for name, own in values.items():
        parameters[name][index] = own


def _decrements(objective: Objective, points: Parameters) -> FloatArray:
    """Return the EM decrement per row of any number of points, in batches."""
    chunk = max(1, CHUNK_COLUMNS // objective.n_components)
    parts = [np.zeros(0)]
    for start in range(0, len(points["weights"]), chunk):
        parts.append(objective.evaluate(take(points, slice(start, start + chunk))).decrement)
    return np.concatenate(parts)


#: Points evaluated in one batch have at most so many columns (points x components).
CHUNK_COLUMNS = 1024


def _large(objective: Objective, points: Parameters) -> bool:
    """Return whether second derivatives take more time than some tens of passes."""
    return bool(coordinates(objective, take(points, slice(0, 1))).shape[1] >= LARGE)


def _approached(objective: Objective, starts: Parameters) -> tuple[Parameters, BoolArray]:
    """Carry points to where L-BFGS leads, by fewer passes of accelerated EM once they are on the way.

    Returns
    -------
    parameters : dict of ndarray
    arrived : ndarray of bool, shape (R,)
        False where the way was not found, or where it is too slow.
    """
    way = run(objective, LBFGS(), starts, tol=ON_THE_WAY, max_passes=POLISH_PASSES)
    found = np.flatnonzero(way.status == Status.CONVERGED)
    ends = _accelerated(objective, take(way.parameters, found), POLISH_TOL, ACCELERATED_PASSES)
    _put(way.parameters, found, ends)
    arrived = np.zeros(len(way.status), dtype=bool)
    arrived[found] = _decrements(objective, ends) < POLISH_TOL
    return way.parameters, arrived


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

    def settle(self, index: IntArray) -> BoolArray:
        """Refine the chosen endpoints that a stationary point lies beside; return which these are."""
        objective, thresholds = self.objective, self.thresholds
        starts, raw = take(self.starts, index), self.raw.take(index)
        near = np.flatnonzero(_decrements(objective, starts) < NEAR_DECREMENT)
        nearly = take(starts, near)
        if _large(objective, starts):
            nearly = _accelerated(objective, nearly, CLOSE, CLOSING_PASSES)
        points = refine(objective, nearly, thresholds)
        close = same_as(raw.take(near), describe(objective, points.parameters), thresholds)
        settled = close & points.stationary(thresholds)
        self._enter(index[near[settled]], points.take(settled))
        return np.isin(np.arange(len(index)), near[settled])

    def carry(self, index: IntArray) -> None:
        """Carry the chosen endpoints uphill."""
        ends, self.sound[index] = polish(self.objective, take(self.starts, index), self.thresholds)
        _put(self.parameters, index, ends)

    def _enter(self, index: IntArray, points: StationaryPoints) -> None:
        self.place[index] = len(self.refined.log_likelihood) + np.arange(len(index))
        self.refined = StationaryPoints.joined(self.refined, points)
        self.sound[index] = True
        _put(self.parameters, index, points.parameters)

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
    settled = np.zeros(count, dtype=bool)
    settled[heads] = way.settle(heads)
    own = finite[~settled[leader[finite]] & (leader[finite] != finite)]
    leader[own] = own
    settled[own] = way.settle(own)
    # all in one batch: a run takes as long as its slowest fit
    way.carry(np.setdiff1d(np.union1d(heads, own), np.flatnonzero(settled)))
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
