"""Stochastic gradient descent (Robbins and Monro 1951) with heavy-ball momentum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mixsweep.methods.base import State, require
from mixsweep.methods.mini_batch import FixedStepMethod
from mixsweep.typing import FloatArray

__all__ = ["StochasticGradientDescent"]


@dataclass(frozen=True)
class StochasticGradientDescent(FixedStepMethod):
    """Minimise the negative log-likelihood per row by steps along gradients on mini-batches.

    With a constant rate the fit ends in a cloud around an optimum whose width grows with the rate. Rates that
    fall as 1 / t have an infinite sum and a finite sum of squares, the conditions of Robbins and Monro for
    convergence, whose speed is that of 1 / t at best (Bottou, Curtis and Nocedal 2018, section 4): a fit
    usually uses up its passes.

    Parameters
    ----------
    batch_size : int, optional
        Rows of a mini-batch (see `FixedStepMethod`); None: all rows.
    learning_rate : float
        Step along the negative gradient, at the first step.
    decay_epochs : float, optional
        After t epochs the rate is learning_rate / (1 + t / decay_epochs); None: a constant rate.
    momentum : float
        Share of the previous step that is kept, in [0, 1).

    References
    ----------
    Bottou, L., Curtis, F. E. and Nocedal, J. (2018). Optimization methods for large-scale machine learning.
    SIAM Review 60, 223-311.
    Robbins, H. and Monro, S. (1951). A stochastic approximation method. Annals of Mathematical Statistics 22,
    400-407.
    """

    batch_size: int | None = 64
    learning_rate: float = 0.05
    decay_epochs: float | None = 20.0
    momentum: float = 0.9

    name: ClassVar[str] = "sgd"
    memory: ClassVar[tuple[str, ...]] = ("velocity",)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.learning_rate > 0, self.name, "learning_rate", self.learning_rate, "a positive number")
        falling = self.decay_epochs is None or self.decay_epochs > 0
        require(falling, self.name, "decay_epochs", self.decay_epochs, "a positive number, or none")
        require(0 <= self.momentum < 1, self.name, "momentum", self.momentum, "a number in [0, 1)")

    def step(self, gradient: FloatArray, memory: State, steps: FloatArray, epochs: FloatArray) -> FloatArray:
        """Return the step with the rate of its time."""
        fall = 1.0 if self.decay_epochs is None else 1.0 + epochs / self.decay_epochs
        rate = self.learning_rate / fall
        memory["velocity"] = self.momentum * memory["velocity"] - (rate * gradient.T).T
        return memory["velocity"]
