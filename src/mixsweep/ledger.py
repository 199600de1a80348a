"""The ledger of a run: what every pass cost and found, and whether the fit goes on."""

from __future__ import annotations

import numpy as np

from mixsweep.coordinates import Parametrisation
from mixsweep.endpoints import Endpoints, take
from mixsweep.families.base import Evaluation
from mixsweep.methods.base import Step
from mixsweep.objective import Objective
from mixsweep.status import Status
from mixsweep.typing import BoolArray, IntArray, Parameters

__all__ = ["Ledger"]

#: A fall of the log-likelihood by less than this share of it is rounding of its sum.
ROUNDING = 1e-12
#: Rows x fits x components from which a pass takes longer than the bookkeeping of its reuse.
WORTH_REUSE = 100_000


class Ledger:
    """Judges and records the passes of R fits; the same for every method.

    Parameters
    ----------
    objective : Objective
        The cell.
    tol : float
        A fit has converged when the EM decrement per row at an accepted point is below this; 0 never.
    max_passes : int
        Pass budget of a fit.
    checkpoints : int
        Length of a trace.
    """

    def __init__(self, objective: Objective, tol: float, max_passes: int, checkpoints: int) -> None:
        self.objective = objective
        self.tol = tol
        self.max_passes = max_passes
        self.checkpoints = checkpoints
        self._columns = _checkpoint_columns(max_passes, checkpoints)

    def open(self, starts: Parameters) -> None:
        """Begin with R starts; what was recorded before is dropped."""
        self._ends = Endpoints.empty(starts, self.checkpoints)
        self._best = {name: values.copy() for name, values in starts.items()}
        count = len(starts["weights"])
        self._best_value = np.full(count, -np.inf)
        self._best_decrement = np.full(count, np.nan)
        # rows looked at, a whole number, so that fractions of a pass add up exactly
        self._rows = np.zeros(count, dtype=np.int64)
        self._trial_rows = np.zeros(count, dtype=np.int64)
        self._described = np.zeros(count, dtype=bool)

    def count_pass(self, active: IntArray, rows: IntArray) -> None:
        """Count a pass that was taken, before anything is made of it: it has cost what it has cost.

        Parameters
        ----------
        active : ndarray of int, shape (m,)
            The numbers of the fits it was taken for.
        rows : ndarray of int, shape (m,)
            How many rows it looked at.
        """
        ends, n_rows = self._ends, self.objective.n_rows
        self._rows[active] += rows
        ends.n_passes[active] = self._rows[active] / n_rows
        ends.n_function_values[active] += 1
        # a trial until the method has accepted the point
        self._trial_rows[active] += rows
        ends.n_trial_passes[active] = self._trial_rows[active] / n_rows

    def enter(
        self,
        active: IntArray,
        parameters: Parameters,
        evaluation: Evaluation,
        rows: IntArray,
        step: Step,
    ) -> BoolArray:
        """Record what a pass of the active fits, counted before, has found.

        Parameters
        ----------
        active : ndarray of int, shape (m,)
            Their numbers.
        parameters, evaluation
            Where the pass was taken and what it found.
        rows : ndarray of int, shape (m,)
            How many rows it looked at.
        step : Step
            What the method says.

        Returns
        -------
        ndarray of bool, shape (m,)
            Which fits stop.
        """
        ends, n_rows = self._ends, self.objective.n_rows
        self._trial_rows[active] -= np.where(step.accepted, rows, 0)
        ends.n_trial_passes[active] = self._trial_rows[active] / n_rows
        ends.n_constraint_violations[active] += self.objective.outside(parameters)
        whole = rows == n_rows
        status = self._judge(active, parameters, evaluation, whole, step)
        ends.status[active] = status
        sound = step.accepted & (status != Status.DIVERGED)
        ends.n_iterations[active] += sound & (ends.n_function_values[active] > 1)
        recorded = sound & whole & np.isfinite(evaluation.log_likelihood)
        self._record(active, parameters, evaluation, recorded)
        stopped: BoolArray = status != Status.NOT_RUN
        self._describe_last(active, parameters, evaluation, stopped & recorded)
        self._trace(active, whole | stopped, stopped)
        self._restore_best(active[status == Status.DIVERGED])
        return stopped

    def count_outside_passes(self, active: IntArray, passes: int) -> None:
        """Count passes over all rows that were not entered, each at a new current point of its fit."""
        ends = self._ends
        self._rows[active] += passes * self.objective.n_rows
        ends.n_passes[active] = self._rows[active] / self.objective.n_rows
        ends.n_function_values[active] += passes
        ends.n_iterations[active] += passes

    def end(self, active: IntArray, status: Status) -> None:
        """End fits where they stand, without a further pass: their solver has ended by itself."""
        self._ends.status[active] = status
        everywhere = np.ones(len(active), dtype=bool)
        self._trace(active, everywhere, everywhere)

    def fail(self, active: IntArray, seconds: float) -> None:
        """End fits by an exception, at the best point each visited; all their seconds are given.

        What else is known about an endpoint would take a pass more, which could raise the exception again.
        """
        self.end(active, Status.ERROR)
        self._restore_best(active)
        self._ends.seconds[active] = seconds

    def add_seconds(self, worked: IntArray, seconds: float) -> None:
        """Share the wall time of a pass among its fits."""
        self._ends.seconds[worked] += seconds / len(worked)

    def measure_ends(self, part: slice) -> None:
        """Take one more pass, which is no fit's cost, at those of some endpoints that need it."""
        numbers = np.arange(len(self._described))[part]
        numbers = numbers[~self._described[part]]
        if len(numbers):
            parameters = take(self._ends.parameters, numbers)
            self._describe(numbers, parameters, self.objective.evaluate(parameters))

    def _describe_last(
        self, active: IntArray, parameters: Parameters, evaluation: Evaluation, ended: BoolArray
    ) -> None:
        """Describe endpoints by the pass that ended their fits, if that saves time."""
        # without a decrement the pass was taken with other responsibilities than the posterior ones
        known = np.flatnonzero(ended & np.isfinite(evaluation.decrement))
        if len(known) * self.objective.n_components * self.objective.n_rows >= WORTH_REUSE:
            self._describe(active[known], take(parameters, known), evaluation.take(known))

    def _describe(self, numbers: IntArray, parameters: Parameters, evaluation: Evaluation) -> None:
        """Enter what is known about endpoints from a pass over all rows there."""
        objective, ends = self.objective.in_coordinates(Parametrisation()), self._ends
        _, gradient = objective.loss(objective.to_vector(parameters), parameters, evaluation)
        known = np.isfinite(ends.log_likelihood[numbers])
        ends.gradient_norm[numbers] = np.where(known, np.linalg.norm(gradient, axis=1), np.nan)
        ends.n_floored_components[numbers] = objective.floored(parameters, evaluation).sum(axis=1)
        ends.n_vanishing_components[numbers] = (evaluation.counts < 1).sum(axis=1)
        # a last point that was reached with other responsibilities has no decrement yet
        unknown = known & np.isnan(ends.em_decrement[numbers])
        ends.em_decrement[numbers] = np.where(unknown, evaluation.decrement, ends.em_decrement[numbers])
        self._described[numbers] = True

    def close(self) -> Endpoints:
        """Return what has been recorded."""
        return self._ends

    def _judge(
        self,
        active: IntArray,
        parameters: Parameters,
        evaluation: Evaluation,
        whole: BoolArray,
        step: Step,
    ) -> np.ndarray:
        """Return each fit's status, `NOT_RUN` for those that go on. Later lines take precedence."""
        status = np.full(len(active), Status.NOT_RUN, dtype=np.int8)
        status[self._rows[active] >= self.max_passes * self.objective.n_rows] = Status.BUDGET
        status[step.stalled] = Status.STALLED
        # at tol 0 a decrement of minus rounding error does not count
        converged = step.accepted & (evaluation.decrement < self.tol) & (self.tol > 0)
        status[converged] = Status.CONVERGED
        if converged.any() and self.objective.n_components > 1:
            points, maximised = take(parameters, converged), take(evaluation.maximised, converged)
            # by symmetry EM never leaves equal components, whatever the likelihood around them
            beside = self.objective.coincident(points) | self.objective.driven_apart(points, maximised)
            status[np.flatnonzero(converged)[beside]] = Status.SADDLE
        sound = _finite(parameters)
        status[step.accepted & ~(sound & np.isfinite(evaluation.log_likelihood))] = Status.DIVERGED
        # a singular covariance makes the log-likelihood infinite: a collapse, not a divergence
        collapsed = self.objective.collapsed(parameters, evaluation)
        status[step.accepted & sound & whole & collapsed] = Status.COLLAPSED
        return status

    def _record(
        self, active: IntArray, parameters: Parameters, evaluation: Evaluation, keep: BoolArray
    ) -> None:
        ends, index = self._ends, active[keep]
        value = evaluation.log_likelihood[keep]
        with np.errstate(invalid="ignore"):  # nothing falls from the unknown value before the start
            fall = ends.log_likelihood[index] - value
            fell = fall > ROUNDING * np.maximum(np.abs(value), 1.0)
        ends.n_decreases[index] += fell
        ends.largest_decrease[index] = np.maximum(ends.largest_decrease[index], np.where(fell, fall, 0.0))
        for name, values in parameters.items():
            ends.parameters[name][index] = values[keep]
        ends.log_likelihood[index] = value
        ends.em_decrement[index] = evaluation.decrement[keep]
        better = value > self._best_value[index]
        self._best_value[index[better]] = value[better]
        self._best_decrement[index[better]] = evaluation.decrement[keep][better]
        for name, values in parameters.items():
            self._best[name][index[better]] = values[keep][better]

    def _restore_best(self, failed: IntArray) -> None:
        """Put the best point that a failed fit visited in the place of its last one."""
        known = failed[np.isfinite(self._best_value[failed])]
        for name, values in self._best.items():
            self._ends.parameters[name][known] = values[known]
        self._ends.log_likelihood[known] = self._best_value[known]
        self._ends.em_decrement[known] = self._best_decrement[known]

    def _trace(self, active: IntArray, kept: BoolArray, stopped: BoolArray) -> None:
        ends = self._ends
        column = self._columns[np.minimum(np.ceil(ends.n_passes[active]).astype(np.int64), self.max_passes)]
        # the last pass is always kept, in the column after the last checkpoint
        last = stopped & (column < 0) & (ends.n_passes[active] > 0)
        used = np.isfinite(ends.trace_passes[active[last]])
        column[last] = np.where(used, np.arange(used.shape[1]) + 1, 0).max(axis=1, initial=0)
        kept = kept & (column >= 0)
        ends.trace_passes[active[kept], column[kept]] = ends.n_passes[active[kept]]
        ends.trace_log_likelihood[active[kept], column[kept]] = ends.log_likelihood[active[kept]]


def _finite(parameters: Parameters) -> BoolArray:
    each = [np.isfinite(values).all(axis=tuple(range(1, values.ndim))) for values in parameters.values()]
    finite: BoolArray = np.logical_and.reduce(each)
    return finite


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
