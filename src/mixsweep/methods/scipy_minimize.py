"""Any solver of `scipy.optimize.minimize`, in unconstrained coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mixsweep.errors import nearest
from mixsweep.methods.base import GradientMethod, require
from mixsweep.methods.solver import ENDLESS, Loss, Probe, minimise
from mixsweep.objective import Objective
from mixsweep.status import Status
from mixsweep.typing import Parameters

__all__ = ["SOLVERS", "SciPyMinimize"]

#: Differences of the loss, of points and gradients that are near rounding: SciPy's own tests of convergence
#: are set to these, so that the common tolerance decides.
TIGHT = 1e-14
#: Trust radii below this leave the loss the same; these two solvers know no other end.
SMALLEST_RADIUS = 1e-9

#: By SciPy's names: which derivatives a solver takes (``jac``, ``hess``, ``hessp``), and its options.
SOLVERS: dict[str, tuple[tuple[str, ...], dict[str, float]]] = {
    "Nelder-Mead": ((), {"xatol": TIGHT, "fatol": TIGHT, "maxiter": ENDLESS, "maxfev": ENDLESS}),
    "Powell": ((), {"xtol": TIGHT, "ftol": TIGHT, "maxiter": ENDLESS, "maxfev": ENDLESS}),
    "CG": (("jac",), {"gtol": TIGHT, "maxiter": ENDLESS}),
    "BFGS": (("jac",), {"gtol": TIGHT, "maxiter": ENDLESS}),
    "Newton-CG": (("jac", "hessp"), {"xtol": TIGHT, "maxiter": ENDLESS}),
    "L-BFGS-B": (("jac",), {"ftol": 0.0, "gtol": TIGHT, "maxiter": ENDLESS, "maxfun": ENDLESS}),
    "TNC": (("jac",), {"ftol": 0.0, "xtol": 0.0, "gtol": TIGHT, "maxfun": ENDLESS}),
    "COBYLA": ((), {"tol": SMALLEST_RADIUS, "maxiter": ENDLESS}),
    "COBYQA": ((), {"final_tr_radius": SMALLEST_RADIUS, "maxiter": ENDLESS, "maxfev": ENDLESS}),
    "SLSQP": (("jac",), {"ftol": TIGHT, "maxiter": ENDLESS}),
    "trust-constr": (("jac",), {"gtol": TIGHT, "xtol": TIGHT, "maxiter": ENDLESS}),
    "dogleg": (("jac", "hess"), {"gtol": TIGHT, "maxiter": ENDLESS}),
    "trust-ncg": (("jac", "hessp"), {"gtol": TIGHT, "maxiter": ENDLESS}),
    "trust-exact": (("jac", "hess"), {"gtol": TIGHT, "maxiter": ENDLESS}),
    "trust-krylov": (("jac", "hessp"), {"gtol": TIGHT, "maxiter": ENDLESS}),
}


@dataclass(frozen=True)
class SciPyMinimize(GradientMethod):
    """Minimise the loss in unconstrained coordinates by SciPy, one fit at a time.

    Second derivatives, where a solver takes them, are differences of gradients: a pass for a product of the
    Hessian with a vector, as many passes as coordinates for a whole Hessian (``dogleg``, ``trust-exact``).
    ``dogleg`` gives up where the Hessian is not positive definite: always with a coordinate to spare, as
    ``weights: softmax`` has. Solvers without derivatives (``Nelder-Mead``, ``Powell``, ``COBYLA``,
    ``COBYQA``) take very many passes.

    Parameters
    ----------
    solver : str
        SciPy's name: ``Nelder-Mead``, ``Powell``, ``CG``, ``BFGS``, ``Newton-CG``, ``L-BFGS-B``, ``TNC``,
        ``COBYLA``, ``COBYQA``, ``SLSQP``, ``trust-constr``, ``dogleg``, ``trust-ncg``, ``trust-exact`` or
        ``trust-krylov``.

    References
    ----------
    Virtanen, P. et al. (2020). SciPy 1.0: fundamental algorithms for scientific computing in Python. Nature
    Methods 17, 261-272.
    """

    solver: str = "BFGS"

    name: ClassVar[str] = "scipy"
    expected_passes: ClassVar[float] = 200
    seconds_between_passes: ClassVar[float] = 4e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        given = str(self.solver)
        meant = {name.lower(): name for name in SOLVERS}.get(given.lower(), given)
        expected = f"a method of scipy.optimize.minimize{nearest(meant, SOLVERS)}"
        known = isinstance(self.solver, str) and self.solver in SOLVERS
        require(known, self.name, "solver", self.solver, expected)

    def solve(self, objective: Objective, start: Parameters, probe: Probe) -> Status:
        """Run a fit from its start."""
        loss = Loss(objective, probe)
        derivatives, options = SOLVERS[self.solver]
        offered = {"jac": loss.gradient, "hess": loss.hessian, "hessp": loss.hessian_product}
        chosen = {name: offered[name] for name in derivatives}
        minimise(loss, objective.to_vector(start)[0], method=self.solver, options=options, **chosen)
        return Status.STALLED
