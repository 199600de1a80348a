"""Adam (Kingma and Ba 2015, algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.methods.base import State, require
from mixsweep.methods.mini_batch import FixedStepMethod
from mixsweep.typing import FloatArray

__all__ = ["Adam"]


@dataclass(frozen=True)
class Adam(FixedStepMethod):
    """Minimise the negative log-likelihood per row, on all rows or on mini-batches.

    Parameters
    ----------
    learning_rate : float
        Step size.
    beta1, beta2 : float
        Decay rates of the first and second moments, in [0, 1).
    epsilon : float
        Added to the square root of the second moment.

    References
    ----------
    Kingma, D. P. and Ba, J. (2015). Adam: a method for stochastic optimization. Proceedings of ICLR 2015.
    """

    learning_rate: float = 0.05
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    name: ClassVar[str] = "adam"
    memory: ClassVar[tuple[str, ...]] = ("first", "second")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.learning_rate > 0, self.name, "learning_rate", self.learning_rate, "a positive number")
        require(0 <= self.beta1 < 1, self.name, "beta1", self.beta1, "a number in [0, 1)")
        require(0 <= self.beta2 < 1, self.name, "beta2", self.beta2, "a number in [0, 1)")
        require(self.epsilon > 0, self.name, "epsilon", self.epsilon, "a positive number")

    def step(self, gradient: FloatArray, memory: State, steps: FloatArray, epochs: FloatArray) -> FloatArray:
        """Return the step by the moments' estimates free of bias."""
        memory["first"] = self.beta1 * memory["first"] + (1 - self.beta1) * gradient
        memory["second"] = self.beta2 * memory["second"] + (1 - self.beta2) * np.square(gradient)
        rate = self.learning_rate / (1 - self.beta1**steps)
        root = np.sqrt(memory["second"] / (1 - self.beta2**steps)[:, None]) + self.epsilon
        move: FloatArray = -rate[:, None] * memory["first"] / root
        return move
