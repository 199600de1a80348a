"""Gradient descent with a fixed step and heavy-ball momentum (Polyak 1964)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.methods.base import State, Step, require
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["GradientDescent"]


@dataclass(frozen=True)
class GradientDescent:
    """Minimise the negative log-likelihood per row in unconstrained coordinates.

    Parameters
    ----------
    learning_rate : float
        Step along the negative gradient.
    momentum : float
        Share of the previous step that is kept, in [0, 1).
    """

    learning_rate: float = 0.05
    momentum: float = 0.9

    name: ClassVar[str] = "gd"
    expected_passes: ClassVar[float] = np.inf

    def __post_init__(self) -> None:
        require(self.learning_rate > 0, self.name, "learning_rate", self.learning_rate, "a positive number")
        require(0 <= self.momentum < 1, self.name, "momentum", self.momentum, "a number in [0, 1)")

    def start(self, objective: Objective, parameters: Parameters) -> State:
        """Return the starts' coordinates, at rest."""
        vector = objective.family.to_vector(parameters)
        return {"vector": vector, "velocity": np.zeros_like(vector)}

    def ask(self, objective: Objective, state: State) -> Parameters:
        """Return the parameters at the current coordinates."""
        return objective.from_vector(state["vector"])

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Take the next step."""
        _, gradient = objective.loss(parameters, evaluation)
        velocity = self.momentum * state["velocity"] - self.learning_rate * gradient
        count = len(gradient)
        moved = {"vector": state["vector"] + velocity, "velocity": velocity}
        return moved, Step(np.ones(count, dtype=bool), np.zeros(count, dtype=bool))
