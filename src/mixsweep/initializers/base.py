"""What a kind of start must offer."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

import numpy as np

from mixsweep.objective import Objective
from mixsweep.typing import FloatArray, Parameters

__all__ = ["Initializer", "pooled_start"]


class Initializer(Protocol):
    """A kind of start. Every start has a random generator of its own, from its restart number."""

    name: ClassVar[str]

    def start(self, objective: Objective, generators: list[np.random.Generator]) -> Parameters:
        """Return one start for each generator, restarts first, standardised units."""
        ...


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
    pooled = np.atleast_2d(np.cov(objective.X.T, bias=True))
    covariances = np.broadcast_to(pooled, (n_restarts, K, *pooled.shape)).copy()
    return objective.family.from_moments(np.full((n_restarts, K), 1.0 / K), means, covariances)
