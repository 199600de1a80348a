"""A scikit-learn estimator: many restarts, the best proper optimum among them, and all fits kept."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mixsweep.analysis.identify import closest_components, component_features
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.api import fit_with
from mixsweep.coordinates import Parametrisation
from mixsweep.errors import MixsweepError
from mixsweep.families import FAMILIES
from mixsweep.families.base import Family
from mixsweep.inputs import numbers, refuse_masked
from mixsweep.objective import Objective
from mixsweep.problems.base import check_row_weights
from mixsweep.sampling import sample
from mixsweep.seeds import generator
from mixsweep.status import Status
from mixsweep.typing import BoolArray, FloatArray, IntArray, Parameters

try:
    from sklearn.base import BaseEstimator, DensityMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        "mixsweep.MixtureSearch is a scikit-learn estimator, and scikit-learn 1.6 or later is not installed: "
        "pip install 'mixsweep[scikit-learn]'"
    ) from error

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["MixtureSearch"]

#: Ends of fits that are no optimum, whatever their parameters.
FAILED = (Status.COLLAPSED, Status.DIVERGED, Status.ERROR)


class MixtureSearch(DensityMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no annotations
    """Mixture model by many restarts, as a scikit-learn estimator.

    `fit` runs `mixsweep.fit` and keeps every restart; predictions are those of the restart with the highest
    log-likelihood among the proper ones: neither collapsed nor spurious (a covariance eigenvalue or an
    expected number of rows too small) nor on the boundary (two components that are one), by
    `mixsweep.analysis.thresholds.Thresholds`.

    Parameters
    ----------
    n_components : int
        Number of components K.
    family : str
        Component family, such as ``"gaussian-full"``.
    method : str
        Optimiser, such as ``"em"`` or ``"lbfgs"``.
    initializer : str
        Kind of start.
    n_restarts : int
        Number of starts.
    random_state : int, RandomState or None
        Seed of the starts and of `sample`.
    tol : float
        A fit has converged when the EM decrement per row is below this.
    max_passes : int
        Pass budget of a fit.
    covariance_floor : float
        A fit has collapsed when a covariance eigenvalue falls below this share of the smallest eigenvalue of
        the data covariance.
    method_settings : dict or None
        Settings of the method, such as ``{"learning_rate": 0.05}``.

    Attributes
    ----------
    fits_ : xarray.Dataset
        All restarts, as `mixsweep.fit` gives them.
    best_ : xarray.Dataset
        The restart that is predicted with.
    weights_, means_, ... : ndarray
        Its parameters, in the units of the data, by the names of the family's reported arrays:
        ``covariances_`` (K, d, d) for ``gaussian-full``, ``variances_`` (K, d) for ``gaussian-diag``.
    n_iter_ : int
        Its number of iterations.
    converged_ : bool
        Whether it converged.
    location_, scale_ : ndarray, shape (d,)
        What was subtracted from the features and divided by.
    n_features_in_ : int
        Number of features d.

    See Also
    --------
    mixsweep.fit : The same restarts without an estimator.

    Examples
    --------
    >>> import numpy as np, mixsweep
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(size=(50, 2)), rng.normal(5, 1, size=(50, 2))])
    >>> search = mixsweep.MixtureSearch(n_components=2, n_restarts=10, random_state=0).fit(X)
    >>> search.fits_.sizes["restart"]
    10
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        family: str = "gaussian-full",
        method: str = "em",
        initializer: str = "random-points",
        n_restarts: int = 100,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-8,
        max_passes: int = 2000,
        covariance_floor: float = 1e-6,
        method_settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.n_components = n_components
        self.family = family
        self.method = method
        self.initializer = initializer
        self.n_restarts = n_restarts
        self.random_state = random_state
        self.tol = tol
        self.max_passes = max_passes
        self.covariance_floor = covariance_floor
        self.method_settings = method_settings

    def fit(self, X: ArrayLike, y: object = None, row_weights: ArrayLike | None = None) -> MixtureSearch:
        """Fit the mixture from every start.

        Parameters
        ----------
        X : array_like, shape (n, d)
            Data, a row an observation.
        y : object
            Ignored.
        row_weights : array_like, shape (n,), or None
            How many times each row counts, above 0; None for once.

        Returns
        -------
        MixtureSearch
            The estimator itself.

        Raises
        ------
        ValueError
            For unusable data, an unknown name or a setting out of range.

        Warns
        -----
        ConvergenceWarning
            If no restart ended in a proper optimum, or the best one did not converge.
        """
        rows = self._rows(X, ensure_min_samples=2)
        try:
            self.fits_ = fit_with(
                rows,
                {**(self.method_settings or {}), "method": self.method},
                n_components=self.n_components,
                family=self.family,
                initializer=self.initializer,
                n_restarts=self.n_restarts,
                seed=self._seed(),
                tol=self.tol,
                max_passes=self.max_passes,
                covariance_floor=self.covariance_floor,
                row_weights=row_weights,
            )
        except MixsweepError as error:
            raise ValueError(str(error)) from error
        weights = None if row_weights is None else np.asarray(row_weights, dtype=np.float64)
        objective = Objective.of(rows, self.family, self.n_components, self.covariance_floor, weights)
        self.location_, self.scale_ = objective.location, objective.scale
        best, proper = _best(self.fits_, objective)
        self.best_ = self.fits_.isel(restart=best)
        for name, values in _parameters(self.best_).items():
            setattr(self, f"{name}_", values)
        self.n_iter_ = int(self.best_["n_iterations"])
        status = Status(int(self.best_["status"]))
        self.converged_ = status is Status.CONVERGED
        if not proper:
            self._warn(
                f"none of {self.n_restarts} restarts ended in a proper optimum ({_counted(self.fits_)}); "
                "what did not fail has a spurious or superfluous component. Take fewer components, more "
                "restarts or another family."
            )
        elif not self.converged_:
            self._warn(
                f"the best restart has not converged: {status.label}. Raise max_passes, or take another "
                "method."
            )
        return self

    def fit_predict(self, X: ArrayLike, y: object = None, row_weights: ArrayLike | None = None) -> IntArray:
        """Fit, and return the most probable component of each row, shape (n,)."""
        return self.fit(X, y, row_weights).predict(X)

    def predict(self, X: ArrayLike) -> IntArray:
        """Return the most probable component of each row, shape (n,)."""
        labels: IntArray = self._logits(X).argmax(axis=1)
        return labels

    def predict_proba(self, X: ArrayLike) -> FloatArray:
        """Return the posterior probability of each component for each row, shape (n, K)."""
        logits = self._logits(X)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: FloatArray = shares / shares.sum(axis=1, keepdims=True)
        return probabilities

    def score_samples(self, X: ArrayLike) -> FloatArray:
        """Return the log-density of each row in the units of the data, shape (n,)."""
        densities: FloatArray = np.logaddexp.reduce(self._logits(X), axis=1)
        return densities

    def score(self, X: ArrayLike, y: object = None, row_weights: ArrayLike | None = None) -> float:
        """Return the mean log-density of the rows, each counted as often as its weight says."""
        total, log_likelihood = self._totals(X, row_weights)
        return log_likelihood / total

    def bic(self, X: ArrayLike, row_weights: ArrayLike | None = None) -> float:
        """Return the Bayesian information criterion on the rows; lower is better.

        The number of rows in it is the sum of the row weights.
        """
        total, log_likelihood = self._totals(X, row_weights)
        return float(-2.0 * log_likelihood + self._n_parameters() * np.log(total))

    def aic(self, X: ArrayLike, row_weights: ArrayLike | None = None) -> float:
        """Return the Akaike information criterion on the rows; lower is better."""
        return float(-2.0 * self._totals(X, row_weights)[1] + 2.0 * self._n_parameters())

    def sample(self, n_samples: int = 1) -> tuple[FloatArray, IntArray]:
        """Draw rows from the fitted mixture.

        Parameters
        ----------
        n_samples : int
            Number of rows.

        Returns
        -------
        X : ndarray, shape (n_samples, d)
        labels : ndarray of int, shape (n_samples,)
            The component of each row.

        Raises
        ------
        ValueError
            For fewer than one row, or a family whose rows cannot be drawn.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples is {n_samples}; expected at least 1")
        try:
            return sample(_parameters(self.best_), n_samples, generator(self._seed(), "sample"))
        except MixsweepError as error:
            raise ValueError(str(error)) from error

    @staticmethod
    def _warn(message: str) -> None:
        warnings.warn(message, ConvergenceWarning, stacklevel=3)

    def _rows(self, X: ArrayLike, **requirements: Any) -> FloatArray:
        """Return rows as scikit-learn checks them, which says nothing of masks."""
        try:
            refuse_masked(X, "X")
        except MixsweepError as error:
            raise ValueError(str(error)) from error
        rows: FloatArray = validate_data(self, X, dtype=np.float64, **requirements)
        return rows

    def _seed(self) -> int:
        """Return a seed; the same every time if the random state is a number."""
        if isinstance(self.random_state, (int, np.integer)):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _totals(self, X: ArrayLike, row_weights: ArrayLike | None) -> tuple[float, float]:
        """Return the sum of the row weights, and the log-likelihood of the rows."""
        densities = self.score_samples(X)
        weights = _checked_weights(row_weights, densities)
        return float(weights.sum()), float(densities @ weights)

    def _family(self) -> Family:
        family: Family = FAMILIES[self.best_.attrs["family"]]()
        return family

    def _inside(self) -> Parameters:
        """Return the best fit in the family's own coordinates, standardised units, restarts first."""
        reported = {name: values[None] for name, values in _parameters(self.best_).items()}
        return self._family().from_reported(reported, self.location_, self.scale_)

    def _logits(self, X: ArrayLike) -> FloatArray:
        """Return log(weight x density) of each row under each component, units of the data, shape (n, K)."""
        check_is_fitted(self)
        rows = self._rows(X, reset=False)
        family = self._family()
        prepared = family.prepare((rows - self.location_) / self.scale_)
        with np.errstate(all="ignore"):  # densities that vanish
            logits = family.logits(prepared, self._inside())[0]
        in_data_units: FloatArray = logits.T - np.log(self.scale_).sum()
        return in_data_units

    def _n_parameters(self) -> int:
        return int(Parametrisation("softmax-fixed").to_vector(self._family(), self._inside()).shape[1])


def _checked_weights(row_weights: ArrayLike | None, rows: FloatArray) -> FloatArray:
    """Return the row weights, ones by default, shape (n,)."""
    if row_weights is None:
        return np.ones(len(rows))
    try:
        weights = numbers(row_weights, "row_weights", "one for each row")
        check_row_weights(weights, len(rows), "row_weights")
    except MixsweepError as error:
        raise ValueError(str(error)) from error
    return weights


def _parameters(fits: xr.Dataset) -> Parameters:
    """Return the mixtures' parameters by their names in the files."""
    return {
        str(name): variable.values
        for name, variable in fits.data_vars.items()
        if {"component", "feature"} & {*variable.dims}
    }


def _counted(fits: xr.Dataset) -> str:
    """Return in words how many fits ended with which status, most frequent first."""
    counts = Counter(Status(int(status)).label for status in fits["status"].values)
    return ", ".join(f"{count} {label}" for label, count in counts.most_common())


def _best(fits: xr.Dataset, objective: Objective) -> tuple[int, bool]:
    """Return the number of the highest proper restart; where none is, of the highest sound one, and false."""
    value, status = fits["log_likelihood"].values, fits["status"].values
    known = np.isfinite(value)
    if not known.any():
        raise ValueError(
            f"no restart has a log-likelihood ({_counted(fits)}). Take fewer components, another initializer "
            "or another family."
        )
    sound = known & ~np.isin(status, FAILED)
    proper = sound & _proper(fits, objective)
    among = next(chosen for chosen in (proper, sound, known) if chosen.any())
    return int(np.where(among, value, -np.inf).argmax()), bool(proper.any())


def _proper(fits: xr.Dataset, objective: Objective) -> BoolArray:
    """Return which ends are neither spurious nor on the boundary, shape (R,)."""
    thresholds, family = Thresholds(), objective.family
    parameters = family.from_reported(_parameters(fits), objective.location, objective.scale)
    eigenvalue = family.smallest_eigenvalues(parameters).min(axis=1) / objective.smallest_data_eigenvalue
    rows = parameters["weights"].min(axis=1) * objective.total_weight
    distance = closest_components(component_features(objective, parameters))
    proper: BoolArray = (
        (eigenvalue >= thresholds.spurious_eigenvalue_ratio)
        & (rows >= objective.n_features + 1 + thresholds.spurious_extra_rows)
        & (distance >= thresholds.coincident_components)
    )
    return proper
