"""Generalised EM (Dempster, Laird and Rubin 1977) by gradient steps on the expected log-likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from mixsweep.families.base import CompleteDataFamily, Evaluation, Family
from mixsweep.methods.ability import missing_hook
from mixsweep.methods.base import GradientMethod, Request, Seeds, State, Step, require
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["GEM"]


@dataclass(frozen=True)
class GEM(GradientMethod):
    """Replace the M-step by a few gradient steps on Q(. | theta), the expected complete-data log-likelihood.

    A pass fixes the expected sufficient statistics at theta; then `n_steps` steps of constant length go up
    Q(. | theta) per row in the method's coordinates, without a further pass. Any step that raises Q raises
    the log-likelihood (theorem 1 of the source), but a step of constant length need not raise Q: nothing here
    enforces it, and the fit's count of decreases tells whether it held. One step is plain gradient ascent on
    the log-likelihood (Fisher's identity); many small ones are EM.

    Parameters
    ----------
    n_steps : int
        Steps a pass.
    learning_rate : float
        Step along the gradient of Q per row.

    References
    ----------
    Dempster, A. P., Laird, N. M. and Rubin, D. B. (1977). Maximum likelihood from incomplete data via the EM
    algorithm. Journal of the Royal Statistical Society B 39, 1-38.
    Lange, K. (1995). A gradient algorithm locally equivalent to the EM algorithm. Journal of the Royal
    Statistical Society B 57, 425-437. (One Newton step on Q instead of an M-step.)
    """

    n_steps: int = 3
    learning_rate: float = 0.05

    name: ClassVar[str] = "gem"
    expected_passes: ClassVar[float] = np.inf

    def __post_init__(self) -> None:
        super().__post_init__()
        whole = isinstance(self.n_steps, int) and self.n_steps >= 1
        require(whole, self.name, "n_steps", self.n_steps, "an integer of at least 1")
        require(self.learning_rate > 0, self.name, "learning_rate", self.learning_rate, "a positive number")

    def unable(self, family: Family | type[Family]) -> str:
        """Return why it cannot fit a family, nothing if it can."""
        return missing_hook(family, "complete_gradient", "gradient of Q away from the pass")

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts' coordinates."""
        return {"vector": objective.to_vector(parameters)}

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the parameters at the current coordinates."""
        return Request(objective.from_vector(state["vector"]))

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Take the steps that stand for the M-step."""
        family = cast(CompleteDataFamily, objective.family)
        vector, point = state["vector"], parameters
        for step in range(self.n_steps):
            if step > 0:
                point = objective.from_vector(vector)
            own = family.complete_gradient(point, evaluation)
            gradient = objective.parametrisation.gradient(family, vector, point, own)
            vector = vector + self.learning_rate / objective.total_weight * gradient
        return {"vector": vector}, Step.taken(evaluation)
