"""Where a pass works: how much room it needs, and how it divides what it is given."""

from __future__ import annotations

from typing import NamedTuple

from mixsweep.kernels.listed import Lists, is_triangle, lists_need, no_lists
from mixsweep.kernels.options import exact
from mixsweep.kernels.tiles import TILE_ROWS, WIDTH
from mixsweep.typing import FloatArray, IntArray

__all__ = ["BLOCK", "COLUMNS", "MANY", "block_rows", "fits_at_a_time", "make_room", "pass_needs", "set_flags"]

#: Rows of the data in a block: a multiple of `LANES`, and no power of two, which would strain the cache.
BLOCK = 192
#: The same for more than `MANY` features, so that a block's features stay in the second-level cache.
SHORT_BLOCK = 96
MANY = 100
#: From so many features on, rows are listed where most responsibilities are negligible (`kernels.listed`).
#: Both limits are where lists and dense products take the same time: shares of 0.3, 0.4, 0.55 and 0.58 for
#: 24, 32, 48 and 64 columns of the data, measured.
LISTED_FROM = 400
#: Columns (fits x components) at a time: their logits of a block take 0.2 MB.
COLUMNS = 128


@exact
def set_flags(flags, start, stop, value):
    """Set flags from a place to another."""
    for index in range(start, stop):
        flags[index] = value


@exact
def may_list(first, second, n_columns):
    """Return whether rows may be listed: for many features that are all products of two columns."""
    return len(first) >= LISTED_FROM and is_triangle(first, second, n_columns)


@exact
def block_rows(p):
    """Return how many rows a block has at most."""
    return BLOCK if p <= MANY else SHORT_BLOCK


@exact
def fits_at_a_time(n_components):
    """Return how many fits are multiplied at a time: their columns fill whole tiles."""
    return max(1, COLUMNS // (TILE_ROWS * n_components)) * TILE_ROWS


class Room(NamedTuple):
    """Where a pass works.

    Attributes
    ----------
    across, along : ndarray
        A block's features in two orders.
    logits : ndarray, shape (columns at a time x rows of a block,)
        Zeros at first. They become responsibilities.
    peak, mass : ndarray, shape (rows of a block,)
        Of a fit: the largest logit, and the sum of exponentials.
    dense : ndarray of int32, shape (columns at a time,)
        Whether a column's responsibilities in a block are not listed.
    lists : Lists
    """

    across: FloatArray
    along: FloatArray
    logits: FloatArray
    peak: FloatArray
    mass: FloatArray
    dense: IntArray
    lists: Lists


@exact
def _sizes(p, n_fits, n_components):
    """Return the sizes of the arrays of `Room`."""
    stride = block_rows(p)
    columns = min(fits_at_a_time(n_components), n_fits) * n_components
    height = (columns + TILE_ROWS - 1) // TILE_ROWS * TILE_ROWS
    across = (stride + WIDTH - 1) // WIDTH * WIDTH * p
    along = (p + WIDTH - 1) // WIDTH * WIDTH * stride
    return across, along, height * stride, height


@exact
def pass_needs(first, second, n_columns, n_fits, n_components):
    """Return how many numbers and how many integers a pass needs room for."""
    across, along, logits, height = _sizes(len(first), n_fits, n_components)
    listed = n_fits * n_components if may_list(first, second, n_columns) else 0
    numbers, integers = lists_need(listed, n_columns - 1)
    return across + along + logits + 2 * block_rows(len(first)) + numbers, height + integers


@exact
def make_room(first, second, n_columns, n_fits, n_components, numbers, integers):
    """Return room, in the arrays of numbers and integers that a pass needs."""
    across, along, logits, height = _sizes(len(first), n_fits, n_components)
    stride = block_rows(len(first))
    listed = n_fits * n_components if may_list(first, second, n_columns) else 0
    logits_from = across + along
    peak_from = logits_from + logits
    mass_from = peak_from + stride
    lists_from = mass_from + stride
    for i in range(logits_from, peak_from):
        numbers[i] = 0.0
    set_flags(integers, 0, height, 1)
    return Room(
        numbers[:across],
        numbers[across:logits_from],
        numbers[logits_from:peak_from],
        numbers[peak_from:mass_from],
        numbers[mass_from:lists_from],
        integers[:height],
        no_lists(listed, n_columns - 1, numbers[lists_from:], integers[height:]),
    )
