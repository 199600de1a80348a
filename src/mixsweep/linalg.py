"""Small dense linear algebra over large batches of matrices."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixsweep.kernels import load
from mixsweep.typing import FloatArray, IntArray

__all__ = [
    "cholesky",
    "flat",
    "in_slices",
    "location_and_scale",
    "log_volume_ratio",
    "lower_indices",
    "transpose",
    "triangular_inverse",
    "upper_indices",
    "weighted_covariance",
]


#: Numbers of an array that stays in the second-level cache with some others of its size: 0.25 MB. Much larger
#: ones go back to the system after each use, and the direct forms take one and a half times as long.
SLICE = 2**15


#: Up to this size compiled loops factor a matrix no slower than LAPACK, and without the exceptions that NumPy
#: makes of matrices that are not positive definite.
SMALL = 16


def in_slices(function: Callable[..., tuple[FloatArray, ...]], *arrays: FloatArray) -> tuple[FloatArray, ...]:
    """Return a function's results, computed for some of the fits at a time.

    So what it makes on the way stays in cache, and takes no memory in proportion to the batch.

    Parameters
    ----------
    function : callable
        Gives arrays for arrays, restarts first, each fit's from that fit's alone.
    *arrays : ndarray, shape (R, ...)
        Its arguments. The largest decides how many fits are in a slice.
    """
    largest = max(math.prod(values.shape[1:]) for values in arrays)
    count, length = len(arrays[0]), max(1, SLICE // largest)
    if count <= length:
        return function(*arrays)
    results: tuple[FloatArray, ...] = ()
    for start in range(0, count, length):
        part = slice(start, start + length)
        found = function(*(values[part] for values in arrays))
        results = results or tuple(np.empty((count, *values.shape[1:])) for values in found)
        for result, values in zip(results, found, strict=True):
            result[part] = values
    return results


@functools.cache
def lower_indices(d: int) -> tuple[IntArray, IntArray]:
    """Return rows and columns of the lower triangle, the diagonal included; computed once."""
    return np.tril_indices(d)


@functools.cache
def upper_indices(d: int) -> tuple[IntArray, IntArray]:
    """Return rows and columns of the upper triangle, the diagonal included; computed once."""
    return np.triu_indices(d)


def flat(arrays: FloatArray) -> FloatArray:
    """Return each array in a row, shape (R, m), for any number R of them, none included."""
    return arrays.reshape(len(arrays), math.prod(arrays.shape[1:]))


def transpose(matrices: FloatArray) -> FloatArray:
    """Return the transposes of matrices, shape (..., d, d)."""
    return matrices.swapaxes(-1, -2)


def cholesky(matrices: FloatArray) -> FloatArray:
    """Return lower Cholesky factors; zero for a matrix that is not positive definite, NaN for one not finite.

    Parameters
    ----------
    matrices : ndarray, shape (..., d, d)
        Symmetric matrices; only the lower triangles are read.

    Returns
    -------
    ndarray, shape (..., d, d)
        Lower triangular L with L L' = matrix.
    """
    kernels = load()
    if kernels is None or not matrices.size or matrices.shape[-1] > SMALL:
        return reference_cholesky(matrices)
    result: FloatArray = kernels.cholesky(matrices)
    return result


def reference_cholesky(matrices: FloatArray) -> FloatArray:
    """Return `cholesky` by LAPACK."""
    try:
        factors: NDArray[Any] = np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:  # one bad matrix must not stop the batch: find it by halving
        flat = matrices.reshape(-1, *matrices.shape[-2:])
        if len(flat) == 1:
            return np.where(np.isfinite(matrices), 0.0, np.nan)
        half = len(flat) // 2
        return np.concatenate([reference_cholesky(flat[:half]), reference_cholesky(flat[half:])]).reshape(
            matrices.shape
        )
    return factors


def triangular_inverse(factors: FloatArray) -> FloatArray:
    """Return the inverses of lower triangular matrices.

    Parameters
    ----------
    factors : ndarray, shape (..., d, d)
        Lower triangular matrices.

    Returns
    -------
    ndarray, shape (..., d, d)
        Lower triangular inverses.
    """
    kernels = load()
    if kernels is None or not factors.size:
        return reference_inverse(factors)
    result: FloatArray = kernels.triangular_inverse(factors)
    return result


def reference_inverse(factors: FloatArray) -> FloatArray:
    """Return `triangular_inverse` by NumPy.

    The loop runs over the matrix dimension and is vectorised over the batch: for d <= 16 this takes a
    third to a fifth of the time of one LAPACK call a matrix.
    """
    d = factors.shape[-1]
    factor = np.ascontiguousarray(factors.reshape(-1, d, d).transpose(1, 2, 0))
    inverse = np.zeros_like(factor)
    for i in range(d):
        reciprocal = 1.0 / factor[i, i]
        inverse[i, i] = reciprocal
        if i:
            row = np.multiply(factor[i, :i, None], inverse[:i, :i]).sum(axis=0)
            inverse[i, :i] = -row * reciprocal
    return np.ascontiguousarray(inverse.transpose(2, 0, 1)).reshape(factors.shape)


def log_volume_ratio(factors: FloatArray, inverse: FloatArray) -> FloatArray:
    """Return log |L+| - log |L| from triangular factors L+ and inverses of L, shape (...)."""
    diagonals = (np.diagonal(matrices, axis1=-2, axis2=-1) for matrices in (factors, inverse))
    result: FloatArray = np.log(np.multiply(*diagonals)).sum(axis=-1)
    return result


def location_and_scale(X: FloatArray, row_weights: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
    """Return weighted means and standard deviations (divisor: the sum of the weights) of the columns."""
    location: FloatArray = np.average(X, axis=0, weights=row_weights)
    scale: FloatArray = np.sqrt(np.average(np.square(X - location), axis=0, weights=row_weights))
    return location, scale


def weighted_covariance(X: FloatArray, row_weights: FloatArray | None = None) -> FloatArray:
    """Return the maximum-likelihood covariance of all rows (divisor: the sum of the weights), shape (d, d).

    Parameters
    ----------
    X : ndarray, shape (n, d)
        Rows.
    row_weights : ndarray, shape (n,), or None
        How many times each row counts; None for once.
    """
    centred = X - np.average(X, axis=0, weights=row_weights)
    weighted = centred if row_weights is None else centred * row_weights[:, None]
    total = len(X) if row_weights is None else row_weights.sum()
    result: FloatArray = centred.T @ weighted / total
    return result
