"""Starts at agglomerative clusters (Ward 1963)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mixsweep.initializers.base import partition_start, require_distinct_rows
from mixsweep.objective import Objective
from mixsweep.typing import FloatArray, IntArray, Parameters

__all__ = ["Agglomerative"]

#: With more rows than this, a random subset of so many is clustered.
MAX_ROWS = 1000


class Agglomerative:
    """Ward's hierarchical clustering of the standardised rows, cut at K clusters.

    Means are those of the clusters; weights the shares of the rows; covariances the clusters' own with one
    hundredth of the pooled covariance, or more of it in a cluster of fewer than 2 (d + 1) rows (see
    `mixsweep.initializers.base.partition_start`). Nothing is random up to 1000 rows, so all restarts are
    equal and one is enough. Of more rows each restart clusters a random subset of 1000, and takes its
    moments. The clustering itself leaves row weights aside. It takes time but no passes.
    """

    name: ClassVar[str] = "agglomerative"

    def start(
        self, objective: Objective, generators: list[np.random.Generator], restarts: range
    ) -> Parameters:
        """Return one start for each generator."""
        require_distinct_rows(self.name, objective.X, objective.n_components)
        if objective.n_rows > MAX_ROWS:
            return partition_start(objective, generators, _subset_clusters)
        same = partition_start(objective, generators[:1], _all_clusters)
        return {name: np.repeat(values, len(generators), axis=0) for name, values in same.items()}


def _all_clusters(objective: Objective, generator: np.random.Generator) -> tuple[IntArray, IntArray]:
    return np.arange(objective.n_rows), ward_labels(objective.X, objective.n_components)


def _subset_clusters(objective: Objective, generator: np.random.Generator) -> tuple[IntArray, IntArray]:
    rows = generator.choice(objective.n_rows, MAX_ROWS, replace=False)
    require_distinct_rows(Agglomerative.name, objective.X[rows], objective.n_components)
    return rows, ward_labels(objective.X[rows], objective.n_components)


def ward_labels(X: FloatArray, n_components: int) -> IntArray:
    """Return cluster numbers 0 to K - 1 of the rows, exactly K clusters, by all but the last K - 1 merges."""
    from scipy.cluster.hierarchy import linkage

    n_rows = len(X)
    merges = linkage(X, "ward")[: n_rows - n_components, :2].astype(np.int64)
    root = np.arange(n_rows + len(merges))
    for i in range(len(merges) - 1, -1, -1):  # a merge's members belong where it belongs
        root[merges[i]] = root[n_rows + i]
    labels: IntArray = np.unique(root[:n_rows], return_inverse=True)[1].astype(np.int64)
    return labels
