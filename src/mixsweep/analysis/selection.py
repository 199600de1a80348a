"""The number of components that a criterion chooses after so many restarts.

Whoever stops after m restarts for each K keeps the best of them, and compares the criterion of these fits.
With N restarts made, the chance that fit i is the best of m drawn at random is known exactly by order
statistics; so is then the chance of each choice, without simulation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

from mixsweep.schema import KINDS
from mixsweep.typing import FloatArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["RESTARTS", "best_of", "choice", "chosen_components", "criteria"]

#: After so many restarts it is asked which K would be chosen.
RESTARTS = (1, 5, 10, 50)


def best_of(values: FloatArray, size: int) -> FloatArray:
    """Return the chance of each of N fits to be the best of some drawn without replacement.

    Parameters
    ----------
    values : ndarray, shape (N,)
        Higher is better; NaN for a fit that cannot be kept. Of equal fits the first is kept.
    size : int
        How many are drawn, at most N.

    Returns
    -------
    ndarray, shape (N,)
        The sum falls short of 1 by the chance that only fits without a value are drawn.
    """
    total = len(values)
    order = np.argsort(-np.where(np.isnan(values), -np.inf, values), kind="stable")
    # the best is at place i if it is drawn and none of the i before it
    place = np.arange(total)
    behind = total - place
    log_none = np.full(total + 1, -np.inf)
    left = np.arange(total, size - 1, -1)
    log_none[: len(left)] = gammaln(left + 1) - gammaln(left - size + 1)
    log_none -= gammaln(total + 1) - gammaln(total - size + 1)
    chance = np.zeros(total)
    chance[order] = np.exp(log_none[place]) - np.exp(log_none[place + 1])
    chance[order[behind < size]] = 0.0
    chance[np.isnan(values)] = 0.0
    return chance


def choice(chances: Sequence[FloatArray], criteria: Sequence[FloatArray]) -> FloatArray:
    """Return the chance of each group to have the smallest criterion.

    Parameters
    ----------
    chances : sequence of ndarray
        For each group, the chances of its possible values; what they lack of 1 is the chance of none.
    criteria : sequence of ndarray
        The values, smaller is better. Of equal values that of the first group is chosen.

    Returns
    -------
    ndarray, shape (groups + 1,)
        The last is the chance that no group has a value.
    """
    result = np.zeros(len(chances) + 1)
    result[-1] = np.prod([1 - chance.sum() for chance in chances])
    for group, (chance, criterion) in enumerate(zip(chances, criteria, strict=True)):
        wins = chance.copy()
        for other, (weight, value) in enumerate(zip(chances, criteria, strict=True)):
            if other != group and wins.any():
                order = np.argsort(value, kind="stable")
                taken = np.concatenate([[0.0], np.cumsum(weight[order])])
                # an equal value of a group before this one goes first
                rank = np.searchsorted(value[order], criterion, side="right" if other < group else "left")
                wins = wins * (1 - taken[rank])
        result[group] = wins.sum()
    return np.clip(result, 0.0, 1.0)


def chosen_components(cells: Mapping[int, tuple[xr.Dataset, xr.Dataset]]) -> xr.Dataset:
    """Return which K the criteria BIC and ICL choose after 1, 5, 10 and 50 restarts.

    A fit that ended in a proper optimum counts with the value of that optimum; the others cannot be kept, as
    degenerate and spurious optima can be as high as one likes.

    Parameters
    ----------
    cells : mapping
        For each K of one problem and family, the fits (``optimum`` over method, initializer and restart) and
        the optima.

    Returns
    -------
    xarray.Dataset
        ``chance`` over (criterion, method, initializer, restarts, n_components): NaN where fewer restarts
        were made; ``chance_none``, without the last, that no fit could be kept; ``choice``, the K chosen most
        often, 0 where none is.
    """
    import xarray as xr

    numbers = sorted(cells)
    fits = cells[numbers[0]][0]
    methods, initializers = fits["method"].values, fits["initializer"].values
    made = min(each.sizes["restart"] for each, _ in cells.values())
    shape = (2, len(methods), len(initializers), len(RESTARTS), len(numbers) + 1)
    chance = np.full(shape, np.nan)
    for i, method in enumerate(methods):
        for j, initializer in enumerate(initializers):
            arm = {"method": method, "initializer": initializer}
            fitted = [_fitted(cells[k][0].sel(arm)["optimum"].values, cells[k][1]) for k in numbers]
            for m, size in enumerate(RESTARTS):
                if size <= made:
                    best = [best_of(value, size) for value, _ in fitted]
                    for c in range(2):
                        chance[c, i, j, m] = choice(best, [criteria[c] for _, criteria in fitted])
    dims = ("criterion", "method", "initializer", "restarts")
    known = chance[..., :-1]
    most = np.where(np.isnan(known).any(axis=-1), -1, known.argmax(axis=-1))
    chosen = np.where((most >= 0) & (np.nan_to_num(known).max(axis=-1) > 0), np.array(numbers)[most], 0)
    return xr.Dataset(
        {
            "chance": ((*dims, "n_components"), known),
            "chance_none": (dims, chance[..., -1]),
            "choice": (dims, chosen),
        },
        {
            "criterion": ["bic", "icl"],
            "method": methods,
            "initializer": initializers,
            "restarts": list(RESTARTS),
            "n_components": numbers,
        },
    )


def criteria(optima: xr.Dataset) -> tuple[FloatArray, FloatArray]:
    """Return BIC and ICL of the optima of a cell, each of shape (P,); smaller is better.

    BIC is -2 L + m ln n with L the log-likelihood, m the number of parameters and n the sum of the row
    weights (Schwarz 1978); ICL adds twice the entropy of the rows' posterior probabilities (Biernacki,
    Celeux and Govaert 2000).
    """
    rows = optima.attrs["total_weight"]
    bic = -2 * optima["log_likelihood"].values + optima.attrs["n_parameters"] * np.log(rows)
    return bic, bic + 2 * optima["classification_entropy"].values


def _fitted(ended: np.ndarray, optima: xr.Dataset) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]:
    """Return each fit's log-likelihood, and its BIC and ICL, in the sign in which smaller is better."""
    proper = np.append(optima["kind"].values == KINDS.index("proper"), False)
    keep = proper[ended]
    value = np.where(keep, np.append(optima["log_likelihood"].values, np.nan)[ended], np.nan)
    # a fit that cannot be kept has no chance, so any value does
    bic, icl = (np.where(keep, np.append(each, np.inf)[ended], np.inf) for each in criteria(optima))
    return value, (bic, icl)
