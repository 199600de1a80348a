"""Starts at k-means++ seeds (Arthur and Vassilvitskii 2007)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mixsweep.errors import MixsweepError
from mixsweep.initializers.base import pooled_start
from mixsweep.objective import Objective
from mixsweep.typing import FloatArray, Parameters

__all__ = ["KMeansPlusPlus", "seeds"]


class KMeansPlusPlus:
    """k-means++ seeds of the standardised rows as means; covariances the pooled one; equal weights.

    The first seed is a row drawn at random; each further one is drawn with probability proportional to the
    squared distance from the nearest seed so far. No k-means iterations follow.
    """

    name: ClassVar[str] = "kmeans++"

    def start(
        self, objective: Objective, generators: list[np.random.Generator], restarts: range
    ) -> Parameters:
        """Return one start for each generator."""
        return pooled_start(objective, generators, seeds)


def seeds(objective: Objective, generator: np.random.Generator) -> FloatArray:
    """Return k-means++ seeds, shape (K, d), which are distinct rows; draws are by row weight.

    Raises
    ------
    MixsweepError
        If there are fewer distinct rows than components.
    """
    X, shares, n_components = objective.X, objective.row_shares, objective.n_components
    chosen = [X[generator.integers(len(X)) if shares is None else generator.choice(len(X), p=shares)]]
    nearest = np.square(X - chosen[0]).sum(axis=1)
    for _ in range(n_components - 1):
        weighted = nearest if shares is None else nearest * shares
        total = weighted.sum()
        if not total > 0:
            raise MixsweepError(
                f"kmeans++: {n_components} components asked, but the data have only {len(chosen)} "
                "distinct rows"
            )
        row = X[generator.choice(len(X), p=weighted / total)]
        chosen.append(row)
        nearest = np.minimum(nearest, np.square(X - row).sum(axis=1))
    return np.stack(chosen)
