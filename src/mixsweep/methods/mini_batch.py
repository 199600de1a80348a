"""The schedule of methods that look at parts of the rows, and what fixed-step gradient methods share."""

from __future__ import annotations

import functools
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.methods.base import GradientMethod, Request, Seeds, State, Step, require
from mixsweep.objective import Objective
from mixsweep.seeds import generator
from mixsweep.typing import FloatArray, IntArray, Parameters

__all__ = ["FixedStepMethod", "Schedule"]


@dataclass(frozen=True)
class Schedule:
    """Which rows each pass looks at: all of them, then some epochs of mini-batches, and again.

    An epoch visits every part of the rows once, in a random order that depends on the epoch alone: fits that
    began together look at the same part, so that one matrix product serves them all, and what a fit sees does
    not depend on its batch.

    Attributes
    ----------
    n_mini_batches : int
        Into how many parts the rows are cut; 1: all rows at every pass.
    epochs_per_check : int
        Epochs between two passes over all rows, which alone give log-likelihood and decrement.
    """

    n_mini_batches: int
    epochs_per_check: int

    @classmethod
    def of(cls, n_rows: int, batch_size: int | None, epochs_per_check: int) -> Schedule:
        """Return the schedule with parts of at most so many rows; None: all rows."""
        return cls(1 if batch_size is None else -(-n_rows // batch_size), epochs_per_check)

    def parts(self, done: FloatArray) -> IntArray:
        """Return the part that each of R fits looks at next, -1 for all rows, shape (R,).

        Parameters
        ----------
        done : ndarray, shape (R,)
            How many points the fit has had evaluated.
        """
        if self.n_mini_batches == 1:
            return np.full(len(done), -1)
        cycle, place = np.divmod(done.astype(np.int64), 1 + self.epochs_per_check * self.n_mini_batches)
        epoch, number = np.divmod(place - 1, self.n_mini_batches)
        epoch += cycle * self.epochs_per_check
        parts = [
            -1 if p == 0 else _order(e, self.n_mini_batches)[i]
            for p, e, i in zip(place.tolist(), epoch.tolist(), number.tolist(), strict=True)
        ]
        return np.array(parts, dtype=np.int64)

    def request(self, parameters: Parameters, done: FloatArray) -> Request:
        """Return the request for these points, after so many evaluations each (see `parts`)."""
        if self.n_mini_batches == 1:
            return Request(parameters)
        return Request(parameters, mini_batch=self.parts(done), n_mini_batches=self.n_mini_batches)


@functools.lru_cache(maxsize=1024)
def _order(epoch: int, n_mini_batches: int) -> list[int]:
    """Return the order of the parts in an epoch."""
    order: list[int] = generator(0, "epoch", epoch, n_mini_batches).permutation(n_mini_batches).tolist()
    return order


@dataclass(frozen=True, kw_only=True)
class FixedStepMethod(GradientMethod):
    """A gradient method whose every point is taken, on all rows or on mini-batches.

    Parameters
    ----------
    batch_size : int, optional
        Rows of a mini-batch, at most; the rows are cut into nearly equal parts. Left out: all rows. A step on
        a mini-batch costs its share of a pass.
    epochs_per_check : int
        Epochs of mini-batches between two passes over all rows. Only at the points of these is the
        log-likelihood known and convergence judged; a step is taken from them as well.
    """

    batch_size: int | None = None
    epochs_per_check: int = 5

    #: Arrays of the coordinates' shape that the method carries from step to step, zero at the start.
    memory: ClassVar[tuple[str, ...]]
    expected_passes: ClassVar[float] = np.inf

    def __post_init__(self) -> None:
        super().__post_init__()
        for setting in ("batch_size", "epochs_per_check"):
            value = getattr(self, setting)
            valid = (setting == "batch_size" and value is None) or (isinstance(value, int) and value >= 1)
            require(valid, self.name, setting, value, "an integer of at least 1")

    @abstractmethod
    def step(self, gradient: FloatArray, memory: State, steps: FloatArray, epochs: FloatArray) -> FloatArray:
        """Return what is added to the coordinates, shape (R, q), and renew the memory's arrays in its dict.

        Parameters
        ----------
        gradient : ndarray, shape (R, q)
            Of the loss on the rows looked at.
        memory : dict of ndarray
            The arrays named by the class attribute `memory`; the dict is the method's to fill anew, the
            arrays are not to be changed.
        steps : ndarray, shape (R,)
            Number of this step, from 1.
        epochs : ndarray, shape (R,)
            Steps before this one, in epochs.
        """

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts' coordinates with an empty memory."""
        vector = objective.to_vector(parameters)
        return {
            "vector": vector,
            "steps": np.zeros(len(vector)),
            **{name: np.zeros_like(vector) for name in self.memory},
        }

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the parameters at the current coordinates, and which rows are to be looked at."""
        return self._schedule(objective).request(objective.from_vector(state["vector"]), state["steps"])

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Take the next step."""
        loss, gradient = objective.loss(state["vector"], parameters, evaluation)
        schedule = self._schedule(objective)
        if schedule.n_mini_batches > 1:
            # a component without any row in a mini-batch gives 0 / 0: nothing pulls it
            absent = np.isfinite(loss)[:, None] & ~np.isfinite(gradient)
            gradient = np.where(absent, 0.0, gradient)
        memory = {name: state[name] for name in self.memory}
        epochs = state["steps"] / schedule.n_mini_batches
        move = self.step(gradient, memory, state["steps"] + 1, epochs)
        moved = {"vector": state["vector"] + move, "steps": state["steps"] + 1, **memory}
        return moved, Step.taken(evaluation)

    def _schedule(self, objective: Objective) -> Schedule:
        return Schedule.of(objective.n_rows, self.batch_size, self.epochs_per_check)
