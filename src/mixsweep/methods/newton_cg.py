"""Newton's method with conjugate gradients inside and a line search (Dembo and Steihaug 1983), batched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.methods import line_search, truncated_cg
from mixsweep.methods.base import GradientMethod, Request, Seeds, State, Step
from mixsweep.methods.phases import tell_by_phase
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["NewtonCG"]

#: Share to which the slope must fall in a line search.
CURVATURE = 0.9


@dataclass(frozen=True)
class NewtonCG(GradientMethod):
    """Minimise the negative log-likelihood per row in unconstrained coordinates.

    Line search Newton-CG (Nocedal and Wright 2006, algorithm 7.1): Newton's equation is solved by conjugate
    gradients up to a residual of min(0.5, sqrt |g|) |g|, which makes the convergence superlinear (their
    theorem 7.2), or to the first direction without positive curvature. Each product with the
    Hessian costs a pass, at a point that is not accepted. A strong Wolfe line search follows, whose first
    trial is the full step. A failed search is tried once more along the gradient; then the fit has stalled.

    References
    ----------
    Dembo, R. S. and Steihaug, T. (1983). Truncated-Newton algorithms for large-scale unconstrained
    optimization. Mathematical Programming 26, 190-212.
    Nocedal, J. and Wright, S. (2006). Numerical Optimization, 2nd edition. Springer.
    """

    name: ClassVar[str] = "newton-cg"
    expected_passes: ClassVar[float] = 200

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts' coordinates; the first pass evaluates the start itself."""
        vector = objective.to_vector(parameters)
        return {
            **line_search.start(vector),
            **truncated_cg.start(vector),
            "solving": np.zeros(len(vector)),  # whether the next pass is for a product with the Hessian
            "steepest": np.ones(len(vector)),  # whether the direction is the negative gradient
        }

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the parameters at the line search's trial points and at the points of differences."""
        solving = state["solving"] > 0
        vector = np.where(solving[:, None], truncated_cg.probe(state), line_search.trial_vector(state))
        return Request(objective.from_vector(vector))

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Go on with Newton's equation, or with the line search."""
        solving = state["solving"] > 0
        return tell_by_phase(objective, state, parameters, evaluation, solving, _solve, _search)


def _solve(
    objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
) -> tuple[State, Step]:
    """Take in a product with the Hessian; search along the solution when it is good enough."""
    _, gradient = objective.loss(truncated_cg.probe(state), parameters, evaluation)
    none = np.zeros(len(gradient), dtype=bool)
    ended = truncated_cg.advance(state, gradient, np.full(len(gradient), np.inf))
    state["solving"][ended] = 0
    direction = state["solution"][ended]
    slope = np.einsum("ij,ij->i", direction, state["gradient"][ended])
    line_search.aim(state, ended, direction, slope, np.ones(len(slope)))
    uphill = ended & ~(state["slope"] < 0)
    line_search.descend(state, uphill)
    state["steepest"] = np.where(ended, uphill, state["steepest"])
    return state, Step(none, none)


def _search(
    objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
) -> tuple[State, Step]:
    """Move to an accepted trial point and begin with its Newton equation, or choose another trial."""
    state, trial = line_search.judge(objective, state, parameters, evaluation, CURVATURE)
    line_search.move(state, trial)
    truncated_cg.begin(state, trial.accepted)
    state["solving"][trial.accepted] = 1
    steepest = state["steepest"] > 0
    again = trial.failed & ~steepest
    line_search.descend(state, again)
    state["steepest"][again] = 1
    return state, Step(trial.accepted, trial.failed & steepest)
