"""The strong Wolfe line search of quasi-Newton and conjugate-gradient methods, batched.

Nocedal and Wright 2006, algorithms 3.5 and 3.6.
The search is a small state machine, so that every fit of the batch asks for exactly one point a pass:
the fits of a batch are in different iterations and at different trials.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.methods.base import State
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, FloatArray, Parameters

__all__ = [
    "Trial",
    "aim",
    "cautious_step",
    "descend",
    "judge",
    "move",
    "settle",
    "start",
    "trial_point",
    "trial_vector",
    "unaimed",
    "weigh",
]

SUFFICIENT_DECREASE = 1e-4
#: Trials of one line search.
MAX_TRIALS = 20
#: Differences of the loss below this are rounding; the slope alone decides then (Hager and Zhang 2005).
LOSS_ROUNDING = 1e-14


@dataclass(frozen=True)
class Trial:
    """What a pass found at the trial points of R fits.

    Attributes
    ----------
    loss, gradient : ndarray, shape (R,) and (R, q)
        There; infinity and zero where they are not finite.
    first : ndarray of bool, shape (R,)
        The point was the fit's start.
    accepted : ndarray of bool, shape (R,)
        It satisfies the conditions, or was the start.
    failed : ndarray of bool, shape (R,)
        The search has used up its trials.
    """

    loss: FloatArray
    gradient: FloatArray
    first: BoolArray
    accepted: BoolArray
    failed: BoolArray


def start(vector: FloatArray) -> State:
    """Return the state of R searches whose first pass evaluates the starts themselves."""
    count, size = vector.shape
    return {"vector": vector, **unaimed(count, size)}


def unaimed(count: int, size: int) -> State:
    """Return the state of R searches in q coordinates but for where they are."""
    return {
        "gradient": np.zeros((count, size)),
        "loss": np.full(count, np.inf),
        "direction": np.zeros((count, size)),
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
    }


def trial_point(objective: Objective, state: State) -> Parameters:
    """Return the parameters at the trial points."""
    return objective.from_vector(trial_vector(state))


def trial_vector(state: State) -> FloatArray:
    """Return the coordinates of the trial points."""
    result: FloatArray = state["vector"] + state["step"][:, None] * state["direction"]
    return result


def judge(
    objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation, curvature: float
) -> tuple[State, Trial]:
    """Judge the trial points; choose the next trials of the fits that go on searching.

    Parameters
    ----------
    objective, state, parameters, evaluation
        As in `Method.tell`.
    curvature : float
        The slope's absolute value must fall to this share.
    """
    return weigh(state, *objective.loss(trial_vector(state), parameters, evaluation), curvature)


def weigh(state: State, loss: FloatArray, gradient: FloatArray, curvature: float) -> tuple[State, Trial]:
    """Judge the trial points by what was found there; choose the next trials of those that go on searching.

    Parameters
    ----------
    state : dict of ndarray
    loss, gradient : ndarray, shape (R,) and (R, q)
        At the trial points; the gradient's product with the direction must be the slope there.
    curvature : float
        The slope's absolute value must fall to this share.
    """
    bad = ~(np.isfinite(loss) & np.isfinite(gradient).all(axis=1))
    loss = np.where(bad, np.inf, loss)
    gradient = np.where(bad[:, None], 0.0, gradient)
    first = np.isinf(state["loss"])
    slope = np.einsum("ij,ij->i", gradient, state["direction"])
    accepted = first & ~bad | _wolfe(state, loss, slope, curvature)
    state = _narrow(state, loss, slope, ~accepted)
    failed = ~accepted & ((state["trials"] >= MAX_TRIALS) | first)
    return state, Trial(loss, gradient, first, accepted, failed)


def move(state: State, trial: Trial) -> None:
    """Make the accepted trial points the current points, in place."""
    accepted = trial.accepted
    state["vector"][accepted] += state["step"][accepted, None] * state["direction"][accepted]
    settle(state, trial)


def settle(state: State, trial: Trial) -> None:
    """Take over loss and gradient of the accepted trial points, in place."""
    accepted = trial.accepted
    state["gradient"][accepted] = trial.gradient[accepted]
    state["loss"][accepted] = trial.loss[accepted]


def aim(state: State, chosen: BoolArray, direction: FloatArray, slope: FloatArray, step: FloatArray) -> None:
    """Begin searches of the chosen fits along directions with the given slopes and first trials, in place."""
    state["direction"][chosen] = direction
    state["slope"][chosen] = slope
    state["step"][chosen] = step
    state["trials"][chosen] = 0
    state["low_step"][chosen] = 0
    state["low_loss"][chosen] = state["loss"][chosen]
    state["low_slope"][chosen] = slope
    state["high_step"][chosen] = np.inf


def descend(state: State, chosen: BoolArray) -> None:
    """Begin searches of the chosen fits along their negative gradients, in place."""
    gradient = state["gradient"][chosen]
    slope = -np.square(gradient).sum(axis=1)
    aim(state, chosen, -gradient, slope, cautious_step(gradient))


def cautious_step(gradient: FloatArray) -> FloatArray:
    """Return first trials that make a step along the gradient of length at most 1."""
    norm = np.abs(gradient).sum(axis=1)
    step: FloatArray = np.minimum(1.0, 1.0 / np.where(norm > 0, norm, 1.0))
    return step


def _wolfe(state: State, loss: FloatArray, slope: FloatArray, curvature: float) -> BoolArray:
    """Return whether the trial satisfies the strong Wolfe conditions, allowing for rounding of the loss."""
    with np.errstate(invalid="ignore"):  # infinite losses of fits that have not begun compare as false
        allowance = LOSS_ROUNDING * np.maximum(1.0, np.abs(state["loss"]))
        bound = state["loss"] + SUFFICIENT_DECREASE * state["step"] * state["slope"]
        result: BoolArray = (
            (loss <= bound + allowance)
            & (np.abs(slope) <= curvature * np.abs(state["slope"]))
            & (state["slope"] < 0)
        )
    return result


def _narrow(state: State, loss: FloatArray, slope: FloatArray, searching: BoolArray) -> State:
    """Move an end of the interval to the trial and choose the next trial, for the fits still searching."""
    step, low_step, high_step = state["step"], state["low_step"], state["high_step"]
    bound = state["loss"] + SUFFICIENT_DECREASE * step * state["slope"]
    too_high = (loss > bound) | (loss >= state["low_loss"])
    toward_low = ~too_high & (slope * np.sign(high_step - low_step) >= 0)
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
