"""Newton's equation solved roughly by conjugate gradients, one pass for each product with the Hessian.

The inner iteration of Newton methods (Nocedal and Wright 2006, algorithms 7.1 and 7.2), batched: the Hessian
times a direction d is the difference of the gradients at the current point and at one a little further along
d. Each call takes in one such gradient, so that every fit of a batch asks for exactly one point a pass.
"""

from __future__ import annotations

import numpy as np

from mixsweep.methods.base import State
from mixsweep.typing import BoolArray, FloatArray

__all__ = ["advance", "begin", "probe", "start", "to_boundary"]

#: Length of the step of a difference, relative to 1 + the length of the coordinates. Forward differences err
#: by the step times third derivatives and by 1e-16 / step of rounding: products for Gaussian mixtures were
#: right to 5e-8 to 3e-7 at this step, and 10 times worse at 1e-7 and 1e-9. Central differences, right to
#: 1e-9, saved 1 to 8 % of the products and cost two passes each.
DIFFERENCE = 1e-8
#: Largest share of the gradient that may be left of it in the model.
FORCING = 0.5
#: Curvatures below this share of the direction's squared length are rounding of the differences, and taken
#: as zero.
FLAT = 1e-8
#: Products at most, for each coordinate: without rounding one would do, with it directions lose conjugacy.
PRODUCTS = 2


def start(vector: FloatArray) -> State:
    """Return the state of R inner iterations that have not begun."""
    count = len(vector)
    return {
        "solution": np.zeros_like(vector),
        "residual": np.zeros_like(vector),  # gradient plus Hessian times solution
        "conjugate": np.zeros_like(vector),
        "products": np.zeros(count),
    }


def begin(state: State, chosen: BoolArray) -> None:
    """Begin with Newton's equation at the chosen fits' current points, in place."""
    gradient = state["gradient"][chosen]
    state["solution"][chosen] = 0.0
    state["residual"][chosen] = gradient
    state["conjugate"][chosen] = -gradient
    state["products"][chosen] = 0


def probe(state: State) -> FloatArray:
    """Return the coordinates, shape (R, q), at which the next gradient is needed."""
    result: FloatArray = state["vector"] + _length(state)[:, None] * state["conjugate"]
    return result


def advance(state: State, gradient: FloatArray, radius: FloatArray) -> BoolArray:
    """Take one inner step of all fits, in place.

    The iteration ends when the residual is below min(0.5, sqrt |g|) |g|, after twice as many products as
    there are coordinates, at the boundary of the trust region, or when the curvature along the direction is
    not positive. Then it ends at the boundary if the curvature is negative, and at the solution so far if it
    is zero or there is no boundary; the first direction is in any case followed to the boundary, or without
    one to the negative gradient.

    Parameters
    ----------
    state : State
        ``solution`` is the step so far, and ``residual`` the model's gradient there.
    gradient : ndarray, shape (R, q)
        At the points of `probe`. Where it is not finite, the curvature counts as zero.
    radius : ndarray, shape (R,)
        Of the trust region; infinite for none.

    Returns
    -------
    ndarray of bool, shape (R,)
        Which iterations have ended.
    """
    direction, solution, residual = state["conjugate"], state["solution"], state["residual"]
    product = (gradient - state["gradient"]) / _length(state)[:, None]
    product[~np.isfinite(product).all(axis=1)] = 0.0
    curvature = _dot(direction, product)
    squared = _dot(residual, residual)
    flat = FLAT * _dot(direction, direction)
    convex = curvature > flat
    share = squared / np.where(convex, curvature, 1.0)
    ahead = solution + share[:, None] * direction
    leaves = ~convex | (_dot(ahead, ahead) >= np.square(radius))
    boundary = np.where(np.isinf(radius), 1.0, to_boundary(solution, direction, radius))
    # along a flat direction the gradient is rounding, but for the first, which is the gradient
    stays = ~convex & (state["products"] > 0) & ((curvature > -flat) | np.isinf(radius))
    share = np.where(leaves, np.where(stays, 0.0, boundary), share)
    state["solution"] = solution + share[:, None] * direction
    state["residual"] = residual + share[:, None] * product
    left = _dot(state["residual"], state["residual"])
    state["conjugate"] = (left / np.where(squared > 0, squared, 1.0))[:, None] * direction - state["residual"]
    state["products"] = state["products"] + 1
    size = np.sqrt(_dot(state["gradient"], state["gradient"]))
    solved = np.sqrt(left) <= np.minimum(FORCING, np.sqrt(size)) * size
    ended: BoolArray = leaves | solved | (state["products"] >= PRODUCTS * solution.shape[1])
    return ended


def _length(state: State) -> FloatArray:
    """Return the factor of the directions in a difference."""
    squared = _dot(state["conjugate"], state["conjugate"])
    scale = 1.0 + np.sqrt(_dot(state["vector"], state["vector"]))
    length: FloatArray = DIFFERENCE * scale / np.sqrt(np.where(squared > 0, squared, 1.0))
    return length


def to_boundary(solution: FloatArray, direction: FloatArray, radius: FloatArray) -> FloatArray:
    """Return the share of the direction that leads to the boundary: the positive root of a quadratic.

    Zero for a direction of no length; solutions inside the boundary.
    """
    a, half = _dot(direction, direction), _dot(solution, direction)
    with np.errstate(invalid="ignore"):  # without a boundary
        gap = np.square(radius) - _dot(solution, solution)
        share: FloatArray = gap / (half + np.sqrt(np.square(half) + np.maximum(a * gap, 0.0)))
    return np.where(a > 0, share, 0.0)


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    product: FloatArray = np.einsum("ij,ij->i", a, b)
    return product
