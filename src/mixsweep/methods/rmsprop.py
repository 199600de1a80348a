"""RMSprop (Tieleman and Hinton 2012)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.methods.base import State, require
from mixsweep.methods.mini_batch import FixedStepMethod
from mixsweep.typing import FloatArray

__all__ = ["RMSprop"]


@dataclass(frozen=True)
class RMSprop(FixedStepMethod):
    """Minimise the negative log-likelihood per row, on all rows or on mini-batches.

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
    memory: ClassVar[tuple[str, ...]] = ("square",)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.learning_rate > 0, self.name, "learning_rate", self.learning_rate, "a positive number")
        require(0 <= self.decay < 1, self.name, "decay", self.decay, "a number in [0, 1)")
        require(self.epsilon > 0, self.name, "epsilon", self.epsilon, "a positive number")

    def step(self, gradient: FloatArray, memory: State, steps: FloatArray, epochs: FloatArray) -> FloatArray:
        """Return the step along the gradient divided by its running size."""
        memory["square"] = self.decay * memory["square"] + (1 - self.decay) * np.square(gradient)
        move: FloatArray = -self.learning_rate * gradient / (np.sqrt(memory["square"]) + self.epsilon)
        return move
