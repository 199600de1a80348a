"""What an optimiser must offer: it asks for a point, and is told what one pass found there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from mixsweep.assignments import Assignment
from mixsweep.coordinates import COVARIANCE_CHARTS, WEIGHT_CHARTS, Parametrisation
from mixsweep.errors import MixsweepError, nearest
from mixsweep.families.base import Evaluation
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, FloatArray, IntArray, Parameters

__all__ = ["GradientMethod", "Method", "Request", "Seeds", "State", "Step", "require"]

#: What a method carries from pass to pass: arrays by name, leading axis the restarts of the batch.
State = dict[str, FloatArray]
#: A whole number for each fit, from which a stochastic method derives its random numbers.
Seeds = IntArray


@dataclass(frozen=True)
class Request:
    """The points that R fits want to be evaluated by the next pass, and how.

    Attributes
    ----------
    parameters : dict of ndarray
        The points, restarts first.
    assignment : Assignment or None
        How rows are given to components, if not by posterior probabilities.
    mini_batch : ndarray of int, shape (R,), or None
        The number of the part of the rows to look at, -1 for all rows; None: all rows for all fits.
    n_mini_batches : int
        Into how many parts the rows are cut.
    """

    parameters: Parameters
    assignment: Assignment | None = None
    mini_batch: IntArray | None = None
    n_mini_batches: int = 1


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
    mean the same for every method. The objective that it is given is in the coordinates of its attribute
    ``parametrisation``, if it has one, else in the default ones.
    """

    name: ClassVar[str]
    #: Typical passes of a fit, for the estimate of the plan; infinite when the budget is usually used up.
    expected_passes: ClassVar[float]

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the state of R fits at their starts; seeds, shape (R,), are for random numbers."""
        ...

    def ask(self, objective: Objective, state: State) -> Request:
        """Return what the next pass is to evaluate: the starts themselves first."""
        ...

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Take in what the pass found at the points of `ask`; the old state's arrays may be reused."""
        ...


@dataclass(frozen=True, kw_only=True)
class GradientMethod:
    """Settings of every method that moves in coordinates, which decide its path.

    Parameters
    ----------
    weights : str
        Coordinates of the weights, a name in `mixsweep.coordinates.WEIGHT_CHARTS`: ``softmax`` (K free
        logits), ``softmax-fixed`` (K - 1), ``ratio`` (the weights themselves) or ``stick-breaking``.
    covariances : str
        Coordinates of covariances, a name in `mixsweep.coordinates.COVARIANCE_CHARTS`: ``log-cholesky``,
        ``square-factor`` (A'A), ``matrix-logarithm`` or ``precision-cholesky``.
    """

    weights: str = "softmax"
    covariances: str = "log-cholesky"

    name: ClassVar[str]

    def __post_init__(self) -> None:
        for setting, charts in (("weights", WEIGHT_CHARTS), ("covariances", COVARIANCE_CHARTS)):
            value = getattr(self, setting)
            # natural coordinates need a solver that keeps constraints
            known = [name for name in charts if name != "natural"]
            if value not in known:
                raise MixsweepError(
                    f"method {self.name}: {setting} is {value!r}; expected one of {', '.join(known)}"
                    f"{nearest(str(value), known)}"
                )

    @property
    def parametrisation(self) -> Parametrisation:
        """The coordinates."""
        return Parametrisation(self.weights, self.covariances)


def require(condition: bool, method: str, setting: str, value: object, expected: str) -> None:
    """Raise a `MixsweepError` that names the setting unless the condition holds."""
    if not condition:
        raise MixsweepError(f"method {method}: {setting} is {value!r}; expected {expected}")
