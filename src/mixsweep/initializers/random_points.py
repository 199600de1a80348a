"""Starts at random rows of the data."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mixsweep.initializers.base import pooled_start, require_distinct_rows
from mixsweep.objective import Objective
from mixsweep.typing import FloatArray, Parameters

__all__ = ["RandomPoints"]


class RandomPoints:
    """K rows with distinct values as means; covariances the pooled one of the data; equal weights."""

    name: ClassVar[str] = "random-points"

    def start(
        self, objective: Objective, generators: list[np.random.Generator], restarts: range
    ) -> Parameters:
        """Return one start for each generator."""
        require_distinct_rows(self.name, objective.X, objective.n_components)
        return pooled_start(objective, generators, _distinct_rows)


def _distinct_rows(objective: Objective, generator: np.random.Generator) -> FloatArray:
    X, n_components, shares = objective.X, objective.n_components, objective.row_shares
    # Two equal rows would make two components that stay equal for ever: draw all of them again.
    while True:
        rows = X[generator.choice(len(X), n_components, replace=False, p=shares)]
        if len(np.unique(rows, axis=0)) == n_components:
            return rows
