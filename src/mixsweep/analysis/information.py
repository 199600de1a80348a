"""The Hessian of the log-likelihood by the missing-information principle, for a fraction of its differences.

With the components of the rows as missing data (Louis 1982, equation 3.2),

    H = d2Q + sum over rows of the posterior covariance of the complete data's score.

The first term comes from differences of the gradient of Q, which need no rows. The scores are differences of
the rows' log(weight x density); as each depends on one component, the same coordinate of all components is
moved at one time (Curtis, Powell and Reid 1974), which takes K times fewer looks at the rows than differences
of the gradient, each of them cheaper. A family whose Q has further missing data is noticed by a comparison
with these at one point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixsweep.objective import Objective
from mixsweep.typing import FloatArray, IntArray

__all__ = ["Moves", "applies", "hessian_by_parts", "moves"]

#: Log-densities held at one time; larger cells are left to differences of the gradient.
MOST_ELEMENTS = 2**24


@dataclass(frozen=True)
class Moves:
    """Which coordinates are moved together.

    Attributes
    ----------
    owner : ndarray of int, shape (G, K)
        The coordinate by which each move changes each component, -1 for none.
    single : ndarray of bool, shape (G,)
        Moves of one coordinate that several components share.
    """

    owner: IntArray
    single: np.ndarray

    def steps(self, size: int) -> FloatArray:
        """Return the moves as vectors of coordinates, shape (G, q)."""
        steps = np.zeros((len(self.owner), size + 1))
        np.put_along_axis(steps, self.owner, 1.0, axis=1)
        # the last place stands for no coordinate
        return steps[:, :-1]


def applies(objective: Objective, size: int) -> bool:
    """Return whether the cell is small enough and the family knows its Q."""
    elements = 2 * size * objective.n_components * objective.n_rows
    return hasattr(objective.family, "complete_gradient") and elements <= MOST_ELEMENTS


def moves(objective: Objective, vector: FloatArray, length: float) -> Moves:
    """Return moves found from which components each coordinate changes at a point.

    Parameters
    ----------
    objective : Objective
    vector : ndarray, shape (q,)
        Unconstrained coordinates.
    length : float
        Of the steps.
    """
    size = len(vector)
    logits = objective.logits(objective.from_vector(vector + length * np.eye(size + 1, size, k=0)))
    changed = (logits[:size] != logits[size]).any(axis=2)
    owner: list[IntArray] = []
    single: list[bool] = []
    for coordinate, support in enumerate(changed):
        shared = support.sum() > 1
        place = next(
            (g for g, own in enumerate(owner) if not shared and not single[g] and (own[support] < 0).all()),
            None,
        )
        if place is None:
            owner.append(np.full(objective.n_components, -1))
            single.append(bool(shared))
            place = len(owner) - 1
        owner[place][support] = coordinate
    return Moves(np.array(owner), np.array(single))


def hessian_by_parts(
    objective: Objective, vector: FloatArray, length: float, moved: Moves
) -> tuple[FloatArray, FloatArray]:
    """Return the Hessian of the loss (negative log-likelihood per row) at one point.

    Parameters
    ----------
    objective : Objective
        The cell.
    vector : ndarray, shape (q,)
        Unconstrained coordinates.
    length : float
        Of the steps.
    moved : Moves
        `moves` of the cell.

    Returns
    -------
    hessian, error : ndarray, shape (q, q)
        Symmetrised; and half the difference from the transpose.
    """
    size, count = len(vector), len(moved.owner)
    steps = length * moved.steps(size)
    around = np.concatenate([vector + steps, vector - steps, vector[None]])
    parameters = objective.from_vector(around)
    logits = objective.logits(parameters)
    scores = (logits[:count] - logits[count : 2 * count]) / (2 * length)
    posterior = np.exp(logits[-1] - np.logaddexp.reduce(logits[-1], axis=0))
    if objective.row_weights is not None:
        posterior *= objective.row_weights
    hessian = _complete(objective, around, length, moved)
    error = 0.5 * np.abs(hessian - hessian.T)
    mean = np.zeros((size, objective.n_rows))
    for component, own in enumerate(moved.owner.T):
        index = own[own >= 0]
        score = scores[own >= 0, component]
        weighted = score * posterior[component]
        hessian[np.ix_(index, index)] += weighted @ score.T
        mean[index] += weighted
    square = mean if objective.row_weights is None else mean / objective.row_weights
    hessian -= square @ mean.T
    return -0.5 * (hessian + hessian.T) / objective.total_weight, error / objective.total_weight


def _complete(objective: Objective, around: FloatArray, length: float, moved: Moves) -> FloatArray:
    """Return the second derivatives of Q where it was taken, from its gradient at the points around it."""
    count, size = len(moved.owner), around.shape[1]
    parameters = objective.from_vector(around[:-1])
    here = objective.evaluate(objective.from_vector(around[-1:])).take(np.zeros(2 * count, dtype=np.int64))
    family = objective.family
    own = family.complete_gradient(parameters, here)  # type: ignore[attr-defined]  # optional hook
    gradient = objective.parametrisation.gradient(family, around[:-1], parameters, own)
    change = (gradient[:count] - gradient[count:]) / (2 * length)
    second = np.zeros((size, size))
    for owner in moved.owner.T:
        # apart from what several components share, Q is a sum over components
        by = np.flatnonzero(~moved.single & (owner >= 0))
        index = owner[by]
        second[np.ix_(index, index)] = change[np.ix_(by, index)].T
    for move in np.flatnonzero(moved.single):
        coordinate = moved.owner[move].max()
        second[:, coordinate] = second[coordinate, :] = change[move]
    return second
