"""The one loop: a batch of fits goes from starts to endpoints, one pass at a time.

Solvers that own their loop run one fit at a time; their passes are entered in the same ledger.
"""

from __future__ import annotations

import logging
import math
import time
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mixsweep.coordinates import Parametrisation
from mixsweep.endpoints import CHECKPOINTS, Endpoints, concatenated, take
from mixsweep.errors import MixsweepError
from mixsweep.families.base import Evaluation
from mixsweep.ledger import Ledger
from mixsweep.methods.ability import check_able
from mixsweep.methods.base import Method, Request, Seeds
from mixsweep.methods.solver import ALONE, Probe, Solver, Stopped, owns_its_loop
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["run"]

logger = logging.getLogger(__name__)

#: Fits are batched so that a pass has at most this many columns (fits x components),
BATCH_COLUMNS = 1024
#: and their parameters at most this many numbers, 2 MB, as a run holds them some ten times over;
BATCH_NUMBERS = 2**18
#: but no fewer columns than this for that: a pass makes the features of the rows once for all its columns.
FEWEST_COLUMNS = 128


def run(
    objective: Objective,
    method: Method | Solver,
    starts: Parameters,
    *,
    tol: float = 1e-8,
    max_passes: int = 2000,
    checkpoints: int = CHECKPOINTS,
    seeds: Seeds | None = None,
) -> Endpoints:
    """Run a method from every start until each fit stops.

    As many fits as columns and memory allow are in the batch; a fit that stops makes room for the next start.
    Where the method or the family raises an exception, the starts are run in halves until the fit that causes
    it is alone and has status `error`, with the traceback in the log; what it has cost until then and the
    best point it visited are kept. A method that is a `Solver` runs every fit alone.

    Parameters
    ----------
    objective : Objective
        The cell.
    method : Method or Solver
        The optimiser with its settings.
    starts : dict of ndarray
        R starts, restarts first, in the family's coordinates.
    tol : float
        A fit has converged when the EM decrement per row at an accepted point is below this; 0 never.
    max_passes : int
        Pass budget of a fit.
    checkpoints : int
        Length of a trace; one more than `max_passes` keeps every pass.
    seeds : ndarray of int, shape (R,), or None
        For the random numbers of stochastic methods; by default 0, 1, ....

    Returns
    -------
    Endpoints
        In the order of the starts.

    Raises
    ------
    MixsweepError, OSError, MemoryError
        What concerns the input or the machine is no fit's fault and ends the run.
    """
    check_able(method, objective.family, f"method {method.name}")
    objective = objective.in_coordinates(getattr(method, "parametrisation", Parametrisation()))
    count = len(starts["weights"])
    if count == 0:
        return Endpoints.empty(starts, checkpoints)
    seeds = np.arange(count) if seeds is None else seeds
    return _run(objective, method, starts, seeds, Ledger(objective, tol, max_passes, checkpoints))


def _run(
    objective: Objective, method: Method | Solver, starts: Parameters, seeds: Seeds, ledger: Ledger
) -> Endpoints:
    if owns_its_loop(method) and len(seeds) > 1:
        return _run_halves(objective, method, starts, seeds, ledger)
    ledger.open(starts)
    began = time.perf_counter()
    try:
        if owns_its_loop(method):
            return _run_alone(objective, cast(Solver, method), starts, ledger)
        return _run_together(objective, cast(Method, method), starts, seeds, ledger)
    except (MixsweepError, OSError, MemoryError):
        raise
    except Exception:
        if len(seeds) > 1:
            return _run_halves(objective, method, starts, seeds, ledger)
        logger.exception("method %s: a fit ended with an exception", method.name)
        ledger.fail(ALONE, time.perf_counter() - began)
        return ledger.close()


def _run_halves(
    objective: Objective, method: Method | Solver, starts: Parameters, seeds: Seeds, ledger: Ledger
) -> Endpoints:
    count = len(seeds)
    halves = slice(0, count // 2), slice(count // 2, count)
    return Endpoints.joined(
        *(_run(objective, method, take(starts, half), seeds[half], ledger) for half in halves)
    )


def _run_alone(objective: Objective, solver: Solver, start: Parameters, ledger: Ledger) -> Endpoints:
    began = time.perf_counter()
    try:
        with np.errstate(all="ignore"):
            status = solver.solve(objective, start, Probe(objective, ledger))
    except Stopped:
        pass  # the ledger, which raised it, has noted the fit's status
    else:
        ledger.end(ALONE, status)
    ledger.add_seconds(ALONE, time.perf_counter() - began)
    ledger.measure_ends(slice(0, 1))
    return ledger.close()


def _run_together(
    objective: Objective, method: Method, starts: Parameters, seeds: Seeds, ledger: Ledger
) -> Endpoints:
    # A step may overflow: an outcome of that fit, looked for by the ledger.
    with np.errstate(all="ignore"):
        _run_batches(objective, method, starts, seeds, ledger)
        width = _batch_width(objective, len(seeds))
        for first in range(0, len(seeds), width):
            ledger.measure_ends(slice(first, first + width))
    return ledger.close()


def _run_batches(
    objective: Objective, method: Method, starts: Parameters, seeds: Seeds, ledger: Ledger
) -> None:
    """Take passes until every fit has stopped."""
    count = len(seeds)
    waiting = _batch_width(objective, count)
    active = np.arange(waiting)
    state = method.start(objective, take(starts, active), seeds[active])
    while len(active):
        began, worked = time.perf_counter(), active
        request = method.ask(objective, state)
        evaluation, rows = evaluate(objective, request)
        ledger.count_pass(active, rows)
        state, step = method.tell(objective, state, request.parameters, evaluation)
        stopped = ledger.enter(active, request.parameters, evaluation, rows, step)
        if stopped.any():
            active, state = active[~stopped], take(state, ~stopped)
            fresh = np.arange(waiting, min(waiting + int(stopped.sum()), count))
            if len(fresh):
                waiting += len(fresh)
                state = concatenated(state, method.start(objective, take(starts, fresh), seeds[fresh]))
                active = np.concatenate([active, fresh])
        # not kept through the next pass: each holds as many numbers as the batch has parameters
        del request, evaluation, step
        ledger.add_seconds(worked, time.perf_counter() - began)


def _batch_width(objective: Objective, count: int) -> int:
    """Return how many of the fits are run together: batches are about as large as one another."""
    shapes = objective.family.shapes(objective.n_components, objective.n_features)
    numbers = sum(math.prod(shape) for shape in shapes.values())
    by_memory = max(BATCH_NUMBERS // numbers, FEWEST_COLUMNS // objective.n_components)
    most = max(1, min(BATCH_COLUMNS // objective.n_components, by_memory))
    return -(-count // -(-count // most))


def evaluate(objective: Objective, request: Request) -> tuple[Evaluation, NDArray[Any]]:
    """Take the pass that is asked for.

    Returns
    -------
    evaluation : Evaluation
        With a decrement of NaN where it was not taken over all rows by posterior probabilities.
    rows : ndarray of int, shape (R,)
        How many rows it looked at for each fit.
    """
    count = len(request.parameters["weights"])
    rows = np.full(count, objective.n_rows)
    if request.mini_batch is None:
        return objective.evaluate(request.parameters, request.assignment), rows
    parts = []
    for number in np.unique(request.mini_batch):
        index = np.flatnonzero(request.mini_batch == number)
        parameters = take(request.parameters, index)
        if number < 0:
            assignment = None if request.assignment is None else request.assignment.take(index)
            parts.append((index, objective.evaluate(parameters, assignment)))
            continue
        evaluation = objective.evaluate_mini_batch(parameters, int(number), request.n_mini_batches)
        evaluation.decrement[:] = np.nan
        parts.append((index, evaluation))
        rows[index] = len(objective.mini_batch_rows(int(number), request.n_mini_batches))
    return Evaluation.scattered(parts), rows
