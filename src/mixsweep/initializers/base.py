"""What a kind of start must offer, and what several kinds share."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

import numpy as np

from mixsweep.errors import MixsweepError
from mixsweep.linalg import weighted_covariance
from mixsweep.objective import Objective
from mixsweep.typing import FloatArray, IntArray, Parameters

__all__ = [
    "Initializer",
    "partition_start",
    "passes_per_start",
    "pooled_start",
    "require_distinct_rows",
]

#: Share of the pooled covariance in a covariance that is estimated from few rows or drawn at random: no
#: eigenvalue of a start is below this share of the data's smallest.
POOLED_SHARE = 0.01


class Initializer(Protocol):
    """A kind of start. Every start has a random generator of its own, from its restart number.

    A kind that evaluates the likelihood also has a class attribute ``passes_per_start``, the whole number of
    passes over the data that each of its starts takes. They count as passes of the fit. One that starts only
    some cells has a class attribute ``needs``: ``truth`` (simulated data with K generating components) or
    ``starts`` (a table of starts with K components). One that needs the truth is an oracle: for reference,
    and left out of verdicts and advice.
    """

    name: ClassVar[str]

    def start(
        self, objective: Objective, generators: list[np.random.Generator], restarts: range
    ) -> Parameters:
        """Return one start for each generator and restart number, restarts first, standardised units."""
        ...


def passes_per_start(initializer: Initializer | type[Initializer]) -> int:
    """Return how many passes each start of that kind takes; 0 unless it says so."""
    return int(getattr(initializer, "passes_per_start", 0))


def require_distinct_rows(name: str, X: FloatArray, n_components: int) -> None:
    """Raise a `MixsweepError` unless there are as many distinct rows as components."""
    distinct = len(np.unique(X, axis=0))
    if distinct < n_components:
        raise MixsweepError(
            f"{name}: {n_components} components asked, but the data have only {distinct} distinct rows"
        )


def pooled_start(
    objective: Objective,
    generators: list[np.random.Generator],
    draw_means: Callable[[Objective, np.random.Generator], FloatArray],
) -> Parameters:
    """Return starts with drawn means, the pooled covariance in every component and equal weights.

    The pooled covariance is the maximum-likelihood covariance of all rows by their weights.

    Parameters
    ----------
    objective : Objective
        The cell.
    generators : list of numpy.random.Generator
        One for each start.
    draw_means : callable
        Gives K means, shape (K, d), for the cell by a generator.
    """
    n_restarts, K = len(generators), objective.n_components
    means = np.stack([draw_means(objective, generator) for generator in generators])
    pooled = objective.covariance
    covariances = np.broadcast_to(pooled, (n_restarts, K, *pooled.shape)).copy()
    return objective.family.from_moments(np.full((n_restarts, K), 1.0 / K), means, covariances)


def partition_start(
    objective: Objective,
    generators: list[np.random.Generator],
    draw_partition: Callable[[Objective, np.random.Generator], tuple[IntArray, IntArray]],
) -> Parameters:
    """Return starts with the moments of the parts of drawn partitions.

    Weights are the parts' shares of the rows and means their means, all by the row weights. A covariance is
    (1 - s) times the part's own (divisor: its weight) plus s times the pooled covariance of all rows. The
    share s is `POOLED_SHARE`, or 1 - m / (2 (d + 1)) if that is more: a part of m < 2 (d + 1) rows is made
    up to 2 (d + 1) with rows of the pooled covariance.

    Parameters
    ----------
    objective : Objective
        The cell.
    generators : list of numpy.random.Generator
        One for each start.
    draw_partition : callable
        Gives row numbers, shape (m,), and their labels 0 to K - 1, each at least once, shape (m,), for the
        cell by a generator.
    """
    n_restarts, K, d = len(generators), objective.n_components, objective.n_features
    pooled = objective.covariance
    row_weights = np.ones(objective.n_rows) if objective.row_weights is None else objective.row_weights
    weights = np.empty((n_restarts, K))
    means = np.empty((n_restarts, K, d))
    covariances = np.empty((n_restarts, K, d, d))
    for r, generator in enumerate(generators):
        rows, labels = draw_partition(objective, generator)
        weights[r] = np.bincount(labels, row_weights[rows], minlength=K) / row_weights[rows].sum()
        for k in range(K):
            part, own = objective.X[rows[labels == k]], row_weights[rows[labels == k]]
            means[r, k] = np.average(part, axis=0, weights=own)
            share = max(POOLED_SHARE, 1.0 - len(part) / (2.0 * (d + 1)))
            covariances[r, k] = (1.0 - share) * weighted_covariance(part, own) + share * pooled
    return objective.family.from_moments(weights, means, covariances)
