"""A trust-region interior-point method on the natural parameters, by SciPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mixsweep.coordinates import Parametrisation
from mixsweep.methods.natural import NATURAL, bounds, weight_indicator
from mixsweep.methods.solver import ENDLESS, Loss, Probe, minimise
from mixsweep.objective import Objective
from mixsweep.status import Status
from mixsweep.typing import Parameters

__all__ = ["TrustConstr"]

#: SciPy's own tolerances: near rounding, so that the common tolerance decides.
TIGHT = 1e-14


@dataclass(frozen=True)
class TrustConstr:
    """Minimise the loss over the natural parameters under their constraints (Byrd, Hribar and Nocedal 1999).

    Coordinates and constraints are those of `mixsweep.methods.slsqp.SLSQP`; second derivatives are built up
    from gradients. Trial points may lie outside the bounds, and are counted as constraint violations. One fit
    at a time, with much arithmetic between passes: for small cells. Some fits make tiny steps far from any
    optimum, often beside the bound of a weight, until the pass budget ends them.

    References
    ----------
    Byrd, R. H., Hribar, M. E. and Nocedal, J. (1999). An interior point algorithm for large-scale nonlinear
    programming. SIAM Journal on Optimization 9, 877-900.
    """

    name: ClassVar[str] = "trust-constr"
    expected_passes: ClassVar[float] = 100
    seconds_between_passes: ClassVar[float] = 1.5e-3
    parametrisation: ClassVar[Parametrisation] = NATURAL

    def solve(self, objective: Objective, start: Parameters, probe: Probe) -> Status:
        """Run a fit from its start."""
        from scipy.optimize import LinearConstraint

        loss = Loss(objective, probe)
        minimise(
            loss,
            objective.to_vector(start)[0],
            jac=loss.gradient,
            method="trust-constr",
            bounds=bounds(objective),
            constraints=[LinearConstraint(weight_indicator(objective)[None], 1.0, 1.0)],
            options={"maxiter": ENDLESS, "gtol": TIGHT, "xtol": TIGHT, "barrier_tol": TIGHT},
        )
        return Status.STALLED
