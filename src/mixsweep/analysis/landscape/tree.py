"""Barriers by way of third points, and the disconnectivity tree that they make.

The height at which two points are connected is the largest, over all ways between them, of the lowest point
on the way. Over the paths that are known these ways run in a maximum spanning tree (Hu 1961), and joining the
points in its order, highest path first, gives the tree of Becker and Karplus (1997): a merge of two groups
of points is drawn at the height below which they are one.

References
----------
Becker, O. M. and Karplus, M. (1997). The topology of multidimensional potential energy surfaces: theory and
application to peptide structure and kinetics. Journal of Chemical Physics 106, 1495-1517.
Hu, T. C. (1961). The maximum capacity route problem. Operations Research 9, 898-900.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mixsweep.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Branches", "Tree", "branches", "connect"]


@dataclass(frozen=True)
class Tree:
    """How L points are connected. Nodes are the points, then the merges, highest first.

    Attributes
    ----------
    connected : ndarray, shape (L, L)
        Height at which two points are connected; minus infinity where no path is known, and on the diagonal
        the points' own heights.
    edges : ndarray of int, shape (E,)
        Numbers of the paths in the spanning tree, highest first; E is L - 1 where all points are connected.
    heights : ndarray, shape (L + E,)
        Of the nodes.
    parents : ndarray of int, shape (L + E,)
        The merge that a node belongs to, -1 where there is none.
    positions : ndarray, shape (L + E,)
        Places of the nodes across the tree: of the points 0, 1, ..., so that no branches cross, the highest
        of a merge first; of a merge the middle of its two.
    """

    connected: FloatArray
    edges: IntArray
    heights: FloatArray
    parents: IntArray
    positions: FloatArray


def connect(heights: FloatArray, first: IntArray, second: IntArray, levels: FloatArray) -> Tree:
    """Connect points by paths, highest first.

    Parameters
    ----------
    heights : ndarray, shape (L,)
        Of the points.
    first, second : ndarray of int, shape (M,)
        Ends of each path.
    levels : ndarray, shape (M,)
        Its lowest point; minus infinity for none.
    """
    count = len(heights)
    connected = np.full((count, count), -np.inf)
    np.fill_diagonal(connected, heights)
    top = list(range(count))
    members = [[point] for point in range(count)]
    node_heights, parents, edges = list(heights), [-1] * count, []
    for edge in np.argsort(-levels, kind="stable"):
        groups = [top[first[edge]], top[second[edge]]]
        if groups[0] == groups[1] or not np.isfinite(levels[edge]):
            continue
        # the group with the highest point comes first
        groups.sort(key=lambda group: -heights[members[group]].max())
        one, other = (members[group] for group in groups)
        connected[np.ix_(one, other)] = connected[np.ix_(other, one)] = levels[edge]
        edges.append(int(edge))
        for group in groups:
            parents[group] = len(members)
        for point in one + other:
            top[point] = len(members)
        members.append(one + other)
        node_heights.append(levels[edge])
        parents.append(-1)
    return Tree(
        connected,
        np.array(edges, dtype=np.int64),
        np.array(node_heights, dtype=np.float64),
        np.array(parents, dtype=np.int64),
        _positions(heights, members, np.array(parents, dtype=np.int64)),
    )


def _positions(heights: FloatArray, members: list[list[int]], parents: IntArray) -> FloatArray:
    count = len(heights)
    positions = np.full(len(members), np.nan)
    roots = [node for node in range(len(members)) if parents[node] < 0]
    roots.sort(key=lambda root: -heights[members[root]].max())
    in_order = [point for root in roots for point in members[root]]
    positions[in_order] = np.arange(count)
    for merge in range(count, len(members)):
        positions[merge] = positions[parents == merge].mean()
    return positions


@dataclass(frozen=True)
class Branches:
    """The lines of a drawn tree: one a node that has a parent, or that is a point.

    Attributes
    ----------
    optimum : ndarray of int, shape (B,)
        Number of the optimum at the upper end, -1 for a merge.
    position : ndarray, shape (B,)
        Where the line stands.
    upper, lower : ndarray, shape (B,)
        Its ends, log-likelihoods in nats; the lower is the parent's height, the upper again where there is
        no parent.
    parent_position : ndarray, shape (B,)
        Where the parent stands, to which a level line at `lower` leads.
    """

    optimum: IntArray
    position: FloatArray
    upper: FloatArray
    lower: FloatArray
    parent_position: FloatArray


def branches(landscape: xr.Dataset) -> Branches:
    """Return what a chart of the disconnectivity tree draws, from the dataset of `landscape`."""
    names = ("node_optimum", "node_position", "node_level", "node_parent")
    optimum, position, level, parent = (landscape[name].values for name in names)
    drawn = np.flatnonzero((parent >= 0) | (optimum >= 0))
    to = np.where(parent[drawn] >= 0, parent[drawn], drawn)
    return Branches(optimum[drawn], position[drawn], level[drawn], level[to], position[to])
