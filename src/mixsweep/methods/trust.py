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
from mixsweep.typing import Parameters

__all__ = ["TrustRegion"]

#: A trial is accepted when the loss falls by more than this share of what the model promises.
ACCEPT = 0.1
#: Largest radius.
LARGEST = 100.0
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
    is not accepted.

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
    none = np.zeros(len(gradient), dtype=bool)
    state["solving"][truncated_cg.advance(state, gradient, state["radius"])] = 0
    return state, Step(none, none)


def _judge(
    objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
) -> tuple[State, Step]:
    """Move to a good trial point; choose the radius; begin with the next model."""
    trial = state["vector"] + state["solution"]
    loss, gradient = objective.loss(trial, parameters, evaluation)
    sound = np.isfinite(loss) & np.isfinite(gradient).all(axis=1)
    first = np.isinf(state["loss"])
    share = np.where(first, 1.0, _share(state, np.where(sound, loss, np.inf)))
    length = np.sqrt(np.square(state["solution"]).sum(axis=1))
    full = length > (1 - 1e-8) * state["radius"]
    widened = np.where((share > 0.75) & full, np.minimum(2 * state["radius"], LARGEST), state["radius"])
    # a quarter of the step: of a radius beyond it, a quarter may give the same step again
    radius = np.where(share < 0.25, 0.25 * length, widened)
    accepted = sound & (share > ACCEPT)
    state["vector"][accepted] = trial[accepted]
    state["gradient"][accepted] = gradient[accepted]
    state["loss"][accepted] = loss[accepted]
    state["radius"] = radius
    truncated_cg.begin(state, np.ones(len(loss), dtype=bool))
    state["solving"][:] = 1
    return state, Step(accepted, ~accepted & (first | (radius < SMALLEST)))


def _share(state: State, loss: np.ndarray) -> np.ndarray:
    """Return which share of the fall that the model promises the loss has fallen by."""
    # the residual is the model's gradient at the solution
    ascent = np.einsum("ij,ij->i", state["gradient"] + state["residual"], state["solution"])
    with np.errstate(invalid="ignore"):  # the loss of a start that has not been evaluated
        rounding = ROUNDING * np.maximum(1.0, np.abs(state["loss"]))
        share: np.ndarray = (state["loss"] - loss + rounding) / (rounding - 0.5 * ascent)
    return share
