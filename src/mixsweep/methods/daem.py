"""Deterministic annealing EM (Ueda and Nakano 1998)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.assignments import Tempered
from mixsweep.families.base import Evaluation
from mixsweep.methods.base import Request, Seeds, State, Step, require
from mixsweep.objective import Objective
from mixsweep.seeds import generator
from mixsweep.typing import FloatArray, Parameters

__all__ = ["DAEM"]


@dataclass(frozen=True)
class DAEM:
    """Raise posterior probabilities to a power that rises from near 0 to 1; at 1 it is EM.

    The power is an inverse temperature. A low power blurs the components into
    one, whatever the start; as it rises they part again, first along the data's widest direction. The power
    is held for some passes (the source holds it until the parameters settle), then multiplied by a factor.
    The EM decrement is undefined while the power is below 1, so no fit converges before.

    Components that have become one part only by what distinguishes them still, which is soon nothing but
    rounding. Therefore the means get independent normal draws each time that the power rises, the last time
    when it becomes 1; deterministic annealing usually does something of the kind (Rose 1998). They depend on
    the fit's seed and the number of the pass alone. At low powers the fit forgets its start: restarts then
    differ by these draws.

    A common covariance is a degenerate case: where the components have become one, it is the data's own, and
    an M-step at power 1 then leaves differences of means as they are, at first order; at lower powers they
    shrink. Such fits mostly stay there.

    Parameters
    ----------
    beta_start : float
        The first power, in (0, 1]; at 1 the method is EM.
    factor : float
        By what the power is multiplied, above 1.
    n_passes : int
        Passes at each power.
    perturbation : float
        Standard deviation of the draws, in standard deviations of the data; 0 for none.

    References
    ----------
    Rose, K. (1998). Deterministic annealing for clustering, compression, classification, regression, and
    related optimization problems. Proceedings of the IEEE 86, 2210-2239.
    Ueda, N. and Nakano, R. (1998). Deterministic annealing EM algorithm. Neural Networks 11, 271-282.
    """

    beta_start: float = 0.1
    factor: float = 1.2
    n_passes: int = 10
    perturbation: float = 0.01

    name: ClassVar[str] = "daem"
    expected_passes: ClassVar[float] = 300

    def __post_init__(self) -> None:
        require(0 < self.beta_start <= 1, self.name, "beta_start", self.beta_start, "a number in (0, 1]")
        require(self.factor > 1, self.name, "factor", self.factor, "a number above 1")
        whole = isinstance(self.n_passes, int) and self.n_passes >= 1
        require(whole, self.name, "n_passes", self.n_passes, "an integer of at least 1")
        small = self.perturbation >= 0
        require(small, self.name, "perturbation", self.perturbation, "a number of at least 0")

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts at the first power."""
        # seeds are exact below 2**53
        return {**parameters, "passes": np.zeros(len(seeds)), "seed": seeds.astype(np.float64)}

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the current parameters, to be evaluated at the power of their pass."""
        parameters = {name: state[name] for name in objective.family.kinds}
        power = self._power(state["passes"])
        return Request(parameters, None if np.all(power == 1) else Tempered(power))

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Move to the M-step; where the power rises, with the means perturbed."""
        passes = state["passes"] + 1
        means = evaluation.maximised["means"].copy()
        for r in np.flatnonzero(self._power(passes) > self._power(state["passes"])):
            draws = generator(int(state["seed"][r]), self.name, int(passes[r]))
            means[r] += self.perturbation * draws.standard_normal(means.shape[1:])
        moved = {**evaluation.maximised, "means": means, "passes": passes, "seed": state["seed"]}
        return moved, Step.taken(evaluation)

    def _power(self, passes: FloatArray) -> FloatArray:
        """Return the power of the pass after so many."""
        last = np.ceil(-np.log(self.beta_start) / np.log(self.factor))
        rises = np.minimum(passes // self.n_passes, last)
        # at the last rise 1 itself, which the product misses by rounding
        result: FloatArray = np.where(rises == last, 1.0, self.beta_start * self.factor**rises)
        return result
