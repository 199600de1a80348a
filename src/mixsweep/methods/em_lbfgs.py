"""EM first, L-BFGS when EM has become slow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.endpoints import take
from mixsweep.families.base import Evaluation
from mixsweep.methods.base import GradientMethod, Request, Seeds, State, Step, require
from mixsweep.methods.lbfgs import LBFGS
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["EMThenLBFGS"]

#: Passes in a row whose rate estimates must be bad: one alone is often a turn of the path.
SLOW_PASSES = 3


@dataclass(frozen=True)
class EMThenLBFGS(GradientMethod):
    """Take EM steps until their rate is bad, then minimise by `lbfgs` from there.

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
    memory : int
        Number of correction pairs of `lbfgs`.

    References
    ----------
    Salakhutdinov, R., Roweis, S. and Ghahramani, Z. (2003). Optimization with EM and
    expectation-conjugate-gradient. Proceedings of ICML 2003, 672-679. (The idea of a switch; theirs looks at
    the entropy of the responsibilities.)
    """

    rate: float = 0.9
    max_em_passes: int = 50
    min_em_passes: int = 5
    memory: int = 10

    name: ClassVar[str] = "em+lbfgs"
    expected_passes: ClassVar[float] = 80

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.rate <= 1, self.name, "rate", self.rate, "a number in (0, 1]")
        for setting, least in (("min_em_passes", 1), ("max_em_passes", self.min_em_passes), ("memory", 1)):
            value = getattr(self, setting)
            valid = isinstance(value, int) and value >= least
            require(valid, self.name, setting, value, f"an integer of at least {least}")

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts' coordinates, before the first EM step."""
        state = LBFGS(self.memory).start(objective, parameters, seeds)
        count = len(state["vector"])
        return {
            **state,
            "em_passes": np.zeros(count),
            "slow": np.zeros(count),
            "decrement": np.full(count, np.nan),
        }

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the EM points and the line search's trial points."""
        return LBFGS(self.memory).ask(objective, state)

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Take an EM step, or let `lbfgs` go on."""
        # -1 marks the fits that have switched
        quasi_newton = state["em_passes"] < 0
        step = Step.taken(evaluation)
        moved = {name: values.copy() for name, values in state.items()}
        if quasi_newton.any():
            own = take(state, quasi_newton)
            del own["em_passes"], own["slow"], own["decrement"]
            points, found_there = take(parameters, quasi_newton), evaluation.take(quasi_newton)
            found, judged = LBFGS(self.memory).tell(objective, own, points, found_there)
            for name, values in found.items():
                moved[name][quasi_newton] = values
            step.accepted[quasi_newton] = judged.accepted
            step.stalled[quasi_newton] = judged.stalled
        em = ~quasi_newton
        if em.any():
            moved["vector"][em] = objective.to_vector(take(evaluation.maximised, em))
        passes = state["em_passes"] + 1
        estimate = np.sqrt(evaluation.decrement / state["decrement"])
        slow = np.where((estimate > self.rate) & (estimate < 1), state["slow"] + 1, 0.0)
        late = (slow >= SLOW_PASSES) & (passes >= self.min_em_passes)
        switch = em & (late | (passes >= self.max_em_passes))
        moved["em_passes"] = np.where(switch | quasi_newton, -1.0, passes)
        moved["slow"] = slow
        moved["decrement"] = evaluation.decrement
        return moved, step
