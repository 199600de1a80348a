"""Adam (Kingma and Ba 2015, algorithm 1) on all rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.methods.base import GradientMethod, Request, Seeds, State, Step, require
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["Adam"]


@dataclass(frozen=True)
class Adam(GradientMethod):
    """Minimise the negative log-likelihood per row in unconstrained coordinates.

    Parameters
    ----------
    learning_rate : float
        Step size.
    beta1, beta2 : float
        Decay rates of the first and second moments, in [0, 1).
    epsilon : float
        Added to the square root of the second moment.
    """

    learning_rate: float = 0.05
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    name: ClassVar[str] = "adam"
    expected_passes: ClassVar[float] = np.inf

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.learning_rate > 0, self.name, "learning_rate", self.learning_rate, "a positive number")
        require(0 <= self.beta1 < 1, self.name, "beta1", self.beta1, "a number in [0, 1)")
        require(0 <= self.beta2 < 1, self.name, "beta2", self.beta2, "a number in [0, 1)")
        require(self.epsilon > 0, self.name, "epsilon", self.epsilon, "a positive number")

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts' coordinates with empty moments."""
        vector = objective.to_vector(parameters)
        zeros = np.zeros_like(vector)
        return {"vector": vector, "first": zeros, "second": zeros, "steps": np.zeros(len(vector))}

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the parameters at the current coordinates."""
        return Request(objective.from_vector(state["vector"]))

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Take the next step."""
        _, gradient = objective.loss(state["vector"], parameters, evaluation)
        steps = state["steps"] + 1
        first = self.beta1 * state["first"] + (1 - self.beta1) * gradient
        second = self.beta2 * state["second"] + (1 - self.beta2) * np.square(gradient)
        rate = self.learning_rate / (1 - self.beta1**steps)
        root = np.sqrt(second / (1 - self.beta2**steps)[:, None]) + self.epsilon
        moved = {
            "vector": state["vector"] - rate[:, None] * first / root,
            "first": first,
            "second": second,
            "steps": steps,
        }
        return moved, Step.taken(evaluation)
