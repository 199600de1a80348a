"""Starts at the best of several short EM runs (Biernacki, Celeux and Govaert 2003: em-EM)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mixsweep.endpoints import take
from mixsweep.initializers.random_points import RandomPoints
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, Parameters

__all__ = ["PASSES", "RUNS", "SmallEM", "best_of_runs"]

#: Short runs for each start, and the passes of each.
RUNS, PASSES = 10, 10
#: A short run does not compete if a covariance has an eigenvalue below this share of the data's smallest.
SMALLEST_EIGENVALUE_RATIO = 1e-3


class SmallEM:
    """The best of ten short EM runs, each of ten passes from K random rows (see `RandomPoints`).

    The run with the highest log-likelihood in its last pass goes on, at the parameters of that pass's
    M-step: means, covariances and weights are those of the EM iterate. Runs on their way to a collapse,
    which have the highest values, do not compete: those with a covariance eigenvalue below one thousandth
    of the smallest one of the data covariance, or a component without a row. If none is left, the start is
    the first run's own: random rows, pooled covariances, equal weights. The 100 passes count as passes of
    the fit.

    Biernacki and others stop a short run by its relative progress; here all have the same number of passes,
    so that the cost is known.
    """

    name: ClassVar[str] = "small-em"
    passes_per_start: ClassVar[int] = RUNS * PASSES

    def start(
        self, objective: Objective, generators: list[np.random.Generator], restarts: range
    ) -> Parameters:
        """Return one start for each generator."""
        # one batch for each start: what a batch holds decides the last bits of its fits
        chosen = [best_of_runs(objective, generator) for generator in generators]
        return {name: np.concatenate([start[name] for start in chosen]) for name in chosen[0]}


def best_of_runs(objective: Objective, generator: np.random.Generator) -> Parameters:
    """Return the best of the short runs with sound covariances as one start (see `SmallEM`)."""
    begin = RandomPoints().start(objective, [generator] * RUNS, range(RUNS))
    parameters = begin
    # a run that has collapsed goes on with infinities until the others have ended
    with np.errstate(all="ignore"):
        for _ in range(PASSES):
            evaluation = objective.evaluate(parameters)
            parameters = evaluation.maximised
        sound = _sound(objective, parameters) & np.isfinite(evaluation.log_likelihood)
    if not sound.any():
        return take(begin, slice(0, 1))
    best = int(np.where(sound, evaluation.log_likelihood, -np.inf).argmax())
    return take(parameters, slice(best, best + 1))


def _sound(objective: Objective, parameters: Parameters) -> BoolArray:
    each = [np.isfinite(values).all(axis=tuple(range(1, values.ndim))) for values in parameters.values()]
    counts = parameters["weights"] * objective.total_weight
    result: BoolArray = np.logical_and.reduce(each) & (counts >= 1).all(axis=1)
    limit = SMALLEST_EIGENVALUE_RATIO * objective.smallest_data_eigenvalue
    result[result] = objective.family.smallest_eigenvalues(take(parameters, result)).min(axis=1) >= limit
    return result
