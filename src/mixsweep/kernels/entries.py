"""The kernels as functions of addresses and sizes, which a program in any language can call.

Arrays of numbers are given by their first one and lie in memory order.
"""

from __future__ import annotations

from typing import Any

import numba
from numba import carray, types

from mixsweep.kernels import linear, matrices, quadratic
from mixsweep.kernels import two_loop as recursion
from mixsweep.kernels.options import ENTRY
from mixsweep.kernels.room import pass_needs
from mixsweep.kernels.signatures import SIGNATURES
from mixsweep.kernels.tiles import LANES

__all__ = ["entries"]

_TYPES = {
    "size": types.int64,
    "number": types.float64,
    "numbers": types.CPointer(types.float64),
    "integers": types.CPointer(types.int64),
    "short integers": types.CPointer(types.int32),
}


def lanes(result):
    """Write how many numbers a vector register holds."""
    carray(result, 1)[0] = LANES


def room(first, second, p, q, n_fits, n_components, result):
    """Write how many numbers and how many short integers a pass needs room for."""
    needed = pass_needs(carray(first, p), carray(second, p), q, n_fits, n_components)
    into = carray(result, 2)
    into[0] = needed[0]
    into[1] = needed[1]


def add_pass(
    base,
    base_by_feature,
    first,
    second,
    weights,
    n,
    q,
    p,
    n_weights,
    coefficients,
    n_fits,
    n_components,
    rows,
    columns,
    numbers,
    n_numbers,
    integers,
    n_integers,
    log_likelihood,
    sums,
):
    """Take `mixsweep.kernels.linear.add_pass`; sums have so many rows and columns."""
    linear.add_pass(
        carray(base, (n, q)),
        carray(base_by_feature, (q, n)),
        carray(first, p),
        carray(second, p),
        carray(weights, n_weights),
        carray(coefficients, rows * p),
        n_components,
        carray(numbers, n_numbers),
        carray(integers, n_integers),
        carray(log_likelihood, n_fits),
        carray(sums, (rows, columns)),
        carray(sums, rows * columns),
    )


def choleskys(of, factors, count, d):
    """Take `mixsweep.kernels.matrices.choleskys`."""
    matrices.choleskys(carray(of, (count, d, d)), carray(factors, (count, d, d)))


def triangular_inverses(factors, inverses, count, d):
    """Take `mixsweep.kernels.matrices.triangular_inverses`."""
    matrices.triangular_inverses(carray(factors, (count, d, d)), carray(inverses, (count, d, d)))


def coefficients(constants, means, inverses, factor, results, count, d, p):
    """Take `mixsweep.kernels.quadratic.coefficients`."""
    quadratic.coefficients(
        carray(constants, count),
        carray(means, (count, d)),
        carray(inverses, (count, d, d)),
        factor,
        carray(results, (count, p)),
    )


def shift_and_covariance(statistics, means, shifts, covariances, count, d, p):
    """Take `mixsweep.kernels.quadratic.shift_and_covariance`."""
    quadratic.shift_and_covariance(
        carray(statistics, (count, p)),
        carray(means, (count, d)),
        carray(shifts, (count, d)),
        carray(covariances, (count, d, d)),
    )


def maximised(inverses, shifts, covariances, factors, whitened, gains, room, count, d):
    """Take `mixsweep.kernels.quadratic.maximised`."""
    quadratic.maximised(
        carray(inverses, (count, d, d)),
        carray(shifts, (count, d)),
        carray(covariances, (count, d, d)),
        carray(factors, (count, d, d)),
        carray(whitened, (count, d)),
        carray(gains, count),
        carray(room, d),
    )


def two_loop(
    gradients, fits, steps, changes, curvatures, newest, shares, results, count, n_fits, memory, size
):
    """Take `mixsweep.kernels.two_loop.two_loop`."""
    recursion.two_loop(
        carray(gradients, (count, size)),
        carray(fits, count),
        carray(steps, (n_fits, memory, size)),
        carray(changes, (n_fits, memory, size)),
        carray(curvatures, (n_fits, memory)),
        carray(newest, n_fits),
        carray(shares, memory),
        carray(results, (count, size)),
    )


def entries(cache: bool = False) -> dict[str, Any]:
    """Return the compiled functions by the names of `mixsweep.kernels.signatures.SIGNATURES`.

    Parameters
    ----------
    cache : bool
        Whether numba keeps the machine code in its own cache.
    """
    return {
        name: numba.cfunc(types.void(*(_TYPES[kind] for kind in kinds)), cache=cache, **ENTRY)(
            globals()[name]
        )
        for name, kinds in SIGNATURES.items()
    }
