"""Newton's method in a trust region with conjugate gradients inside (Steihaug 1983; Toint 1981), batched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.methods import truncated_cg
from mixsweep.methods.base import GradientMethod, Request, Seeds, State, Step, require
from mixsweep.methods.phases import tell_by_phase
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, FloatArray, Parameters

__all__ = ["TrustRegion"]

#: A trial is accepted when the loss falls by more than this share of what the model promises.
ACCEPT = 0.1
#: Largest radius.
LARGEST = 100.0
#: How many solutions for smaller radii are kept.
LEVELS = 3
#: A fit whose radius is below this has stalled.
SMALLEST = 1e-12
#: Added to the falls of loss and model, relative to the loss, so that their ratio is 1 where both are
#: rounding (Conn, Gould and Toint 2000, section 17.4.2).
ROUNDING = 1e-14


@dataclass(frozen=True)
class TrustRegion(GradientMethod):
    """Minimise the negative log-likelihood per row in unconstrained coordinates.

    Trust region method (Nocedal and Wright 2006, algorithm 4.1). Its step minimises the quadratic model
    roughly within the radius, by conjugate gradients that stop at the boundary (their algorithm 7.2) and go
    to it along directions of negative curvature. Each product with the Hessian costs a pass, at a point that
    is not accepted. A trial that fails costs one pass but no products: the conjugate gradients have passed
    the boundary of the smaller region on their way.

    Parameters
    ----------
    radius : float
        First radius, in coordinates; at most 100.

    References
    ----------
    Conn, A. R., Gould, N. I. M. and Toint, P. L. (2000). Trust-region methods. SIAM.
    Nocedal, J. and Wright, S. (2006). Numerical Optimization, 2nd edition. Springer.
    Steihaug, T. (1983). The conjugate gradient method and trust regions in large scale optimization. SIAM
    Journal on Numerical Analysis 20, 626-637.
    Toint, P. L. (1981). Towards an efficient sparsity exploiting Newton method for minimization. In: Sparse
    Matrices and their Uses, Academic Press, 57-88.
    """

    radius: float = 1.0

    name: ClassVar[str] = "trust"
    expected_passes: ClassVar[float] = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        valid = 0 < self.radius <= LARGEST
        require(valid, self.name, "radius", self.radius, f"a positive number of at most {LARGEST:g}")

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts' coordinates; the first pass evaluates the start itself."""
        vector = objective.to_vector(parameters)
        count = len(vector)
        return {
            "vector": vector,
            "gradient": np.zeros_like(vector),
            "loss": np.full(count, np.inf),  # infinite until the start has been evaluated
            "radius": np.full(count, self.radius),
            **truncated_cg.start(vector),
            # solutions for a radius 4, 16, ... times smaller, as far as the path has passed them; and the
            # model's gradients there
            "shorter": np.full((count, LEVELS, vector.shape[1]), np.nan),
            "shorter_residual": np.zeros((count, LEVELS, vector.shape[1])),
            "solving": np.zeros(count),  # whether the next pass is for a product with the Hessian
        }

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the parameters at the trial points and at the points of differences."""
        solving = state["solving"] > 0
        vector = np.where(solving[:, None], truncated_cg.probe(state), state["vector"] + state["solution"])
        return Request(objective.from_vector(vector))

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Go on with the model's minimum, or judge the trial point."""
        solving = state["solving"] > 0
        return tell_by_phase(objective, state, parameters, evaluation, solving, _solve, _judge)


def _solve(
    objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
) -> tuple[State, Step]:
    """Take in a product with the Hessian; try the model's minimum when it is good enough."""
    _, gradient = objective.loss(truncated_cg.probe(state), parameters, evaluation)
    before, slope_before = state["solution"], state["residual"]
    state["solving"][truncated_cg.advance(state, gradient, state["radius"])] = 0
    _keep_crossings(state, before, slope_before)
    none = np.zeros(len(gradient), dtype=bool)
    return state, Step(none, none)


def _keep_crossings(state: State, before: FloatArray, slope_before: FloatArray) -> None:
    """Keep where the path's last piece leaves smaller trust regions, in place.

    The path of the inner iteration does not depend on the radius: these are the solutions for smaller ones.
    """
    ahead, slope_ahead = state["solution"] - before, state["residual"] - slope_before
    for level in range(LEVELS):
        radius = state["radius"] / 4 ** (level + 1)
        crossed = (_length(before) < radius) & (radius <= _length(state["solution"]))
        share = truncated_cg.to_boundary(before[crossed], ahead[crossed], radius[crossed])[:, None]
        state["shorter"][crossed, level] = before[crossed] + share * ahead[crossed]
        state["shorter_residual"][crossed, level] = slope_before[crossed] + share * slope_ahead[crossed]


def _judge(
    objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
) -> tuple[State, Step]:
    """Move to a good trial point, choose the radius and begin with the next model; or shorten the trial."""
    trial = state["vector"] + state["solution"]
    loss, gradient = objective.loss(trial, parameters, evaluation)
    sound = np.isfinite(loss) & np.isfinite(gradient).all(axis=1)
    first = np.isinf(state["loss"])
    share = np.where(first, 1.0, _share(state, np.where(sound, loss, np.inf)))
    length = _length(state["solution"])
    full = length > (1 - 1e-8) * state["radius"]
    widened = np.where((share > 0.75) & full, np.minimum(2 * state["radius"], LARGEST), state["radius"])
    # a quarter of the step: of a radius beyond it, a quarter may give the same step again
    state["radius"] = np.where(share >= 0.25, widened, 0.25 * length)
    accepted = sound & (share > ACCEPT)
    state["vector"][accepted] = trial[accepted]
    state["gradient"][accepted] = gradient[accepted]
    state["loss"][accepted] = loss[accepted]
    shorten = ~accepted & _known(state).any(axis=1)
    _shorten(state, shorten)
    _begin(state, ~shorten)
    return state, Step(accepted, ~accepted & (first | (state["radius"] < SMALLEST)))


def _shorten(state: State, chosen: BoolArray) -> None:
    """Try the largest of the smaller solutions that are known, in place."""
    rows = np.flatnonzero(chosen)
    level = _known(state)[rows].argmax(axis=1)
    state["solution"][rows] = state["shorter"][rows, level]
    state["residual"][rows] = state["shorter_residual"][rows, level]
    state["radius"][rows] = _length(state["solution"][rows])
    state["shorter"][rows, level] = np.nan


def _known(state: State) -> BoolArray:
    """Return which of the smaller solutions are known and have not been tried, shape (R, LEVELS)."""
    known: BoolArray = np.isfinite(state["shorter"][..., 0])
    return known


def _begin(state: State, chosen: BoolArray) -> None:
    """Begin with the models of the chosen fits at their points, in place."""
    truncated_cg.begin(state, chosen)
    state["shorter"][chosen] = np.nan
    state["solving"][chosen] = 1


def _share(state: State, loss: FloatArray) -> FloatArray:
    """Return which share of the fall that the model promises the loss has fallen by."""
    # the residual is the model's gradient at the solution
    ascent = np.einsum("ij,ij->i", state["gradient"] + state["residual"], state["solution"])
    with np.errstate(invalid="ignore"):  # the loss of a start that has not been evaluated
        rounding = ROUNDING * np.maximum(1.0, np.abs(state["loss"]))
        share: FloatArray = (state["loss"] - loss + rounding) / (rounding - 0.5 * ascent)
    return share


def _length(vectors: FloatArray) -> FloatArray:
    length: FloatArray = np.sqrt(np.square(vectors).sum(axis=1))
    return length
