"""Online EM (Sato 2000; Cappé and Moulines 2009): stochastic approximation of the sufficient statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from mixsweep.families.base import Evaluation, Family, MeanParameterFamily
from mixsweep.methods.ability import missing_hook
from mixsweep.methods.base import Request, Seeds, State, Step, require
from mixsweep.methods.mini_batch import Schedule
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["OnlineEM"]


@dataclass(frozen=True)
class OnlineEM:
    """Move the running sufficient statistics a share of the way to those of a mini-batch, then maximise.

    With mu(theta) the complete data's mean parameters and s the expected sufficient statistics of a row, by
    the mini-batch at theta: mu+ = mu + rate (s - mu), where rate = (t + t0)^-alpha at the t-th step from 0.
    The sum of the rates is infinite and that of their squares finite for alpha in (0.5, 1], which is what
    convergence to a stationary point takes; Cappé and Moulines use 0.6. Liang and Klein (2009) have the
    same on several sweeps of finite data ("stepwise EM"), with t0 = 2. A pass over all rows, every few
    epochs, is a step like the others, and the only one whose log-likelihood and decrement are known. Late
    rates are small: to a tight tolerance a fit often uses its whole budget.

    Parameters
    ----------
    batch_size : int, optional
        Rows of a mini-batch, at most; none for all rows, which is EM with falling rates.
    alpha : float
        How fast rates fall, in (0.5, 1].
    t0 : float
        At least 1, so that no rate is above 1.
    epochs_per_check : int
        Epochs of mini-batches between two passes over all rows.

    References
    ----------
    Cappé, O. and Moulines, E. (2009). On-line expectation-maximization algorithm for latent data models.
    Journal of the Royal Statistical Society B 71, 593-613.
    Liang, P. and Klein, D. (2009). Online EM for unsupervised models. Proceedings of NAACL-HLT 2009, 611-619.
    Sato, M. (2000). Convergence of on-line EM algorithm. Proceedings of ICONIP 2000, vol. 1, 476-481.
    """

    batch_size: int | None = 64
    alpha: float = 0.6
    t0: float = 2.0
    epochs_per_check: int = 5

    name: ClassVar[str] = "online-em"
    expected_passes: ClassVar[float] = np.inf

    def __post_init__(self) -> None:
        whole = self.batch_size is None or (isinstance(self.batch_size, int) and self.batch_size >= 1)
        require(whole, self.name, "batch_size", self.batch_size, "an integer of at least 1, or none")
        require(0.5 < self.alpha <= 1, self.name, "alpha", self.alpha, "a number in (0.5, 1]")
        require(self.t0 >= 1, self.name, "t0", self.t0, "a number of at least 1")
        whole = isinstance(self.epochs_per_check, int) and self.epochs_per_check >= 1
        require(whole, self.name, "epochs_per_check", self.epochs_per_check, "an integer of at least 1")

    def unable(self, family: Family | type[Family]) -> str:
        """Return why it cannot fit a family, nothing if it can."""
        return missing_hook(family, "moment_step", "step in mean parameters")

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts, before the first step."""
        return {**parameters, "steps": np.zeros(len(seeds))}

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the current parameters, and which rows are to be looked at."""
        schedule = Schedule.of(objective.n_rows, self.batch_size, self.epochs_per_check)
        parameters = {name: state[name] for name in objective.family.kinds}
        return schedule.request(parameters, state["steps"])

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Move toward the statistics of the rows looked at."""
        family = cast(MeanParameterFamily, objective.family)
        rates = (state["steps"] + self.t0) ** -self.alpha
        moved = family.moment_step(parameters, evaluation, rates)
        return {**moved, "steps": state["steps"] + 1}, Step.taken(evaluation)
