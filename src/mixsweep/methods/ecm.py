"""Expectation-conditional maximisation (Meng and Rubin 1993), multi-cycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from mixsweep.endpoints import take
from mixsweep.families.base import ConditionalFamily, Evaluation, Family
from mixsweep.methods.ability import missing_hook
from mixsweep.methods.base import Request, Seeds, State, Step
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["ECM"]


@dataclass(frozen=True)
class ECM:
    """Maximise over one block of parameters at a time, with a pass before each. No settings.

    The blocks are the family's: weights and means, then covariances about the means as they are now, then
    what else there is. Every step raises the expected complete-data log-likelihood, hence never lowers the
    log-likelihood. The source's plain ECM takes one pass for all blocks; this is its multi-cycle ECM. For
    Gaussians the M-step has a closed form for all blocks at once, so that
    this is a comparison, not an aid: a round over the blocks costs as many passes as there are blocks.

    References
    ----------
    Meng, X.-L. and Rubin, D. B. (1993). Maximum likelihood estimation via the ECM algorithm: a general
    framework. Biometrika 80, 267-278.
    """

    name: ClassVar[str] = "ecm"
    expected_passes: ClassVar[float] = 350

    def unable(self, family: Family | type[Family]) -> str:
        """Return why it cannot fit a family, nothing if it can."""
        return missing_hook(family, "conditional_step", "M-step block by block")

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts, before the first block."""
        return {**parameters, "cycle": np.zeros(len(seeds))}

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the current parameters."""
        return Request({name: state[name] for name in objective.family.kinds})

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Maximise over the block whose turn it is."""
        family = cast(ConditionalFamily, objective.family)
        moved = {name: values.copy() for name, values in parameters.items()}
        for cycle in range(family.n_cycles):
            turn = np.flatnonzero(state["cycle"] == cycle)
            if len(turn):
                found = family.conditional_step(take(parameters, turn), evaluation.take(turn), cycle)
                for name, values in found.items():
                    moved[name][turn] = values
        return {**moved, "cycle": (state["cycle"] + 1) % family.n_cycles}, Step.taken(evaluation)
