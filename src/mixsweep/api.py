"""Fits in this process, without workflow or cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mixsweep.applicable import check_families
from mixsweep.errors import MixsweepError
from mixsweep.inputs import numbers
from mixsweep.problems.base import Problem, check_matrix, check_row_weights
from mixsweep.shard import ShardSpec, fit_shard
from mixsweep.typing import Settings

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["fit", "fit_with"]


def fit(
    X: ArrayLike,
    n_components: int,
    family: str = "gaussian-full",
    method: str = "em",
    initializer: str = "random-points",
    n_restarts: int = 100,
    seed: int = 0,
    tol: float = 1e-8,
    max_passes: int = 2000,
    covariance_floor: float = 1e-6,
    *,
    row_weights: ArrayLike | None = None,
    **method_settings: Any,
) -> xr.Dataset:
    """Fit a mixture from many starts and keep every fit.

    Parameters
    ----------
    X : array_like, shape (n, d)
        Data, a row an observation.
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
    seed : int
        Seed of the starts.
    tol : float
        A fit has converged when the EM decrement per row is below this; 0 runs to `max_passes`.
    max_passes : int
        Pass budget of a fit.
    covariance_floor : float
        A fit has collapsed when a covariance eigenvalue falls below this share of the smallest eigenvalue of
        the data covariance.
    row_weights : array_like, shape (n,), or None
        How many times each row counts, above 0; None for once.
    **method_settings
        Settings of the method, such as ``learning_rate=0.05``.

    Returns
    -------
    xarray.Dataset
        Over ``restart``: ``log_likelihood``, ``status``, ``n_passes``, ``n_iterations``, ``em_decrement``,
        ``seconds``, parameters and traces, in the units of the data.

    Notes
    -----
    EM steps shrink beside a saddle as they do beside a maximum. Where two components ended equal, or nearly
    so while EM drives them apart, ``status`` says ``saddle``. A fit that stopped beside any other saddle is
    called ``converged``: it takes second derivatives to tell, which the census of a sweep computes.

    Raises
    ------
    MixsweepError
        For unusable data or an unknown name or setting.

    Examples
    --------
    >>> import numpy as np, mixsweep
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(size=(50, 2)), rng.normal(5, 1, size=(50, 2))])
    >>> fits = mixsweep.fit(X, n_components=2, n_restarts=10)
    >>> fits.log_likelihood.sizes["restart"]
    10
    """
    return fit_with(
        X,
        {"method": method, **method_settings},
        n_components=n_components,
        family=family,
        initializer=initializer,
        n_restarts=n_restarts,
        seed=seed,
        tol=tol,
        max_passes=max_passes,
        covariance_floor=covariance_floor,
        row_weights=row_weights,
    )


def fit_with(
    X: ArrayLike,
    settings: Settings,
    *,
    n_components: int,
    family: str,
    initializer: str,
    n_restarts: int,
    seed: int,
    tol: float,
    max_passes: int,
    covariance_floor: float,
    row_weights: ArrayLike | None,
) -> xr.Dataset:
    """Do the same for settings of the method that have the names of arguments, such as its own ``tol``.

    Parameters
    ----------
    X : array_like, shape (n, d)
        Data, a row an observation.
    settings : mapping
        The optimiser's name under ``method``, and its settings.
    n_components, family, initializer, n_restarts, seed, tol, max_passes, covariance_floor, row_weights
        As for `fit`.
    """
    data = numbers(X, "X", "in rows of equal length")
    if data.ndim != 2:
        raise MixsweepError(f"X has shape {data.shape}; expected two dimensions, rows and features")
    for name, value, least in (
        ("n_components", n_components, 1),
        ("n_restarts", n_restarts, 1),
        ("max_passes", max_passes, 1),
        ("seed", seed, 0),
    ):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
            raise MixsweepError(f"{name} is {value!r}; expected a whole number of at least {least}")
    if n_components > len(data):
        raise MixsweepError(f"n_components is {n_components}, but X has only {len(data)} rows")
    for name, number in (("tol", tol), ("covariance_floor", covariance_floor)):
        if not (isinstance(number, (int, float, np.number)) and number >= 0):
            raise MixsweepError(f"{name} is {number!r}; expected a number of at least 0")
    names = tuple(f"x{index}" for index in range(data.shape[1]))
    check_matrix(data, names, "X")
    weights = None
    if row_weights is not None:
        weights = numbers(row_weights, "row_weights", "one for each row")
        check_row_weights(weights, len(data), "row_weights")
    spec = ShardSpec(
        family=family,
        n_components=int(n_components),
        method=str(settings["method"]),
        settings=settings,
        initializer=initializer,
        start=0,
        stop=int(n_restarts),
        seed=int(seed),
        tol=tol,
        max_passes=int(max_passes),
        covariance_floor=covariance_floor,
    )
    problem = Problem("X", data, names, row_weights=weights)
    check_families(problem, [family], "X")
    fits, timing = fit_shard(problem, spec)
    return fits.merge(timing)
