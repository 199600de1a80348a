"""The pass of a family that is linear in its features, as loops that numba compiles.

The sums of `mixsweep.passes.reference_pass`, block by block: logits by a product of small tiles whose sums
stay in registers, the softmax on a block that stays in cache, statistics by another product. A fit is summed
by itself, in an order that depends on n, p, K and its own responsibilities: its result is the same to the
last bit in any batch. No feature is ever stored for all rows.
"""

from __future__ import annotations

import math

from mixsweep.kernels.listed import NEGLIGIBLE, add_lists, list_rows, share_kept
from mixsweep.kernels.options import any_order, exact
from mixsweep.kernels.room import block_rows, fits_at_a_time, make_room, set_flags
from mixsweep.kernels.tiles import LANES, TILE_ROWS, TILE_VECTORS, WIDTH, bits, number, product_tile

__all__ = ["DEPTH", "add_pass", "exponential"]

#: Largest share of a fit's responsibilities in a block that are not negligible, for its rows to be listed.
LISTED_SHARE = 0.4
#: Features that are multiplied before the sums return to memory.
DEPTH = 128
#: Factors in [1, K] multiplied before one logarithm is taken.
FACTORS = 64


(_set_1, _set_2, _set_3, _set_all), (_add_1, _add_2, _add_3, _add_all) = (
    [product_tile(vectors, fresh) for vectors in (1, 2, 3, TILE_VECTORS)] for fresh in (True, False)
)

#: Of exp(r) for |r| <= log(2) / 2: 1 / k! from k = 12 down; the rest is below 2e-16.
(C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2) = (1 / math.factorial(k) for k in range(12, 1, -1))
#: log(2) in two parts; the first has trailing zeros, so that its multiples are exact.
LOG2_HIGH, LOG2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
#: Added to a number below 2**51 this leaves the nearest integer in the last bits.
ROUNDER = 1.5 * 2.0**52
#: exp of less than this counts as zero.
SMALLEST_EXPONENT = -708.0


@exact
def exponential(x: float) -> float:
    """Return exp(x) for x <= 0 to 2e-16 relative."""
    shifted = x * (1 / math.log(2)) + ROUNDER
    multiple = shifted - ROUNDER
    r = (x - multiple * LOG2_HIGH) - multiple * LOG2_LOW
    series = C12
    series = series * r + C11
    series = series * r + C10
    series = series * r + C9
    series = series * r + C8
    series = series * r + C7
    series = series * r + C6
    series = series * r + C5
    series = series * r + C4
    series = series * r + C3
    series = series * r + C2
    series = series * r + 1.0
    series = series * r + 1.0
    power_of_two = number((bits(shifted) + 1023) << 52)
    return 0.0 if x < SMALLEST_EXPONENT else series * power_of_two


@exact
def _exponentials(row, peak, mass):
    """Replace a row of logits by exponentials of their distance to the peak, and add these to the mass."""
    for b in range(len(row)):
        value = exponential(row[b] - peak[b])
        row[b] = value
        mass[b] += value


@any_order
def _raise(peak, row):
    for b in range(len(row)):
        peak[b] = row[b] if row[b] > peak[b] else peak[b]


@any_order
def _scale(row, factor):
    for b in range(len(row)):
        row[b] *= factor[b]


@any_order
def _product_of(values):
    product = 1.0
    for b in range(len(values)):
        product *= values[b]
    return product


@any_order
def _sum_of(values):
    total = 0.0
    for b in range(len(values)):
        total += values[b]
    return total


@any_order
def _invert(values):
    for b in range(len(values)):
        values[b] = 1.0 / values[b]


@exact
def _softmax(logits, first, stride, n_components, length, padded, weights, start, peaks, masses):
    """Turn a block of logits of a fit into weighted responsibilities and return its log-likelihood."""
    peak, mass = peaks[:padded], masses[:padded]
    for b in range(padded):
        peak[b] = logits[first + b]
        mass[b] = 0.0
    for k in range(1, n_components):
        row = first + k * stride
        _raise(peak, logits[row : row + padded])
    for k in range(n_components):
        row = first + k * stride
        _exponentials(logits[row : row + padded], peak, mass)
    if len(weights) == 0:
        total = _sum_of(peak[:length])
        for begin in range(0, length, FACTORS):
            total += math.log(_product_of(mass[begin : min(begin + FACTORS, length)]))
        _invert(mass)
    else:
        total = 0.0
        for b in range(length):
            weight = weights[start + b]
            total += weight * (peak[b] + math.log(mass[b]))
            mass[b] = weight / mass[b]
    for k in range(n_components):
        row = first + k * stride
        _scale(logits[row : row + padded], mass)
    return total


@exact
def _across(features, base_by_feature, first, second, start, length):
    """Write features of a block of rows, rows side by side: (tiles of WIDTH rows, features, WIDTH)."""
    p = len(first)
    for tile in range((length + WIDTH - 1) // WIDTH):
        begin = start + tile * WIDTH
        here = min(WIDTH, start + length - begin)
        for j in range(p):
            row = features[(tile * p + j) * WIDTH : (tile * p + j + 1) * WIDTH]
            left = base_by_feature[first[j], begin : begin + here]
            right = base_by_feature[second[j], begin : begin + here]
            for b in range(here):
                row[b] = left[b] * right[b]
            for b in range(here, WIDTH):
                row[b] = 0.0


@exact
def _along(features, stride, base, first, second, start, length):
    """Write features of a block of rows, features side by side: (tiles of WIDTH features, stride, WIDTH)."""
    p = len(first)
    for j in range(0, (p + WIDTH - 1) // WIDTH * WIDTH, LANES):
        at = j // WIDTH * stride * WIDTH + j % WIDTH
        here = max(0, min(LANES, p - j))
        left, right = first[j : j + here], second[j : j + here]
        if here == LANES and left[0] == left[LANES - 1] and right[LANES - 1] - right[0] == LANES - 1:
            for b in range(length):
                row = features[at + b * WIDTH : at + b * WIDTH + LANES]
                factor = base[start + b, left[0]]
                others = base[start + b, right[0] : right[0] + LANES]
                for lane in range(LANES):
                    row[lane] = factor * others[lane]
        else:
            for b in range(length):
                row = features[at + b * WIDTH : at + b * WIDTH + LANES]
                x = base[start + b]
                for lane in range(here):
                    row[lane] = x[left[lane]] * x[right[lane]]
                for lane in range(here, LANES):
                    row[lane] = 0.0


@exact
def _product(c, c_first, c_stride, a, a_first, a_stride, b, b_first, length, width, n_rows, fresh):
    """Set or add the product of rows of A and a panel."""
    for row in range(0, n_rows, TILE_ROWS):
        at = c_first + row * c_stride
        left = a_first + row * a_stride
        if width == WIDTH:
            if fresh:
                _set_all(c, at, c_stride, a, left, a_stride, b, b_first, WIDTH, length)
            else:
                _add_all(c, at, c_stride, a, left, a_stride, b, b_first, WIDTH, length)
        elif width == 3 * LANES:
            if fresh:
                _set_3(c, at, c_stride, a, left, a_stride, b, b_first, WIDTH, length)
            else:
                _add_3(c, at, c_stride, a, left, a_stride, b, b_first, WIDTH, length)
        elif width == 2 * LANES:
            if fresh:
                _set_2(c, at, c_stride, a, left, a_stride, b, b_first, WIDTH, length)
            else:
                _add_2(c, at, c_stride, a, left, a_stride, b, b_first, WIDTH, length)
        elif fresh:
            _set_1(c, at, c_stride, a, left, a_stride, b, b_first, WIDTH, length)
        else:
            _add_1(c, at, c_stride, a, left, a_stride, b, b_first, WIDTH, length)


@exact
def _any(flags, start, stop):
    for index in range(start, stop):
        if flags[index]:
            return True
    return False


@exact
def _all(flags, start, stop):
    for index in range(start, stop):
        if not flags[index]:
            return False
    return True


@exact
def _add_dense(right, at, wide, logits, stride, along, length, rows, dense):
    """Add the products of a block's responsibilities and features, for the tiles with a row that is dense."""
    every = _all(dense, 0, rows)
    for j in range(0, wide, WIDTH):
        width, tile, to = min(WIDTH, wide - j), j * stride, at * wide + j
        if every:
            _product(right, to, wide, logits, 0, stride, along, tile, length, width, rows, False)
            continue
        for row in range(0, rows, TILE_ROWS):
            if _any(dense, row, row + TILE_ROWS):
                here, left = to + row * wide, row * stride
                _product(
                    right, here, wide, logits, left, stride, along, tile, length, width, TILE_ROWS, False
                )


@exact
def add_pass(
    base,
    base_by_feature,
    first,
    second,
    weights,
    coefficients,
    n_components,
    numbers,
    integers,
    log_likelihood,
    sums,
    flat_sums,
):
    """Add a pass to log-likelihoods (R,) and to statistics.

    Coefficients, as one row, and sums have whole tiles of rows, and sums whole vectors of columns; they are
    given as rows and, the same memory, as one row.
    """
    p, n, wide = len(first), len(base), sums.shape[1]
    n_fits = len(log_likelihood)
    stride, fits = block_rows(p), fits_at_a_time(n_components)
    room = make_room(first, second, base.shape[1], n_fits, n_components, numbers, integers)
    logits, dense, lists = room.logits, room.dense, room.lists
    may_list = len(lists.counts) > 0
    negligible = NEGLIGIBLE
    if len(weights) > 0:
        negligible *= _sum_of(weights) / len(weights)
    n_blocks = (n + stride - 1) // stride
    n_lanes = (n + LANES - 1) // LANES
    for block in range(n_blocks):
        start = n_lanes * block // n_blocks * LANES
        length = min(n, n_lanes * (block + 1) // n_blocks * LANES) - start
        padded = (length + LANES - 1) // LANES * LANES
        _across(room.across, base_by_feature, first, second, start, length)
        is_along = False
        for group in range(0, n_fits, fits):
            members = min(fits, n_fits - group)
            rows = (members * n_components + TILE_ROWS - 1) // TILE_ROWS * TILE_ROWS
            at = group * n_components
            for b in range(0, padded, WIDTH):
                width = min(WIDTH, padded - b)
                for j in range(0, p, DEPTH):
                    depth = min(DEPTH, p - j)
                    tile = b * p + j * WIDTH
                    _product(
                        logits,
                        b,
                        stride,
                        coefficients,
                        at * p + j,
                        p,
                        room.across,
                        tile,
                        depth,
                        width,
                        rows,
                        j == 0,
                    )
            for f in range(members):
                own = f * n_components
                log_likelihood[group + f] += _softmax(
                    logits,
                    own * stride,
                    stride,
                    n_components,
                    length,
                    padded,
                    weights,
                    start,
                    room.peak,
                    room.mass,
                )
                if may_list:
                    own_rows = logits[own * stride : (own + n_components) * stride]
                    share = share_kept(own_rows, stride, n_components, length, negligible)
                    set_flags(dense, own, own + n_components, share > LISTED_SHARE)
                    if share <= LISTED_SHARE:
                        list_rows(lists, at + own, own_rows, stride, start, length, negligible, base, sums)
            set_flags(dense, members * n_components, rows, not may_list)
            if not _any(dense, 0, rows):
                continue
            if not is_along:
                _along(room.along, stride, base, first, second, start, length)
                is_along = True
            _add_dense(flat_sums, at, wide, logits, stride, room.along, length, rows, dense)
    add_lists(lists, base, sums)
