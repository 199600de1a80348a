"""Nonlinear conjugate gradients (Polak and Ribière 1969) with a strong Wolfe line search, batched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.methods import line_search
from mixsweep.methods.base import GradientMethod, Request, Seeds, State, Step, require
from mixsweep.methods.line_search import Trial
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["ConjugateGradient"]


@dataclass(frozen=True)
class ConjugateGradient(GradientMethod):
    """Minimise the negative log-likelihood per row in unconstrained coordinates.

    The direction is p+ = -g+ + beta p with beta = max(0, g+'(g+ - g) / g'g), PR+ of Gilbert and Nocedal
    (Nocedal and Wright 2006, equations 5.44 and 5.45), and -g+ where that is no descent direction. The first
    trial promises the decrease of the last step (their equation before 3.60). A failed line search is
    tried once more along the gradient; then the fit has stalled.

    Parameters
    ----------
    curvature : float
        Share to which the slope must fall in a line search, between 1e-4 and 1; conjugacy needs a small one.

    References
    ----------
    Gilbert, J. C. and Nocedal, J. (1992). Global convergence properties of conjugate gradient methods for
    optimization. SIAM Journal on Optimization 2, 21-42.
    Nocedal, J. and Wright, S. (2006). Numerical Optimization, 2nd edition. Springer.
    Polak, E. and Ribière, G. (1969). Note sur la convergence de méthodes de directions conjuguées. Revue
    Française d'Informatique et de Recherche Opérationnelle 16, 35-43.
    """

    curvature: float = 0.1

    name: ClassVar[str] = "cg"
    expected_passes: ClassVar[float] = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        valid = line_search.SUFFICIENT_DECREASE < self.curvature < 1
        require(valid, self.name, "curvature", self.curvature, "a number between 1e-4 and 1")

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts' coordinates; the first pass evaluates the start itself."""
        vector = objective.to_vector(parameters)
        # whether the direction is the negative gradient
        return {**line_search.start(vector), "steepest": np.ones(len(vector))}

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the parameters at the trial points."""
        return Request(line_search.trial_point(objective, state))

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Accept the trial point and choose a new direction, or choose another trial."""
        state, trial = line_search.judge(objective, state, parameters, evaluation, self.curvature)
        if trial.accepted.any():
            _advance(state, trial)
        steepest = state["steepest"] > 0
        again = trial.failed & ~steepest
        if again.any():
            line_search.descend(state, again)
            state["steepest"][again] = 1
        return state, Step(trial.accepted, trial.failed & steepest)


def _advance(state: State, trial: Trial) -> None:
    """Move the accepted fits to their trial points and choose directions, in place."""
    accepted = trial.accepted
    before, direction = state["gradient"][accepted], state["direction"][accepted]
    promised = state["step"][accepted] * state["slope"][accepted]
    line_search.move(state, trial)
    gradient = state["gradient"][accepted]
    square = np.square(before).sum(axis=1)
    product = np.einsum("ij,ij->i", gradient, gradient - before)
    beta = np.where(square > 0, np.maximum(product, 0.0) / np.where(square > 0, square, 1.0), 0.0)
    direction = beta[:, None] * direction - gradient
    slope = np.einsum("ij,ij->i", gradient, direction)
    steepest = ~(slope < 0) | (beta == 0)
    direction[steepest] = -gradient[steepest]
    slope[steepest] = -np.square(gradient[steepest]).sum(axis=1)
    step = np.where(slope < 0, promised / np.where(slope < 0, slope, 1.0), 0.0)
    step = np.where(trial.first[accepted] | ~(step > 0), line_search.cautious_step(gradient), step)
    line_search.aim(state, accepted, direction, slope, step)
    state["steepest"][accepted] = steepest
