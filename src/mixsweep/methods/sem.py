"""Stochastic EM (Celeux and Diebolt 1985), then EM from the best point that it visited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.assignments import Sampled
from mixsweep.families.base import Evaluation
from mixsweep.methods.base import Request, Seeds, State, Step, require
from mixsweep.objective import Objective
from mixsweep.seeds import generator
from mixsweep.typing import BoolArray, FloatArray, Parameters

__all__ = ["SEM"]


@dataclass(frozen=True)
class SEM:
    """Draw each row's component by its posterior probabilities before the M-step, for a while; then EM.

    The draws make a Markov chain that leaves poor optima and saddles. Of the points that it visited, the
    start among them, the one of highest log-likelihood is where EM begins (a strategy of Biernacki, Celeux
    and Govaert 2003); visiting that point again costs a pass. A draw that leaves a component without a
    covariance above the eigenvalue floor is rejected, and its pass counts as a trial: the next pass draws
    again at the same point. Draws depend on the fit's seed and the number of the pass alone.

    Parameters
    ----------
    n_stochastic : int
        Passes with draws.

    References
    ----------
    Biernacki, C., Celeux, G. and Govaert, G. (2003). Choosing starting values for the EM algorithm for
    getting the highest likelihood in multivariate Gaussian mixture models. Computational Statistics & Data
    Analysis 41, 561-575.
    Celeux, G. and Diebolt, J. (1985). The SEM algorithm: a probabilistic teacher algorithm derived from the
    EM algorithm for the mixture problem. Computational Statistics Quarterly 2, 73-82.
    """

    n_stochastic: int = 50

    name: ClassVar[str] = "sem"
    expected_passes: ClassVar[float] = 200

    def __post_init__(self) -> None:
        whole = isinstance(self.n_stochastic, int) and self.n_stochastic >= 1
        require(whole, self.name, "n_stochastic", self.n_stochastic, "an integer of at least 1")

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts, and that nothing was visited yet."""
        count = len(seeds)
        return {
            **parameters,
            **{_best(name): values for name, values in parameters.items()},
            "best value": np.full(count, -np.inf),
            "passes": np.zeros(count),
            "seed": seeds.astype(np.float64),  # exact below 2**53
        }

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the current parameters, with draws for the fits that still make some."""
        parameters = {name: state[name] for name in objective.family.kinds}
        stochastic = state["passes"] < self.n_stochastic
        if not stochastic.any():
            return Request(parameters)
        uniforms = np.zeros((len(stochastic), objective.n_rows))
        for r in np.flatnonzero(stochastic):
            key = (self.name, int(state["passes"][r]))
            uniforms[r] = generator(int(state["seed"][r]), *key).random(objective.n_rows)
        return Request(parameters, Sampled(stochastic, uniforms))

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Move to the M-step of the draws, at the end of the draws to the best point, or by EM."""
        stochastic = state["passes"] < self.n_stochastic
        rejected = stochastic & ~_sound(objective, evaluation.maximised)
        better = stochastic & (evaluation.log_likelihood > state["best value"])
        back = state["passes"] == self.n_stochastic - 1
        moved = {
            "best value": np.where(better, evaluation.log_likelihood, state["best value"]),
            "passes": state["passes"] + 1,
            "seed": state["seed"],
        }
        for name, values in parameters.items():
            best = _where(better, values, state[_best(name)])
            following = _where(rejected, values, evaluation.maximised[name])
            moved[_best(name)] = best
            moved[name] = _where(back, best, following)
        step = Step.taken(evaluation)
        step.accepted[:] = ~rejected
        return moved, step


def _best(name: str) -> str:
    return f"best {name}"


def _where(condition: BoolArray, first: FloatArray, second: FloatArray) -> FloatArray:
    return np.where(condition.reshape(-1, *[1] * (first.ndim - 1)), first, second)


def _sound(objective: Objective, parameters: Parameters) -> BoolArray:
    """Return which points are mixtures with covariances above the floor, shape (R,)."""
    smallest = objective.family.smallest_eigenvalues(parameters).min(axis=1)
    sound: BoolArray = ~objective.outside(parameters) & (smallest > objective.eigenvalue_floor)
    return sound
