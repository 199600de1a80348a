from __future__ import annotations

import numpy as np
import pytest

from mixsweep.methods import lbfgs

MEMORY, SIZE = 4, 6


pytestmark = pytest.mark.usefixtures("either_kernel")


def memories(known, newest, seed=0):
    """Return a state of fits with so many pairs, the newest at the given places, and the pairs in order."""
    rng = np.random.default_rng(seed)
    count = len(known)
    state = {
        "steps": np.zeros((count, MEMORY, SIZE)),
        "changes": np.zeros((count, MEMORY, SIZE)),
        "curvatures": np.zeros((count, MEMORY)),
        "newest": np.array(newest),
    }
    pairs = []
    for fit in range(count):
        hessian = np.diag(rng.uniform(0.1, 5, SIZE))
        steps = rng.normal(size=(known[fit], SIZE))
        pairs.append([(step, hessian @ step) for step in steps])
        for back, (step, change) in enumerate(reversed(pairs[-1])):
            place = (newest[fit] - back) % MEMORY
            state["steps"][fit, place], state["changes"][fit, place] = step, change
            state["curvatures"][fit, place] = 1 / (step @ change)
    return state, pairs


def inverse_hessian(pairs):
    """Return the matrix of equation 7.19 of Nocedal and Wright, by its recursion 7.16."""
    if not pairs:
        return np.eye(SIZE)
    step, change = pairs[-1]
    matrix = np.eye(SIZE) * (step @ change) / (change @ change)
    for step, change in pairs:
        curvature = 1 / (step @ change)
        left = np.eye(SIZE) - curvature * np.outer(change, step)
        matrix = left.T @ matrix @ left + curvature * np.outer(step, step)
    return matrix


def test_the_recursion_is_the_product_with_the_inverse_hessian_it_stands_for():
    state, pairs = memories(known=[0, 1, 3, 4, 4], newest=[3, 0, 1, 3, 1])
    fits = np.array([0, 1, 2, 4])
    gradient = np.random.default_rng(1).normal(size=(len(fits), SIZE))
    found = lbfgs.two_loop(gradient, fits, state)
    expected = [inverse_hessian(pairs[fit]) @ gradient[index] for index, fit in enumerate(fits)]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_no_fit_depends_on_the_others():
    state, _ = memories(known=[4, 2, 4], newest=[2, 0, 1])
    gradient = np.random.default_rng(1).normal(size=(3, SIZE))
    together = lbfgs.two_loop(gradient, np.arange(3), state)
    for fit in range(3):
        alone = lbfgs.two_loop(gradient[fit : fit + 1], np.array([fit]), state)
        np.testing.assert_array_equal(alone[0], together[fit])


def test_no_fits_have_no_directions():
    state, _ = memories(known=[1], newest=[0])
    assert lbfgs.two_loop(np.zeros((0, SIZE)), np.zeros(0, dtype=int), state).shape == (0, SIZE)
