"""The two-loop recursion of limited-memory BFGS, a fit at a time (Nocedal and Wright 2006, algorithm 7.4)."""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["two_loop"]

_sums = numba.njit(fastmath={"contract", "reassoc", "nsz"}, error_model="numpy")


@_sums
def _inner(left, right):
    total = 0.0
    for i in range(len(left)):
        total += left[i] * right[i]
    return total


@_sums
def _add(into, factor, values):
    for i in range(len(into)):
        into[i] += factor * values[i]


def two_loop(gradients, fits, steps, changes, curvatures, newest, results):
    """Write what `mixsweep.methods.lbfgs.reference_two_loop` returns."""
    memory = steps.shape[1]
    shares = np.empty(memory)
    for index in range(len(fits)):
        fit, result = fits[index], results[index]
        result[:] = gradients[index]
        known = 0
        while known < memory and curvatures[fit, (newest[fit] - known) % memory] != 0:
            j = (newest[fit] - known) % memory
            shares[known] = curvatures[fit, j] * _inner(steps[fit, j], result)
            _add(result, -shares[known], changes[fit, j])
            known += 1
        if known:
            j = newest[fit]
            scaling = 1.0 / (curvatures[fit, j] * _inner(changes[fit, j], changes[fit, j]))
            for i in range(len(result)):
                result[i] *= scaling
        for back in range(known - 1, -1, -1):
            j = (newest[fit] - back) % memory
            share = curvatures[fit, j] * _inner(changes[fit, j], result)
            _add(result, shares[back] - share, steps[fit, j])
