"""Which points are the same optimum, whatever the order of their components.

Two points are the same when their values agree, when the log-densities of the rows agree, and when their
components match: one to one, or, where components coincide or vanish, as mixing measures. The first two need
no matching, so they choose the few pairs that the third has to confirm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment, linprog
from scipy.spatial import cKDTree

from mixsweep.analysis.thresholds import Thresholds
from mixsweep.endpoints import take
from mixsweep.objective import Objective
from mixsweep.schema import VARIABLES
from mixsweep.seeds import generator
from mixsweep.typing import BoolArray, FloatArray, IntArray, Parameters

__all__ = [
    "Description",
    "closest_components",
    "describe",
    "leaders",
    "log_densities",
    "matching",
    "same",
    "same_as",
]

#: Random projections that stand for the log-densities of the rows in distances.
SKETCH_LENGTH = 32
#: The sketch sees at most so many rows, chosen at random once for all points.
SKETCH_ROWS = 4096
#: Log-densities (points x rows x components) held at one time.
CHUNK_ELEMENTS = 2**21


@dataclass(frozen=True)
class Description:
    """What identifies R points.

    Attributes
    ----------
    log_likelihood : ndarray, shape (R,)
        Totals over the rows, standardised units.
    sketch : ndarray, shape (R, `SKETCH_LENGTH`)
        Random projections of the log-densities of the rows: the mean square difference of two sketches
        estimates that of the log-densities (Johnson and Lindenstrauss 1984).
    weights : ndarray, shape (R, K)
        Component weights.
    components : ndarray, shape (R, K, f)
        What the family reports of each component, and of all together, standardised units.
    """

    log_likelihood: FloatArray
    sketch: FloatArray
    weights: FloatArray
    components: FloatArray

    def take(self, index: IntArray) -> Description:
        """Return the chosen points."""
        return Description(
            self.log_likelihood[index], self.sketch[index], self.weights[index], self.components[index]
        )

    @classmethod
    def joined(cls, first: Description, second: Description) -> Description:
        """Return the points of two collections one after the other."""
        return cls(
            np.concatenate([first.log_likelihood, second.log_likelihood]),
            np.concatenate([first.sketch, second.sketch]),
            np.concatenate([first.weights, second.weights]),
            np.concatenate([first.components, second.components]),
        )

    @property
    def finite(self) -> BoolArray:
        """Whose value and densities are finite, shape (R,)."""
        finite: BoolArray = np.isfinite(self.log_likelihood) & np.isfinite(self.sketch).all(axis=1)
        return finite


def log_densities(objective: Objective, parameters: Parameters) -> FloatArray:
    """Return the log-density of every row at a few points, none included, shape (R, n)."""
    if not len(parameters["weights"]):
        return np.zeros((0, objective.n_rows))
    with np.errstate(all="ignore"):
        return objective.log_density(parameters)


def describe(objective: Objective, parameters: Parameters) -> Description:
    """Describe any number of points, in chunks.

    Parameters
    ----------
    objective : Objective
        The cell.
    parameters : dict of ndarray
        Points first.
    """
    count, n_rows = len(parameters["weights"]), objective.n_rows
    chosen = generator(0, "sketch rows", n_rows).permutation(n_rows)[:SKETCH_ROWS]
    projection = generator(0, "density sketch", n_rows).standard_normal((len(chosen), SKETCH_LENGTH))
    row_weights = np.ones(n_rows) if objective.row_weights is None else objective.row_weights
    projection *= np.sqrt(row_weights[chosen] / row_weights[chosen].sum())[:, None]
    chunk = max(1, CHUNK_ELEMENTS // (n_rows * objective.n_components))
    values, sketches = [np.zeros(0)], [np.zeros((0, SKETCH_LENGTH))]
    for start in range(0, count, chunk):
        densities = log_densities(objective, take(parameters, slice(start, start + chunk)))
        with np.errstate(all="ignore"):  # densities that are not finite are looked for by the caller
            values.append(densities @ row_weights)
            sketches.append(densities[:, chosen] @ projection)
    return Description(
        log_likelihood=np.concatenate(values),
        sketch=np.concatenate(sketches),
        weights=parameters["weights"],
        components=component_features(objective, parameters),
    )


def component_features(objective: Objective, parameters: Parameters) -> FloatArray:
    """Return what the family reports of each component, and of all together, shape (R, K, f)."""
    d, shape = objective.n_features, parameters["weights"].shape
    reported = objective.family.to_reported(parameters, np.zeros(d), np.ones(d))
    columns = [np.zeros((*shape, 0))]
    for name in objective.family.reported:
        values = reported[name]
        if VARIABLES[name].dims[:1] == ("component",):
            columns.append(values.reshape(*shape, math.prod(values.shape[2:])))
        else:
            shared = values.reshape(len(values), 1, math.prod(values.shape[1:]))
            columns.append(np.broadcast_to(shared, (*shape, shared.shape[-1])))
    return np.concatenate(columns, axis=2)


def leaders(points: Description, thresholds: Thresholds) -> IntArray:
    """Return the leader of each point, which is the same as it; a leader is its own.

    The highest point leads all that are the same as it, the highest of the rest leads the next, and so on.
    Sorting by value leaves windows in which a k-d tree of the sketches finds the neighbours.

    Parameters
    ----------
    points : Description
        Finite points.
    thresholds : Thresholds
        What counts as the same.

    Returns
    -------
    ndarray of int, shape (R,)
    """
    values = points.log_likelihood
    if not len(values):
        return np.zeros(0, dtype=np.int64)
    order = np.argsort(-values, kind="stable")
    descending = values[order]
    leader = np.full(len(values), -1)
    tree = cKDTree(points.sketch, balanced_tree=False, compact_nodes=False)
    radius = thresholds.same_density * np.sqrt(SKETCH_LENGTH)
    window_ends = np.searchsorted(-descending, -descending + thresholds.same_value, side="left")
    for place, point in enumerate(order):
        if leader[point] >= 0:
            continue
        leader[point] = point
        window = order[place + 1 : window_ends[place]]
        if not len(window):
            continue
        near = window
        if len(window) > _FEW:
            near = np.asarray(tree.query_ball_point(points.sketch[point], radius), dtype=np.int64)
            near = near[
                (values[near] <= values[point]) & (values[point] - values[near] < thresholds.same_value)
            ]
        near = near[leader[near] < 0]
        if len(near):
            near = near[same(points, np.full(len(near), point), near, thresholds)]
            leader[near] = point
    return leader


#: Windows up to this length are compared at once; the tree costs more.
_FEW = 64


def same_as(first: Description, second: Description, thresholds: Thresholds) -> BoolArray:
    """Return which of M points are the same optimum as the point of the same number in another collection."""
    numbers = np.arange(len(first.log_likelihood))
    return same(Description.joined(first, second), numbers, len(numbers) + numbers, thresholds)


def same(points: Description, first: IntArray, second: IntArray, thresholds: Thresholds) -> BoolArray:
    """Return which pairs of points are the same optimum.

    Parameters
    ----------
    points : Description
    first, second : ndarray of int, shape (M,)
        Numbers of the points of each pair.
    thresholds : Thresholds

    Returns
    -------
    ndarray of bool, shape (M,)
    """
    gap = np.abs(points.log_likelihood[first] - points.log_likelihood[second])
    distance = np.sqrt(np.square(points.sketch[first] - points.sketch[second]).mean(axis=1))
    result: BoolArray = (gap < thresholds.same_value) & (distance < thresholds.same_density)
    unsure = np.flatnonzero(result)
    if not len(unsure):
        return result
    a, b = points.take(first[unsure]), points.take(second[unsure])
    _, cost = matching(a, b)
    result[unsure] = cost < thresholds.same_parameters
    # carrying weight between components can only help where one hardly has any or two nearly coincide
    redundant = (a.weights.min(axis=1) < thresholds.same_parameters) | (
        closest_components(a.components) < thresholds.same_parameters
    )
    for place in unsure[redundant & ~result[unsure]]:
        result[place] = transport(points, int(first[place]), int(second[place])) < thresholds.same_parameters
    return result


def closest_components(components: FloatArray) -> FloatArray:
    """Return the distance of the two closest components, shape (R,); infinite for one component."""
    between = _distances(components, components)
    between[:, np.eye(components.shape[1], dtype=bool)] = np.inf
    nearest: FloatArray = between.min(axis=(1, 2))
    return nearest


def matching(first: Description, second: Description) -> tuple[IntArray, FloatArray]:
    """Match the components of pairs of points one to one at the least total distance.

    Parameters
    ----------
    first, second : Description
        M points each.

    Returns
    -------
    order : ndarray of int, shape (M, K)
        Component of the second point that stands for each of the first.
    distance : ndarray, shape (M,)
        Largest distance of matched components or weights.
    """
    count, n_components = first.weights.shape
    order = np.empty((count, n_components), dtype=np.int64)
    distance = np.empty(count)
    chunk = max(1, CHUNK_ELEMENTS // (n_components**2 * (1 + first.components.shape[2])))
    for start in range(0, count, chunk):
        part = slice(start, start + chunk)
        between = _distances(first.components[part], second.components[part])
        order[part] = between.argmin(axis=2)
        # nearest neighbours that are all different are the best matching
        ambiguous = (np.sort(order[part], axis=1) != np.arange(n_components)).any(axis=1)
        for place in np.flatnonzero(ambiguous):
            order[start + place] = linear_sum_assignment(between[place])[1]
        matched = np.take_along_axis(between, order[part][..., None], axis=2)[..., 0]
        weights = np.take_along_axis(second.weights[part], order[part], axis=1)
        distance[part] = np.maximum(matched.max(axis=1), np.abs(weights - first.weights[part]).max(axis=1))
    return order, distance


def _distances(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return Euclidean distances between the components of pairs of points, shape (M, K, K)."""
    squares = np.zeros((*first.shape[:2], second.shape[1]))
    for feature in range(first.shape[2]):
        squares += np.square(first[:, :, None, feature] - second[:, None, :, feature])
    return np.sqrt(squares)


def transport(points: Description, first: int, second: int) -> float:
    """Return the least cost of carrying one point's weights to the other's components.

    It is zero for equal mixtures even where components coincide and share their weight differently, or where
    a component without weight lies anywhere.
    """
    cost = _distances(points.components[[first]], points.components[[second]])[0]
    n_components = len(cost)
    unit = np.eye(n_components)
    constraints = np.concatenate([np.kron(unit, np.ones(n_components)), np.kron(np.ones(n_components), unit)])
    masses = np.concatenate([points.weights[first], points.weights[second]])
    # one of the constraints follows from the others; with rounding it would contradict them
    found = linprog(cost.ravel(), A_eq=constraints[:-1], b_eq=masses[:-1], method="highs")
    return float(found.fun or 0.0) if found.success else np.inf
