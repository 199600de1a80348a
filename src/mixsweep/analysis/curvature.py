"""The log-likelihood's curvature: Hessians, what they say of maxima and saddles, and how exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.linalg.lapack import dsytrd

from mixsweep.analysis.information import gaussian_hessians, knows, rounding
from mixsweep.objective import Objective
from mixsweep.typing import FloatArray, IntArray, Parameters

__all__ = [
    "BATCH_COLUMNS",
    "DIFFERENCE",
    "Curvature",
    "coordinates",
    "curvature",
    "curved_along_shift",
    "gradients",
    "hessians",
    "sharpened",
    "smallest_eigenvalue",
    "spectra",
]

#: Rounding error of a gradient per row, and the step of the differences: 1e-10 are left in the Hessian.
GRADIENT_ROUNDING, DIFFERENCE = 1e-15, 1e-5
#: In components narrower than this the step of the differences shrinks with their width.
WIDE = 0.03
#: Parameter points evaluated in one batch have at most so many columns (points x components).
BATCH_COLUMNS = 1024


@dataclass(frozen=True)
class Curvature:
    """Second derivatives of the log-likelihood per row at P points.

    Attributes
    ----------
    largest : ndarray, shape (P,)
        Largest eigenvalue of the Hessian, without the direction that changes nothing.
    relative : ndarray, shape (P,)
        Largest curvature relative to those of the single coordinates: the largest eigenvalue once every
        coordinate is scaled to curvature one, so that neither a narrow nor a light component hides it. Where
        the log-likelihood clearly curves down in every direction, only an upper bound.
    error : ndarray, shape (P,)
        Accuracy of the same, from rounding or the asymmetry of the differences.
    direction : ndarray, shape (P, q)
        Unit vector along which the log-likelihood curves up most, NaN where it does nowhere.
    n_positive : ndarray of int, shape (P,)
        Number of directions that curve up by more than the accuracy.
    """

    largest: FloatArray
    relative: FloatArray
    error: FloatArray
    direction: FloatArray
    n_positive: IntArray


def smallest_eigenvalue(objective: Objective, parameters: Parameters) -> FloatArray:
    """Return the smallest covariance eigenvalue over the components, shape (P,)."""
    smallest: FloatArray = objective.family.smallest_eigenvalues(parameters).min(axis=1, initial=np.inf)
    return smallest


def coordinates(objective: Objective, parameters: Parameters) -> FloatArray:
    """Return unconstrained coordinates of P points, none included, shape (P, q)."""
    if len(parameters["weights"]):
        return objective.to_vector(parameters)
    # the number of coordinates does not depend on the point
    K, d = objective.n_components, objective.n_features
    unit = np.broadcast_to(np.eye(d), (1, K, d, d)).copy()
    return objective.to_vector(
        objective.family.from_moments(np.full((1, K), 1 / K), np.zeros((1, K, d)), unit)
    )[:0]


def gradients(objective: Objective, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return loss (negative log-likelihood per row) and gradient of any number of points, in batches."""
    chunk = max(1, BATCH_COLUMNS // objective.n_components)
    losses, found = [np.zeros(0)], [np.zeros((0, vectors.shape[1]))]
    for start in range(0, len(vectors), chunk):
        part = vectors[start : start + chunk]
        parameters = objective.from_vector(part)
        loss, gradient = objective.loss(part, parameters, objective.evaluate(parameters))
        losses.append(loss)
        found.append(gradient)
    return np.concatenate(losses), np.concatenate(found)


def hessians(objective: Objective, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return Hessians of the loss (negative log-likelihood per row), exact or by differences of the gradient.

    Parameters
    ----------
    objective : Objective
        The cell.
    vectors : ndarray, shape (P, q)
        Unconstrained coordinates.

    Returns
    -------
    hessian : ndarray, shape (P, q, q)
        Symmetric.
    error : ndarray, shape (P,)
        Its accuracy, Frobenius norm, once every coordinate is scaled to curvature one.
    """
    if knows(objective):
        hessian, information = gaussian_hessians(objective, vectors)
        lost = rounding(objective, vectors)
        return hessian, lost * (information * np.square(_scales(hessian))).sum(axis=1)
    lengths = np.broadcast_to(_lengths(objective, vectors)[:, None], vectors.shape)
    return _differences(objective, vectors, lengths, SECOND_ORDER)


def _lengths(objective: Objective, vectors: FloatArray) -> FloatArray:
    """Return the steps of the differences at P points, shape (P,)."""
    width = np.sqrt(smallest_eigenvalue(objective, objective.from_vector(vectors)))
    lengths: FloatArray = DIFFERENCE * np.clip(width / WIDE, 1e-3, 1.0)
    return lengths


#: Offsets and weights of central differences of second and of fourth order.
SECOND_ORDER = ((1.0, 0.5),)
FOURTH_ORDER = ((1.0, 2 / 3), (2.0, -1 / 12))


def _differences(
    objective: Objective, vectors: FloatArray, lengths: FloatArray, stencil: tuple[tuple[float, float], ...]
) -> tuple[FloatArray, FloatArray]:
    """Return what `hessians` does by differences of the gradient over steps of shape (P, q)."""
    count, size = vectors.shape
    rows = np.zeros((count, size, size))
    chunk = max(1, BATCH_COLUMNS // (2 * size * objective.n_components))
    for start in range(0, count, chunk):
        part = slice(start, start + chunk)
        for offset, weight in stencil:
            steps = offset * lengths[part, :, None] * np.eye(size)
            around = np.concatenate([vectors[part, None] + steps, vectors[part, None] - steps], axis=1)
            _, gradient = gradients(objective, around.reshape(-1, size))
            up, down = np.split(gradient.reshape(around.shape), 2, axis=1)
            rows[part] += weight * (up - down) / lengths[part, :, None]
    across = rows.swapaxes(1, 2)
    hessian = 0.5 * (rows + across)
    # entries on the diagonal have no transpose to differ from
    rounding = GRADIENT_ROUNDING / lengths[:, :, None]
    scale = _scales(hessian)
    error = (0.5 * np.abs(rows - across) + rounding) * scale[:, :, None] * scale[:, None, :]
    return hessian, np.sqrt(np.square(error).sum(axis=(1, 2)))


def _scales(hessian: FloatArray) -> FloatArray:
    """Return the units in which every coordinate has curvature one, shape (P, q)."""
    diagonal = np.abs(np.diagonal(hessian, axis1=1, axis2=2))
    scale: FloatArray = 1 / np.sqrt(np.maximum(diagonal, LEAST_CURVATURE))
    return scale


#: Curvatures of single coordinates below this stretch them no further: it is well above rounding.
LEAST_CURVATURE = 1e-6


def sharpened(
    objective: Objective, vectors: FloatArray, hessian: FloatArray, error: FloatArray, flat: float
) -> Curvature:
    """Return the curvature, measured again where a measurement by differences leaves its sign open.

    Then each coordinate has a step of its own, a share of what its curvature makes a long one, and the
    differences are of fourth order.
    """
    found = curvature(objective, hessian, error, flat)
    doubtful = np.flatnonzero(np.abs(found.relative) < DOUBTFUL * found.error)
    if knows(objective) or not len(doubtful):
        return found
    diagonal = np.abs(np.diagonal(hessian[doubtful], axis1=1, axis2=2))
    lengths = SCALED_DIFFERENCE / np.sqrt(np.maximum(diagonal, SCALED_DIFFERENCE))
    hessian[doubtful], error[doubtful] = _differences(objective, vectors[doubtful], lengths, FOURTH_ORDER)
    return curvature(objective, hessian, error, flat)


#: Curvatures closer to zero than so many times their accuracy are measured again, over steps that are this
#: share of the length over which a coordinate changes the loss by order one, and at most its root.
DOUBTFUL, SCALED_DIFFERENCE = 10.0, 1e-3


def _weight_shift(objective: Objective, size: int) -> FloatArray:
    """Return the one direction that changes nothing: equal shifts of all weight logits, shape (q,)."""
    direction = np.zeros(size)
    direction[: objective.n_components] = 1 / np.sqrt(objective.n_components)
    return direction


def curved_along_shift(objective: Objective, hessian: FloatArray, curvature: FloatArray) -> FloatArray:
    """Return Hessians of the loss with a curvature, shape (P,), in the direction that changes nothing."""
    K = objective.n_components
    result = hessian.copy()
    # that direction has equal entries in the logits of the weights and none elsewhere
    result[:, :K, :K] += curvature[:, None, None] / K
    return result


def _without_shift(objective: Objective, hessian: FloatArray) -> FloatArray:
    """Return Hessians of the loss in which the direction that changes nothing curves most."""
    largest = np.maximum(hessian.max(axis=(1, 2), initial=0.0), -hessian.min(axis=(1, 2), initial=0.0))
    return curved_along_shift(objective, hessian, 1 + 2 * largest * hessian.shape[-1])


def spectra(objective: Objective, vectors: FloatArray) -> FloatArray:
    """Return the eigenvalues of the Hessians of the log-likelihood per row, largest first.

    Parameters
    ----------
    objective : Objective
        The cell.
    vectors : ndarray, shape (P, q)
        Unconstrained coordinates.

    Returns
    -------
    ndarray, shape (P, q - 1)
        Without the direction that changes nothing.
    """
    hessian, _ = hessians(objective, vectors)
    # the direction that changes nothing is at the top and is cut off, so that the rest belong to real ones
    eigenvalues: FloatArray = np.asarray(np.linalg.eigvalsh(_without_shift(objective, hessian)), float)
    return -eigenvalues[:, :-1]


def _lowest(matrices: FloatArray) -> FloatArray:
    """Return the smallest eigenvalue of each symmetric matrix, shape (P,); the matrices are overwritten."""
    lowest = np.empty(len(matrices))
    if matrices.shape[1] < LARGE:
        lowest[:] = np.linalg.eigvalsh(matrices)[:, 0]
        return lowest
    for place, matrix in enumerate(matrices):
        # the transpose has the memory order of LAPACK
        _, diagonal, beside, _, _ = dsytrd(matrix.T, lower=1, lwork=32 * len(matrix), overwrite_a=1)
        lowest[place] = eigh_tridiagonal(
            diagonal, beside, eigvals_only=True, select="i", select_range=(0, 0), lapack_driver="stebz"
        )[0]
    return lowest


#: For matrices from this size on one eigenvalue takes less time than all of them.
LARGE = 64


def curvature(objective: Objective, hessian: FloatArray, error: FloatArray, flat: float) -> Curvature:
    """Return the curvature from the Hessians of the loss.

    Parameters
    ----------
    objective : Objective
        The cell.
    hessian, error : ndarray, shape (P, q, q) and (P,)
        As `hessians` gives them.
    flat : float
        Relative curvatures of this size matter: what is not clearly below minus it is found exactly.
    """
    count, size = hessian.shape[:2]
    lowest = _lowest(_without_shift(objective, hessian))
    scale = _scales(hessian)
    # scaling lowers an eigenvalue by the square of the smallest scale at most
    relative = lowest * np.square(scale).min(axis=1, initial=np.inf)
    direction, n_positive = np.full((count, size), np.nan), np.zeros(count, dtype=np.int64)
    unclear = np.flatnonzero(~(relative > CLEAR * np.maximum(flat, error)))
    own = scale[unclear]
    hidden = _weight_shift(objective, size) / own
    hidden /= np.linalg.norm(hidden, axis=1, keepdims=True)
    scaled = hessian[unclear] * (own[:, :, None] * own[:, None, :])
    scaled += 2 * size * hidden[:, :, None] * hidden[:, None, :]
    values = np.linalg.eigvalsh(scaled)
    relative[unclear] = values[:, 0]
    n_positive[unclear] = (values < -error[unclear, None]).sum(axis=1)
    upwards = values[:, 0] < 0
    _, axes = np.linalg.eigh(scaled[upwards])
    along = axes[:, :, 0] * own[upwards]
    direction[unclear[upwards]] = along / np.linalg.norm(along, axis=1, keepdims=True)
    return Curvature(-lowest, -relative, error, direction, n_positive)


#: Relative curvatures so many times below what matters are clear.
CLEAR = 10.0
