"""Stationary points: Newton refinement, and the curvature that tells maxima from saddles."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from mixsweep.loop import take
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, FloatArray, Parameters

__all__ = ["StationaryPoints", "hessians", "refine"]

NEWTON_STEPS = 3
#: A gradient per row above this is not a stationary point.
STATIONARY_GRADIENT = 1e-7
#: Curvatures below this share of the largest one are zero within the accuracy of the differences.
FLAT = 1e-7
#: Step of the central differences; the gradient's rounding error 1e-15 over it leaves 1e-10 in the Hessian.
DIFFERENCE = 1e-5
#: Parameter points evaluated in one batch have at most so many columns (points x components).
BATCH_COLUMNS = 1024


@dataclass(frozen=True)
class StationaryPoints:
    """P points where the log-likelihood is stationary, or as near as Newton steps came; standardised units.

    Attributes
    ----------
    parameters : dict of ndarray
        Points first.
    log_likelihood, gradient_norm, smallest_eigenvalue : ndarray, shape (P,)
        Total; Euclidean norm of the gradient per row in unconstrained coordinates; of the covariances.
    largest_curvature : ndarray, shape (P,)
        Largest eigenvalue of the Hessian of the log-likelihood per row.
    flat : ndarray of bool, shape (P,)
        The largest curvature is zero within rounding.
    """

    parameters: Parameters
    log_likelihood: FloatArray
    gradient_norm: FloatArray
    smallest_eigenvalue: FloatArray
    largest_curvature: FloatArray
    flat: BoolArray

    @property
    def stationary(self) -> BoolArray:
        """Whether the gradient is zero within rounding, shape (P,)."""
        return self.gradient_norm < STATIONARY_GRADIENT

    @property
    def ascending(self) -> BoolArray:
        """Whether some direction leads up, shape (P,)."""
        return (self.largest_curvature > 0) & ~self.flat

    def take(self, index: np.ndarray) -> StationaryPoints:
        """Return the chosen points."""
        rest = {
            field.name: getattr(self, field.name)[index]
            for field in dataclasses.fields(self)
            if field.name != "parameters"
        }
        return StationaryPoints(parameters=take(self.parameters, index), **rest)


def _gradients(objective: Objective, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return loss and gradient of any number of points, in batches."""
    chunk = max(1, BATCH_COLUMNS // objective.n_components)
    losses, gradients = [np.zeros(0)], [np.zeros((0, vectors.shape[1]))]
    for start in range(0, len(vectors), chunk):
        parameters = objective.from_vector(vectors[start : start + chunk])
        loss, gradient = objective.loss(parameters, objective.evaluate(parameters))
        losses.append(loss)
        gradients.append(gradient)
    return np.concatenate(losses), np.concatenate(gradients)


def hessians(objective: Objective, vectors: FloatArray) -> FloatArray:
    """Return Hessians of the loss (negative log-likelihood per row) by central differences of its gradient.

    Parameters
    ----------
    objective : Objective
        The cell.
    vectors : ndarray, shape (P, q)
        Unconstrained coordinates.

    Returns
    -------
    ndarray, shape (P, q, q)
        Symmetrised.
    """
    count, size = vectors.shape
    result = np.empty((count, size, size))
    for point, vector in enumerate(vectors):
        steps = DIFFERENCE * np.eye(size)
        _, gradients = _gradients(objective, np.concatenate([vector + steps, vector - steps]))
        rows = (gradients[:size] - gradients[size:]) / (2 * DIFFERENCE)
        result[point] = 0.5 * (rows + rows.T)
    return result


def _gauge(objective: Objective, size: int) -> FloatArray:
    """Return the projector on the one direction that changes nothing: equal shifts of all weight logits."""
    direction = np.zeros(size)
    direction[: objective.n_components] = 1 / np.sqrt(objective.n_components)
    return np.outer(direction, direction)


def refine(objective: Objective, parameters: Parameters) -> StationaryPoints:
    """Take Newton steps while they reduce the gradient, and measure curvature at the result.

    Parameters
    ----------
    objective : Objective
        The cell.
    parameters : dict of ndarray
        P nearly stationary points.
    """
    count = len(parameters["weights"])
    if not count:
        none = np.zeros(0)
        return StationaryPoints(parameters, none, none, none, none, none.astype(bool))
    vectors = objective.family.to_vector(parameters)
    size = vectors.shape[1]
    curvature = hessians(objective, vectors)
    gauge = _gauge(objective, size)
    _, gradient = _gradients(objective, vectors)
    for _ in range(NEWTON_STEPS):
        # the pseudo-inverse leaves flat directions alone
        step = -np.matmul(np.linalg.pinv(curvature + gauge, rcond=1e-9, hermitian=True), gradient[..., None])[
            ..., 0
        ]
        step *= np.minimum(1.0, 0.1 / np.maximum(np.abs(step).max(axis=1), 1e-300))[:, None]
        trial = vectors + step
        _, trial_gradient = _gradients(objective, trial)
        better = np.linalg.norm(trial_gradient, axis=1) < np.linalg.norm(gradient, axis=1)
        vectors = np.where(better[:, None], trial, vectors)
        gradient = np.where(better[:, None], trial_gradient, gradient)
    parameters = objective.from_vector(vectors)
    loss, gradient = _gradients(objective, vectors)
    # the gauge direction is moved to the top so that the smallest eigenvalue belongs to a real one
    scale = np.abs(curvature).max(axis=(1, 2))
    eigenvalues = np.linalg.eigvalsh(curvature + gauge * scale[:, None, None])
    largest = -eigenvalues[:, 0]
    return StationaryPoints(
        parameters=parameters,
        log_likelihood=-loss * objective.n_rows,
        gradient_norm=np.linalg.norm(gradient, axis=1),
        smallest_eigenvalue=objective.family.smallest_eigenvalue(parameters),
        largest_curvature=largest,
        flat=np.abs(largest) < FLAT * eigenvalues[:, -1],
    )
