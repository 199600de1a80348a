"""The two-loop recursion of limited-memory BFGS, a fit at a time (Nocedal and Wright 2006, algorithm 7.4)."""

from __future__ import annotations

from mixsweep.kernels.options import any_order, exact

__all__ = ["two_loop"]


@any_order
def _inner(left, right):
    total = 0.0
    for i in range(len(left)):
        total += left[i] * right[i]
    return total


@any_order
def _add(into, factor, values):
    for i in range(len(into)):
        into[i] += factor * values[i]


@exact
def two_loop(gradients, fits, steps, changes, curvatures, newest, shares, results):
    """Write what `mixsweep.methods.lbfgs.reference_two_loop` returns; shares is room for a number a step."""
    memory = steps.shape[1]
    for index in range(len(fits)):
        fit, result = fits[index], results[index]
        for i in range(len(result)):
            result[i] = gradients[index, i]
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
