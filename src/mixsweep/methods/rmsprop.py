"""RMSprop (Tieleman and Hinton 2012) on all rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.methods.base import GradientMethod, Request, Seeds, State, Step, require
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["RMSprop"]


@dataclass(frozen=True)
class RMSprop(GradientMethod):
    """Minimise the negative log-likelihood per row in unconstrained coordinates.

    With a small epsilon every coordinate moves by about the learning rate however small the gradient, so
    that the fit ends in a cycle of that width around an optimum and uses up its passes. A large epsilon
    makes the end a gradient descent with step learning_rate / epsilon, which converges.

    Parameters
    ----------
    learning_rate : float
        Step size.
    decay : float
        Decay rate of the mean square, in [0, 1).
    epsilon : float
        Added to the root of the mean square.

    References
    ----------
    Tieleman, T. and Hinton, G. (2012). Lecture 6.5: divide the gradient by a running average of its recent
    magnitude. Coursera, Neural Networks for Machine Learning.
    """

    learning_rate: float = 0.01
    decay: float = 0.9
    epsilon: float = 1e-8

    name: ClassVar[str] = "rmsprop"
    expected_passes: ClassVar[float] = np.inf

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.learning_rate > 0, self.name, "learning_rate", self.learning_rate, "a positive number")
        require(0 <= self.decay < 1, self.name, "decay", self.decay, "a number in [0, 1)")
        require(self.epsilon > 0, self.name, "epsilon", self.epsilon, "a positive number")

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts' coordinates with a mean square of zero."""
        vector = objective.to_vector(parameters)
        return {"vector": vector, "square": np.zeros_like(vector)}

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the parameters at the current coordinates."""
        return Request(objective.from_vector(state["vector"]))

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Take the next step."""
        _, gradient = objective.loss(state["vector"], parameters, evaluation)
        square = self.decay * state["square"] + (1 - self.decay) * np.square(gradient)
        moved = {
            "vector": state["vector"] - self.learning_rate * gradient / (np.sqrt(square) + self.epsilon),
            "square": square,
        }
        return moved, Step.taken(evaluation)
