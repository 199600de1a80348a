"""Starts near the generating parameters."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mixsweep.initializers.truth import generating_moments
from mixsweep.linalg import cholesky
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["PerturbedTruth"]

#: How far a mean moves, in the component's standard deviations.
SHARE = 0.5


class PerturbedTruth:
    """The generating parameters with their means moved; an oracle, for reference only.

    Each mean moves by half of a normal draw with the component's own covariance, so that its distance from
    the truth along any direction has a standard deviation of half the component's. Covariances and weights
    are the generating ones; a family without correlations takes the variances.
    """

    name: ClassVar[str] = "perturbed-truth"
    needs: ClassVar[str] = "truth"

    def start(
        self, objective: Objective, generators: list[np.random.Generator], restarts: range
    ) -> Parameters:
        """Return one start for each generator.

        Raises
        ------
        MixsweepError
            If the data were not simulated or have another number of components.
        """
        moments = generating_moments(self.name, objective, len(generators))
        shape = moments["means"].shape[1:]
        draws = np.stack([generator.standard_normal(shape) for generator in generators])
        factors = cholesky(moments["covariances"])
        moved = moments["means"] + SHARE * np.matmul(factors, draws[..., None])[..., 0]
        return objective.family.from_moments(**(moments | {"means": moved}))
