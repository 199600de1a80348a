"""Paths that start bent through a saddle of the census, which strings then need not find by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mixsweep.analysis.landscape.paths import Paths, bent
from mixsweep.analysis.landscape.surface import Surface, matched
from mixsweep.objective import Objective
from mixsweep.schema import KINDS
from mixsweep.typing import IntArray, Parameters

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Detours", "detours", "paths_by_saddles"]


class Detours(NamedTuple):
    """D pairs of maxima, each with the highest saddle whose two sides lead to them.

    Attributes
    ----------
    first, second : ndarray of int, shape (D,)
        Positions of the maxima among those looked at, first < second.
    saddle : ndarray of int, shape (D,)
        Numbers of the saddles in the census.
    """

    first: IntArray
    second: IntArray
    saddle: IntArray


def detours(optima: xr.Dataset, numbers: IntArray) -> Detours:
    """Return the detours between the maxima of the given numbers."""
    position = {int(number): place for place, number in enumerate(numbers)}
    highest: dict[tuple[int, int], int] = {}
    values, escapes = optima["log_likelihood"].values, optima["escape_optimum"].values
    for saddle in np.flatnonzero(optima["kind"].values == KINDS.index("saddle")):
        sides = sorted(position.get(int(side), -1) for side in escapes[saddle])
        pair = (sides[0], sides[-1])
        if sides[0] < 0 or sides[0] == sides[-1]:
            continue
        if pair not in highest or values[saddle] > values[highest[pair]]:
            highest[pair] = int(saddle)
    found = np.array([(*pair, saddle) for pair, saddle in sorted(highest.items())], dtype=np.int64)
    return Detours(*found.reshape(-1, 3).T)


def paths_by_saddles(
    objective: Objective, surface: Surface, maxima: Parameters, saddles: Parameters, found: Detours
) -> Paths:
    """Return the paths bent through the saddles, before they rise.

    Parameters
    ----------
    objective : Objective
        The cell.
    surface : Surface
        Its log-likelihood.
    maxima : dict of ndarray
        Those looked at, best first.
    saddles : dict of ndarray
        One for each detour, in their order.
    found : Detours
    """
    both = {name: np.concatenate([maxima[name], saddles[name]]) for name in maxima}
    middle = len(maxima["weights"]) + np.arange(len(found.saddle))
    # components of both ends in the order of the saddle's
    corner, first = matched(objective, both, middle, found.first)
    _, second = matched(objective, both, middle, found.second)
    return bent(surface, np.stack([first, corner, second], axis=1))
