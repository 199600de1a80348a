"""Starts at k-means partitions (Lloyd 1982)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mixsweep.initializers.base import partition_start, require_distinct_rows
from mixsweep.initializers.kmeans_plus_plus import seeds
from mixsweep.objective import Objective
from mixsweep.typing import FloatArray, IntArray, Parameters

__all__ = ["KMeans"]

#: Lloyd's iterations end here at the latest.
MAX_ITERATIONS = 300


class KMeans:
    """Lloyd's iterations on the standardised rows, from k-means++ seeds until no row changes its cluster.

    Means are those of the clusters; weights the shares of the rows; covariances the clusters' own with one
    hundredth of the pooled covariance, or more of it in a cluster of fewer than 2 (d + 1) rows (see
    `mixsweep.initializers.base.partition_start`). A cluster that loses its last row takes the row that is
    farthest from its centre. At most 300 iterations; they take time but no passes.
    """

    name: ClassVar[str] = "k-means"

    def start(
        self, objective: Objective, generators: list[np.random.Generator], restarts: range
    ) -> Parameters:
        """Return one start for each generator."""
        require_distinct_rows(self.name, objective.X, objective.n_components)
        return partition_start(objective, generators, _clusters)


def _clusters(objective: Objective, generator: np.random.Generator) -> tuple[IntArray, IntArray]:
    X, shares = objective.X, objective.row_shares
    labels = assign(X, seeds(objective, generator))
    for _ in range(MAX_ITERATIONS):
        parts = [labels == k for k in range(objective.n_components)]
        centres = np.stack(
            [np.average(X[part], axis=0, weights=None if shares is None else shares[part]) for part in parts]
        )
        before, labels = labels, assign(X, centres)
        if np.array_equal(before, labels):
            break
    return np.arange(len(X)), labels


def assign(X: FloatArray, centres: FloatArray) -> IntArray:
    """Return the number of each row's nearest centre; every centre gets at least one row.

    A centre that is nearest to none takes the row farthest from its own centre, among the centres with
    several rows.
    """
    squares = np.stack([np.square(X - centre).sum(axis=1) for centre in centres], axis=1)
    labels: IntArray = squares.argmin(axis=1)
    counts = np.bincount(labels, minlength=len(centres))
    own = squares[np.arange(len(X)), labels]
    for k in np.flatnonzero(counts == 0):
        row = np.where(counts[labels] > 1, own, -1.0).argmax()
        counts[labels[row]] -= 1
        labels[row], counts[k], own[row] = k, 1, 0.0
    return labels
