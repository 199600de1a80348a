"""Paths between pairs of points: straight ones, and ones that have risen as a string (zero-temperature).

The simplified string method of E, Ren and Vanden-Eijnden (2007): images along the path rise each by itself,
and are then spread evenly over the polyline through them, so that none slides down the path into an end.
A string that no longer changes runs through the saddles that separate its ends. Two things are added. Only
images below the lower end rise: no other can be the lowest point, and above it a likelihood without bound may
lead anywhere. And most images are kept where the path is below the lower end.

The lowest point of any path bounds what separates its ends: a barrier is at most as high, whether the string
has converged or not. Lowest points are looked for at `POINTS` points of the polyline and no others.

References
----------
E, W., Ren, W. and Vanden-Eijnden, E. (2007). Simplified and improved string method for computing the minimum
energy paths in barrier-crossing events. Journal of Chemical Physics 126, 164103.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixsweep.analysis.landscape.surface import Surface
from mixsweep.typing import BoolArray, FloatArray, IntArray

__all__ = ["POINTS", "Paths", "bent", "joined", "rise", "straight"]

#: Points of every path at which the height is known; one more than a multiple of the segments of all strings.
POINTS = 49
#: Share of its length that counts of a segment above the lower end, when images are spread.
HIGH_SHARE = 0.1
#: Steps between two looks at the lowest points. Strings may fall again, and the best state is kept.
STEPS_BETWEEN = 10


@dataclass(frozen=True)
class Paths:
    """M paths as polylines of `POINTS` points.

    Attributes
    ----------
    vectors : ndarray, shape (M, POINTS, q)
        Coordinates; the first and the last point are the ends.
    heights : ndarray, shape (M, POINTS)
        Heights of the surface there.
    """

    vectors: FloatArray
    heights: FloatArray

    @property
    def levels(self) -> FloatArray:
        """Height of the lowest point of each path, shape (M,)."""
        lowest: FloatArray = self.heights.min(axis=1)
        return lowest

    @property
    def positions(self) -> FloatArray:
        """Where the points are, as shares of the path's length, shape (M, POINTS)."""
        lengths = np.linalg.norm(np.diff(self.vectors, axis=1), axis=2)
        far = np.concatenate([np.zeros((len(lengths), 1)), np.cumsum(lengths, axis=1)], axis=1)
        whole = np.where(far[:, -1:] > 0, far[:, -1:], 1.0)
        return far / whole

    def take(self, index: IntArray) -> Paths:
        """Return the chosen paths."""
        return Paths(self.vectors[index], self.heights[index])

    def replaced(self, index: IntArray, others: Paths) -> Paths:
        """Return the paths with others in the place of the chosen ones."""
        vectors, heights = self.vectors.copy(), self.heights.copy()
        vectors[index], heights[index] = others.vectors, others.heights
        return Paths(vectors, heights)


def straight(surface: Surface, first: FloatArray, second: FloatArray) -> Paths:
    """Return the straight paths between pairs of points with coordinates of shape (M, q)."""
    share = np.linspace(0.0, 1.0, POINTS)[:, None]
    vectors = first[:, None] + share * (second - first)[:, None]
    # so that the ends are the points to the last bit
    vectors[:, -1] = second
    return _with_heights(surface, vectors)


def bent(surface: Surface, corners: FloatArray) -> Paths:
    """Return paths along polylines with corners of shape (M, P, q), their points spread evenly."""
    return _with_heights(surface, spread(corners, np.ones(corners.shape[:2], dtype=bool), POINTS))


def _with_heights(surface: Surface, vectors: FloatArray) -> Paths:
    heights = surface.heights(vectors.reshape(-1, vectors.shape[2]))
    return Paths(vectors, heights.reshape(vectors.shape[:2]))


def joined(first: Paths, second: Paths) -> Paths:
    """Return of each pair of paths between the same ends the one whose lowest point is higher."""
    higher = second.levels > first.levels
    return Paths(
        np.where(higher[:, None, None], second.vectors, first.vectors),
        np.where(higher[:, None], second.heights, first.heights),
    )


def rise(surface: Surface, paths: Paths, segments: int, steps: int) -> Paths:
    """Let paths rise as strings.

    Parameters
    ----------
    surface : Surface
    paths : Paths
        Where the strings start.
    segments : int
        Segments of each string, a divisor of `POINTS` - 1.
    steps : int
        How often its images rise, a multiple of `STEPS_BETWEEN`.

    Returns
    -------
    Paths
        The best state of each string; none has a lower lowest point than the path that it started from.
    """
    if not len(paths.vectors):
        return paths
    best = paths
    lower_end = np.minimum(paths.heights[:, 0], paths.heights[:, -1])
    images = spread(paths.vectors, paths.heights < lower_end[:, None], segments + 1)
    for _ in range(steps // STEPS_BETWEEN):
        for _ in range(STEPS_BETWEEN):
            images = _step(surface, images, lower_end)
        best = joined(best, _with_heights(surface, subdivided(images, (POINTS - 1) // segments)))
    return best


def _step(surface: Surface, images: FloatArray, lower_end: FloatArray) -> FloatArray:
    inner = images[:, 1:-1]
    heights, moved = surface.risen(inner.reshape(-1, images.shape[2]))
    low = np.zeros(images.shape[:2], dtype=bool)
    low[:, 1:-1] = heights.reshape(inner.shape[:2]) < lower_end[:, None]
    risen = images.copy()
    risen[:, 1:-1] = np.where(low[:, 1:-1, None], moved.reshape(inner.shape), inner)
    return spread(risen, low, images.shape[1])


def spread(vectors: FloatArray, low: BoolArray, count: int) -> FloatArray:
    """Return points spread evenly over polylines, with more of them where these are low.

    Parameters
    ----------
    vectors : ndarray, shape (M, P, q)
        The corners of the polylines.
    low : ndarray of bool, shape (M, P)
        Which corners are low. The ends, which are not, count as low where the next corner is.
    count : int
        Points on each polyline, ends included.

    Returns
    -------
    ndarray, shape (M, count, q)
    """
    high = ~low
    high[:, [0, -1]] = False
    steps = np.diff(vectors, axis=1)
    lengths = np.linalg.norm(steps, axis=2) * np.where(high[:, 1:] & high[:, :-1], HIGH_SHARE, 1.0)
    far = np.concatenate([np.zeros((len(lengths), 1)), np.cumsum(lengths, axis=1)], axis=1)
    wanted = np.linspace(0.0, 1.0, count) * far[:, -1:]
    segment = (far[:, None, 1:-1] <= wanted[..., None]).sum(axis=2)
    line = np.arange(len(vectors))[:, None]
    length = lengths[line, segment]
    share = (wanted - far[line, segment]) / np.where(length > 0, length, 1.0)
    result: FloatArray = vectors[line, segment] + share[..., None] * steps[line, segment]
    result[:, 0], result[:, -1] = vectors[:, 0], vectors[:, -1]
    return result


def subdivided(vectors: FloatArray, parts: int) -> FloatArray:
    """Return polylines with each segment cut into equal parts, shape (M, parts (P - 1) + 1, q)."""
    share = (np.arange(parts) / parts)[:, None]
    cut = vectors[:, :-1, None] + share * (vectors[:, 1:] - vectors[:, :-1])[:, :, None]
    corners = cut.reshape(len(vectors), -1, vectors.shape[2])
    return np.concatenate([corners, vectors[:, -1:]], axis=1)
