"""SQUAREM: EM with squared extrapolation (Varadhan and Roland 2008)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.methods.base import Request, Seeds, State, Step, require
from mixsweep.objective import Objective
from mixsweep.typing import FloatArray, Parameters

__all__ = ["SQUAREM"]

#: What the point of the current pass is: the first EM point of a cycle, the second, or the extrapolation.
FIRST, SECOND, EXTRAPOLATED = 0, 1, 2


@dataclass(frozen=True)
class SQUAREM:
    """Extrapolate every second EM step in unconstrained coordinates; scheme S3 with monotonicity control.

    A cycle begins at x0 and takes the EM steps x1 = M(x0) and x2 = M(x1). With r = x1 - x0,
    v = (x2 - x1) - r and alpha = -|r| / |v|, at most -1 (equation 8, third choice), the extrapolated point is
    x' = x0 - 2 alpha r + alpha^2 v (equation 7), and the next cycle begins at M(x'), the stabilising step
    of table 1: three passes a cycle. Where x' is rejected, the next cycle begins at x2; the pass is
    spent nevertheless.

    Parameters
    ----------
    max_decrease : float
        The extrapolated point is rejected if it is not finite or lowers the total log-likelihood by more than
        this, in nats, from the point before it; at 0 the log-likelihood never falls.

    References
    ----------
    Varadhan, R. and Roland, C. (2008). Simple and globally convergent methods for accelerating the
    convergence of any EM algorithm. Scandinavian Journal of Statistics 35, 335-353.
    """

    max_decrease: float = 0.0

    name: ClassVar[str] = "squarem"
    expected_passes: ClassVar[float] = 80

    def __post_init__(self) -> None:
        require(
            self.max_decrease >= 0, self.name, "max_decrease", self.max_decrease, "a number of at least 0"
        )

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts' coordinates, at the beginning of a cycle."""
        vector = objective.to_vector(parameters)
        return {
            "vector": vector,
            "phase": np.full(len(vector), float(FIRST)),
            "before": vector.copy(),  # x0 of the cycle
            "fallback": vector.copy(),  # x2
            "log_likelihood": np.full(len(vector), -np.inf),  # of the last accepted point
        }

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the parameters at the current coordinates."""
        return Request(objective.from_vector(state["vector"]))

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Take the EM step, extrapolate, or judge the extrapolation."""
        vector, phase, before = state["vector"], state["phase"], state["before"]
        mapped = objective.to_vector(evaluation.maximised)
        first, second, extrapolated = phase == FIRST, phase == SECOND, phase == EXTRAPOLATED
        sound = np.isfinite(mapped).all(axis=1)
        high = evaluation.log_likelihood >= state["log_likelihood"] - self.max_decrease
        accepted = ~extrapolated | (sound & high & np.isfinite(evaluation.log_likelihood))

        target = mapped.copy()
        target[second] = _extrapolated(before[second], vector[second], mapped[second])
        # a point that is not finite costs no pass
        useless = second & ~np.isfinite(target).all(axis=1)
        target[useless] = mapped[useless]
        target[~accepted] = state["fallback"][~accepted]
        moved = {
            "vector": target,
            "phase": np.where(first, SECOND, np.where(second & ~useless, EXTRAPOLATED, FIRST)).astype(float),
            "before": np.where(first[:, None], vector, before),
            "fallback": np.where(second[:, None], mapped, state["fallback"]),
            "log_likelihood": np.where(accepted, evaluation.log_likelihood, state["log_likelihood"]),
        }
        return moved, Step(accepted, np.zeros(len(phase), dtype=bool))


def _extrapolated(x0: FloatArray, x1: FloatArray, x2: FloatArray) -> FloatArray:
    """Return x' of the cycle's three points; not finite where the two steps are equal."""
    r = x1 - x0
    v = (x2 - x1) - r
    alpha = -np.linalg.norm(r, axis=1) / np.linalg.norm(v, axis=1)
    alpha = np.minimum(alpha, -1.0)[:, None]
    result: FloatArray = x0 - 2 * alpha * r + np.square(alpha) * v
    return result
