"""The compiled kernels, as functions of arrays of any shape.

Import this module only where they are wanted: where nothing is kept from an earlier process, that compiles
them, which takes some seconds.
"""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np

from mixsweep.kernels import library
from mixsweep.kernels.sizes import TILE_ROWS
from mixsweep.typing import FloatArray, IntArray

__all__ = [
    "DESCRIPTION",
    "LinearPass",
    "cholesky",
    "maximised_factors",
    "quadratic_coefficients",
    "shift_and_covariance",
    "triangular_inverse",
    "two_loop",
]

_functions = library.functions()
_INTEGER, _SHORT = np.dtype(np.int64).char, np.dtype(np.int32).char


def _address(array: np.ndarray[Any, Any], kind: str = "d") -> int:
    """Return where an array begins, which must be in memory order and of this kind of numbers."""
    if array.dtype.char != kind:
        raise TypeError(f"expected numbers of kind {kind!r}; found {array.dtype}")
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    except (TypeError, ValueError):  # it is read-only, empty, or not in memory order
        if not array.flags.c_contiguous:
            raise TypeError("expected an array in memory order") from None
        return array.ctypes.data


def _lanes() -> int:
    result = ctypes.c_int64()
    _functions["lanes"](ctypes.addressof(result))
    return result.value


LANES = _lanes()
DESCRIPTION = f"numba {library.numba_version()}, {LANES} lanes"


class LinearPass:
    """The pass of `mixsweep.passes.linear_pass` over the rows of a design.

    Parameters
    ----------
    base : ndarray, shape (n, q)
        Columns whose products in pairs are the features.
    base_by_feature : ndarray, shape (q, n)
        The transpose, in memory order.
    pairs : pair of ndarray of int, shape (p,)
        Which columns of the base are multiplied.
    row_weights : ndarray, shape (n,), or None
        How many times each row counts; None for once.
    """

    def __init__(
        self,
        base: FloatArray,
        base_by_feature: FloatArray,
        pairs: tuple[IntArray, IntArray],
        row_weights: FloatArray | None,
    ) -> None:
        weights = np.empty(0) if row_weights is None else np.ascontiguousarray(row_weights)
        self._kept = base, base_by_feature, pairs, weights
        self._pairs = tuple(_address(columns, _INTEGER) for columns in pairs)
        self._data = _address(base), _address(base_by_feature), *self._pairs, _address(weights)
        self._sizes = *base.shape, len(pairs[0]), len(weights)
        self._needed: dict[tuple[int, int], tuple[int, int]] = {}

    def __call__(self, coefficients: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Take the pass.

        Parameters
        ----------
        coefficients : ndarray, shape (R, K, p)
            log(weight x density) of component k at row i is ``coefficients[r, k] @ features[i]``.

        Returns
        -------
        log_likelihood : ndarray, shape (R,)
        statistics : ndarray, shape (R, K, p)
        """
        n_restarts, n_components, p = coefficients.shape
        if p != self._sizes[2]:
            raise ValueError(f"expected coefficients of {self._sizes[2]} features; found {p}")
        columns = n_restarts * n_components
        rows = -(-columns // TILE_ROWS) * TILE_ROWS
        whole = np.ascontiguousarray(coefficients).reshape(columns, p)
        if rows > columns:
            whole = np.concatenate([whole, np.zeros((rows - columns, p))])
        log_likelihood, sums = np.zeros(n_restarts), np.zeros((rows, -(-p // LANES) * LANES))
        n_numbers, n_integers = self._needs(n_restarts, n_components)
        numbers, integers = np.empty(n_numbers), np.empty(n_integers, np.int32)
        _functions["add_pass"](
            *self._data,
            *self._sizes,
            _address(whole),
            n_restarts,
            n_components,
            *sums.shape,
            _address(numbers),
            n_numbers,
            _address(integers, _SHORT),
            n_integers,
            _address(log_likelihood),
            _address(sums),
        )
        return log_likelihood, sums[:columns, :p].reshape(coefficients.shape)

    def _needs(self, n_restarts: int, n_components: int) -> tuple[int, int]:
        """Return how many numbers and short integers the pass of such a batch needs room for."""
        key = n_restarts, n_components
        if key not in self._needed:
            needed = (ctypes.c_int64 * 2)()
            _, q, p, _ = self._sizes
            _functions["room"](*self._pairs, p, q, *key, ctypes.addressof(needed))
            self._needed[key] = needed[0], needed[1]
        return self._needed[key]


def cholesky(matrices: FloatArray) -> FloatArray:
    """Return what `mixsweep.linalg.cholesky` returns."""
    return _each_matrix("choleskys", matrices)


def triangular_inverse(factors: FloatArray) -> FloatArray:
    """Return the inverses of lower triangular matrices, shape (..., d, d)."""
    return _each_matrix("triangular_inverses", factors)


def _each_matrix(name: str, matrices: FloatArray) -> FloatArray:
    """Return what a function writes into zeros for matrices, shape (..., d, d)."""
    matrices = np.ascontiguousarray(matrices)
    result = np.zeros(matrices.shape)
    d = matrices.shape[-1]
    _functions[name](_address(matrices), _address(result), math.prod(matrices.shape[:-2]), d)
    return result


def quadratic_coefficients(
    constant: FloatArray, means: FloatArray, inverse: FloatArray, factor: float
) -> FloatArray:
    """Return what `mixsweep.families.quadratic.quadratic_coefficients` returns."""
    d = means.shape[-1]
    p = 1 + d + d * (d + 1) // 2
    constant, means, inverse = (np.ascontiguousarray(given) for given in (constant, means, inverse))
    result = np.empty((*means.shape[:-1], p))
    addresses = [_address(given) for given in (constant, means, inverse)]
    _functions["coefficients"](*addresses, factor, _address(result), constant.size, d, p)
    return result


def shift_and_covariance(statistics: FloatArray, means: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what `mixsweep.families.quadratic.shift_and_covariance` returns."""
    d = means.shape[-1]
    statistics, means = np.ascontiguousarray(statistics), np.ascontiguousarray(means)
    shift, covariances = np.empty(means.shape), np.empty((*means.shape, d))
    addresses = [_address(array) for array in (statistics, means, shift, covariances)]
    _functions["shift_and_covariance"](*addresses, math.prod(means.shape[:-1]), d, statistics.shape[-1])
    return shift, covariances


def maximised_factors(
    inverse: FloatArray, shift: FloatArray, covariances: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return what `mixsweep.families.quadratic.maximised_factors` returns."""
    inverse, shift, covariances = (np.ascontiguousarray(given) for given in (inverse, shift, covariances))
    factors, whitened, gain = np.zeros(inverse.shape), np.empty(shift.shape), np.empty(shift.shape[:-1])
    d = shift.shape[-1]
    arrays = (inverse, shift, covariances, factors, whitened, gain, np.empty(d))
    _functions["maximised"](*map(_address, arrays), gain.size, d)
    return factors, whitened, gain


def two_loop(
    gradient: FloatArray,
    fits: IntArray,
    steps: FloatArray,
    changes: FloatArray,
    curvatures: FloatArray,
    newest: IntArray,
) -> FloatArray:
    """Return what `mixsweep.methods.lbfgs.reference_two_loop` returns."""
    gradient, result = np.ascontiguousarray(gradient), np.empty(gradient.shape)
    n_fits, memory, size = steps.shape
    shares = np.empty(memory)
    _functions["two_loop"](
        _address(gradient),
        _address(fits, _INTEGER),
        *map(_address, (steps, changes, curvatures)),
        _address(newest, _INTEGER),
        _address(shares),
        _address(result),
        len(gradient),
        n_fits,
        memory,
        size,
    )
    return result
