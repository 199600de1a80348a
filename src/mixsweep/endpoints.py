"""Where fits stopped, and what is known about their way."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixsweep.status import Status
from mixsweep.typing import FloatArray, IntArray, Parameters

__all__ = ["CHECKPOINTS", "Endpoints", "concatenated", "take"]

#: Length of a trace: checkpoints at logarithmically spaced passes, and the last pass.
CHECKPOINTS = 128


@dataclass(frozen=True)
class Endpoints:
    """Where R fits stopped, in standardised units. All arrays but those of a trace have shape (R,).

    Attributes
    ----------
    parameters : dict of ndarray
        The last accepted finite point; of a diverged fit, or one that ended in an error, the best one.
    log_likelihood, em_decrement : ndarray
        At that point; the total, and per row.
    gradient_norm : ndarray
        There, Euclidean, of the log-likelihood per row in softmax logits, means and logarithmic Cholesky
        factors, whatever the method's own coordinates.
    status : ndarray of int8
        Values of `mixsweep.status.Status`.
    n_passes : ndarray
        Passes used; a mini-batch is a fraction of a pass.
    n_iterations : ndarray of int
        Accepted points after the start.
    n_function_values : ndarray of int
        Points evaluated, those on mini-batches included.
    n_trial_passes : ndarray
        Passes spent at points that were not accepted: trials of line searches, differences for second
        derivatives.
    n_decreases : ndarray of int
        Accepted points with a log-likelihood below that of the point before, by more than rounding.
    largest_decrease : ndarray
        The largest of these, 0 without one.
    n_constraint_violations : ndarray of int
        Points asked for that were no mixtures: a weight or a scale not positive or not finite.
    n_floored_components : ndarray of int
        Components whose smallest covariance eigenvalue is below the floor at the end.
    n_vanishing_components : ndarray of int
        Components with less than one expected row at the end.
    trace_passes, trace_log_likelihood : ndarray, shape (R, checkpoints)
        Current log-likelihood after so many passes, NaN-padded.
    seconds : ndarray
        Own share of the batch's wall time.
    """

    parameters: Parameters
    log_likelihood: FloatArray
    em_decrement: FloatArray
    gradient_norm: FloatArray
    status: np.ndarray
    n_passes: FloatArray
    n_iterations: IntArray
    n_function_values: IntArray
    n_trial_passes: FloatArray
    n_decreases: IntArray
    largest_decrease: FloatArray
    n_constraint_violations: IntArray
    n_floored_components: IntArray
    n_vanishing_components: IntArray
    trace_passes: FloatArray
    trace_log_likelihood: FloatArray
    seconds: FloatArray

    @classmethod
    def joined(cls, first: Endpoints, second: Endpoints) -> Endpoints:
        """Return the endpoints of two runs one after the other."""
        parameters = concatenated(first.parameters, second.parameters)
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

        def unknown() -> FloatArray:
            return np.full(count, np.nan)

        def none() -> IntArray:
            return np.zeros(count, dtype=np.int64)

        return cls(
            parameters={name: values.copy() for name, values in starts.items()},
            log_likelihood=unknown(),
            em_decrement=unknown(),
            gradient_norm=unknown(),
            status=np.full(count, Status.NOT_RUN, dtype=np.int8),
            n_passes=np.zeros(count),
            n_iterations=none(),
            n_function_values=none(),
            n_trial_passes=np.zeros(count),
            n_decreases=none(),
            largest_decrease=np.zeros(count),
            n_constraint_violations=none(),
            n_floored_components=none(),
            n_vanishing_components=none(),
            trace_passes=np.full((count, checkpoints), np.nan),
            trace_log_likelihood=np.full((count, checkpoints), np.nan),
            seconds=np.zeros(count),
        )


def take(arrays: dict[str, FloatArray], index: slice | NDArray[Any]) -> dict[str, FloatArray]:
    """Return the chosen restarts of a dictionary of arrays."""
    return {name: values[index] for name, values in arrays.items()}


def concatenated(first: dict[str, FloatArray], second: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Return two dictionaries of arrays one after the other."""
    return {name: np.concatenate([values, second[name]]) for name, values in first.items()}
