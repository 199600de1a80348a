"""Starts from a table of the user's."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mixsweep.errors import MixsweepError
from mixsweep.objective import Objective
from mixsweep.typing import Parameters

__all__ = ["UserStarts"]


class UserStarts:
    """Weights, means and covariances from the problem's ``starts`` (see `mixsweep.problems.starts`).

    Restart r takes the r-th start that has the cell's number of components; after the last one the first
    comes again. A family without correlations takes the variances.
    """

    name: ClassVar[str] = "user-starts"
    needs: ClassVar[str] = "starts"

    def start(
        self, objective: Objective, generators: list[np.random.Generator], restarts: range
    ) -> Parameters:
        """Return one start for each restart number; nothing is random."""
        own = objective.starts
        if not own:
            raise MixsweepError(
                f"{self.name}: the problem has no starts with {objective.n_components} components; expected "
                "some in the table that the problem's key starts names"
            )
        chosen = [own[restart % len(own)] for restart in restarts]
        return objective.family.from_moments(
            **{name: np.stack([start[name] for start in chosen]) for name in own[0]}
        )
