"""The compiled kernels, as functions of arrays of any shape; machine code is kept between processes.

Import this module only where numba is wanted: that takes a second, and some more where nothing is cached.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from numba import types

from mixsweep.caches import cache_home
from mixsweep.kernels.linear import add_pass
from mixsweep.kernels.matrices import choleskys, triangular_inverses
from mixsweep.kernels.quadratic import coefficients as _coefficients
from mixsweep.kernels.quadratic import maximised as _maximised
from mixsweep.kernels.quadratic import shift_and_covariance as _shift_and_covariance
from mixsweep.kernels.tiles import LANES, TILE_ROWS
from mixsweep.kernels.two_loop import two_loop as _two_loop
from mixsweep.typing import FloatArray, IntArray

__all__ = [
    "DESCRIPTION",
    "cache_folder",
    "cholesky",
    "linear_pass",
    "maximised_factors",
    "quadratic_coefficients",
    "shift_and_covariance",
    "triangular_inverse",
    "two_loop",
]


def _read_only(n_dimensions: int, number: Any = types.float64) -> Any:
    return types.Array(number, n_dimensions, "C", readonly=True)


def _machine() -> str:
    """Return what machine code and its cache depend on besides these files."""
    features = llvm.get_host_cpu_features().flatten()
    return f"{numba.__version__} {llvm.get_host_cpu_name()} {features}"


def cache_folder() -> Path:
    """Return where machine code is kept: one folder for each content of these files, numba and processor.

    So processes that compile at the same time write the same, each file by renaming, and a home folder that
    different machines share is no danger.
    """
    sources = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    digest = hashlib.sha256(sources + _machine().encode()).hexdigest()[:16]
    return cache_home() / "kernels" / digest


@contextlib.contextmanager
def _cached_in(folder: Path) -> Iterator[None]:
    """Let numba keep machine code in a folder; one that the user gave it (``NUMBA_CACHE_DIR``) stays."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = before or str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


def _compile(function: Any, *arguments: Any) -> Any:
    """Return a function compiled for arguments of given types, from the cache if that can be used."""
    options = {"fastmath": {"contract"}, "error_model": "numpy"}
    signature = types.void(*arguments)
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        with _cached_in(folder):
            return numba.njit(signature, cache=True, **options)(function)
    except Exception:  # no folder that can be written, or one with a damaged file
        return numba.njit(signature, **options)(function)


_compiled_pass = _compile(
    add_pass,
    _read_only(2),
    _read_only(2),
    _read_only(1, types.int64),
    _read_only(1, types.int64),
    _read_only(1),
    _read_only(2),
    types.int64,
    types.float64[::1],
    types.float64[:, ::1],
)
_compiled_choleskys = _compile(choleskys, _read_only(3), types.float64[:, :, ::1])
_compiled_inverses = _compile(triangular_inverses, _read_only(3), types.float64[:, :, ::1])
_compiled_coefficients = _compile(
    _coefficients,
    _read_only(1),
    _read_only(2),
    _read_only(3),
    types.float64,
    types.float64[:, ::1],
)
_compiled_moments = _compile(
    _shift_and_covariance, _read_only(2), _read_only(2), types.float64[:, ::1], types.float64[:, :, ::1]
)
_compiled_maximised = _compile(
    _maximised,
    _read_only(3),
    _read_only(2),
    _read_only(3),
    types.float64[:, :, ::1],
    types.float64[:, ::1],
    types.float64[::1],
)
_compiled_two_loop = _compile(
    _two_loop,
    _read_only(2),
    _read_only(1, types.int64),
    _read_only(3),
    _read_only(3),
    _read_only(2),
    _read_only(1, types.int64),
    types.float64[:, ::1],
)
DESCRIPTION = f"numba {numba.__version__}, {LANES} lanes"


def linear_pass(
    base: FloatArray,
    base_by_feature: FloatArray,
    pairs: tuple[IntArray, IntArray],
    row_weights: FloatArray | None,
    coefficients: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Take the pass of `mixsweep.passes.linear_pass`.

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
    coefficients : ndarray, shape (R, K, p)
        log(weight x density) of component k at row i is ``coefficients[r, k] @ features[i]``.

    Returns
    -------
    log_likelihood : ndarray, shape (R,)
    statistics : ndarray, shape (R, K, p)
    """
    n_restarts, n_components, p = coefficients.shape
    columns = n_restarts * n_components
    rows = -(-columns // TILE_ROWS) * TILE_ROWS
    whole = np.ascontiguousarray(coefficients).reshape(columns, p)
    if rows > columns:
        whole = np.concatenate([whole, np.zeros((rows - columns, p))])
    sums = np.zeros((rows, -(-p // LANES) * LANES))
    log_likelihood = np.zeros(n_restarts)
    weights = np.empty(0) if row_weights is None else np.ascontiguousarray(row_weights)
    _compiled_pass(base, base_by_feature, *pairs, weights, whole, n_components, log_likelihood, sums)
    return log_likelihood, sums[:columns, :p].reshape(coefficients.shape)


def cholesky(matrices: FloatArray) -> FloatArray:
    """Return what `mixsweep.linalg.cholesky` returns."""
    factors = np.zeros(matrices.shape)
    _compiled_choleskys(_flat(matrices, 2), _flat(factors, 2))
    return factors


def triangular_inverse(factors: FloatArray) -> FloatArray:
    """Return the inverses of lower triangular matrices, shape (..., d, d)."""
    inverses = np.zeros(factors.shape)
    _compiled_inverses(_flat(factors, 2), _flat(inverses, 2))
    return inverses


def quadratic_coefficients(
    constant: FloatArray, means: FloatArray, inverse: FloatArray, factor: float
) -> FloatArray:
    """Return what `mixsweep.families.quadratic.quadratic_coefficients` returns."""
    d = means.shape[-1]
    result = np.empty((*means.shape[:-1], 1 + d + d * (d + 1) // 2))
    _compiled_coefficients(_flat(constant, 0), _flat(means, 1), _flat(inverse, 2), factor, _flat(result, 1))
    return result


def shift_and_covariance(statistics: FloatArray, means: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what `mixsweep.families.quadratic.shift_and_covariance` returns."""
    d = means.shape[-1]
    shift, covariances = np.empty(means.shape), np.empty((*means.shape, d))
    _compiled_moments(_flat(statistics, 1), _flat(means, 1), _flat(shift, 1), _flat(covariances, 2))
    return shift, covariances


def maximised_factors(
    inverse: FloatArray, shift: FloatArray, covariances: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return what `mixsweep.families.quadratic.maximised_factors` returns."""
    factors, whitened, gain = np.zeros(inverse.shape), np.empty(shift.shape), np.empty(shift.shape[:-1])
    _compiled_maximised(
        _flat(inverse, 2),
        _flat(shift, 1),
        _flat(covariances, 2),
        _flat(factors, 2),
        _flat(whitened, 1),
        _flat(gain, 0),
    )
    return factors, whitened, gain


def _flat(arrays: FloatArray, n_axes: int) -> FloatArray:
    """Return arrays, each with so many axes, in one row and in memory order."""
    tail = arrays.shape[arrays.ndim - n_axes :]
    return np.ascontiguousarray(arrays).reshape(-1, *tail)


def two_loop(
    gradient: FloatArray,
    fits: IntArray,
    steps: FloatArray,
    changes: FloatArray,
    curvatures: FloatArray,
    newest: IntArray,
) -> FloatArray:
    """Return what `mixsweep.methods.lbfgs.reference_two_loop` returns."""
    result = np.empty(gradient.shape)
    _compiled_two_loop(np.ascontiguousarray(gradient), fits, steps, changes, curvatures, newest, result)
    return result
