"""Limited-memory BFGS with a strong Wolfe line search, batched.

Nocedal and Wright 2006, algorithms 7.4, 3.5 and 3.6. A failed line search is tried once more along the
gradient, without memory; then the fit has stalled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.kernels import load
from mixsweep.methods import line_search
from mixsweep.methods.base import GradientMethod, Request, Seeds, State, Step, require
from mixsweep.methods.line_search import Trial
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, FloatArray, IntArray, Parameters

__all__ = ["LBFGS", "check_memory", "empty_memory", "proceed", "two_loop"]

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
        check_memory(self.name, self.memory)

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts' coordinates with an empty memory; the first pass evaluates the start itself."""
        vector = objective.to_vector(parameters)
        count, size = vector.shape
        return {**line_search.start(vector), **empty_memory(count, size, self.memory)}

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the parameters at the trial points."""
        return Request(line_search.trial_point(objective, state))

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Accept the trial point and choose a new direction, or choose another trial."""
        state, trial = line_search.judge(objective, state, parameters, evaluation, CURVATURE)
        return proceed(state, trial, line_search.move, line_search.cautious_step)


def check_memory(method: str, memory: int) -> None:
    """Raise a `MixsweepError` unless the setting is a number of correction pairs."""
    valid = isinstance(memory, int) and memory >= 1
    require(valid, method, "memory", memory, "an integer of at least 1")


def empty_memory(count: int, size: int, memory: int) -> State:
    """Return the state of R memories without correction pairs in q coordinates."""
    return {
        "steps": np.zeros((count, memory, size)),
        "changes": np.zeros((count, memory, size)),
        "curvatures": np.zeros((count, memory)),  # 1 / (step' change); 0 marks an empty place
        # the newest pair's place; older ones stand before it, round the end
        "newest": np.full(count, memory - 1),
    }


def proceed(
    state: State,
    trial: Trial,
    move: Callable[[State, Trial], None],
    first_step: Callable[[FloatArray], FloatArray],
) -> tuple[State, Step]:
    """Take in judged trials: accept points and choose directions from there, or give up.

    Parameters
    ----------
    state : dict of ndarray
        Of line searches and memories; its arrays are reused.
    trial : Trial
        What was found at the trial points.
    move : callable
        Makes the accepted trial points of a state the current ones, in place.
    first_step : callable
        Gives the first trials along negative gradients, shape (c, q), without memory.
    """
    if trial.accepted.any():
        _remember(state, trial)
        move(state, trial)
        _aim(state, trial.accepted, first_step)
    # A failed search is tried once more along the gradient, without memory.
    has_memory = (state["curvatures"] != 0).any(axis=1)
    again = trial.failed & has_memory
    if again.any():
        for name in ("steps", "changes", "curvatures"):
            state[name][again] = 0
        _aim(state, again, first_step)
    return state, Step(trial.accepted, trial.failed & ~has_memory)


def _remember(state: State, trial: Trial) -> None:
    """Enter the steps to the accepted trial points into the memories, in place."""
    accepted = trial.accepted
    moved = state["step"][accepted, None] * state["direction"][accepted]
    change = trial.gradient[accepted] - state["gradient"][accepted]
    product = np.einsum("ij,ij->i", moved, change)
    useful = ~trial.first[accepted] & (product > 1e-12 * np.square(change).sum(axis=1))
    keep = np.flatnonzero(accepted)[useful]
    place = (state["newest"][keep] + 1) % state["steps"].shape[1]
    state["newest"][keep] = place
    state["steps"][keep, place] = moved[useful]
    state["changes"][keep, place] = change[useful]
    state["curvatures"][keep, place] = 1.0 / product[useful]


def _aim(state: State, chosen: BoolArray, first_step: Callable[[FloatArray], FloatArray]) -> None:
    """Set direction and first trial of the chosen fits, in place."""
    gradient = state["gradient"][chosen]
    direction = -two_loop(gradient, np.flatnonzero(chosen), state)
    slope = np.einsum("ij,ij->i", gradient, direction)
    uphill = ~(slope < 0)
    direction[uphill] = -gradient[uphill]
    slope[uphill] = -np.square(gradient[uphill]).sum(axis=1)
    # Without memory the scale is unknown.
    empty = (state["curvatures"][chosen] == 0).all(axis=1)
    step = np.where(empty, first_step(gradient), 1.0)
    line_search.aim(state, chosen, direction, slope, step)


def two_loop(gradient: FloatArray, fits: IntArray, state: State) -> FloatArray:
    """Return the inverse Hessian approximation of some of the fits times their gradients."""
    kernels = load()
    product = reference_two_loop if kernels is None else kernels.two_loop
    newest = np.asarray(state["newest"], dtype=np.int64)
    result: FloatArray = product(
        gradient, fits, state["steps"], state["changes"], state["curvatures"], newest
    )
    return result


def reference_two_loop(
    gradient: FloatArray,
    fits: IntArray,
    steps: FloatArray,
    changes: FloatArray,
    curvatures: FloatArray,
    newest: IntArray,
) -> FloatArray:
    """Return the product of `two_loop` by NumPy; empty places, with curvature 0, do nothing.

    Parameters
    ----------
    gradient : ndarray, shape (c, q)
    fits : ndarray of int, shape (c,)
        Which of the R fits these are.
    steps, changes : ndarray, shape (R, memory, q)
    curvatures : ndarray, shape (R, memory)
    newest : ndarray of int, shape (R,)
        Place of the newest pair.
    """
    result = gradient.copy()
    memory = curvatures.shape[1]
    places = (newest[fits, None] - np.arange(memory)) % memory  # newest first
    own = curvatures[fits[:, None], places]
    shares = np.zeros_like(own)
    for j, place in enumerate(places.T):
        shares[:, j] = own[:, j] * np.einsum("ij,ij->i", steps[fits, place], result)
        result -= shares[:, j, None] * changes[fits, place]
    last = own[:, 0]
    squares = np.square(changes[fits, newest[fits]]).sum(axis=1)
    scaling = np.where(last > 0, 1.0 / np.where(last > 0, last * squares, 1.0), 1.0)
    result *= scaling[:, None]
    for j in reversed(range(memory)):
        place = places[:, j]
        share = own[:, j] * np.einsum("ij,ij->i", changes[fits, place], result)
        result += (shares[:, j] - share)[:, None] * steps[fits, place]
    return result
