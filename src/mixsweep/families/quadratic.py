"""Components whose log-density is quadratic: its coefficients, and moments and factors from a pass.

The features are [1, x, upper triangle of x x']. For few columns of the data the work is compiled, where that
is possible: a dozen calls of NumPy would take longer than the arithmetic.
"""

from __future__ import annotations

import functools
from types import ModuleType

import numpy as np

from mixsweep.kernels import load
from mixsweep.linalg import (
    SMALL,
    in_slices,
    log_volume_ratio,
    reference_cholesky,
    transpose,
    upper_indices,
)
from mixsweep.typing import FloatArray, IntArray

__all__ = ["inner", "maximised_factors", "quadratic_coefficients", "shift_and_covariance"]


def _compiled(n_features: int) -> ModuleType | None:
    return load() if n_features <= SMALL else None


def inner(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the sums of products of matrices' entries."""
    flat = (*left.shape[:-2], left.shape[-2] * left.shape[-1])
    result: FloatArray = np.vecdot(left.reshape(flat), right.reshape(flat))
    return result


def quadratic_coefficients(
    constant: FloatArray, means: FloatArray, inverse: FloatArray, factor: float
) -> FloatArray:
    """Return constant + factor x squared Mahalanobis distance as a linear function of the features.

    Parameters
    ----------
    constant : ndarray, shape (R, K)
    means : ndarray, shape (R, K, d)
    inverse : ndarray, shape (R, K, d, d)
        Inverses of the lower Cholesky factors of the covariances.
    factor : float

    Returns
    -------
    ndarray, shape (R, K, p)
    """
    kernels = _compiled(means.shape[-1])
    if kernels is None:

        def of(*arrays: FloatArray) -> tuple[FloatArray]:
            constant, means, inverse = arrays
            return (reference_coefficients(constant, means, inverse, factor),)

        return in_slices(of, constant, means, inverse)[0]
    result: FloatArray = kernels.quadratic_coefficients(constant, means, inverse, factor)
    return result


def reference_coefficients(
    constant: FloatArray, means: FloatArray, inverse: FloatArray, factor: float
) -> FloatArray:
    """Return `quadratic_coefficients` by NumPy."""
    d = means.shape[-1]
    first, second = upper_indices(d)
    coefficients = np.empty((*inverse.shape[:-2], 1 + d + len(first)))
    whitened = np.matmul(inverse, means[..., None])[..., 0]
    coefficients[..., 0] = constant + factor * np.vecdot(whitened, whitened)
    np.multiply(
        np.matmul(whitened[..., None, :], inverse)[..., 0, :], -2.0 * factor, out=coefficients[..., 1 : 1 + d]
    )
    precision = np.matmul(transpose(inverse), inverse)
    # x'Px counts every off-diagonal product twice
    upper = precision.reshape(*precision.shape[:-2], d * d).take(first * d + second, axis=-1)
    np.multiply(upper, factor * np.where(first == second, 1.0, 2.0), out=coefficients[..., 1 + d :])
    return coefficients


def shift_and_covariance(statistics: FloatArray, means: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what sums of the features, each times a row's share, say of every component.

    Parameters
    ----------
    statistics : ndarray, shape (R, K, p)
        Sums of the features.
    means : ndarray, shape (R, K, d)

    Returns
    -------
    shift : ndarray, shape (R, K, d)
        The components' new means less the given ones.
    covariances : ndarray, shape (R, K, d, d)
        About the new means.
    """
    kernels = _compiled(means.shape[-1])
    if kernels is None:
        shift, covariances = in_slices(reference_shift_and_covariance, statistics, means)
        return shift, covariances
    found: tuple[FloatArray, FloatArray] = kernels.shift_and_covariance(statistics, means)
    return found


def reference_shift_and_covariance(
    statistics: FloatArray, means: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return `shift_and_covariance` by NumPy."""
    d = means.shape[-1]
    averages = statistics / statistics[..., :1]
    centre = averages[..., 1 : 1 + d]
    covariances = averages.take(_product_positions(d), axis=-1)
    covariances -= centre[..., :, None] * centre[..., None, :]
    return centre - means, covariances


@functools.cache
def _product_positions(d: int) -> IntArray:
    """Return where the feature x_i x_j stands among the features, shape (d, d)."""
    positions = np.empty((d, d), dtype=np.int64)
    first, second = upper_indices(d)
    positions[first, second] = positions[second, first] = 1 + d + np.arange(len(first))
    return positions


def maximised_factors(
    inverse: FloatArray, shift: FloatArray, covariances: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the M-step's factors and what it gains.

    Parameters
    ----------
    inverse : ndarray, shape (R, K, d, d)
        Inverses of the lower Cholesky factors of the current covariances.
    shift : ndarray, shape (R, K, d)
        New means less the current ones.
    covariances : ndarray, shape (R, K, d, d)
        New covariances about the new means.

    Returns
    -------
    factors : ndarray, shape (R, K, d, d)
        Of the new covariances, as `mixsweep.linalg.cholesky` gives them.
    whitened_shift : ndarray, shape (R, K, d)
        The shift in the current covariances' units.
    gain : ndarray, shape (R, K)
        Of the expected complete-data log-likelihood for each row of the component, but for the weights.
    """
    kernels = _compiled(shift.shape[-1])
    if kernels is None:
        factors, whitened_shift, gain = in_slices(reference_factors, inverse, shift, covariances)
        return factors, whitened_shift, gain
    found: tuple[FloatArray, FloatArray, FloatArray] = kernels.maximised_factors(inverse, shift, covariances)
    return found


def reference_factors(
    inverse: FloatArray, shift: FloatArray, covariances: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return `maximised_factors` by NumPy."""
    factors = reference_cholesky(covariances)
    whitened_shift = np.matmul(inverse, shift[..., None])[..., 0]
    # trace of the whitened second moments about the current means, for each row of the component
    distance = inner(np.matmul(inverse, covariances), inverse) + np.vecdot(whitened_shift, whitened_shift)
    gain = 0.5 * (distance - inverse.shape[-1]) - log_volume_ratio(factors, inverse)
    return factors, whitened_shift, gain
