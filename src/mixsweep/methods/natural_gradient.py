"""Natural gradient ascent in mean parameters (Amari 1998; Sato 2000)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from mixsweep.families.base import Evaluation, Family, MeanParameterFamily
from mixsweep.methods.ability import missing_hook
from mixsweep.methods.base import Request, Seeds, State, Step, require
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, Parameters

__all__ = ["NaturalGradient"]


@dataclass(frozen=True)
class NaturalGradient:
    """Ascend the log-likelihood in the metric of the complete data's Fisher information.

    For an exponential family the Fisher information of the complete data in natural parameters is the
    derivative of the mean parameters mu in them, so the natural gradient in mean parameters is the plain
    gradient in natural ones: the expected sufficient statistics s(theta) minus mu (Fisher's identity), per
    row. The step is mu + learning_rate (s(theta) - mu): at 1 exactly EM (Sato 2000, section 4), below 1
    damped, above 1 over-relaxed EM (Peters and Walker 1978), which converges locally for rates below 2.
    A step above 1 can leave the domain (a weight below 0, a covariance that is not positive definite); a unit
    step, EM's, is then taken.

    Parameters
    ----------
    learning_rate : float
        Share of the way to the expected sufficient statistics.

    References
    ----------
    Amari, S. (1998). Natural gradient works efficiently in learning. Neural Computation 10, 251-276.
    Peters, B. C. and Walker, H. F. (1978). An iterative procedure for obtaining maximum-likelihood estimates
    of the parameters for a mixture of normal distributions. SIAM Journal on Applied Mathematics 35, 362-378.
    Sato, M. (2000). Convergence of on-line EM algorithm. Proceedings of ICONIP 2000, vol. 1, 476-481.
    """

    learning_rate: float = 1.0

    name: ClassVar[str] = "natural-gradient"
    expected_passes: ClassVar[float] = 200

    def __post_init__(self) -> None:
        require(self.learning_rate > 0, self.name, "learning_rate", self.learning_rate, "a positive number")

    def unable(self, family: Family | type[Family]) -> str:
        """Return why it cannot fit a family, nothing if it can."""
        return missing_hook(family, "moment_step", "step in mean parameters")

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts: the state is the parameters."""
        return parameters

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the current parameters."""
        return Request(state)

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Move toward the expected sufficient statistics."""
        family = cast(MeanParameterFamily, objective.family)
        rates = np.full(len(evaluation.log_likelihood), self.learning_rate)
        moved = family.moment_step(parameters, evaluation, rates)
        if self.learning_rate > 1:
            outside = _outside(family, moved)
            for name, values in moved.items():
                values[outside] = evaluation.maximised[name][outside]
        return moved, Step.taken(evaluation)


def _outside(family: MeanParameterFamily, parameters: Parameters) -> BoolArray:
    """Return which points are no mixtures."""
    inside: BoolArray = np.all(parameters["weights"] > 0, axis=-1)
    inside &= np.all(family.smallest_eigenvalues(parameters) > 0, axis=-1)
    return ~inside
