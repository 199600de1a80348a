"""Global optimum: how hit rates and numbers of optima change with the design (K, d, n, separation, arm).

References
----------
Jin, C., Zhang, Y., Balakrishnan, S., Wainwright, M. J. and Jordan, M. I. (2016). Local maxima in the
likelihood of Gaussian mixture models: structural results and algorithmic consequences. Advances in Neural
Information Processing Systems 29.
Zou, G. (2004). A modified Poisson regression approach to prospective studies with binary data. American
Journal of Epidemiology 159, 702-706.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, stdtrit

from mixsweep.analysis.counts import reasons
from mixsweep.analysis.regression import Regression, logistic, poisson
from mixsweep.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["COVARIATES", "decay_in_k", "hit_rate_trend", "optima_trend", "predicted_hit_rates"]

#: What the hit rate may depend on besides method and initializer; variables over the cells.
COVARIATES = ("n_components", "n_features", "log_n_rows", "separation")
#: How many numbers of components a decay needs: a line through two says nothing about its fit.
FEWEST_K = 3
LEVEL = 0.95
#: Attributes that name the levels which the others of a factor are compared with.
_REFERENCE = "reference_"
#: Values that differ by no more than this share of their size are one: separations are found by arithmetic.
ROUNDING = 1e-9

CONSTANT = "cannot say: does not vary in the design"
EXTREME = "cannot say: all fits hit, or none"
NO_MODEL = "cannot say: the model could not be fitted"
OUTSIDE = "cannot say: outside the range of the design"


@dataclass(frozen=True)
class _Design:
    """Columns of a model; for each term that was left out the reason, and its value where it has one."""

    names: list[str]
    columns: FloatArray
    left_out: dict[str, tuple[str, float]]


def hit_rate_trend(
    rates: xr.Dataset,
    covariates: Sequence[str] = COVARIATES,
    cluster: str = "cell",
    factors: Sequence[str] = (),
) -> xr.Dataset:
    """Fit the log-odds of a hit to the design: a main effect for each covariate, method, initializer, factor.

    Parameters
    ----------
    rates : xarray.Dataset
        Hit rates of many cells (`mixsweep.analysis.success.hit_rates`), over (cell, method, initializer), and
        the covariates over ``cell``. Entries without a hit rate, and cells without one of the covariates
        (such as the separation of real data), are left out.
    covariates : sequence of str
        Names of variables or coordinates over ``cell``.
    cluster : str
        Variable or coordinate over ``cell`` whose equal values belong together: ``cell``, or ``problem``
        when several cells have the same data.
    factors : sequence of str
        Variables over ``cell`` of which each value has a level of its own, such as ``family``.

    Returns
    -------
    xarray.Dataset
        Over ``term``: ``estimate`` with its 95 % interval, ``standard_error``, ``reason`` (why a term
        has no estimate), ``lowest`` and ``highest`` of the design; ``covariance`` over (term, term_);
        ``dispersion``, ``n_clusters``, ``n_observations``, ``degrees_of_freedom``. Methods, initializers and
        levels of factors are compared with the first of which some fits hit and some do not (attributes
        ``reference_method``, ``reference_initializer`` and so on). The effects are averages over the cells of
        the design.
    """
    dims = ("cell", "method", "initializer")
    hit_rate = rates["hit_rate"].transpose(*dims).values
    values = {name: _over_cells(rates, name) for name in covariates}
    complete = np.isfinite(np.stack([*values.values(), np.zeros(rates.sizes["cell"])])).all(axis=0)
    used: BoolArray = np.logical_and(np.isfinite(hit_rate), complete.reshape(-1, 1, 1))
    hits, trials = (rates[name].transpose(*dims).values.astype(float) for name in ("n_hits", "n_fits"))

    left_out: dict[str, tuple[str, float]] = {}
    levels: dict[str, list[str]] = {}
    labels = _labels(rates, factors, hits.shape)
    for factor, label in labels.items():
        kept, extreme = _levels(hits, trials, used, label)
        levels[factor] = kept
        left_out |= {f"{factor}: {level}": (EXTREME, np.nan) for level in extreme}
        used &= np.isin(label, kept)
    places = np.nonzero(used)
    columns = {name: value[places[0]] for name, value in values.items()}
    for factor, label in labels.items():
        columns |= _indicators(factor, label[places], levels[factor])
    design = _design(columns, left_out, len(places[0]))
    groups = _groups(rates, cluster)[places[0]]
    fitted = logistic(design.columns, hits[places], trials[places], groups)
    result = _as_dataset(design, fitted, groups)
    for factor, kept in levels.items():
        result.attrs[_REFERENCE + factor] = kept[0] if kept else ""
    return result


def _labels(rates: xr.Dataset, factors: Sequence[str], shape: tuple[int, ...]) -> dict[str, NDArray[np.str_]]:
    """Return the level of each entry (cell, method, initializer) of every factor."""
    over = {"method": (1, -1, 1), "initializer": (1, 1, -1)} | dict.fromkeys(factors, (-1, 1, 1))
    return {
        name: np.broadcast_to(rates[name].values.astype(str).reshape(place), shape)
        for name, place in over.items()
    }


def _indicators(factor: str, label: NDArray[np.str_], levels: Sequence[str]) -> dict[str, FloatArray]:
    """Return a column for each level of a factor but the first, which the others are compared with."""
    return {f"{factor}: {level}": (label == level).astype(float) for level in levels[1:]}


def optima_trend(
    cells: xr.Dataset,
    covariates: Sequence[str] = (*COVARIATES, "log_n_fits"),
    cluster: str = "cell",
    factors: Sequence[str] = (),
) -> xr.Dataset:
    """Fit the log of the expected number of optima seen to the design (Poisson regression).

    More fits see more optima, so the number of fits is among the covariates.

    Parameters
    ----------
    cells : xarray.Dataset
        ``n_optima`` and the covariates over ``cell``; cells with one missing are left out.
    covariates, cluster, factors
        As for `hit_rate_trend`.

    Returns
    -------
    xarray.Dataset
        As `hit_rate_trend` gives it, without methods and initializers.
    """
    values = {name: _over_cells(cells, name) for name in covariates}
    counts = _over_cells(cells, "n_optima")
    used = np.flatnonzero(np.isfinite(np.stack([counts, *values.values()])).all(axis=0))
    columns = {name: value[used] for name, value in values.items()}
    for factor in factors:
        label = cells[factor].values.astype(str)[used]
        columns |= _indicators(factor, label, list(dict.fromkeys(label.tolist())))
    design = _design(columns, {}, len(used))
    groups = _groups(cells, cluster)[used]
    fitted = poisson(design.columns, counts[used], np.ones(len(used)), groups)
    return _as_dataset(design, fitted, groups)


def decay_in_k(rates: xr.Dataset, cluster: str = "cell", factors: Sequence[str] = ()) -> xr.Dataset:
    """Fit the log of the hit rate to a line in the number of components, for each method and initializer.

    Random starts fail with a probability of at least 1 - exp(-c K) on some mixtures (Jin et al. 2016): there
    the slope is at most -c. The model is a Poisson regression of the hits with the fits as exposure and a
    robust covariance (Zou 2004), which takes cells without a hit as they are.

    Parameters
    ----------
    rates : xarray.Dataset
        As for `hit_rate_trend`, with ``n_components`` over ``cell``.
    cluster, factors
        As for `hit_rate_trend`: each level of a factor has a hit rate of its own, which falls by the same
        decay. Levels without a hit, which say nothing about it, are left out.

    Returns
    -------
    xarray.Dataset
        Over (method, initializer): ``decay`` with its 95 % interval, ``n_clusters`` and ``reason``.
    """
    import xarray as xr

    dims = ("method", "initializer", "cell")
    hit_rate = rates["hit_rate"].transpose(*dims).values
    hits, trials = (rates[name].transpose(*dims).values.astype(float) for name in ("n_hits", "n_fits"))
    n_components, groups = _over_cells(rates, "n_components"), _groups(rates, cluster)
    shape = hit_rate.shape[:2]
    numbers = np.full((3, *shape), np.nan)
    n_clusters = np.zeros(shape, np.int64)
    reason = np.full(shape, "", dtype=object)
    for i, j in np.ndindex(shape):
        known = np.isfinite(hit_rate[i, j]) & np.isfinite(n_components)
        used = np.flatnonzero(known & _with_hits(rates, factors, hits[i, j]))
        n_clusters[i, j] = len(np.unique(groups[used]))
        if len(np.unique(n_components[used])) < FEWEST_K:
            reason[i, j] = f"cannot say: hit rates for fewer than {FEWEST_K} numbers of components"
            continue
        if not hits[i, j, used].any():
            reason[i, j] = EXTREME
            continue
        columns = {"n_components": n_components[used]}
        for factor in factors:
            label = rates[factor].values.astype(str)[used]
            columns |= _indicators(factor, label, list(dict.fromkeys(label.tolist())))
        design = np.column_stack([np.ones(len(used)), *columns.values()])
        fitted = poisson(design, hits[i, j, used], trials[i, j, used], groups[used])
        reason[i, j] = fitted.failure
        between = 1 + sum(_constant_within(column, groups[used]) for column in design.T[2:])
        freedom = max(fitted.n_clusters - 1 - between, 1)
        error = np.sqrt(fitted.covariance[1, 1]) * stdtrit(freedom, 0.5 + LEVEL / 2)
        numbers[:, i, j] = fitted.coefficients[1] + np.array([0.0, -error, error])
    over = ("method", "initializer")
    variables: dict[str, Any] = {
        name: (over, values)
        for name, values in zip(("decay", "decay_low", "decay_high"), numbers, strict=True)
    }
    variables |= {"n_clusters": (over, n_clusters), "reason": (over, reason)}
    return xr.Dataset(variables, {name: rates[name].values for name in over})


def _with_hits(rates: xr.Dataset, factors: Sequence[str], hits: FloatArray) -> BoolArray:
    """Return which cells have levels with a hit in any cell; all cells where there is no hit at all."""
    kept = np.ones(len(hits), bool)
    for factor in factors if hits.any() else ():
        label = rates[factor].values.astype(str)
        kept &= np.isin(label, label[hits > 0])
    return kept


def predicted_hit_rates(trend: xr.Dataset, points: xr.Dataset) -> xr.Dataset:
    """Return the hit rates that a fitted model expects at points of the design: the map of difficulty.

    Parameters
    ----------
    trend : xarray.Dataset
        As `hit_rate_trend` gives it.
    points : xarray.Dataset
        Over ``point``: the covariates, ``method``, ``initializer`` and the model's other factors.

    Returns
    -------
    xarray.Dataset
        Over ``point``: ``predicted_hit_rate`` with its 95 % interval (for the average over cells like this
        one, not for a single one), and ``reason``: points outside the range of the design have no prediction.
    """
    terms = [str(term) for term in trend["term"].values]
    count = points.sizes["point"]
    design = np.zeros((count, len(terms)))
    outside = np.zeros(count, bool)
    for number, term in enumerate(terms):
        factor, _, level = term.partition(": ")
        if term == "intercept":
            design[:, number] = 1.0
        elif level:
            design[:, number] = points[factor].values.astype(str) == level
        else:
            # a term that does not vary is part of the intercept: predictions are for its one value
            values = _over_cells(points, term)
            low, high = (float(trend[end].values[number]) for end in ("lowest", "highest"))
            slack = ROUNDING * max(abs(low), abs(high))
            outside |= ~((values >= low - slack) & (values <= high + slack))
            design[:, number] = values
    unknown = np.zeros(count, bool)
    for factor in (name.removeprefix(_REFERENCE) for name in trend.attrs):
        levels = {term.partition(": ")[2] for term in terms if term.startswith(f"{factor}: ")}
        unknown |= ~np.isin(points[factor].values.astype(str), [*levels, trend.attrs[_REFERENCE + factor]])
    fitted = np.isfinite(trend["estimate"].values)
    # what was left out has no coefficient; a point that needs it is not answered
    unknown |= (design[:, ~fitted & _is_level(terms)] != 0).any(axis=1)
    part = design[:, fitted]
    centre = part @ trend["estimate"].values[fitted]
    covariance = trend["covariance"].values[np.ix_(fitted, fitted)]
    error = np.sqrt(np.einsum("ij,jk,ik->i", part, covariance, part))
    error = error * stdtrit(max(float(trend["degrees_of_freedom"]), 1.0), 0.5 + LEVEL / 2)
    reason = reasons(
        (count,),
        (not fitted.any(), NO_MODEL),
        (outside, OUTSIDE),
        (unknown, "cannot say: no such method, initializer or family in the model"),
    )
    ends = {"": centre, "_low": centre - error, "_high": centre + error}
    return points.assign(
        {
            f"predicted_hit_rate{end}": ("point", np.where(reason == "", expit(values), np.nan))
            for end, values in ends.items()
        }
        | {"reason": ("point", reason)}
    )


def _is_level(terms: Sequence[str]) -> BoolArray:
    return np.array([": " in term for term in terms], bool)


def _over_cells(dataset: xr.Dataset, name: str) -> FloatArray:
    """Return a variable over the cells or points; ``log_NAME`` is also made from NAME."""
    if name not in dataset.variables and name.startswith("log_"):
        logarithm: FloatArray = np.log(np.asarray(dataset[name.removeprefix("log_")].values, float))
        return logarithm
    values: FloatArray = np.asarray(dataset[name].values, float)
    return values


def _groups(dataset: xr.Dataset, cluster: str) -> IntArray:
    if cluster == "cell":
        return np.arange(dataset.sizes["cell"])
    _, group = np.unique(dataset[cluster].values.astype(str), return_inverse=True)
    return group.astype(np.int64)


def _levels(
    hits: FloatArray, trials: FloatArray, used: BoolArray, label: NDArray[np.str_]
) -> tuple[list[str], list[str]]:
    """Return which levels of a factor, in order, have hits and misses, and which only one of the two."""
    mixed: list[str] = []
    extreme: list[str] = []
    for level in dict.fromkeys(label.ravel().tolist()):
        own = used & (label == level)
        n_hits = hits[own].sum()
        (mixed if 0 < n_hits < trials[own].sum() else extreme).append(level)
    return mixed, extreme


def _design(columns: dict[str, FloatArray], left_out: dict[str, tuple[str, float]], count: int) -> _Design:
    """Return the design matrix with an intercept, without what does not vary."""
    names, kept = ["intercept"], [np.ones(count)]
    for name, column in columns.items():
        if count and np.ptp(column) > ROUNDING * np.abs(column).max():
            names.append(name)
            kept.append(column)
        else:
            left_out = left_out | {name: (CONSTANT, float(column[0]) if count else np.nan)}
    return _Design(names, np.column_stack(kept), left_out)


def _as_dataset(design: _Design, fitted: Regression, groups: IntArray) -> xr.Dataset:
    import xarray as xr

    terms = [*design.names, *design.left_out]
    p, size = len(design.names), len(terms)
    between = sum(_constant_within(column, groups) for column in design.columns.T)
    freedom = fitted.n_clusters - between

    def padded(values: FloatArray) -> FloatArray:
        return np.concatenate([values, np.full(size - p, np.nan)])

    with np.errstate(invalid="ignore"):
        error = np.sqrt(np.diag(fitted.covariance))
    half = error * (stdtrit(freedom, 0.5 + LEVEL / 2) if freedom > 0 else np.nan)
    covariance = np.full((size, size), np.nan)
    covariance[:p, :p] = fitted.covariance
    missing = [why for why, _ in design.left_out.values()]
    only = np.array([value for _, value in design.left_out.values()], float)
    reason: NDArray[np.object_] = np.array([fitted.failure] * p + missing, dtype=object)
    rows = len(design.columns)
    columns: dict[str, Any] = {
        "estimate": padded(fitted.coefficients),
        "estimate_low": padded(fitted.coefficients - half),
        "estimate_high": padded(fitted.coefficients + half),
        "standard_error": padded(error),
        "lowest": np.append(design.columns.min(axis=0) if rows else np.full(p, np.nan), only),
        "highest": np.append(design.columns.max(axis=0) if rows else np.full(p, np.nan), only),
        "reason": reason,
    }
    variables: dict[str, Any] = {name: ("term", values) for name, values in columns.items()}
    variables |= {
        "covariance": (("term", "term_"), covariance),
        "dispersion": fitted.dispersion,
        "n_clusters": fitted.n_clusters,
        "n_observations": rows,
        "degrees_of_freedom": max(freedom, 0),
    }
    return xr.Dataset(variables, {"term": terms, "term_": terms})


def _constant_within(column: FloatArray, groups: IntArray) -> bool:
    """Return whether a column varies between clusters only."""
    first = np.unique(groups, return_index=True)[1]
    label = np.unique(groups, return_inverse=True)[1]
    return bool((column == column[first][label]).all())
