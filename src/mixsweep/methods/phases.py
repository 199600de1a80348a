"""Fits of one batch that are in different phases of a method: each phase has a `tell` of its own."""

from __future__ import annotations

from collections.abc import Callable

from mixsweep.endpoints import take
from mixsweep.families.base import Evaluation
from mixsweep.methods.base import State, Step
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, Parameters

__all__ = ["Tell", "tell_by_phase"]

#: The signature of `Method.tell`.
Tell = Callable[[Objective, State, Parameters, Evaluation], tuple[State, Step]]


def tell_by_phase(
    objective: Objective,
    state: State,
    parameters: Parameters,
    evaluation: Evaluation,
    first: BoolArray,
    tell_first: Tell,
    tell_second: Tell,
) -> tuple[State, Step]:
    """Tell some fits of a batch by one function and the others by another.

    Parameters
    ----------
    objective, state, parameters, evaluation
        As in `Method.tell`; the state's arrays are left as they are.
    first : ndarray of bool, shape (R,)
        The fits of the first function.
    tell_first, tell_second : callable
        Each returns all arrays of the state that it was given.

    Returns
    -------
    State, Step
        Of the whole batch.
    """
    result = {name: values.copy() for name, values in state.items()}
    step = Step.taken(evaluation)
    for chosen, tell in ((first, tell_first), (~first, tell_second)):
        if not chosen.any():
            continue
        own, judged = tell(objective, take(state, chosen), take(parameters, chosen), evaluation.take(chosen))
        for name, values in own.items():
            result[name][chosen] = values
        step.accepted[chosen] = judged.accepted
        step.stalled[chosen] = judged.stalled
    return result, step
