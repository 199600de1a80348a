"""Sequential least squares programming on the natural parameters, by SciPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.coordinates import Parametrisation
from mixsweep.methods.natural import NATURAL, bounds, weight_indicator
from mixsweep.methods.solver import ENDLESS, Loss, Probe, minimise
from mixsweep.objective import Objective
from mixsweep.status import Status
from mixsweep.typing import Parameters

__all__ = ["SLSQP"]

#: SciPy's own tolerance on the loss: below rounding, so that the common tolerance decides.
LOSS_CHANGE = 1e-15


@dataclass(frozen=True)
class SLSQP:
    """Minimise the loss over the natural parameters under their constraints (Kraft 1988).

    Coordinates are the weights themselves, which are positive and sum to one, the means, and Cholesky factors
    or standard deviations with bounds from the eigenvalue floor. One fit at a time, and each iteration solves
    a dense least squares problem, cubic in the number of parameters: for small cells.

    References
    ----------
    Kraft, D. (1988). A software package for sequential quadratic programming. DFVLR-FB 88-28.
    """

    name: ClassVar[str] = "slsqp"
    expected_passes: ClassVar[float] = 60
    seconds_between_passes: ClassVar[float] = 4e-4
    parametrisation: ClassVar[Parametrisation] = NATURAL

    def solve(self, objective: Objective, start: Parameters, probe: Probe) -> Status:
        """Run a fit from its start."""
        loss = Loss(objective, probe)
        row = weight_indicator(objective)
        total = {
            "type": "eq",
            "fun": lambda vector: np.array([row @ vector - 1.0]),
            "jac": lambda vector: row[None],
        }
        minimise(
            loss,
            objective.to_vector(start)[0],
            jac=loss.gradient,
            method="SLSQP",
            bounds=bounds(objective),
            constraints=[total],
            options={"maxiter": ENDLESS, "ftol": LOSS_CHANGE},
        )
        return Status.STALLED
