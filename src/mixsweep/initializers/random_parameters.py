"""Starts at random parameters."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mixsweep.initializers.base import POOLED_SHARE
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["RandomParameters"]


class RandomParameters:
    """All parameters drawn at random, on the scale of the data, without regard to single rows.

    With m and S the mean and the pooled covariance of the data: means are normal (m, S); weights are
    Dirichlet with all concentrations 2; a covariance is one hundredth of S plus 0.99 W / f, W of the
    Wishart law with f = 4 (d + 1) degrees of freedom and scale S, so that its expectation is S. A family
    without correlations takes the variances from it.
    """

    name: ClassVar[str] = "random-parameters"

    def start(
        self, objective: Objective, generators: list[np.random.Generator], restarts: range
    ) -> Parameters:
        """Return one start for each generator."""
        n_restarts, K, d = len(generators), objective.n_components, objective.n_features
        pooled = objective.covariance
        centre = np.average(objective.X, axis=0, weights=objective.row_weights)
        eigenvalues, axes = np.linalg.eigh(pooled)
        # the symmetric root, which does not depend on the signs of the axes
        root = (axes * np.sqrt(np.maximum(eigenvalues, 0.0))) @ axes.T
        freedom = 4 * (d + 1)
        weights = np.empty((n_restarts, K))
        means = np.empty((n_restarts, K, d))
        covariances = np.empty((n_restarts, K, d, d))
        for r, generator in enumerate(generators):
            weights[r] = generator.dirichlet(np.full(K, 2.0))
            means[r] = centre + generator.standard_normal((K, d)) @ root
            draws = generator.standard_normal((K, freedom, d)) @ root
            wishart = draws.swapaxes(-1, -2) @ draws / freedom
            covariances[r] = (1.0 - POOLED_SHARE) * wishart + POOLED_SHARE * pooled
        return objective.family.from_moments(weights, means, covariances)
