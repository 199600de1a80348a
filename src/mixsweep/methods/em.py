"""Expectation-maximisation (Dempster, Laird and Rubin 1977)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mixsweep.families.base import Evaluation
from mixsweep.methods.base import Request, Seeds, State, Step
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["EM"]


@dataclass(frozen=True)
class EM:
    """The M-step of every pass is the next point. No settings."""

    name: ClassVar[str] = "em"
    expected_passes: ClassVar[float] = 200

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts: the state is the parameters."""
        return parameters

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the current parameters."""
        return Request(state)

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Move to the M-step's parameters."""
        return evaluation.maximised, Step.taken(evaluation)
