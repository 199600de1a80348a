"""Small dense linear algebra over large batches of matrices."""

from __future__ import annotations

import numpy as np

from mixsweep.typing import FloatArray

__all__ = ["cholesky", "triangular_inverse"]


def cholesky(matrices: FloatArray) -> FloatArray:
    """Return lower Cholesky factors; zero for a matrix that is not positive definite, NaN if it is not finite.

    Parameters
    ----------
    matrices : ndarray, shape (..., d, d)
        Symmetric matrices; only the lower triangles are read.

    Returns
    -------
    ndarray, shape (..., d, d)
        Lower triangular L with L L' = matrix.
    """
    try:
        return np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:  # one bad matrix must not stop the batch: tell them apart
        flat = matrices.reshape(-1, *matrices.shape[-2:])
        factors = np.where(np.isfinite(flat), 0.0, np.nan)
        for index, matrix in enumerate(flat):
            try:
                factors[index] = np.linalg.cholesky(matrix)
            except np.linalg.LinAlgError:
                continue
        return factors.reshape(matrices.shape)


def triangular_inverse(factors: FloatArray) -> FloatArray:
    """Return the inverses of lower triangular matrices.

    The loop runs over the matrix dimension and is vectorised over the batch: for d <= 16 this takes a
    third to a fifth of the time of one LAPACK call a matrix.

    Parameters
    ----------
    factors : ndarray, shape (..., d, d)
        Lower triangular matrices.

    Returns
    -------
    ndarray, shape (..., d, d)
        Lower triangular inverses.
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
