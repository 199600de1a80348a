"""Sums of products of features over the rows that matter to a component, for many features.

At many features the posterior probabilities are nearly zeros and ones: most products of a responsibility and
a feature add nothing to a sum. Here each component keeps a list of its rows; when the list is full their
products are summed as a symmetric matrix product, of (root of responsibility) x row with itself.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mixsweep.kernels.options import exact
from mixsweep.kernels.tiles import LANES, TILE_ROWS, TILE_VECTORS, WIDTH, product_tile, whole_vectors
from mixsweep.typing import FloatArray, IntArray

__all__ = [
    "CAPACITY",
    "NEGLIGIBLE",
    "Lists",
    "add_lists",
    "is_triangle",
    "list_rows",
    "lists_need",
    "no_lists",
    "share_kept",
]

#: Rows in a component's list.
CAPACITY = 192
#: Responsibilities up to this, times the mean weight of a row, are left out. For features of unit variance
#: that changes a mean or a second moment of a component by less than n x this / (the component's expected
#: rows), by Cauchy and Schwarz: below the rounding of the sum, 1e-16, for n up to a million even if the
#: expected rows are as few as 1e-8, where a component counts as empty.
NEGLIGIBLE = 2.0**-100

_squares = [product_tile(vectors, True, by_row=False) for vectors in (1, 2, 3, TILE_VECTORS)]
_square_1, _square_2, _square_3, _square_all = _squares


@exact
def is_triangle(first, second, n_columns):
    """Return whether the pairs are the upper triangle of all pairs of columns, row by row."""
    if len(first) != n_columns * (n_columns + 1) // 2:
        return False
    pair = 0
    for i in range(n_columns):
        for j in range(i, n_columns):
            if first[pair] != i or second[pair] != j:
                return False
            pair += 1
    return True


class Lists(NamedTuple):
    """The lists of all columns, and room to work in.

    Attributes
    ----------
    rows : ndarray of int32, shape (columns x CAPACITY,)
        Rows of the data, column after column.
    kept : ndarray, shape (columns x CAPACITY,)
        Their responsibilities, times their weights.
    counts : ndarray of int32, shape (columns,)
        How many are listed.
    gathered, square : ndarray
        For `CAPACITY` rows, and for their product with themselves; both in whole vectors.
    """

    rows: IntArray
    kept: FloatArray
    counts: IntArray
    gathered: FloatArray
    square: FloatArray


@exact
def lists_need(n_columns, d):
    """Return how many numbers and how many integers the lists of so many columns take."""
    width = whole_vectors(d)
    return n_columns * CAPACITY + CAPACITY * width + width * width, n_columns * (CAPACITY + 1)


@exact
def no_lists(n_columns, d, numbers, integers):
    """Return empty lists for so many columns and data of d columns, in the room that they need."""
    width = whole_vectors(d)
    gathered_from = n_columns * CAPACITY
    square_from = gathered_from + CAPACITY * width
    counts, gathered = integers[gathered_from : gathered_from + n_columns], numbers[gathered_from:square_from]
    for column in range(n_columns):
        counts[column] = 0
    for i in range(len(gathered)):
        gathered[i] = 0.0
    return Lists(
        integers[:gathered_from],
        numbers[:gathered_from],
        counts,
        gathered,
        numbers[square_from : square_from + width * width],
    )


@exact
def share_kept(responsibilities, stride, n_components, length, negligible):
    """Return the share of a fit's responsibilities in a block that are not negligible; NaN is not."""
    kept = 0
    for k in range(n_components):
        row = responsibilities[k * stride : k * stride + length]
        for b in range(length):
            kept += not row[b] <= negligible
    return kept / (n_components * length)


@exact
def list_rows(lists, first_column, responsibilities, stride, start, length, negligible, base, sums):
    """List the rows of a block that matter to each component of a fit; set the responsibilities to 0."""
    for k in range(len(responsibilities) // stride):
        column = first_column + k
        if lists.counts[column] + length > CAPACITY:
            _add_list(lists, column, base, sums)
        rows, kept, count = (
            _list(lists.rows, column),
            _list(lists.kept, column),
            np.int64(lists.counts[column]),
        )
        own = responsibilities[k * stride : (k + 1) * stride]
        for b in range(length):
            rows[count] = start + b
            kept[count] = own[b]
            count += not own[b] <= negligible
        lists.counts[column] = count
        for b in range(stride):
            own[b] = 0.0


@exact
def add_lists(lists, base, sums):
    """Add what is still listed to the sums."""
    for column in range(len(lists.counts)):
        _add_list(lists, column, base, sums)


@exact
def _list(values, column):
    return values[column * CAPACITY : (column + 1) * CAPACITY]


@exact
def _add_list(lists, column, base, sums):
    """Add the products of a column's listed rows to its sums, and begin its list anew."""
    rows, kept, count = _list(lists.rows, column), _list(lists.kept, column), np.int64(lists.counts[column])
    d = base.shape[1] - 1
    width = whole_vectors(d)
    _gather(rows, kept, count, base, lists.gathered, width, sums[column])
    _square(lists.gathered, width, count, lists.square, d)
    place = 1 + d
    for i in range(d):
        into = sums[column, place : place + d - i]
        products = lists.square[i * width + i : i * width + d]
        for j in range(d - i):
            into[j] += products[j]
        place += d - i
    lists.counts[column] = 0


@exact
def _gather(rows, kept, count, base, gathered, width, sums):
    """Write (root of responsibility) x row; add responsibilities and their products with the row."""
    d = base.shape[1] - 1
    for c in range(count):
        responsibility = kept[c]
        root = math.sqrt(responsibility)
        x = base[rows[c], 1:]
        into = gathered[c * width : c * width + d]
        linear = sums[1 : 1 + d]
        sums[0] += responsibility
        for j in range(d):
            into[j] = root * x[j]
            linear[j] += responsibility * x[j]


@exact
def _square(gathered, width, count, square, d):
    """Write the upper triangle of the gathered rows' product with themselves, and some of the lower one."""
    for column in range(0, d, WIDTH):
        for row in range(0, min(column + WIDTH, d), TILE_ROWS):
            # whole vectors left of the diagonal are not needed
            at = max(column, row // LANES * LANES)
            vectors = (min(column + WIDTH, width) - at) // LANES
            to = row * width + at
            if vectors == TILE_VECTORS:
                _square_all(square, to, width, gathered, row, width, gathered, at, width, count)
            elif vectors == 3:
                _square_3(square, to, width, gathered, row, width, gathered, at, width, count)
            elif vectors == 2:
                _square_2(square, to, width, gathered, row, width, gathered, at, width, count)
            else:
                _square_1(square, to, width, gathered, row, width, gathered, at, width, count)
