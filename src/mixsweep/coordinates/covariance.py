"""Charts of covariance matrices, given by lower Cholesky factors L, and of standard deviations.

A matrix chart differentiates through the covariance: with G the derivative in L, the symmetric derivative in
Sigma = L L' is S = L^-T sym(P) L^-1, where P is the lower triangle of L' G with its diagonal halved (Murray
2016, section 4.1) and sym(P) = (P + P') / 2.

References
----------
Murray, I. (2016). Differentiation of the Cholesky decomposition. arXiv:1602.07527.
Pinheiro, J. C. and Bates, D. M. (1996). Unconstrained parametrizations for variance-covariance matrices.
Statistics and Computing 6, 289-296.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mixsweep.coordinates.base import REAL, Chart
from mixsweep.linalg import flat, lower_indices, transpose, triangular_inverse
from mixsweep.typing import FloatArray

__all__ = ["COVARIANCE_CHARTS", "CovarianceCharts", "factor_of_square", "whitened_derivative"]


class CovarianceCharts(NamedTuple):
    """The chart of a matrix by its Cholesky factor, and that of a standard deviation, its one-row case."""

    matrix: Chart
    deviation: Chart


def _lower(matrices: FloatArray) -> FloatArray:
    """Return the lower triangles in a row, shape (R, m d (d + 1) / 2) for m matrices a restart."""
    d = matrices.shape[-1]
    row, column = lower_indices(d)
    entries = matrices.reshape(*matrices.shape[:-2], d * d).take(row * d + column, axis=-1)
    result: FloatArray = flat(entries)
    return result


def _from_lower(free: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    row, column = lower_indices(shape[-1])
    entries = free.reshape(len(free), *shape[:-2], len(row))
    matrices = np.zeros((len(free), *shape))
    matrices[..., row, column] = entries
    return matrices


def _triangle_size(shape: tuple[int, ...]) -> int:
    d = shape[-1]
    return int(np.prod(shape[:-2], dtype=np.int64)) * d * (d + 1) // 2


def _diagonal(matrices: FloatArray) -> FloatArray:
    """Return a writable view of the diagonals."""
    view: FloatArray = np.einsum("...ii->...i", matrices)
    return view


def factor_of_square(factors: FloatArray) -> FloatArray:
    """Return the lower Cholesky factor of A'A, by the orthogonal factorisation of A."""
    upper = np.asarray(np.linalg.qr(factors, mode="r"), dtype=np.float64)
    signs = np.where(_diagonal(upper) < 0, -1.0, 1.0)
    return transpose(upper * signs[..., None])


def _in_covariance(factors: FloatArray, gradient: FloatArray) -> FloatArray:
    """Return the symmetric derivative in Sigma from that in its lower Cholesky factor."""
    inverse = triangular_inverse(factors)
    inner = whitened_derivative(factors, gradient)
    result: FloatArray = np.matmul(np.matmul(transpose(inverse), inner), inverse)
    return result


def whitened_derivative(factors: FloatArray, gradient: FloatArray) -> FloatArray:
    """Return L' S L = sym(P), S being the symmetric derivative in Sigma, from that in the Cholesky factor."""
    inner = np.tril(np.matmul(transpose(factors), gradient))
    _diagonal(inner)[...] *= 0.5
    result: FloatArray = 0.5 * (inner + transpose(inner))
    return result


class LogCholesky(Chart):
    """The lower Cholesky factor with logarithms on its diagonal."""

    def size(self, shape: tuple[int, ...]) -> int:
        """Return d (d + 1) / 2 a matrix."""
        return _triangle_size(shape)

    def to_free(self, values: FloatArray) -> FloatArray:
        """Return the lower triangles, diagonals by their logarithms."""
        entries = values.copy()
        _diagonal(entries)[...] = np.log(_diagonal(values))
        return _lower(entries)

    def from_free(self, free: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return the factors."""
        factors = _from_lower(free, shape)
        diagonal = _diagonal(factors)
        diagonal[...] = np.exp(diagonal)
        return factors

    def pull_back(self, free: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return the derivatives, those of the diagonal times its entries."""
        scaled = gradient.copy()
        _diagonal(scaled)[...] *= _diagonal(values)
        return _lower(scaled)


class NaturalCholesky(Chart):
    """The lower Cholesky factor itself, for solvers with bounds: the diagonal must stay positive."""

    def size(self, shape: tuple[int, ...]) -> int:
        """Return d (d + 1) / 2 a matrix."""
        return _triangle_size(shape)

    def to_free(self, values: FloatArray) -> FloatArray:
        """Return the lower triangles."""
        return _lower(values)

    def from_free(self, free: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return the factors, whatever the signs on their diagonals."""
        return _from_lower(free, shape)

    def pull_back(self, free: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return the derivatives of the lower triangle."""
        return _lower(gradient)


class SquareFactor(Chart):
    """Sigma = A'A with a full square matrix A, which has d (d - 1) / 2 coordinates more than Sigma."""

    def size(self, shape: tuple[int, ...]) -> int:
        """Return d squared a matrix."""
        return int(np.prod(shape))

    def to_free(self, values: FloatArray) -> FloatArray:
        """Return A = L'."""
        return flat(np.ascontiguousarray(transpose(values)))

    def from_free(self, free: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return the Cholesky factor of A'A."""
        return factor_of_square(free.reshape(len(free), *shape))

    def pull_back(self, free: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return 2 A S."""
        square = free.reshape(values.shape)
        result: FloatArray = 2.0 * np.matmul(square, _in_covariance(values, gradient))
        return flat(result)


class MatrixLogarithm(Chart):
    """Sigma = exp(M) with M symmetric; the lower triangle of M."""

    def size(self, shape: tuple[int, ...]) -> int:
        """Return d (d + 1) / 2 a matrix."""
        return _triangle_size(shape)

    def to_free(self, values: FloatArray) -> FloatArray:
        """Return the logarithm, by the singular values of L: their squares are the eigenvalues of Sigma."""
        vectors, singular, _ = np.linalg.svd(values)
        logarithm = np.matmul(vectors * (2.0 * np.log(singular))[..., None, :], transpose(vectors))
        return _lower(logarithm)

    @staticmethod
    def _eigen(free: FloatArray, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
        finite = np.isfinite(free).all(axis=1)
        matrices = np.where(finite.reshape(len(free), *(1,) * len(shape)), _from_lower(free, shape), 0.0)
        values, vectors = np.linalg.eigh(matrices)
        values[~finite] = np.nan
        return values, vectors

    def from_free(self, free: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return the Cholesky factor of the exponential."""
        values, vectors = self._eigen(free, shape)
        return factor_of_square(np.exp(0.5 * values)[..., None] * transpose(vectors))

    def pull_back(self, free: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return the derivative by the divided differences of the exponential (Daleckii and Krein 1965)."""
        eigenvalues, vectors = self._eigen(free, values.shape[1:])
        inner = np.matmul(np.matmul(transpose(vectors), _in_covariance(values, gradient)), vectors)
        mean = 0.5 * (eigenvalues[..., :, None] + eigenvalues[..., None, :])
        half = 0.5 * (eigenvalues[..., :, None] - eigenvalues[..., None, :])
        # (e^a - e^b) / (a - b) = e^mean sinh(half) / half, which has no cancellation
        ratio = np.where(half == 0, 1.0, np.sinh(half) / np.where(half == 0, 1.0, half))
        derivative = np.matmul(np.matmul(vectors, np.exp(mean) * ratio * inner), transpose(vectors))
        derivative *= 2.0
        _diagonal(derivative)[...] *= 0.5
        return _lower(derivative)


class PrecisionCholesky(Chart):
    """Sigma^-1 = T'T with T = L^-1 lower triangular, logarithms on its diagonal."""

    def size(self, shape: tuple[int, ...]) -> int:
        """Return d (d + 1) / 2 a matrix."""
        return _triangle_size(shape)

    def to_free(self, values: FloatArray) -> FloatArray:
        """Return the inverse factors, diagonals by their logarithms."""
        return LogCholesky().to_free(triangular_inverse(values))

    def from_free(self, free: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return the inverses of the inverse factors."""
        return triangular_inverse(LogCholesky().from_free(free, shape))

    def pull_back(self, free: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return -L' G L' in the inverse factor, then its logarithmic diagonal."""
        transposed = transpose(values)
        lower = np.tril(gradient)
        in_inverse = -np.matmul(np.matmul(transposed, lower), transposed)
        _diagonal(in_inverse)[...] /= _diagonal(values)
        return _lower(in_inverse)


class Logarithm(Chart):
    """A multiple of the logarithm of a standard deviation.

    Parameters
    ----------
    factor : float
        1 for the deviation, 2 for the variance, -1 for the reciprocal of the deviation.
    """

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def size(self, shape: tuple[int, ...]) -> int:
        """Return the number of entries."""
        return int(np.prod(shape))

    def to_free(self, values: FloatArray) -> FloatArray:
        """Return factor x log(value)."""
        result: FloatArray = self.factor * flat(np.log(values))
        return result

    def from_free(self, free: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return exp(coordinate / factor)."""
        result: FloatArray = np.exp(free / self.factor).reshape(len(free), *shape)
        return result

    def pull_back(self, free: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return the derivative times value / factor."""
        result: FloatArray = flat(gradient * values / self.factor)
        return result


class Signed(Chart):
    """A number whose absolute value is the standard deviation: the one-row case of A'A."""

    def size(self, shape: tuple[int, ...]) -> int:
        """Return the number of entries."""
        return int(np.prod(shape))

    def to_free(self, values: FloatArray) -> FloatArray:
        """Return the positive one."""
        return flat(values).copy()

    def from_free(self, free: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return the absolute value."""
        return np.abs(free).reshape(len(free), *shape)

    def pull_back(self, free: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return the derivative with the number's sign."""
        result: FloatArray = np.sign(free) * flat(gradient)
        return result


#: By the names of the setting ``covariances``.
COVARIANCE_CHARTS: dict[str, CovarianceCharts] = {
    "log-cholesky": CovarianceCharts(LogCholesky(), Logarithm(1.0)),
    "square-factor": CovarianceCharts(SquareFactor(), Signed()),
    "matrix-logarithm": CovarianceCharts(MatrixLogarithm(), Logarithm(2.0)),
    "precision-cholesky": CovarianceCharts(PrecisionCholesky(), Logarithm(-1.0)),
    "natural": CovarianceCharts(NaturalCholesky(), REAL),
}
