"""Stationary points: second-order refinement, and ways up to them."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from mixsweep.analysis.curvature import (
    DIFFERENCE,
    coordinates,
    curved_along_shift,
    gradients,
    hessians,
    sharpened,
    smallest_eigenvalue,
)
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.endpoints import concatenated, take
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, FloatArray, IntArray, Parameters

__all__ = ["StationaryPoints", "climb", "refine"]

#: Newton steps at most; each is checked, and most points need two or three.
NEWTON_STEPS = 40
#: Gradients per row below this are rounding error.
ROUNDING = 1e-14
#: Longest change of a coordinate in one step of `refine` and of `climb`.
LONGEST_STEP, CLIMB_STEP = 0.1, 0.5
#: Steps of `climb`, and the smallest share of a step that it tries.
CLIMB_STEPS, SHORTEST_SHARE = 20, 1e-3


@dataclass(frozen=True)
class StationaryPoints:
    """P points where the log-likelihood is stationary, or as near as the steps came; standardised units.

    Attributes
    ----------
    parameters : dict of ndarray
        Points first.
    vectors : ndarray, shape (P, q)
        The same in unconstrained coordinates.
    log_likelihood, gradient_norm, smallest_eigenvalue : ndarray, shape (P,)
        Total; Euclidean norm of the gradient per row in unconstrained coordinates; of the covariances.
    largest_curvature, relative_curvature, curvature_error : ndarray, shape (P,)
        See `Curvature`.
    ascent : ndarray, shape (P, q)
        The direction of `Curvature`.
    n_ascending : ndarray of int, shape (P,)
        Number of directions that lead up.
    """

    parameters: Parameters
    vectors: FloatArray
    log_likelihood: FloatArray
    gradient_norm: FloatArray
    smallest_eigenvalue: FloatArray
    largest_curvature: FloatArray
    relative_curvature: FloatArray
    curvature_error: FloatArray
    ascent: FloatArray
    n_ascending: IntArray

    def stationary(self, thresholds: Thresholds) -> BoolArray:
        """Whether the gradient is zero within the threshold, shape (P,)."""
        return self.gradient_norm <= thresholds.stationary_gradient

    def ascending(self, thresholds: Thresholds) -> BoolArray:
        """Whether some direction leads up, shape (P,)."""
        return self.relative_curvature > self._flatness(thresholds)

    def flat(self, thresholds: Thresholds) -> BoolArray:
        """Whether the largest curvature is zero within its accuracy, shape (P,)."""
        return np.abs(self.relative_curvature) <= self._flatness(thresholds)

    def _flatness(self, thresholds: Thresholds) -> FloatArray:
        return np.maximum(thresholds.flat_curvature, self.curvature_error)

    def take(self, index: np.ndarray) -> StationaryPoints:
        """Return the chosen points."""
        chosen: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            chosen[field.name] = take(value, index) if isinstance(value, dict) else value[index]
        return StationaryPoints(**chosen)

    @classmethod
    def joined(cls, first: StationaryPoints, second: StationaryPoints) -> StationaryPoints:
        """Return the points of two collections one after the other."""
        both: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            a, b = getattr(first, field.name), getattr(second, field.name)
            both[field.name] = concatenated(a, b) if isinstance(a, dict) else np.concatenate([a, b])
        return cls(**both)


def climb(
    objective: Objective, parameters: Parameters, thresholds: Thresholds
) -> tuple[Parameters, BoolArray]:
    """Go up by saddle-free Newton steps from points where a first-order method made no progress.

    Each step is Newton's with the absolute curvatures (Dauphin et al. 2014), so that it leads up wherever
    it starts; it is limited, quartered until the log-likelihood does not fall, and given up below a share.

    Parameters
    ----------
    objective : Objective
        The cell.
    parameters : dict of ndarray
        P points.
    thresholds : Thresholds
        When a point is stationary.

    Returns
    -------
    parameters : dict of ndarray
    sound : ndarray of bool, shape (P,)
        False where the way led to a collapse, or was not finished.
    """
    vectors = coordinates(objective, parameters)
    loss, gradient = gradients(objective, vectors)
    sound: BoolArray = np.isfinite(loss)
    for _ in range(CLIMB_STEPS):
        going = np.flatnonzero(sound & (np.linalg.norm(gradient, axis=1) > thresholds.stationary_gradient))
        if not len(going):
            break
        measured = _Measured(objective, vectors[going])
        step = measured.steps(gradient[going], np.arange(len(going)), longest=CLIMB_STEP, absolute=True)
        untried, share = going, 1.0
        while len(untried) and share >= SHORTEST_SHARE:
            trial = vectors[untried] + share * step[np.searchsorted(going, untried)]
            trial_loss, trial_gradient = gradients(objective, trial)
            good = trial_loss <= loss[untried]
            taken = untried[good]
            vectors[taken], loss[taken], gradient[taken] = trial[good], trial_loss[good], trial_gradient[good]
            untried = untried[~good]
            share /= 4
        floor = objective.eigenvalue_floor
        sound[going] = smallest_eigenvalue(objective, objective.from_vector(vectors[going])) >= floor
        if len(untried) == len(going):
            break
    return objective.from_vector(vectors), sound & (np.linalg.norm(gradient, axis=1) < ARRIVED)


#: A climb that ends at a larger gradient per row has not arrived.
ARRIVED = 1e-4


def _solved(
    objective: Objective, hessian: FloatArray, gradient: FloatArray, *, absolute: bool, longest: float
) -> FloatArray:
    """Return the inverse Hessian times the gradient, no coordinate longer than a limit.

    Flat directions are left alone; with `absolute` all curvatures count as positive.
    """
    bent = curved_along_shift(objective, hessian, np.ones(len(hessian)))
    step = np.full(gradient.shape, np.inf)
    if not absolute:
        with contextlib.suppress(np.linalg.LinAlgError):
            step = np.linalg.solve(bent, gradient[..., None])[..., 0]
    # a long step tells of a direction that is flat, or nearly so
    doubtful = ~(np.abs(step).max(axis=1) < longest)
    values, axes = np.linalg.eigh(bent[doubtful])
    if absolute:
        values = np.abs(values)
    flat = np.abs(values) < FLAT_STEP * np.abs(values).max(axis=1, keepdims=True)
    inverse = np.where(flat, 0.0, 1 / np.where(flat, 1.0, values))
    along = np.matmul(axes.swapaxes(1, 2), gradient[doubtful, :, None])[..., 0]
    limited = np.matmul(axes, (inverse * along)[..., None])[..., 0]
    length = np.maximum(np.abs(limited).max(axis=1), 1e-300)
    step[doubtful] = limited * np.minimum(1.0, longest / length)[:, None]
    return step


#: Curvatures below this share of the largest are left out of a step.
FLAT_STEP = 1e-12


class _Measured:
    """Hessians of the loss at P points, and the Newton steps that they give."""

    def __init__(self, objective: Objective, vectors: FloatArray) -> None:
        self.objective = objective
        self.at = vectors.copy()
        self.hessian, self.error = hessians(objective, vectors)
        self._factors: dict[int, FloatArray | None] = {}

    def stale(self, vectors: FloatArray) -> BoolArray:
        """Return which points have moved further than differences look, shape (P,)."""
        stale: BoolArray = np.abs(vectors - self.at).max(axis=1) > DIFFERENCE
        return stale

    def again(self, vectors: FloatArray, chosen: IntArray) -> None:
        """Measure the Hessians of the chosen points where these are now."""
        if not len(chosen):
            return
        self.hessian[chosen], self.error[chosen] = hessians(self.objective, vectors[chosen])
        self.at[chosen] = vectors[chosen]
        for point in chosen:
            self._factors.pop(int(point), None)

    def steps(
        self, gradient: FloatArray, chosen: IntArray, *, longest: float, absolute: bool = False
    ) -> FloatArray:
        """Return Newton steps of the chosen points from their gradients, shape (C, q); see `_solved`."""
        step = np.full(gradient.shape, np.inf)
        for place, point in enumerate(chosen.tolist()):
            factor = self._factor(point)
            if factor is not None:
                step[place] = -dpotrs(factor, gradient[place], lower=1)[0]
        doubtful = np.flatnonzero(~(np.abs(step).max(axis=1, initial=0.0) < longest))
        step[doubtful] = -_solved(
            self.objective,
            self.hessian[chosen[doubtful]],
            gradient[doubtful],
            absolute=absolute,
            longest=longest,
        )
        return step

    def _factor(self, point: int) -> FloatArray | None:
        """Return the Cholesky factor of a Hessian, None where it is not positive definite."""
        if point not in self._factors:
            matrix = curved_along_shift(self.objective, self.hessian[point : point + 1], np.ones(1))[0]
            factor, failed = dpotrf(matrix.T, lower=1, overwrite_a=1)
            self._factors[point] = None if failed else factor
        return self._factors[point]


def refine(objective: Objective, parameters: Parameters, thresholds: Thresholds) -> StationaryPoints:
    """Take Newton steps while they reduce the gradient, and measure the curvature where they end.

    A step that does not reduce the gradient is tried at a quarter of its length, twice. A Hessian serves as
    long as the steps that it gives converge fast; at the end it is measured again if the point has moved
    further than differences look, so the curvature is always that of the final point.

    Parameters
    ----------
    objective : Objective
        The cell.
    parameters : dict of ndarray
        P nearly stationary points.
    thresholds : Thresholds
        Which curvatures matter.
    """
    vectors = coordinates(objective, parameters)
    # Hessians are held for a part of the points, so that they stay in cache
    chunk = max(1, HELD_ELEMENTS // vectors.shape[1] ** 2)
    refined = _refined(objective, vectors[:chunk], thresholds)
    for start in range(chunk, len(vectors), chunk):
        part = _refined(objective, vectors[start : start + chunk], thresholds)
        refined = StationaryPoints.joined(refined, part)
    return refined


#: Entries of Hessians held at one time.
HELD_ELEMENTS = 2**20


def _refined(objective: Objective, vectors: FloatArray, thresholds: Thresholds) -> StationaryPoints:
    vectors = vectors.copy()
    measured = _Measured(objective, vectors)
    loss, gradient = gradients(objective, vectors)
    going = np.linalg.norm(gradient, axis=1) > ROUNDING
    for _ in range(NEWTON_STEPS):
        chosen = np.flatnonzero(going)
        if not len(chosen):
            break
        step = measured.steps(gradient[chosen], chosen, longest=LONGEST_STEP)
        before = np.linalg.norm(gradient[chosen], axis=1)
        untried = chosen
        for share in STEP_SHARES:
            trial = vectors[untried] + share * step[np.searchsorted(chosen, untried)]
            trial_loss, trial_gradient = gradients(objective, trial)
            norm = np.linalg.norm(gradient[untried], axis=1)
            better = np.linalg.norm(trial_gradient, axis=1) < norm
            taken = untried[better]
            vectors[taken], loss[taken], gradient[taken] = (
                trial[better],
                trial_loss[better],
                trial_gradient[better],
            )
            untried = untried[~better & (norm > SETTLED)]
            if not len(untried):
                break
        norm = np.linalg.norm(gradient[chosen], axis=1)
        stale = measured.stale(vectors)[chosen]
        # where the Hessian is singular every step gains a share; at rounding error the next gains nothing
        gained = norm < np.where(norm > SETTLED, 0.95, 0.5) * before
        going[chosen] = gained | (stale & (norm > ENOUGH))
        measured.again(vectors, chosen[going[chosen] & stale & (norm > FAST * before)])
    measured.again(vectors, np.flatnonzero(measured.stale(vectors)))
    parameters = objective.from_vector(vectors)
    found = sharpened(objective, vectors, measured.hessian, measured.error, thresholds.flat_curvature)
    return StationaryPoints(
        parameters=parameters,
        vectors=vectors,
        log_likelihood=-loss * objective.total_weight,
        gradient_norm=np.linalg.norm(gradient, axis=1),
        smallest_eigenvalue=objective.family.smallest_eigenvalues(parameters).min(axis=1),
        largest_curvature=found.largest,
        relative_curvature=found.relative,
        curvature_error=found.error,
        ascent=found.direction,
        n_ascending=found.n_positive,
    )


#: Shares of a Newton step that are tried in turn, and the gradient below which only the first is.
STEP_SHARES, SETTLED = (1.0, 0.25, 0.0625), 1e-9
#: A step that leaves more than this share of the gradient asks for a new Hessian, if the point has moved; a
#: gradient per row below the second is small enough.
FAST, ENOUGH = 0.1, 1e-12
