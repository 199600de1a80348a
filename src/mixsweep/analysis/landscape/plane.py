"""Points in a plane: in the one through three of them, and on the map that keeps their distances best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixsweep.analysis.landscape.surface import Surface
from mixsweep.typing import FloatArray

__all__ = ["Slice", "classical_scaling", "slice_through"]

#: Points of the slice's grid to a side, and by how much of the longer side the grid reaches beyond the three.
SIDE, MARGIN = 41, 0.35
#: Three points are on one line if the third is nearer to it than this share of the distance of the others.
COLLINEAR = 1e-6


@dataclass(frozen=True)
class Slice:
    """Heights in the plane through three points.

    Attributes
    ----------
    x, y : ndarray, shape (SIDE,)
        Coordinates in the plane, Euclidean lengths in the free coordinates; the first of the three points is
        at the origin, the second on the x axis.
    heights : ndarray, shape (SIDE, SIDE)
        At (y, x); NaN where there is none.
    corners : ndarray, shape (3, 2)
        Where the three points are.
    """

    x: FloatArray
    y: FloatArray
    heights: FloatArray
    corners: FloatArray


def slice_through(surface: Surface, points: FloatArray) -> Slice | None:
    """Return heights on a grid in the plane through three points, None where they are on one line.

    Parameters
    ----------
    surface : Surface
    points : ndarray, shape (3, q)
    """
    along = points[1] - points[0]
    length = float(np.linalg.norm(along))
    if length == 0:
        return None
    along = along / length
    third = points[2] - points[0]
    across = third - along * (along @ third)
    height = float(np.linalg.norm(across))
    if not height > COLLINEAR * length:
        return None
    across = across / height
    corners = np.array([[0.0, 0.0], [length, 0.0], [along @ third, height]])
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = MARGIN * (high - low).max()
    x, y = np.linspace(low - margin, high + margin, SIDE).T
    grid = points[0] + x[:, None] * along + y[:, None, None] * across
    heights = surface.heights(grid.reshape(-1, len(along))).reshape(SIDE, SIDE)
    return Slice(x, y, np.where(np.isfinite(heights), heights, np.nan), corners)


def classical_scaling(distances: FloatArray) -> tuple[FloatArray, float]:
    """Return points in the plane whose distances are near the given ones, and how near.

    Parameters
    ----------
    distances : ndarray, shape (P, P)

    Returns
    -------
    positions : ndarray, shape (P, 2)
        Torgerson's (1952): principal axes of the doubly centred squares, each with its entry of largest
        size positive.
    stress : float
        Root of the sum of squared errors of the distances over that of the squared distances (Kruskal 1964,
        stress formula 1, with the denominator of the given distances); NaN without any distance.
    """
    count = len(distances)
    positions = np.zeros((count, 2))
    total = float(np.square(distances).sum())
    if not total > 0:
        return positions, np.nan
    centred = np.square(distances)
    centred = centred - centred.mean(axis=0)
    centred = -0.5 * (centred - centred.mean(axis=1, keepdims=True))
    values, axes = np.linalg.eigh(0.5 * (centred + centred.T))
    for column, place in enumerate(range(count - 1, max(count - 3, -1), -1)):
        axis = axes[:, place] * np.sqrt(max(values[place], 0.0))
        positions[:, column] = axis * np.sign(axis[np.abs(axis).argmax()])
    found = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    return positions, float(np.sqrt(np.square(found - distances).sum() / total))
