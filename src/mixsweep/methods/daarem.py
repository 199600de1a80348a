"""DAAREM: damped Anderson acceleration of EM, with restarts (Henderson and Varadhan 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.methods.base import Request, Seeds, State, Step, require
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, FloatArray, Parameters

__all__ = ["DAAREM"]

#: Halvings of the interval in which the logarithm of the ridge is sought.
BISECTIONS = 40


@dataclass(frozen=True)
class DAAREM:
    """Combine the last EM steps linearly so that the residual is small, in unconstrained coordinates.

    With f(x) = M(x) - x, M the EM map, and X and F the last differences of x and f, the next point is
    x + f - (X + F) gamma, where gamma minimises |f - F gamma|^2 + lambda |gamma|^2. Lambda is such that
    |gamma|^2 is the share 1 / (1 + alpha^(kappa - s)) of what it is without damping; s counts the
    accelerated steps that were accepted. Every `order` steps the differences are dropped (restart), and s
    falls by `order`, to no less than -2 kappa, if the log-likelihood has fallen since the last restart. An
    accelerated point that is rejected costs its pass, and the EM point is next.

    Parameters
    ----------
    order : int
        Largest number of differences; at most half the number of coordinates (rounded up) are used.
    max_decrease : float
        The accelerated point is rejected if it is not finite or lowers the total log-likelihood by more than
        this, in nats, from the point before it; at 0 the log-likelihood never falls.
    alpha, kappa : float
        Of the damping, above 1 and at least 0.

    References
    ----------
    Henderson, N. C. and Varadhan, R. (2019). Damped Anderson acceleration with restarts and monotonicity
    control for accelerating EM and EM-like algorithms. Journal of Computational and Graphical Statistics 28,
    834-846. (Algorithm 2; there max_decrease is 0.01.)
    """

    order: int = 10
    max_decrease: float = 0.01
    alpha: float = 1.2
    kappa: float = 25.0

    name: ClassVar[str] = "daarem"
    expected_passes: ClassVar[float] = 80

    def __post_init__(self) -> None:
        valid = isinstance(self.order, int) and self.order >= 1
        require(valid, self.name, "order", self.order, "an integer of at least 1")
        require(
            self.max_decrease >= 0, self.name, "max_decrease", self.max_decrease, "a number of at least 0"
        )
        require(self.alpha > 1, self.name, "alpha", self.alpha, "a number above 1")
        require(self.kappa >= 0, self.name, "kappa", self.kappa, "a number of at least 0")

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts' coordinates without differences."""
        vector = objective.to_vector(parameters)
        count, size = vector.shape
        columns = min(self.order, (size + 1) // 2)
        return {
            "vector": vector,
            "accelerated": np.zeros(count),  # whether the point was made from differences
            "fallback": vector.copy(),  # the EM point, if it is rejected
            "point": np.full((count, size), np.nan),  # the last accepted point and f there
            "residual": np.full((count, size), np.nan),
            "moves": np.zeros((count, columns, size)),  # X and F
            "changes": np.zeros((count, columns, size)),
            "columns": np.zeros(count),  # in use
            "successes": np.zeros(count),  # s
            "log_likelihood": np.full(count, -np.inf),  # of the last accepted point
            "at_restart": np.full(count, -np.inf),
        }

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the parameters at the current coordinates."""
        return Request(objective.from_vector(state["vector"]))

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Judge an accelerated point; from an accepted one take the next accelerated step."""
        vector, value = state["vector"], evaluation.log_likelihood
        accelerated = state["accelerated"] > 0
        mapped = objective.to_vector(evaluation.maximised)
        residual = mapped - vector
        sound = np.isfinite(value) & np.isfinite(residual).all(axis=1)
        accepted = ~accelerated | (sound & (value >= state["log_likelihood"] - self.max_decrease))

        state = {name: values.copy() for name, values in state.items()}
        state["successes"] += accelerated & accepted
        state["log_likelihood"][accepted] = value[accepted]
        self._remember(state, accepted & sound, residual)
        for name, values in (("point", vector), ("residual", residual)):
            state[name][accepted] = values[accepted]

        target = np.where(accepted[:, None], mapped, state["fallback"])
        ready = accepted & sound & (state["columns"] > 0)
        if ready.any():
            target[ready] += self._correction(state, ready)
        useless = ready & ~np.isfinite(target).all(axis=1)  # a point that is not finite costs no pass
        target[useless] = mapped[useless]
        state["vector"] = target
        state["accelerated"] = (ready & ~useless).astype(float)
        state["fallback"] = np.where(accepted[:, None], mapped, state["fallback"])
        return state, Step(accepted, np.zeros(len(value), dtype=bool))

    def _remember(self, state: State, chosen: BoolArray, residual: FloatArray) -> None:
        """Enter the differences of the chosen fits, after a restart where there is no room, in place."""
        full = chosen & (state["columns"] >= state["moves"].shape[1])
        fallen = full & (state["log_likelihood"] < state["at_restart"])
        lowered = np.maximum(state["successes"] - state["moves"].shape[1], -2 * self.kappa)
        state["successes"] = np.where(fallen, lowered, state["successes"])
        state["at_restart"][full] = state["log_likelihood"][full]
        state["columns"][full] = 0
        state["moves"][full] = 0
        state["changes"][full] = 0
        move, change = state["vector"] - state["point"], residual - state["residual"]
        known = np.flatnonzero(chosen & np.isfinite(move).all(axis=1) & np.isfinite(change).all(axis=1))
        place = state["columns"][known].astype(np.int64)
        state["moves"][known, place] = move[known]
        state["changes"][known, place] = change[known]
        state["columns"][known] += 1

    def _correction(self, state: State, chosen: BoolArray) -> FloatArray:
        """Return -(X + F) gamma of the chosen fits."""
        changes = state["changes"][chosen]
        left, singular, right = np.linalg.svd(changes, full_matrices=False)  # columns of F as rows here
        along = np.einsum("imj,ij->im", right, state["residual"][chosen])
        squares = np.square(singular)
        with np.errstate(over="ignore"):  # alpha^(kappa - s) underflows or overflows to a share of 1 or 0
            share = 1.0 / (1.0 + self.alpha ** (self.kappa - state["successes"][chosen]))
        ridge = _ridge(squares, along, share)
        usable = singular > 1e-12 * singular[:, :1]
        weights = np.where(usable, singular * along / np.where(usable, squares + ridge[:, None], 1.0), 0.0)
        gamma = np.einsum("imk,ik->im", left, weights)
        correction: FloatArray = -np.einsum("im,imj->ij", gamma, state["moves"][chosen] + changes)
        return correction


def _ridge(squares: FloatArray, along: FloatArray, share: FloatArray) -> FloatArray:
    """Return lambda with |gamma(lambda)|^2 = share |gamma(0)|^2, by bisection of its logarithm.

    |gamma(lambda)|^2 is the sum of s^2 u^2 / (s^2 + lambda)^2 over singular values s with components u of f.
    """
    usable = squares > 1e-24 * squares[:, :1]
    powers = np.where(usable, squares, 1.0)
    energy = np.where(usable, powers * np.square(along), 0.0)
    goal = share * (energy / np.square(powers)).sum(axis=1)
    largest = np.log(np.maximum(squares[:, 0], np.finfo(float).tiny))
    low, high = largest - 60.0, largest + 30.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        norm = (energy / np.square(powers + np.exp(middle)[:, None])).sum(axis=1)
        low, high = np.where(norm > goal, middle, low), np.where(norm > goal, high, middle)
    result: FloatArray = np.exp(0.5 * (low + high))
    return result
