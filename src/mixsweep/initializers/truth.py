"""The generating parameters as starts: what a search could reach at best in simulated data."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mixsweep.errors import MixsweepError
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["Truth", "generating_moments"]


class Truth:
    """Means, covariances and weights of the mixture that generated the data; an oracle, for reference only.

    All restarts are equal, so one is enough. A family without correlations takes the variances.
    """

    name: ClassVar[str] = "truth"
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
        return objective.family.from_moments(**generating_moments(self.name, objective, len(generators)))


def generating_moments(name: str, objective: Objective, n_restarts: int) -> Parameters:
    """Return `Objective.truth` for the initializer of that name, restarts first.

    Raises
    ------
    MixsweepError
        If there is none, or none with the cell's number of components.
    """
    truth = objective.truth
    if truth is None:
        raise MixsweepError(f"{name}: the problem has no generating parameters; expected simulated data")
    if len(truth["weights"]) != objective.n_components:
        raise MixsweepError(
            f"{name}: {objective.n_components} components asked, but {len(truth['weights'])} generated the "
            "data; n_components: truth fits that number"
        )
    return {array: np.stack([values] * n_restarts) for array, values in truth.items()}
