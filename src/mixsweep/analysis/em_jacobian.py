"""The EM map's Jacobian at an optimum: how fast EM converges there, in theory.

Near a fixed point EM multiplies the error by J = I - Icom^-1 Iobs a pass, the fraction of missing information
(Dempster, Laird and Rubin 1977, section 4; Meng and Rubin 1991). Its eigenvalues are real, as it is symmetric
in the metric of the complete information; the largest is the rate. Products of J with a vector are central
differences of the map, two passes each, and Arnoldi's process finds the largest eigenvalues from a few dozen
of them, without J.

References
----------
Arnoldi, W. E. (1951). The principle of minimized iterations in the solution of the matrix eigenvalue problem.
Quarterly of Applied Mathematics 9, 17-29.
Dempster, A. P., Laird, N. M. and Rubin, D. B. (1977). Maximum likelihood from incomplete data via the EM
algorithm. Journal of the Royal Statistical Society B 39, 1-38.
Meng, X.-L. and Rubin, D. B. (1991). Using EM to obtain asymptotic variance-covariance matrices: the SEM
algorithm. Journal of the American Statistical Association 86, 899-909.
"""

from __future__ import annotations

import numpy as np

from mixsweep.objective import Objective
from mixsweep.seeds import generator
from mixsweep.typing import FloatArray, Parameters

__all__ = ["jacobian_products", "largest_eigenvalues"]

#: Step of the differences; in components narrower than `WIDE` it shrinks with their width.
STEP, WIDE = 1e-5, 0.03
#: Products with the Jacobian at most, and after how many it is looked whether they suffice.
MOST_PRODUCTS, BETWEEN = 240, 8
#: Largest residual of an eigenvalue, of order its error where the Jacobian is nearly symmetric.
RESIDUAL = 1e-7
#: A vector whose new part is shorter than this brings nothing new: the differences are no more exact.
NOTHING_NEW = 1e-8
#: Parameter points evaluated in one batch have at most so many columns (points x components).
BATCH_COLUMNS = 1024


def jacobian_products(objective: Objective, vectors: FloatArray, directions: FloatArray) -> FloatArray:
    """Return the products of the EM map's Jacobian with directions.

    Parameters
    ----------
    objective : Objective
        The cell.
    vectors : ndarray, shape (P, q)
        Fixed points of EM in unconstrained coordinates.
    directions : ndarray, shape (P, q)
        Unit vectors, one for each point.

    Returns
    -------
    ndarray, shape (P, q)
    """
    return _products(objective, vectors, directions, _steps(objective, vectors))


def _steps(objective: Objective, vectors: FloatArray) -> FloatArray:
    """Return the steps of the differences at each point, shape (P, 1)."""
    widths = np.sqrt(objective.family.smallest_eigenvalues(objective.from_vector(vectors)).min(axis=1))
    steps: FloatArray = (STEP * np.clip(widths / WIDE, 1e-3, 1.0))[:, None]
    return steps


def _products(
    objective: Objective, vectors: FloatArray, directions: FloatArray, steps: FloatArray
) -> FloatArray:
    chunk = max(1, BATCH_COLUMNS // (2 * objective.n_components))
    parts = []
    for first in range(0, len(vectors), chunk):
        chosen = slice(first, first + chunk)
        own, along, step = vectors[chosen], directions[chosen], steps[chosen]
        around = objective.from_vector(np.concatenate([own + step * along, own - step * along]))
        mapped = objective.to_vector(objective.evaluate(around).maximised)
        parts.append((mapped[: len(own)] - mapped[len(own) :]) / (2 * step))
    return np.concatenate(parts)


def largest_eigenvalues(
    objective: Objective, parameters: Parameters, count: int
) -> tuple[FloatArray, FloatArray]:
    """Return the largest eigenvalues of the EM map's Jacobian at P fixed points.

    Parameters
    ----------
    objective : Objective
        The cell.
    parameters : dict of ndarray
        Fixed points of EM, points first; standardised units.
    count : int
        How many eigenvalues.

    Returns
    -------
    eigenvalues : ndarray, shape (P, count)
        Largest first; zero beyond the number of coordinates, NaN where the map has no finite differences.
    residual : ndarray, shape (P, count)
        Norm of J y - rho y for each and its unit eigenvector y.
    """
    vectors = objective.to_vector(parameters)
    points, size = vectors.shape
    start = generator(0, "EM map", size).standard_normal(size)
    basis = np.broadcast_to(start / np.linalg.norm(start), (points, 1, size)).copy()
    reduced = np.zeros((points, 1, 0))
    steps = _steps(objective, vectors)
    while True:
        made = reduced.shape[2]
        product = _products(objective, vectors, basis[:, -1], steps)
        basis, reduced = _extended(product, basis, reduced)
        if made % BETWEEN and made + 1 < min(size, MOST_PRODUCTS):
            continue
        eigenvalues, residual = _ritz(reduced, count)
        enough = ~(residual > RESIDUAL)
        if enough.all() or made + 1 >= min(size, MOST_PRODUCTS):
            return eigenvalues, residual


def _extended(product: FloatArray, basis: FloatArray, reduced: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Take one step of Arnoldi's process at every point.

    Parameters
    ----------
    product : ndarray, shape (P, q)
        Of the Jacobian with the last vector of the basis.
    basis : ndarray, shape (P, m + 1, q)
        Orthonormal vectors.
    reduced : ndarray, shape (P, m + 1, m)
        The Jacobian in the basis.

    Returns
    -------
    basis, reduced : ndarray, shapes (P, m + 2, q) and (P, m + 2, m + 1)
    """
    points, number, _ = basis.shape
    column = np.zeros((points, number + 1))
    for _ in range(2):  # once more, since the first projection leaves rounding along the basis
        along = np.einsum("pmq,pq->pm", basis, product)
        product = product - np.einsum("pm,pmq->pq", along, basis)
        column[:, :number] += along
    length = np.linalg.norm(product, axis=1)
    exhausted = length <= NOTHING_NEW
    column[:, number] = np.where(exhausted, 0.0, length)
    # an invariant subspace is complete: go on in any direction outside it
    following = np.where(exhausted[:, None], _outside(basis), product) if exhausted.any() else product
    norm = np.maximum(np.linalg.norm(following, axis=1, keepdims=True), np.finfo(float).tiny)
    grown = np.zeros((points, number + 1, number))
    grown[:, :number, :-1] = reduced
    grown[:, :, -1] = column
    return np.concatenate([basis, (following / norm)[:, None]], axis=1), grown


def _outside(basis: FloatArray) -> FloatArray:
    """Return a direction outside the span of each basis, shape (P, q)."""
    points, number, size = basis.shape
    fresh = generator(0, "EM map", size, number).standard_normal((points, size))
    for _ in range(2):
        fresh -= np.einsum("pm,pmq->pq", np.einsum("pmq,pq->pm", basis, fresh), basis)
    return fresh


def _ritz(reduced: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Return the largest eigenvalues of the Jacobian in the basis, and their residuals."""
    points, _, number = reduced.shape
    eigenvalues, residual = np.full((points, count), np.nan), np.full((points, count), np.nan)
    for point, own in enumerate(reduced):
        if not np.isfinite(own).all():
            continue
        values, axes = np.linalg.eig(own[:number])
        # real but for rounding
        order = np.argsort(-values.real)[:count]
        rest = np.zeros(count - len(order))
        eigenvalues[point] = np.append(values.real[order], rest)
        residual[point] = np.append(np.abs(own[number, number - 1] * axes[-1, order]), rest)
    return eigenvalues, residual
