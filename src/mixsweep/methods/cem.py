"""Classification EM (Celeux and Govaert 1992)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.assignments import Hard
from mixsweep.families.base import Evaluation
from mixsweep.methods.base import Request, Seeds, State, Step
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, Parameters

__all__ = ["CEM"]

#: Parameters that differ by less (data of unit variance) come from the same partition: a row that changes
#: its component moves a weight by 1 / n, rounding moves a Cholesky factor by 1e-13 at the eigenvalue floor.
SAME = 1e-10


@dataclass(frozen=True)
class CEM:
    """Give every row to its most probable component before the M-step. No settings.

    It maximises the classification likelihood, sum over rows of log(weight x density) of the row's own
    component, over parameters and partition together. That is no maximum-likelihood method: where components
    overlap its limit is not a stationary point of the mixture's log-likelihood, which may fall on the way,
    and its estimates are biased however many rows there are (Bryant and Williamson 1978). The classification
    likelihood never falls, and takes finitely many values: after finitely many passes the partition is fixed.
    A pass by posterior probabilities then measures the EM decrement, and the fit ends as stalled, or
    converged if the decrement is below the tolerance. A component that loses all its rows, or keeps too few
    for a covariance, collapses.

    References
    ----------
    Bryant, P. and Williamson, J. A. (1978). Asymptotic behaviour of classification maximum likelihood
    estimates. Biometrika 65, 273-281.
    Celeux, G. and Govaert, G. (1992). A classification EM algorithm for clustering and two stochastic
    versions. Computational Statistics & Data Analysis 14, 315-332.
    """

    name: ClassVar[str] = "cem"
    expected_passes: ClassVar[float] = 20

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts, whose partitions are not fixed."""
        return {**parameters, "fixed": np.zeros(len(seeds))}

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the current parameters."""
        parameters = {name: state[name] for name in objective.family.kinds}
        return Request(parameters, Hard(state["fixed"] == 0))

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Move to the M-step of the partition, or stop where that is the current point."""
        step = Step.taken(evaluation)
        step.stalled[:] = state["fixed"] == 1
        fixed = step.stalled | _same(parameters, evaluation.maximised)
        return {**evaluation.maximised, "fixed": fixed.astype(np.float64)}, step


def _same(first: Parameters, second: Parameters) -> BoolArray:
    """Return which points are the same but for rounding."""
    each = [
        np.all(np.abs(values - second[name]) < SAME, axis=tuple(range(1, values.ndim)))
        for name, values in first.items()
    ]
    same: BoolArray = np.logical_and.reduce(each)
    return same
