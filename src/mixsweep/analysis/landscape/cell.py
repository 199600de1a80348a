"""The landscape of a cell: its leading maxima, the paths between them, and what these say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.agreement import density_distances
from mixsweep.analysis.identify import log_densities
from mixsweep.analysis.landscape.detours import Detours, detours, paths_by_saddles
from mixsweep.analysis.landscape.paths import POINTS, Paths, joined, rise, straight
from mixsweep.analysis.landscape.plane import classical_scaling, slice_through
from mixsweep.analysis.landscape.surface import LikelihoodSurface, Surface, matched, vectors
from mixsweep.analysis.landscape.tree import Tree, connect
from mixsweep.objective import Objective
from mixsweep.schema import KINDS
from mixsweep.typing import FloatArray, IntArray, Parameters

if TYPE_CHECKING:
    import xarray as xr

    from mixsweep.problems.base import Problem

__all__ = ["LEAVES", "landscape"]

#: Maxima that are looked at.
LEAVES = 12
#: Kinds that are maxima, in the order in which they are chosen: a cell with many spurious ones should still
#: show its proper ones.
MAXIMA = ("proper", "spurious", "boundary")
#: Segments and steps of all strings, and of those in the spanning tree afterwards: only these decide the
#: barriers. Five times the work lowers barriers by a few hundredths of their heights.
ALL_PAIRS, IN_TREE = (12, 10), (24, 40)


def landscape(problem: Problem, optima: xr.Dataset) -> xr.Dataset:
    """Return paths and barriers between a cell's leading maxima, their tree, a slice and a map.

    Parameters
    ----------
    problem : Problem
        The data.
    optima : xarray.Dataset
        The census of the cell.

    Returns
    -------
    xarray.Dataset
        Over ``leading``, numbers of at most `LEAVES` maxima of the census, best first: heights, levels of the
        straight, the risen and the best connected paths, ``barrier`` (an upper bound, measured from the row's
        optimum), density distances and a map of them with its ``stress``. Over (``pair``, ``point``): heights
        along the paths. Over ``node``: the disconnectivity tree. Over (``slice_row``, ``slice_column``): a
        slice through the best maximum and the two others in which most fits ended. Attributes ``reason`` and
        ``slice_reason`` say why entries are empty; they are empty themselves where none is.
    """
    objective = Objective.of_problem(
        problem,
        str(optima.attrs["family"]),
        int(optima.attrs["n_components"]),
        float(optima.attrs["covariance_floor"]),
    )
    numbers = leading_maxima(optima)
    parameters = _parameters(objective, optima, numbers)
    known = detours(optima, numbers)
    surface = LikelihoodSurface(objective)
    bent = paths_by_saddles(
        objective, surface, parameters, _parameters(objective, optima, known.saddle), known
    )
    variables, slice_reason = _slice(objective, surface, parameters, numbers, optima["n_fits"].values)
    variables |= _connections(objective, surface, parameters, numbers, (known, bent))
    variables |= _map(objective, parameters)
    few = {0: "no optimum of the cell is a maximum", 1: "the cell has one maximum: there are no paths"}
    return _dataset(optima, numbers, variables, few.get(len(numbers), ""), slice_reason)


def leading_maxima(optima: xr.Dataset) -> IntArray:
    """Return the numbers of the maxima that are looked at, best first."""
    kind = optima["kind"].values
    chosen = np.concatenate([np.flatnonzero(kind == KINDS.index(name)) for name in MAXIMA])[:LEAVES]
    values = optima["log_likelihood"].values[chosen]
    numbers: IntArray = chosen[np.lexsort((chosen, -values))].astype(np.int64)
    return numbers


def _parameters(objective: Objective, optima: xr.Dataset, numbers: IntArray) -> Parameters:
    reported = {name: optima[name].values[numbers] for name in ("weights", *objective.family.reported)}
    return objective.family.from_reported(reported, objective.location, objective.scale)


def _connections(
    objective: Objective,
    surface: Surface,
    parameters: Parameters,
    numbers: IntArray,
    known: tuple[Detours, Paths],
) -> dict[str, Any]:
    """Return heights along paths, levels, barriers and the tree."""
    heights = surface.heights(vectors(objective, parameters))
    first, second = np.triu_indices(len(numbers), 1)
    line = straight(surface, *matched(objective, parameters, first, second))
    risen, tree = risen_paths(surface, heights, (first, second), line, known)
    pair, matrix = ("pair", "point"), ("leading", "leading_")
    return {
        "height": ("leading", heights),
        "pair_first": ("pair", numbers[first]),
        "pair_second": ("pair", numbers[second]),
        "straight_position": ("point", np.linspace(0.0, 1.0, POINTS)),
        "straight_log_likelihood": (pair, _or_nan(line.heights)),
        "relaxed_position": (pair, risen.positions),
        "relaxed_log_likelihood": (pair, _or_nan(risen.heights)),
        "straight_level": (matrix, _matrix(heights, first, second, line.levels)),
        "relaxed_level": (matrix, _matrix(heights, first, second, risen.levels)),
        "connected_level": (matrix, _or_nan(tree.connected)),
        "barrier": (matrix, _or_nan(heights[:, None] - tree.connected)),
        "node_optimum": ("node", np.append(numbers, np.full(len(tree.edges), -1))),
        "node_level": ("node", tree.heights),
        "node_parent": ("node", tree.parents),
        "node_position": ("node", tree.positions),
    }


def risen_paths(
    surface: Surface,
    heights: FloatArray,
    ends: tuple[IntArray, IntArray],
    line: Paths,
    known: tuple[Detours, Paths],
) -> tuple[Paths, Tree]:
    """Return the paths after all have risen a little and those of the spanning tree far, and their tree.

    Parameters
    ----------
    surface : Surface
    heights : ndarray, shape (L,)
        Of the maxima.
    ends : tuple of ndarray of int, shape (M,)
        First and second end of each path, for every pair.
    line : Paths
        The straight paths.
    known : Detours and Paths
        Pairs with a known saddle between them, and the paths bent through it.
    """
    risen = rise(surface, line, *ALL_PAIRS)
    pair = np.full((len(heights), len(heights)), -1)
    pair[ends] = np.arange(len(ends[0]))
    by_saddle = pair[known[0].first, known[0].second]
    bent = rise(surface, known[1], *ALL_PAIRS)
    risen = risen.replaced(by_saddle, joined(risen.take(by_saddle), bent))
    # paths of a maximum spanning tree that become higher leave it one
    edges = connect(heights, *ends, risen.levels).edges
    risen = risen.replaced(edges, rise(surface, risen.take(edges), *IN_TREE))
    return risen, connect(heights, *ends, risen.levels)


def _matrix(heights: FloatArray, first: IntArray, second: IntArray, levels: FloatArray) -> FloatArray:
    """Return the levels of all pairs as a symmetric matrix, the heights on its diagonal."""
    matrix = np.diag(heights)
    matrix[first, second] = matrix[second, first] = levels
    return _or_nan(matrix)


def _or_nan(values: FloatArray) -> FloatArray:
    return np.where(np.isfinite(values), values, np.nan)


def _slice(
    objective: Objective, surface: Surface, parameters: Parameters, numbers: IntArray, n_fits: IntArray
) -> tuple[dict[str, Any], str]:
    """Return the slice through the best maximum and the two others in which most fits ended."""
    if len(numbers) < 3:
        return _no_slice(), "a plane needs three maxima"
    often = 1 + np.argsort(-n_fits[numbers[1:]], kind="stable")[:2]
    corners = np.append(0, np.sort(often))
    first, others = matched(objective, parameters, np.zeros(2, dtype=np.int64), corners[1:])
    found = slice_through(surface, np.concatenate([first[:1], others]))
    if found is None:
        return _no_slice(), "the three maxima lie on one line"
    return {
        "slice_x": ("slice_column", found.x),
        "slice_y": ("slice_row", found.y),
        "slice_log_likelihood": (("slice_row", "slice_column"), found.heights),
        "corner_optimum": ("corner", numbers[corners]),
        "corner_position": (("corner", "axis"), found.corners),
    }, ""


def _no_slice() -> dict[str, Any]:
    return {
        "slice_x": ("slice_column", np.zeros(0)),
        "slice_y": ("slice_row", np.zeros(0)),
        "slice_log_likelihood": (("slice_row", "slice_column"), np.zeros((0, 0))),
        "corner_optimum": ("corner", np.zeros(0, dtype=np.int64)),
        "corner_position": (("corner", "axis"), np.zeros((0, 2))),
    }


def _map(objective: Objective, parameters: Parameters) -> dict[str, Any]:
    """Return the distances of the densities, and the map of them."""
    distances = density_distances(log_densities(objective, parameters), objective.row_weights)
    positions, stress = classical_scaling(distances)
    return {
        "density_distance": (("leading", "leading_"), distances),
        "map_position": (("leading", "axis"), positions),
        "stress": ((), stress),
    }


def _dataset(
    optima: xr.Dataset, numbers: IntArray, variables: dict[str, Any], reason: str, slice_reason: str
) -> xr.Dataset:
    import xarray as xr

    names = ("problem", "family", "n_components", "covariance_floor", "n_rows", "n_features")
    attributes = {name: optima.attrs[name] for name in names}
    attributes |= {"n_optima": optima.sizes["optimum"], "reason": reason, "slice_reason": slice_reason}
    return xr.Dataset(variables, {"leading": numbers, "leading_": numbers}, attributes)
