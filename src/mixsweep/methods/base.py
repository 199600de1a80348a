"""What an optimiser must offer: it asks for a point, and is told what one pass found there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from mixsweep.errors import MixsweepError
from mixsweep.families.base import Evaluation
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, FloatArray, Parameters

__all__ = ["Method", "State", "Step", "require"]

#: What a method carries from pass to pass: arrays by name, leading axis the restarts of the batch.
State = dict[str, FloatArray]


@dataclass(frozen=True)
class Step:
    """What a method says after a pass, for each of R fits.

    Attributes
    ----------
    accepted : ndarray of bool, shape (R,)
        The point just evaluated is the fit's new current point (false for a rejected line-search trial).
    stalled : ndarray of bool, shape (R,)
        The method can make no further progress.
    """

    accepted: BoolArray
    stalled: BoolArray

    @classmethod
    def taken(cls, evaluation: Evaluation) -> Step:
        """Return the verdict of a method for which every evaluated point is the new current point."""
        count = len(evaluation.log_likelihood)
        return cls(np.ones(count, dtype=bool), np.zeros(count, dtype=bool))


class Method(Protocol):
    """An optimiser with its settings, run on a batch of fits in lockstep of passes.

    A method is a frozen dataclass whose fields are its settings; its constructor checks them. It never loops
    over iterations: `mixsweep.loop` alternates `ask`, one pass, and `tell`, so that cost, traces and stopping
    mean the same for every method.
    """

    name: ClassVar[str]
    #: Typical passes of a fit, for the estimate of the plan; infinite when the budget is usually used up.
    expected_passes: ClassVar[float]

    def start(self, objective: Objective, parameters: Parameters) -> State:
        """Return the state of R fits at their starts."""
        ...

    def ask(self, objective: Objective, state: State) -> Parameters:
        """Return the R points to be evaluated by the next pass."""
        ...

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Take in what the pass found at the points of `ask`; the old state's arrays may be reused."""
        ...


def require(condition: bool, method: str, setting: str, value: object, expected: str) -> None:
    """Raise a `MixsweepError` that names the setting unless the condition holds."""
    if not condition:
        raise MixsweepError(f"method {method}: {setting} is {value!r}; expected {expected}")
