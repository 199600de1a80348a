"""Starts at the moments of random partitions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mixsweep.initializers.base import partition_start, require_distinct_rows
from mixsweep.objective import Objective
from mixsweep.typing import IntArray, Parameters

__all__ = ["RandomResponsibilities"]


class RandomResponsibilities:
    """A random label for each row, uniform and independent; then the M-step.

    Means are those of the parts, all near the mean of the data; weights the shares of the rows, all near
    1/K; covariances the parts' own with one hundredth of the pooled covariance, or more of it in a part of
    fewer than 2 (d + 1) rows (see `mixsweep.initializers.base.partition_start`). A component without a row
    takes one at random from those that have several.
    """

    name: ClassVar[str] = "random-responsibilities"

    def start(
        self, objective: Objective, generators: list[np.random.Generator], restarts: range
    ) -> Parameters:
        """Return one start for each generator."""
        require_distinct_rows(self.name, objective.X, objective.n_components)
        return partition_start(objective, generators, _random_partition)


def _random_partition(objective: Objective, generator: np.random.Generator) -> tuple[IntArray, IntArray]:
    X, n_components = objective.X, objective.n_components
    # Parts with equal means could make components that stay equal for ever: draw the labels again.
    while True:
        labels = generator.integers(n_components, size=len(X))
        counts = np.bincount(labels, minlength=n_components)
        for k in np.flatnonzero(counts == 0):
            row = generator.choice(np.flatnonzero(counts[labels] > 1))
            counts[labels[row]] -= 1
            labels[row], counts[k] = k, 1
        means = [X[labels == k].mean(axis=0) for k in range(n_components)]
        if len(np.unique(means, axis=0)) == n_components:
            return np.arange(len(X)), labels
