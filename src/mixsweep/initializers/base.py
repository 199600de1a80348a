"""What a kind of start must offer, and what several kinds share."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

import numpy as np

from mixsweep.errors import MixsweepError
from mixsweep.objective import Objective
from mixsweep.typing import FloatArray, IntArray, Parameters

__all__ = [
    "Initializer",
    "partition_start",
    "passes_per_start",
    "pooled_covariance",
    "pooled_start",
    "require_distinct_rows",
]

#: Share of the pooled covariance in a covariance that is estimated from few rows or drawn at random: no
#: eigenvalue of a start is below this share of the data's smallest.
POOLED_SHARE = 0.01


class Initializer(Protocol):
    """A kind of start. Every start has a random generator of its own, from its restart number.

    A kind that evaluates the likelihood also has a class attribute ``passes_per_start``, the whole number of
    passes over the data that each of its starts takes. They count as passes of the fit.
    """

    name: ClassVar[str]

    def start(self, objective: Objective, generators: list[np.random.Generator]) -> Parameters:
        """Return one start for each generator, restarts first, standardised units."""
        ...


def passes_per_start(initializer: Initializer | type[Initializer]) -> int:
    """Return how many passes each start of that kind takes; 0 unless it says so."""
    return int(getattr(initializer, "passes_per_start", 0))


def pooled_covariance(X: FloatArray) -> FloatArray:
    """Return the maximum-likelihood covariance of all rows (divisor n), shape (d, d)."""
    return np.atleast_2d(np.cov(X.T, bias=True))


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
    draw_means: Callable[[FloatArray, int, np.random.Generator], FloatArray],
) -> Parameters:
    """Return starts with drawn means, the pooled covariance in every component and equal weights.

    The pooled covariance is the maximum-likelihood covariance of all rows (divisor n).

    Parameters
    ----------
    objective : Objective
        The cell.
    generators : list of numpy.random.Generator
        One for each start.
    draw_means : callable
        Gives K means, shape (K, d), from the standardised rows, K and a generator.
    """
    n_restarts, K = len(generators), objective.n_components
    means = np.stack([draw_means(objective.X, K, generator) for generator in generators])
    pooled = pooled_covariance(objective.X)
    covariances = np.broadcast_to(pooled, (n_restarts, K, *pooled.shape)).copy()
    return objective.family.from_moments(np.full((n_restarts, K), 1.0 / K), means, covariances)


def partition_start(
    objective: Objective,
    generators: list[np.random.Generator],
    draw_partition: Callable[[FloatArray, int, np.random.Generator], tuple[FloatArray, IntArray]],
) -> Parameters:
    """Return starts with the moments of the parts of drawn partitions.

    Weights are the parts' shares of the rows and means their means. A covariance is (1 - s) times the
    part's own (divisor: its number of rows) plus s times the pooled covariance of all rows. The share s is
    `POOLED_SHARE`, or 1 - m / (2 (d + 1)) if that is more: a part of m < 2 (d + 1) rows is made up to
    2 (d + 1) with rows of the pooled covariance.

    Parameters
    ----------
    objective : Objective
        The cell.
    generators : list of numpy.random.Generator
        One for each start.
    draw_partition : callable
        Gives rows, shape (m, d), and their labels 0 to K - 1, each at least once, shape (m,), from the
        standardised rows, K and a generator.
    """
    n_restarts, K, d = len(generators), objective.n_components, objective.n_features
    pooled = pooled_covariance(objective.X)
    weights = np.empty((n_restarts, K))
    means = np.empty((n_restarts, K, d))
    covariances = np.empty((n_restarts, K, d, d))
    for r, generator in enumerate(generators):
        rows, labels = draw_partition(objective.X, K, generator)
        counts = np.bincount(labels, minlength=K)
        weights[r] = counts / len(rows)
        for k in range(K):
            part = rows[labels == k]
            means[r, k] = part.mean(axis=0)
            centred = part - means[r, k]
            share = max(POOLED_SHARE, 1.0 - counts[k] / (2.0 * (d + 1)))
            covariances[r, k] = (1.0 - share) * (centred.T @ centred) / counts[k] + share * pooled
    return objective.family.from_moments(weights, means, covariances)
