"""EM first, another method when EM has become slow."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.methods.base import GradientMethod, Method, Request, Seeds, State, Step, require
from mixsweep.methods.phases import tell_by_phase
from mixsweep.objective import Objective
from mixsweep.typing import FloatArray, Parameters

__all__ = ["EMThen"]

#: Passes in a row whose rate estimates must be bad: one alone is often a turn of the path.
SLOW_PASSES = 3


@dataclass(frozen=True)
class EMThen(GradientMethod):
    """Take EM steps until their rate is bad, then go on with a second method from there.

    Near an optimum EM's error shrinks by a factor rho a step and its decrement, quadratic in the error, by
    rho squared; the rate estimate is the square root of the ratio of successive decrements. A decrement that
    grows (EM leaves a plateau) is no reason to switch, nor are fewer than three bad estimates in a row.

    Parameters
    ----------
    rate : float
        Switch when the rate estimate is above this and below 1; in (0, 1].
    max_em_passes : int
        Switch after so many passes at the latest.
    min_em_passes : int
        Switch after so many passes at the earliest.

    References
    ----------
    Salakhutdinov, R., Roweis, S. and Ghahramani, Z. (2003). Optimization with EM and
    expectation-conjugate-gradient. Proceedings of ICML 2003, 672-679. (The idea of a switch; theirs looks at
    the entropy of the responsibilities.)
    """

    rate: float = 0.9
    max_em_passes: int = 50
    min_em_passes: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.rate <= 1, self.name, "rate", self.rate, "a number in (0, 1]")
        for setting, least in (("min_em_passes", 1), ("max_em_passes", self.min_em_passes)):
            value = getattr(self, setting)
            valid = isinstance(value, int) and value >= least
            require(valid, self.name, setting, value, f"an integer of at least {least}")

    @abstractmethod
    def second(self) -> Method:
        """Return the method after the switch.

        Its state must depend on the start by the coordinates ``vector`` alone, so that it can be carried
        through the EM steps.
        """

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the second method's state at the starts, before the first EM step."""
        count = len(seeds)
        return {
            **self.second().start(objective, parameters, seeds),
            "em_passes": np.zeros(count),  # -1 after the switch
            "slow_passes": np.zeros(count),
            "last_decrement": np.full(count, np.nan),
        }

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the points of EM, which are starts of the second method, and those that this one wants."""
        return self.second().ask(objective, state)

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Take an EM step, or let the second method go on."""
        em = state["em_passes"] >= 0
        return tell_by_phase(objective, state, parameters, evaluation, em, self._em_step, self._go_on)

    def _em_step(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        passes, slow = state["em_passes"] + 1, self._slow(state, evaluation.decrement)
        late = (slow >= SLOW_PASSES) & (passes >= self.min_em_passes)
        switch = late | (passes >= self.max_em_passes)
        moved = {
            **state,
            "vector": objective.to_vector(evaluation.maximised),
            "em_passes": np.where(switch, -1.0, passes),
            "slow_passes": slow,
            "last_decrement": evaluation.decrement,
        }
        return moved, Step.taken(evaluation)

    def _slow(self, state: State, decrement: FloatArray) -> FloatArray:
        """Return how many rate estimates in a row are bad by now."""
        estimate = np.sqrt(decrement / state["last_decrement"])
        bad = (estimate > self.rate) & (estimate < 1)
        return np.where(bad, state["slow_passes"] + 1, 0.0)

    def _go_on(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        found, step = self.second().tell(objective, state, parameters, evaluation)
        return {**state, **found}, step
