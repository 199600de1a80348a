"""Limited-memory BFGS with a strong Wolfe line search, batched.

Nocedal and Wright 2006, algorithms 7.4, 3.5 and 3.6. A failed line search is tried once more along the
gradient, without memory; then the fit has stalled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.methods import line_search
from mixsweep.methods.base import GradientMethod, Request, Seeds, State, Step, require
from mixsweep.methods.line_search import Trial
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, FloatArray, Parameters

__all__ = ["LBFGS"]

#: Share to which the slope must fall in a line search.
CURVATURE = 0.9


@dataclass(frozen=True)
class LBFGS(GradientMethod):
    """Minimise the negative log-likelihood per row in unconstrained coordinates.

    Parameters
    ----------
    memory : int
        Number of correction pairs.
    """

    memory: int = 10

    name: ClassVar[str] = "lbfgs"
    expected_passes: ClassVar[float] = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        valid = isinstance(self.memory, int) and self.memory >= 1
        require(valid, self.name, "memory", self.memory, "an integer of at least 1")

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts' coordinates with an empty memory; the first pass evaluates the start itself."""
        vector = objective.to_vector(parameters)
        count, size = vector.shape
        return {
            **line_search.start(vector),
            "steps": np.zeros((count, self.memory, size)),
            "changes": np.zeros((count, self.memory, size)),
            "curvatures": np.zeros((count, self.memory)),  # 1 / (step' change); 0 marks an empty place
        }

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the parameters at the trial points."""
        return Request(line_search.trial_point(objective, state))

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Accept the trial point and choose a new direction, or choose another trial."""
        state, trial = line_search.judge(objective, state, parameters, evaluation, CURVATURE)
        if trial.accepted.any():
            state = self._advance(state, trial)
        # A failed search is tried once more along the gradient, without memory.
        has_memory = (state["curvatures"] != 0).any(axis=1)
        stalled = trial.failed & ~has_memory
        if (trial.failed & has_memory).any():
            state = self._restart(state, trial.failed & has_memory)
        return state, Step(trial.accepted, stalled)

    def _advance(self, state: State, trial: Trial) -> State:
        """Move the accepted fits to their trial points, update their memories and choose directions."""
        accepted = trial.accepted
        moved = state["step"][accepted, None] * state["direction"][accepted]
        change = trial.gradient[accepted] - state["gradient"][accepted]
        product = np.einsum("ij,ij->i", moved, change)
        useful = ~trial.first[accepted] & (product > 1e-12 * np.square(change).sum(axis=1))
        keep = np.flatnonzero(accepted)[useful]
        for name, values in (
            ("steps", moved[useful]),
            ("changes", change[useful]),
            ("curvatures", 1.0 / product[useful]),
        ):
            state[name][keep, :-1] = state[name][keep, 1:]
            state[name][keep, -1] = values
        line_search.move(state, trial)
        return self._aim(state, accepted)

    def _aim(self, state: State, chosen: BoolArray) -> State:
        """Set direction and first trial of the chosen fits."""
        gradient = state["gradient"][chosen]
        curvatures = state["curvatures"][chosen]
        direction = -_two_loop(gradient, state["steps"][chosen], state["changes"][chosen], curvatures)
        slope = np.einsum("ij,ij->i", gradient, direction)
        uphill = ~(slope < 0)
        direction[uphill] = -gradient[uphill]
        slope[uphill] = -np.square(gradient[uphill]).sum(axis=1)
        # Without memory the scale is unknown.
        step = np.where((curvatures == 0).all(axis=1), line_search.cautious_step(gradient), 1.0)
        line_search.aim(state, chosen, direction, slope, step)
        return state

    def _restart(self, state: State, chosen: BoolArray) -> State:
        for name in ("steps", "changes", "curvatures"):
            state[name][chosen] = 0
        return self._aim(state, chosen)


def _two_loop(
    gradient: FloatArray, steps: FloatArray, changes: FloatArray, curvatures: FloatArray
) -> FloatArray:
    """Return the inverse Hessian approximation times the gradient; empty places (curvature 0) do nothing."""
    result = gradient.copy()
    memory = curvatures.shape[1]
    shares = np.zeros_like(curvatures)
    for j in reversed(range(memory)):
        shares[:, j] = curvatures[:, j] * np.einsum("ij,ij->i", steps[:, j], result)
        result -= shares[:, j, None] * changes[:, j]
    last = curvatures[:, -1]
    squares = np.square(changes[:, -1]).sum(axis=1)
    scaling = np.where(last > 0, 1.0 / np.where(last > 0, last * squares, 1.0), 1.0)
    result *= scaling[:, None]
    for j in range(memory):
        share = curvatures[:, j] * np.einsum("ij,ij->i", changes[:, j], result)
        result += (shares[:, j] - share)[:, None] * steps[:, j]
    return result
