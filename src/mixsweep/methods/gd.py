"""Gradient descent: a fixed step with heavy-ball momentum (Polyak 1964), or backtracking (Armijo 1966)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.methods.base import GradientMethod, Request, Seeds, State, Step, require
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["GradientDescent"]

MOMENTUM = 0.9
SUFFICIENT_DECREASE = 1e-4
#: Trials of one line search; after them the fit has stalled.
MAX_TRIALS = 50
#: Differences of the loss below this are rounding.
LOSS_ROUNDING = 1e-14


@dataclass(frozen=True)
class GradientDescent(GradientMethod):
    """Minimise the negative log-likelihood per row in unconstrained coordinates.

    Parameters
    ----------
    learning_rate : float
        Step along the negative gradient; with a line search its first trial.
    momentum : float, optional
        Share of the previous step that is kept, in [0, 1); 0.9 if left out. Not with a line search.
    line_search : bool
        Halve the step until the loss has fallen by 1e-4 of what the slope promises (Nocedal and Wright 2006,
        algorithm 3.1); every trial costs a pass. A step accepted at the first trial is doubled for the next.

    References
    ----------
    Armijo, L. (1966). Minimization of functions having Lipschitz continuous first partial derivatives.
    Pacific Journal of Mathematics 16, 1-3.
    Polyak, B. T. (1964). Some methods of speeding up the convergence of iteration methods. USSR Computational
    Mathematics and Mathematical Physics 4, 1-17.
    """

    learning_rate: float = 0.05
    momentum: float | None = None
    line_search: bool = False

    name: ClassVar[str] = "gd"
    expected_passes: ClassVar[float] = np.inf

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.learning_rate > 0, self.name, "learning_rate", self.learning_rate, "a positive number")
        searching = isinstance(self.line_search, bool)
        require(searching, self.name, "line_search", self.line_search, "true or false")
        if self.momentum is not None:
            require(0 <= self.momentum < 1, self.name, "momentum", self.momentum, "a number in [0, 1)")
            require(not self.line_search, self.name, "momentum", self.momentum, "none with a line search")

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts' coordinates, at rest."""
        vector = objective.to_vector(parameters)
        if not self.line_search:
            return {"vector": vector, "velocity": np.zeros_like(vector)}
        count = len(vector)
        return {
            "vector": vector,  # the trial point
            "current": vector.copy(),
            "gradient": np.zeros_like(vector),  # there
            "loss": np.full(count, np.inf),  # there; infinite until the start has been evaluated
            "step": np.full(count, self.learning_rate),
            "trials": np.zeros(count),
        }

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the parameters at the current coordinates."""
        return Request(objective.from_vector(state["vector"]))

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Take the next step, or shorten the last one."""
        if self.line_search:
            return _backtrack(objective, state, parameters, evaluation)
        _, gradient = objective.loss(state["vector"], parameters, evaluation)
        momentum = MOMENTUM if self.momentum is None else self.momentum
        velocity = momentum * state["velocity"] - self.learning_rate * gradient
        moved = {"vector": state["vector"] + velocity, "velocity": velocity}
        return moved, Step.taken(evaluation)


def _backtrack(
    objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
) -> tuple[State, Step]:
    """Accept the trial point and step from it, or halve the step from the point before."""
    loss, gradient = objective.loss(state["vector"], parameters, evaluation)
    sound = np.isfinite(loss) & np.isfinite(gradient).all(axis=1)
    first = np.isinf(state["loss"])
    with np.errstate(invalid="ignore"):  # infinite until the start has been evaluated
        allowance = LOSS_ROUNDING * np.maximum(1.0, np.abs(state["loss"]))
        squared = np.square(state["gradient"]).sum(axis=1)
        bound = state["loss"] - SUFFICIENT_DECREASE * state["step"] * squared + allowance
    accepted = sound & (first | (loss <= bound))
    grown = np.where((state["trials"] == 0) & ~first, 2.0, 1.0)
    step = state["step"] * np.where(accepted, grown, 0.5)
    trials = np.where(accepted, 0.0, state["trials"] + 1)
    current = np.where(accepted[:, None], state["vector"], state["current"])
    gradient = np.where(accepted[:, None], gradient, state["gradient"])
    moved = {
        "vector": current - step[:, None] * gradient,
        "current": current,
        "gradient": gradient,
        "loss": np.where(accepted, loss, state["loss"]),
        "step": step,
        "trials": trials,
    }
    return moved, Step(accepted, ~accepted & (first | (trials >= MAX_TRIALS)))
