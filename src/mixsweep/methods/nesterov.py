"""Accelerated gradient descent (Nesterov 1983) with restarts (O'Donoghue and Candès 2015)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.methods.base import GradientMethod, Request, Seeds, State, Step, require
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["Nesterov"]


@dataclass(frozen=True)
class Nesterov(GradientMethod):
    """Minimise the negative log-likelihood per row in unconstrained coordinates.

    From the point y where the gradient is taken, x+ = y - learning_rate * gradient and
    y+ = x+ + beta (x+ - x). Passes are spent at the points y, which are the fit's accepted points.

    Parameters
    ----------
    learning_rate : float
        Step along the negative gradient.
    momentum : float, optional
        A constant beta in [0, 1). Left out, beta is (t - 1) / t+ with t+ = (1 + sqrt(1 + 4 t^2)) / 2 from
        t = 1 (Beck and Teboulle 2009, equations 4.2 and 4.3), and t begins anew whenever the
        loss has risen from one pass to the next (the function scheme of O'Donoghue and Candès, section 3.2).

    References
    ----------
    Beck, A. and Teboulle, M. (2009). A fast iterative shrinkage-thresholding algorithm for linear inverse
    problems. SIAM Journal on Imaging Sciences 2, 183-202.
    Nesterov, Y. (1983). A method of solving a convex programming problem with convergence rate O(1/k^2).
    Soviet Mathematics Doklady 27, 372-376.
    O'Donoghue, B. and Candès, E. (2015). Adaptive restart for accelerated gradient schemes. Foundations of
    Computational Mathematics 15, 715-732.
    """

    learning_rate: float = 0.02
    momentum: float | None = None

    name: ClassVar[str] = "nesterov"
    expected_passes: ClassVar[float] = np.inf

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.learning_rate > 0, self.name, "learning_rate", self.learning_rate, "a positive number")
        valid = self.momentum is None or 0 <= self.momentum < 1
        require(valid, self.name, "momentum", self.momentum, "a number in [0, 1), or none")

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts' coordinates, at rest."""
        vector = objective.to_vector(parameters)
        count = len(vector)
        return {"vector": vector, "before": vector, "t": np.ones(count), "loss": np.full(count, np.inf)}

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the parameters at the current coordinates."""
        return Request(objective.from_vector(state["vector"]))

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Take the next step."""
        loss, gradient = objective.loss(state["vector"], parameters, evaluation)
        count = len(loss)
        target = state["vector"] - self.learning_rate * gradient
        if self.momentum is None:
            t = np.where(loss > state["loss"], 1.0, state["t"])
            following = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * np.square(t)))
            beta = (t - 1.0) / following
        else:
            following, beta = state["t"], np.full(count, self.momentum)
        moved = {
            "vector": target + beta[:, None] * (target - state["before"]),
            "before": target,
            "t": following,
            "loss": loss,
        }
        return moved, Step.taken(evaluation)
