"""Solvers that own their loop: each fit is run alone, and every pass it takes goes through a probe."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Protocol

import numpy as np

from mixsweep.families.base import Evaluation
from mixsweep.ledger import ROUNDING, Ledger
from mixsweep.methods.base import Step
from mixsweep.objective import Objective
from mixsweep.status import Status
from mixsweep.typing import FloatArray, Parameters

__all__ = ["ALONE", "ENDLESS", "Loss", "Probe", "Solver", "Stopped", "minimise", "owns_its_loop"]

#: The numbers of the fits of a batch of one.
ALONE = np.zeros(1, dtype=np.int64)
#: A point without a loss counts as so many nats per row above the highest loss seen: line searches that
#: interpolate then shorten their step by a moderate factor, which they would not from infinity.
UNSOUND_RISE = 100.0
#: Length of the step by which gradients are differenced, in the coordinates.
DIFFERENCE = 1e-7
#: More iterations than any budget of passes, for solvers that must have a limit.
ENDLESS = 10**9
#: So many points are remembered: solvers ask for value and gradient apart, and go back to the point before.
REMEMBERED = 4


class Stopped(Exception):
    """The ledger says that the fit stops: converged, out of passes, collapsed or diverged."""


class Solver(Protocol):
    """A solver with its settings, which runs one fit at a time from start to end.

    Like a `mixsweep.methods.base.Method` it is a frozen dataclass whose fields are its settings, and the
    objective is in the coordinates of its attribute ``parametrisation``, if it has one. Outside libraries
    have loops of their own; the probe makes cost, traces and stopping mean the same for them.
    """

    name: ClassVar[str]
    #: Typical passes of a fit, for the estimate of the plan.
    expected_passes: ClassVar[float]
    #: What its own work takes between two passes, for the same; much more than a pass in small cells.
    seconds_between_passes: ClassVar[float]

    def solve(self, objective: Objective, start: Parameters, probe: Probe) -> Status:
        """Run a fit.

        Parameters
        ----------
        objective : Objective
            The cell.
        start : dict of ndarray
            One start, restarts first; to be probed first.
        probe : Probe
            What every pass goes through. It raises `Stopped`, which is to be let through.

        Returns
        -------
        Status
            Why it ended by itself before the probe stopped it: `STALLED`, or `BUDGET` for a limit of its own.
        """
        ...


def owns_its_loop(method: object) -> bool:
    """Return whether it is a `Solver`."""
    return hasattr(method, "solve")


class Probe:
    """Takes the passes of one fit, and has each counted, judged and recorded by the ledger.

    A point with a higher log-likelihood than all before is the fit's new current point. So is one that is
    equal within rounding and whose EM decrement is below the tolerance: there the fit has converged.

    Parameters
    ----------
    objective : Objective
        The cell.
    ledger : Ledger
        Opened with the fit's start.
    """

    def __init__(self, objective: Objective, ledger: Ledger) -> None:
        self._objective = objective
        self._ledger = ledger
        self._best: float | None = None

    @property
    def max_passes(self) -> int:
        """Pass budget of the fit."""
        return self._ledger.max_passes

    def __call__(self, parameters: Parameters, *, current: bool | None = None) -> Evaluation:
        """Take a pass over all rows at one point.

        Parameters
        ----------
        parameters : dict of ndarray
            One point, restarts first.
        current : bool or None
            Whether it is the fit's new current point; None lets the log-likelihood decide.

        Raises
        ------
        Stopped
            If the fit stops here.
        """
        evaluation = self._objective.evaluate(parameters)
        moves = self._rises(parameters, evaluation) if current is None else current
        step = Step(np.array([moves]), np.zeros(1, dtype=bool))
        rows = np.full(1, self._objective.n_rows)
        self._ledger.count_pass(ALONE, rows)
        if self._ledger.enter(ALONE, parameters, evaluation, rows, step).any():
            raise Stopped
        return evaluation

    def count_outside_passes(self, passes: int) -> None:
        """Count passes that the solver took by its own means, each at a new current point."""
        self._ledger.count_outside_passes(ALONE, passes)

    def _rises(self, parameters: Parameters, evaluation: Evaluation) -> bool:
        """Return whether the point is to be the fit's new current point: the start always is."""
        value = float(evaluation.log_likelihood[0])
        if self._best is None:
            self._best = value
            return True
        # a constrained solver may step off the simplex, where the value is that of no mixture
        if self._objective.outside(parameters)[0]:
            return False
        converged = bool(evaluation.decrement[0] < self._ledger.tol)
        if value > self._best or (converged and value > self._best - ROUNDING * max(1.0, abs(self._best))):
            self._best = max(value, self._best)
            return True
        return False


class Loss:
    """The loss of one fit and its derivatives as functions of its coordinates, for solvers of vectors.

    Each new point costs a pass, whether its value or its gradient is asked for; second derivatives are
    differences of gradients, a pass for each.

    Parameters
    ----------
    objective : Objective
        The cell, in the solver's coordinates.
    probe : Probe
        What takes the passes.
    """

    def __init__(self, objective: Objective, probe: Probe) -> None:
        self._objective = objective
        self._probe = probe
        self._known: dict[bytes, tuple[float, FloatArray]] = {}
        self._highest = -np.inf

    def value(self, vector: FloatArray) -> float:
        """Return the loss: the negative log-likelihood per row."""
        return self._known_at(vector)[0]

    def gradient(self, vector: FloatArray) -> FloatArray:
        """Return its gradient, shape (q,)."""
        return self._known_at(vector)[1].copy()

    def hessian_product(self, vector: FloatArray, direction: FloatArray) -> FloatArray:
        """Return the Hessian times a direction, shape (q,), by a forward difference of gradients."""
        length = float(np.linalg.norm(direction))
        if length == 0.0:
            return np.zeros_like(vector)
        base = self._known_at(vector)[1]
        _, ahead = self._evaluated(vector + DIFFERENCE / length * direction, current=False)
        return (ahead - base) * (length / DIFFERENCE)

    def hessian(self, vector: FloatArray) -> FloatArray:
        """Return the Hessian, shape (q, q), by forward differences: q passes."""
        columns = [self.hessian_product(vector, unit) for unit in np.eye(len(vector))]
        matrix = np.stack(columns)
        return 0.5 * (matrix + matrix.T)

    def _known_at(self, vector: FloatArray) -> tuple[float, FloatArray]:
        key = vector.tobytes()
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[key] = self._evaluated(vector)
        return self._known[key]

    def _evaluated(self, vector: FloatArray, current: bool | None = None) -> tuple[float, FloatArray]:
        """Take a pass; return a point without a loss as one that is high and flat."""
        coordinates = vector[None]
        parameters = self._objective.from_vector(coordinates)
        evaluation = self._probe(parameters, current=current)
        loss, gradient = self._objective.loss(coordinates, parameters, evaluation)
        value = float(loss[0])
        if np.isfinite(value) and np.isfinite(gradient).all():
            self._highest = max(self._highest, value)
            return value, gradient[0]
        return self._highest + UNSOUND_RISE, np.zeros_like(vector)


def minimise(loss: Loss, vector: FloatArray, **arguments: Any) -> None:
    """Run `scipy.optimize.minimize` from a point; where it goes is seen by the loss's probe.

    Parameters
    ----------
    loss : Loss
    vector : ndarray, shape (q,)
        The start's coordinates.
    **arguments
        What else SciPy's function takes.
    """
    import scipy.optimize

    solve: Any = scipy.optimize.minimize
    with warnings.catch_warnings():
        # how well its approximations do is seen from where it ends
        warnings.simplefilter("ignore")
        solve(loss.value, vector, **arguments)
