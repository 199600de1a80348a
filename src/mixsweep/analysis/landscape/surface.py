"""The log-likelihood as a surface over free coordinates, on which paths are drawn and rise.

Coordinates are those of the census: weight logits, means, Cholesky factors with logarithmic diagonals,
logarithms of standard deviations, and what a family has besides. For every family each point of a straight
line between two mixtures is a mixture again. Lines between moments would be so too, but some parameters have
none (degrees of freedom), and a component between a narrow and a wide one would be wide on nearly all of the
line; in logarithms it passes through every width alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mixsweep.analysis.curvature import BATCH_COLUMNS, coordinates, smallest_eigenvalue
from mixsweep.analysis.identify import describe, matching
from mixsweep.endpoints import take
from mixsweep.families.base import Evaluation
from mixsweep.objective import Objective
from mixsweep.typing import FloatArray, IntArray, Parameters

__all__ = ["LikelihoodSurface", "Surface", "matched", "vectors"]

#: Longest change of a coordinate when a point rises: a logarithm's change by one is a factor 2.7.
LONGEST_RISE = 1.0
#: Expected rows that a component without any is given, since its weight has no logarithm otherwise.
LEAST_ROWS = 1e-10


class Surface(Protocol):
    """A height over free coordinates, and a way to higher points."""

    def heights(self, vectors: FloatArray) -> FloatArray:
        """Return the heights of R points, shape (R,), from coordinates of shape (R, q)."""
        ...

    def risen(self, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the heights of R points, shape (R,), and points uphill of them, shape (R, q)."""
        ...


@dataclass(frozen=True)
class LikelihoodSurface:
    """Total log-likelihood, data units; points rise by EM steps.

    An EM step never leads down, needs no length to be chosen, and comes free with the pass that gives the
    height; its fixed points are the stationary points. Where it would empty a component or make it singular,
    or has led below the eigenvalue floor, the point stays: there is no highest point on that way.
    """

    objective: Objective

    def heights(self, vectors: FloatArray) -> FloatArray:
        """Return log-likelihoods, minus infinity where there is none."""
        found = [np.zeros(0)]
        for part in self._parts(vectors):
            found.append(self.objective.evaluate(self.objective.from_vector(part)).log_likelihood)
        return self._finite(np.concatenate(found))

    def risen(self, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log-likelihoods, and the points after an EM step of limited length."""
        objective = self.objective
        found, moved = [np.zeros(0)], [np.zeros((0, vectors.shape[1]))]
        for part in self._parts(vectors):
            evaluation = objective.evaluate(objective.from_vector(part))
            moved.append(part + self._step(part, evaluation))
            found.append(evaluation.log_likelihood)
        return self._finite(np.concatenate(found)), np.concatenate(moved)

    def _step(self, vectors: FloatArray, evaluation: Evaluation) -> FloatArray:
        """Return EM steps of limited length in the coordinates, zero where they are not to be taken."""
        objective = self.objective
        with np.errstate(all="ignore"):  # components that vanish or become singular are looked for below
            step = objective.to_vector(evaluation.maximised) - vectors
        usable = np.isfinite(step).all(axis=1)
        usable &= evaluation.smallest_eigenvalue >= objective.eigenvalue_floor
        step = np.where(usable[:, None], step, 0.0)
        longest = np.abs(step).max(axis=1)
        # a sudden collapse is a long step; whether its covariance is positive may be a matter of rounding
        far = np.flatnonzero(longest > LONGEST_RISE)
        if len(far):
            smallest = smallest_eigenvalue(objective, take(evaluation.maximised, far))
            step[far[~(smallest >= objective.eigenvalue_floor)]] = 0.0
        limited: FloatArray = step * (LONGEST_RISE / np.maximum(longest, LONGEST_RISE))[:, None]
        return limited

    def _parts(self, vectors: FloatArray) -> list[FloatArray]:
        size = max(1, BATCH_COLUMNS // self.objective.n_components)
        return [vectors[start : start + size] for start in range(0, len(vectors), size)]

    def _finite(self, values: FloatArray) -> FloatArray:
        return np.where(np.isfinite(values), values + self.objective.log_likelihood_offset, -np.inf)


def vectors(objective: Objective, parameters: Parameters) -> FloatArray:
    """Return coordinates of points, none included, whose components may have no rows, shape (P, q)."""
    weights = np.maximum(parameters["weights"], LEAST_ROWS / objective.total_weight)
    weights = weights / weights.sum(axis=1, keepdims=True)
    return coordinates(objective, {**parameters, "weights": weights})


def matched(
    objective: Objective, parameters: Parameters, first: IntArray, second: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return both ends of the straight paths between pairs of points, components matched one to one.

    Parameters
    ----------
    objective : Objective
        The cell.
    parameters : dict of ndarray
        P points.
    first, second : ndarray of int, shape (M,)
        Numbers of the points of each pair.

    Returns
    -------
    ndarray, shape (M, q)
        Coordinates of the first points as they are.
    ndarray, shape (M, q)
        Of the second, their components in the order that is nearest to the first's (see `matching`).
    """
    description = describe(objective, parameters)
    order, _ = matching(description.take(first), description.take(second))
    turned = take(parameters, second)
    for name, shape in objective.family.shapes(objective.n_components, objective.n_features).items():
        if shape[:1] == (objective.n_components,):
            index = order.reshape(*order.shape, *[1] * (turned[name].ndim - 2))
            turned[name] = np.take_along_axis(turned[name], index, axis=1)
    return vectors(objective, take(parameters, first)), vectors(objective, turned)
