"""The one loop: a batch of fits goes from starts to endpoints, one pass at a time."""

from __future__ import annotations

import dataclasses
import logging
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixsweep.errors import MixsweepError
from mixsweep.families.base import Evaluation
from mixsweep.methods.base import Method, State, Step
from mixsweep.objective import Objective
from mixsweep.status import Status
from mixsweep.typing import BoolArray, FloatArray, IntArray, Parameters

__all__ = ["CHECKPOINTS", "Endpoints", "run", "take"]

logger = logging.getLogger(__name__)

#: Length of a trace: checkpoints at logarithmically spaced passes, and the last pass.
CHECKPOINTS = 128
#: Fits are batched so that a pass has at most this many columns (fits x components).
BATCH_COLUMNS = 1024


@dataclass(frozen=True)
class Endpoints:
    """Where R fits stopped, in standardised units.

    Attributes
    ----------
    parameters : dict of ndarray
        The last accepted finite point.
    log_likelihood, em_decrement : ndarray, shape (R,)
        At that point; the total, and per row.
    status : ndarray of int8, shape (R,)
        Values of `mixsweep.status.Status`.
    n_passes : ndarray, shape (R,)
        Passes used.
    n_iterations : ndarray of int, shape (R,)
        Accepted points after the start.
    trace_passes, trace_log_likelihood : ndarray, shape (R, `CHECKPOINTS`)
        Current log-likelihood after so many passes, NaN-padded.
    seconds : ndarray, shape (R,)
        Own share of the batch's wall time.
    """

    parameters: Parameters
    log_likelihood: FloatArray
    em_decrement: FloatArray
    status: np.ndarray
    n_passes: FloatArray
    n_iterations: IntArray
    trace_passes: FloatArray
    trace_log_likelihood: FloatArray
    seconds: FloatArray

    @classmethod
    def joined(cls, first: Endpoints, second: Endpoints) -> Endpoints:
        """Return the endpoints of two runs one after the other."""
        parameters = _joined(first.parameters, second.parameters)
        rest = {
            field.name: np.concatenate([getattr(first, field.name), getattr(second, field.name)])
            for field in dataclasses.fields(cls)
            if field.name != "parameters"
        }
        return cls(parameters=parameters, **rest)

    @classmethod
    def empty(cls, starts: Parameters, checkpoints: int) -> Endpoints:
        """Return room for the endpoints of R starts."""
        count = len(starts["weights"])
        return cls(
            parameters={name: values.copy() for name, values in starts.items()},
            log_likelihood=np.full(count, np.nan),
            em_decrement=np.full(count, np.nan),
            status=np.full(count, Status.NOT_RUN, dtype=np.int8),
            n_passes=np.zeros(count),
            n_iterations=np.zeros(count, dtype=np.int64),
            trace_passes=np.full((count, checkpoints), np.nan),
            trace_log_likelihood=np.full((count, checkpoints), np.nan),
            seconds=np.zeros(count),
        )


def take(arrays: dict[str, FloatArray], index: slice | NDArray[Any]) -> dict[str, FloatArray]:
    """Return the chosen restarts of a dictionary of arrays."""
    return {name: values[index] for name, values in arrays.items()}


def _checkpoint_columns(max_passes: int, checkpoints: int) -> IntArray:
    """Return the trace's column for each number of passes, -1 where none is kept; the last one stays free."""
    for density in (4 * checkpoints, checkpoints - 1):
        passes = np.unique(np.round(np.geomspace(1, max_passes, density)).astype(np.int64))
        if len(passes) <= checkpoints - 1:
            break
    if max_passes <= checkpoints - 1:
        passes = np.arange(1, max_passes + 1)
    columns = np.full(max_passes + 1, -1, dtype=np.int64)
    columns[passes] = np.arange(len(passes))
    return columns


def run(
    objective: Objective,
    method: Method,
    starts: Parameters,
    *,
    tol: float = 1e-8,
    max_passes: int = 2000,
    checkpoints: int = CHECKPOINTS,
) -> Endpoints:
    """Run a method from every start until each fit stops.

    At most `BATCH_COLUMNS` columns are in the batch; a fit that stops makes room for the next start. Where
    the method or the family raises an exception, the starts are run in halves until the fit that causes it is
    alone and has status `error`, with the traceback in the log.

    Parameters
    ----------
    objective : Objective
        The cell.
    method : Method
        The optimiser with its settings.
    starts : dict of ndarray
        R starts, restarts first, in the family's coordinates.
    tol : float
        A fit has converged when the EM decrement per row at an accepted point is below this; 0 never.
    max_passes : int
        Pass budget of a fit.
    checkpoints : int
        Length of a trace; one more than `max_passes` keeps every pass.

    Returns
    -------
    Endpoints
        In the order of the starts.

    Raises
    ------
    MixsweepError, OSError, MemoryError
        What concerns the input or the machine is no fit's fault and ends the run.
    """
    try:
        return _run_together(objective, method, starts, tol, max_passes, checkpoints)
    except (MixsweepError, OSError, MemoryError):
        raise
    except Exception:
        count = len(starts["weights"])
        if count == 1:
            logger.exception("method %s: a fit ended with an exception", method.name)
            ends = Endpoints.empty(starts, checkpoints)
            ends.status[:] = Status.ERROR
            return ends
        halves = slice(0, count // 2), slice(count // 2, count)
        ends_of = [
            run(
                objective, method, take(starts, half), tol=tol, max_passes=max_passes, checkpoints=checkpoints
            )
            for half in halves
        ]
        return Endpoints.joined(*ends_of)


def _run_together(
    objective: Objective, method: Method, starts: Parameters, tol: float, max_passes: int, checkpoints: int
) -> Endpoints:
    ends = Endpoints.empty(starts, checkpoints)
    count = len(ends.status)
    width = max(1, BATCH_COLUMNS // objective.n_components)
    columns = _checkpoint_columns(max_passes, checkpoints)
    waiting = min(width, count)
    active = np.arange(waiting)
    state = method.start(objective, take(starts, active))
    # A step may overflow: an outcome of that fit, looked for in _judge.
    with np.errstate(all="ignore"):
        while len(active):
            began, worked = time.perf_counter(), active
            parameters = method.ask(objective, state)
            evaluation = objective.evaluate(parameters)
            state, step = method.tell(objective, state, parameters, evaluation)
            status = _judge(
                objective, parameters, evaluation, step, ends.n_passes[active] + 1, tol, max_passes
            )
            _record(ends, active, parameters, evaluation, step, status, columns)
            stopped = status != Status.NOT_RUN
            if stopped.any():
                ends.status[active[stopped]] = status[stopped]
                active, state = active[~stopped], take(state, ~stopped)
                fresh = np.arange(waiting, min(waiting + int(stopped.sum()), count))
                if len(fresh):
                    waiting += len(fresh)
                    state = _joined(state, method.start(objective, take(starts, fresh)))
                    active = np.concatenate([active, fresh])
            ends.seconds[worked] += (time.perf_counter() - began) / len(worked)
    return ends


def _joined(state: State, fresh: State) -> State:
    return {name: np.concatenate([values, fresh[name]]) for name, values in state.items()}


def _finite(parameters: Parameters) -> BoolArray:
    each = [np.isfinite(values).all(axis=tuple(range(1, values.ndim))) for values in parameters.values()]
    finite: BoolArray = np.logical_and.reduce(each)
    return finite


def _judge(
    objective: Objective,
    parameters: Parameters,
    evaluation: Evaluation,
    step: Step,
    n_passes: FloatArray,
    tol: float,
    max_passes: int,
) -> np.ndarray:
    """Return each fit's status after a pass, `NOT_RUN` for those that go on. Later lines take precedence."""
    status = np.full(len(n_passes), Status.NOT_RUN, dtype=np.int8)
    status[n_passes >= max_passes] = Status.BUDGET
    status[step.stalled] = Status.STALLED
    # at tol 0 a decrement of minus rounding error does not count
    status[step.accepted & (evaluation.decrement < tol) & (tol > 0)] = Status.CONVERGED
    sound = _finite(parameters)
    status[step.accepted & ~(sound & np.isfinite(evaluation.log_likelihood))] = Status.DIVERGED
    # a singular covariance makes the log-likelihood infinite: a collapse, not a divergence
    status[step.accepted & sound & objective.collapsed(parameters, evaluation)] = Status.COLLAPSED
    return status


def _record(
    ends: Endpoints,
    active: IntArray,
    parameters: Parameters,
    evaluation: Evaluation,
    step: Step,
    status: np.ndarray,
    columns: IntArray,
) -> None:
    ends.n_passes[active] += 1
    keep = step.accepted & (status != Status.DIVERGED) & np.isfinite(evaluation.log_likelihood)
    index = active[keep]
    for name, values in parameters.items():
        ends.parameters[name][index] = values[keep]
    ends.n_iterations[index] += ends.n_passes[index] > 1
    ends.log_likelihood[index] = evaluation.log_likelihood[keep]
    ends.em_decrement[index] = evaluation.decrement[keep]
    column = columns[ends.n_passes[active].astype(np.int64)]
    # the last pass is always kept, in the column after the last checkpoint
    stopped = (status != Status.NOT_RUN) & (column < 0)
    used = np.isfinite(ends.trace_passes[active[stopped]]).sum(axis=1)
    column[stopped] = used
    kept = column >= 0
    ends.trace_passes[active[kept], column[kept]] = ends.n_passes[active[kept]]
    ends.trace_log_likelihood[active[kept], column[kept]] = ends.log_likelihood[active[kept]]
