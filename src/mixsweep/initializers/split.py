"""Starts that split a component of the best solution with one component fewer (Ueda and others 2000)."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from mixsweep.initializers.base import require_distinct_rows
from mixsweep.initializers.small_em import PASSES, RUNS, best_of_runs
from mixsweep.linalg import weighted_covariance
from mixsweep.objective import Objective
from mixsweep.typing import FloatArray, Parameters

__all__ = ["Split"]


class Split:
    """The best of ten short EM runs with K - 1 components, one of them split in two.

    The short runs are those of `small-em`, of ten passes each. The component is drawn by its weight. The
    means of its two halves are its own plus and minus a normal draw with the covariance of its rows, each
    weighted by its responsibility; they share its weight and keep its covariance and whatever else it has.
    The other components stay. With one component the start is that of `small-em`.

    The 100 passes over K - 1 components count as passes of the fit; over K they would take a little longer.
    Each restart searches for itself, so that none has to wait for another cell, and restarts differ in both
    steps.

    References
    ----------
    Ueda, N., Nakano, R., Ghahramani, Z. and Hinton, G. (2000). SMEM algorithm for mixture models. Neural
    Computation 12, 2109-2128. (The idea of splits; theirs merges two others at the same time.)
    """

    name: ClassVar[str] = "split"
    passes_per_start: ClassVar[int] = RUNS * PASSES

    def start(
        self, objective: Objective, generators: list[np.random.Generator], restarts: range
    ) -> Parameters:
        """Return one start for each generator."""
        require_distinct_rows(self.name, objective.X, objective.n_components)
        chosen = [_split(objective, generator) for generator in generators]
        return {name: np.concatenate([start[name] for start in chosen]) for name in chosen[0]}


def _split(objective: Objective, generator: np.random.Generator) -> Parameters:
    fewer = dataclasses.replace(objective, n_components=objective.n_components - 1)
    if fewer.n_components == 0:
        # evaluated like the others, so that every start takes the same passes
        return best_of_runs(objective, generator)
    best = best_of_runs(fewer, generator)
    weights = best["weights"][0]
    component = int(generator.choice(len(weights), p=weights / weights.sum()))
    covariance = _covariance_of_rows(fewer, best, component)
    eigenvalues, axes = np.linalg.eigh(covariance)
    # the symmetric root, which does not depend on the signs of the axes
    root = (axes * np.sqrt(np.maximum(eigenvalues, 0.0))) @ axes.T
    shift = root @ generator.standard_normal(objective.n_features)
    sizes = [cell.family.shapes(cell.n_components, cell.n_features) for cell in (fewer, objective)]
    start = {}
    for name, values in best.items():
        if sizes[0][name] != sizes[1][name]:
            values = np.concatenate([values, values[:, component : component + 1]], axis=1)
        start[name] = values
    start["weights"][0, [component, -1]] = weights[component] / 2
    start["means"][0, component] += shift
    start["means"][0, -1] -= shift
    return start


def _covariance_of_rows(objective: Objective, parameters: Parameters, component: int) -> FloatArray:
    """Return the covariance of the rows weighted by their responsibilities for a component, shape (d, d)."""
    log_density = objective.log_density(parameters)[0]
    shares = np.exp(objective.logits(parameters)[0, component] - log_density)
    if objective.row_weights is not None:
        shares = shares * objective.row_weights
    return weighted_covariance(objective.X, shares)
