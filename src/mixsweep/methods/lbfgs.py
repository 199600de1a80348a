"""Limited-memory BFGS with a strong Wolfe line search, batched.

Nocedal and Wright 2006, algorithms 7.4, 3.5 and 3.6.
The line search is a small state machine, so that every fit of the batch asks for exactly one point a pass:
the fits of a batch are in different iterations and at different trials.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.methods.base import State, Step, require
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, FloatArray, Parameters

__all__ = ["LBFGS"]

SUFFICIENT_DECREASE = 1e-4
CURVATURE = 0.9
#: Trials of one line search; then the memory is dropped, and after a second failure the fit has stalled.
MAX_TRIALS = 20
#: Differences of the loss below this are rounding; the slope alone decides then (Hager and Zhang 2005).
LOSS_ROUNDING = 1e-14


@dataclass(frozen=True)
class LBFGS:
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
        valid = isinstance(self.memory, int) and self.memory >= 1
        require(valid, self.name, "memory", self.memory, "an integer of at least 1")

    def start(self, objective: Objective, parameters: Parameters) -> State:
        """Return the starts' coordinates with an empty memory; the first pass evaluates the start itself."""
        vector = objective.family.to_vector(parameters)
        count, size = vector.shape
        return {
            "vector": vector,
            "gradient": np.zeros_like(vector),
            "loss": np.full(count, np.inf),
            "direction": np.zeros_like(vector),
            "slope": np.zeros(count),
            "step": np.zeros(count),
            "trials": np.zeros(count),
            # The two ends of the line search's interval: step, loss and slope; high_step is infinite until
            # the minimum is bracketed.
            "low_step": np.zeros(count),
            "low_loss": np.zeros(count),
            "low_slope": np.zeros(count),
            "high_step": np.full(count, np.inf),
            "high_loss": np.zeros(count),
            "high_slope": np.zeros(count),
            "steps": np.zeros((count, self.memory, size)),
            "changes": np.zeros((count, self.memory, size)),
            "curvatures": np.zeros((count, self.memory)),  # 1 / (step' change); 0 marks an empty place
        }

    def ask(self, objective: Objective, state: State) -> Parameters:
        """Return the parameters at the trial points."""
        return objective.from_vector(state["vector"] + state["step"][:, None] * state["direction"])

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Accept the trial point and choose a new direction, or choose another trial."""
        loss, gradient = objective.loss(parameters, evaluation)
        bad = ~(np.isfinite(loss) & np.isfinite(gradient).all(axis=1))
        loss = np.where(bad, np.inf, loss)
        gradient = np.where(bad[:, None], 0.0, gradient)
        first = np.isinf(state["loss"])
        slope = np.einsum("ij,ij->i", gradient, state["direction"])
        accepted = first & ~bad | _wolfe(state, loss, slope)

        state = _narrow(state, loss, slope, ~accepted)
        failed = ~accepted & ((state["trials"] >= MAX_TRIALS) | first)
        if accepted.any():
            state = self._advance(state, loss, gradient, accepted, first)
        # A failed search is tried once more along the gradient, without memory.
        has_memory = (state["curvatures"] != 0).any(axis=1)
        stalled = failed & ~has_memory
        if (failed & has_memory).any():
            state = self._restart(state, failed & has_memory)
        return state, Step(accepted, stalled)

    def _advance(
        self, state: State, loss: FloatArray, gradient: FloatArray, accepted: BoolArray, first: BoolArray
    ) -> State:
        """Move the accepted fits to their trial points, update their memories and choose directions."""
        moved = state["step"][accepted, None] * state["direction"][accepted]
        change = gradient[accepted] - state["gradient"][accepted]
        product = np.einsum("ij,ij->i", moved, change)
        useful = ~first[accepted] & (product > 1e-12 * np.square(change).sum(axis=1))
        keep = np.flatnonzero(accepted)[useful]
        for name, values in (
            ("steps", moved[useful]),
            ("changes", change[useful]),
            ("curvatures", 1.0 / product[useful]),
        ):
            state[name][keep, :-1] = state[name][keep, 1:]
            state[name][keep, -1] = values
        state["vector"][accepted] += moved
        state["gradient"][accepted] = gradient[accepted]
        state["loss"][accepted] = loss[accepted]
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
        # Without memory the scale is unknown: first trial of length at most 1.
        norm = np.abs(gradient).sum(axis=1)
        cautious = np.minimum(1.0, 1.0 / np.where(norm > 0, norm, 1.0))
        state["direction"][chosen] = direction
        state["slope"][chosen] = slope
        state["step"][chosen] = np.where((curvatures == 0).all(axis=1), cautious, 1.0)
        state["trials"][chosen] = 0
        state["low_step"][chosen] = 0
        state["low_loss"][chosen] = state["loss"][chosen]
        state["low_slope"][chosen] = slope
        state["high_step"][chosen] = np.inf
        return state

    def _restart(self, state: State, chosen: BoolArray) -> State:
        for name in ("steps", "changes", "curvatures"):
            state[name][chosen] = 0
        return self._aim(state, chosen)


def _wolfe(state: State, loss: FloatArray, slope: FloatArray) -> BoolArray:
    """Whether the trial satisfies the strong Wolfe conditions, with allowance for rounding of the loss."""
    with np.errstate(invalid="ignore"):  # infinite losses of fits that have not begun compare as false
        allowance = LOSS_ROUNDING * np.maximum(1.0, np.abs(state["loss"]))
        bound = state["loss"] + SUFFICIENT_DECREASE * state["step"] * state["slope"]
        result: BoolArray = (
            (loss <= bound + allowance)
            & (np.abs(slope) <= CURVATURE * np.abs(state["slope"]))
            & (state["slope"] < 0)
        )
    return result


def _narrow(state: State, loss: FloatArray, slope: FloatArray, searching: BoolArray) -> State:
    """Move an end of the interval to the trial and choose the next trial, for the fits still searching."""
    step, low_step, high_step = state["step"], state["low_step"], state["high_step"]
    bound = state["loss"] + SUFFICIENT_DECREASE * step * state["slope"]
    too_high = (loss > bound) | (loss >= state["low_loss"])
    toward_low = ~too_high & (slope * (np.where(np.isinf(high_step), np.inf, high_step) - low_step) >= 0)
    old_low = (low_step, state["low_loss"], state["low_slope"])
    trial = (step, loss, slope)
    state = dict(state)
    for index, part in enumerate(("step", "loss", "slope")):
        high = np.where(too_high, trial[index], np.where(toward_low, old_low[index], state[f"high_{part}"]))
        low = np.where(too_high, old_low[index], trial[index])
        state[f"high_{part}"] = np.where(searching, high, state[f"high_{part}"])
        state[f"low_{part}"] = np.where(searching, low, state[f"low_{part}"])
    state["step"] = np.where(searching, _next_trial(state), step)
    state["trials"] = state["trials"] + searching
    return state


def _next_trial(state: State) -> FloatArray:
    """Return the minimiser of the cubic through both ends, kept off them; triple the step if unbracketed."""
    low, high = state["low_step"], state["high_step"]
    bracketed = np.isfinite(high)
    with np.errstate(all="ignore"):  # a useless cubic gives NaN and is replaced by bisection
        width = high - low
        d1 = state["low_slope"] + state["high_slope"] - 3 * (state["high_loss"] - state["low_loss"]) / width
        root = np.sqrt(np.square(d1) - state["low_slope"] * state["high_slope"])
        d2 = np.sign(width) * root
        share = 1 - (state["high_slope"] + d2 - d1) / (state["high_slope"] - state["low_slope"] + 2 * d2)
        share = np.where(np.isfinite(share), np.clip(share, 0.1, 0.9), 0.5)
        inside = low + share * width
    return np.where(bracketed, inside, 3.0 * low)


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
