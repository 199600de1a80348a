"""scikit-learn's own Gaussian mixture from the same starts, judged like every other method."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mixsweep.errors import MixsweepError
from mixsweep.families.base import Family
from mixsweep.methods.base import require
from mixsweep.methods.solver import Probe
from mixsweep.objective import Objective
from mixsweep.status import Status
from mixsweep.typing import FloatArray, Parameters

__all__ = ["ScikitLearn"]


class _Kind(NamedTuple):
    """A covariance type of scikit-learn, and the reported array that has its ``covariances_``."""

    covariance_type: str
    reported: str


KINDS = {
    "gaussian-full": _Kind("full", "covariances"),
    "gaussian-diag": _Kind("diag", "variances"),
    "gaussian-spherical": _Kind("spherical", "spherical_variances"),
    "gaussian-tied": _Kind("tied", "tied_covariance"),
}


@dataclass(frozen=True)
class ScikitLearn:
    """Run `sklearn.mixture.GaussianMixture` on the standardised rows, one fit at a time.

    It stops by its own rules, which its settings are: a fit that does not meet the common tolerance there has
    stalled, or has used up its budget where `max_iter` ended it. An iteration costs a pass, and one more,
    taken here, judges the point where it ended. Traces have the start and the end alone.

    Parameters
    ----------
    tol : float
        It stops when the log-likelihood per row changes by less in an iteration.
    reg_covar : float
        Added to the diagonal of every covariance in every M-step, so its fixed points are no exact optima of
        the likelihood.
    max_iter : int
        Largest number of iterations; the pass budget holds besides.

    References
    ----------
    Pedregosa, F. et al. (2011). Scikit-learn: machine learning in Python. Journal of Machine Learning
    Research 12, 2825-2830.
    """

    tol: float = 1e-3
    reg_covar: float = 1e-6
    max_iter: int = 100

    name: ClassVar[str] = "scikit-learn"
    expected_passes: ClassVar[float] = 30
    seconds_between_passes: ClassVar[float] = 4e-4

    def __post_init__(self) -> None:
        require(self.tol >= 0, self.name, "tol", self.tol, "a number of at least 0")
        require(self.reg_covar >= 0, self.name, "reg_covar", self.reg_covar, "a number of at least 0")
        require(self.max_iter >= 1, self.name, "max_iter", self.max_iter, "at least 1")

    def unable(self, family: Family | type[Family]) -> str:
        """Return why it cannot fit a family, nothing if it can."""
        return "" if family.name in KINDS else f"scikit-learn has {', '.join(KINDS)} alone"

    def solve(self, objective: Objective, start: Parameters, probe: Probe) -> Status:
        """Run a fit from its start.

        Raises
        ------
        MixsweepError
            Without scikit-learn, or for weighted rows.
        """
        kind = _kind(objective)
        # stands for the model's first E-step, so that the start is judged like every other
        probe(start)
        max_iter = min(self.max_iter, probe.max_passes - 1)
        model = _estimator()(
            n_components=objective.n_components,
            covariance_type=kind.covariance_type,
            tol=self.tol,
            reg_covar=self.reg_covar,
            max_iter=max_iter,
            **_initial(objective, kind, start),
        )
        with warnings.catch_warnings():
            # whether it converged is seen from where it ends
            warnings.simplefilter("ignore")
            model.fit(objective.X)
        probe.count_outside_passes(model.n_iter_ - 1)
        probe(_parameters(objective, kind, model), current=True)
        return Status.STALLED if model.converged_ else Status.BUDGET


def _estimator() -> Any:
    try:
        from sklearn.mixture import GaussianMixture
    except ImportError:
        raise MixsweepError(
            "method scikit-learn: scikit-learn is not installed; expected it beside mixsweep: pip install "
            "'mixsweep[scikit-learn]'"
        ) from None
    return GaussianMixture


def _kind(objective: Objective) -> _Kind:
    if objective.row_weights is not None:
        raise MixsweepError(
            "method scikit-learn: the rows have weights, which its mixtures do not take; expected rows that "
            "count once each"
        )
    return KINDS[objective.family.name]


def _units(objective: Objective) -> tuple[FloatArray, FloatArray]:
    """Return the location and scale with which parameters are reported in standardised units."""
    return np.zeros(objective.n_features), np.ones(objective.n_features)


def _initial(objective: Objective, kind: _Kind, start: Parameters) -> dict[str, FloatArray]:
    reported = objective.family.to_reported(start, *_units(objective))
    spread = reported[kind.reported][0]
    matrices = kind.covariance_type in ("full", "tied")
    return {
        "weights_init": reported["weights"][0],
        "means_init": reported["means"][0],
        "precisions_init": np.linalg.inv(spread) if matrices else 1.0 / spread,
    }


def _parameters(objective: Objective, kind: _Kind, model: Any) -> Parameters:
    reported = {
        "weights": model.weights_[None],
        "means": model.means_[None],
        kind.reported: model.covariances_[None],
    }
    return objective.family.from_reported(reported, *_units(objective))
