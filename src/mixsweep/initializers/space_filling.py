"""Starts at rows far from each other (Gonzalez 1985)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mixsweep.initializers.base import pooled_start, require_distinct_rows
from mixsweep.objective import Objective
from mixsweep.typing import FloatArray, Parameters

__all__ = ["SpaceFilling"]


class SpaceFilling:
    """Farthest-point traversal of the standardised rows as means; covariances the pooled one; equal weights.

    The first mean is a row drawn at random, each further one the row farthest from all means so far (the
    first of several). Nothing else is random, so there are at most as many different starts as rows.
    Outliers are chosen early.
    """

    name: ClassVar[str] = "space-filling"

    def start(
        self, objective: Objective, generators: list[np.random.Generator], restarts: range
    ) -> Parameters:
        """Return one start for each generator."""
        require_distinct_rows(self.name, objective.X, objective.n_components)
        return pooled_start(objective, generators, _traversal)


def _traversal(objective: Objective, generator: np.random.Generator) -> FloatArray:
    X, n_components = objective.X, objective.n_components
    rows = [int(generator.choice(len(X), p=objective.row_shares))]
    nearest = np.square(X - X[rows[0]]).sum(axis=1)
    for _ in range(n_components - 1):
        rows.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.square(X - X[rows[-1]]).sum(axis=1))
    return X[rows]
