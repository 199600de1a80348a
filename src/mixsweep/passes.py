"""The pass: one sweep over the rows for log-likelihoods and expected sufficient statistics of many fits.

For a family whose log(weight x density) is linear in features phi(x), a batch of R mixtures with K components
each is two matrix products around a softmax:

    logits = H Phi',   responsibilities = softmax over components,   statistics = responsibilities Phi.

Where numba works, `linear_pass` is compiled (`mixsweep.kernels`); `reference_pass` is the same in NumPy, and
takes what the compiled one does not: assignments other than by posterior probabilities.

Rows are taken in blocks so that the logits of a block stay in cache. The block length depends on the number
of rows alone, never on the batch, so that a fit's sums run over the same blocks whatever it is batched with.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from mixsweep.assignments import Assignment
from mixsweep.kernels import load
from mixsweep.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from mixsweep.kernels.compiled import LinearPass

__all__ = ["Design", "linear_logits", "linear_pass", "reference_pass", "softmax_pass"]

#: Longest block of rows; 150 columns of logits of a block take 0.3 MB and stay in the second-level cache.
BLOCK_ROWS = 256
#: Factors in [1, K] multiplied before one logarithm is taken: K**64 stays finite up to K = 60,000.
LOGARITHM_STRIDE = 64


@dataclass(frozen=True)
class Design:
    """Features of the rows, each the product of two columns of a smaller matrix.

    Attributes
    ----------
    base : ndarray, shape (n, q)
        The columns; the first is 1.
    base_by_feature : ndarray, shape (q, n)
        The transpose, values of a column in consecutive memory.
    pairs : pair of ndarray of int, shape (p,)
        Which columns' product each feature is.
    row_weights : ndarray, shape (n,), or None
        How many times each row counts; None for once.
    """

    base: FloatArray
    base_by_feature: FloatArray
    pairs: tuple[IntArray, IntArray]
    row_weights: FloatArray | None = None

    @classmethod
    def of(cls, features: FloatArray, row_weights: FloatArray | None = None) -> Design:
        """Return the design of a feature matrix of shape (n, p), whose first column is 1."""
        count = features.shape[1]
        return cls.of_products(features, (np.arange(count), np.zeros(count, dtype=np.int64)), row_weights)

    @classmethod
    def of_products(
        cls, base: FloatArray, pairs: tuple[IntArray, IntArray], row_weights: FloatArray | None = None
    ) -> Design:
        """Return the design of products of the columns of a matrix of shape (n, q)."""
        return cls(np.ascontiguousarray(base), np.ascontiguousarray(base.T), pairs, row_weights)

    @functools.cached_property
    def by_row(self) -> FloatArray:
        """Features, shape (n, p), those of a row in consecutive memory."""
        return self.base.take(self.pairs[0], axis=1) * self.base.take(self.pairs[1], axis=1)

    @functools.cached_property
    def by_feature(self) -> FloatArray:
        """The transpose, shape (p, n), values of a feature in consecutive memory."""
        return self.base_by_feature[self.pairs[0]] * self.base_by_feature[self.pairs[1]]

    @functools.cached_property
    def compiled(self) -> LinearPass:
        """The compiled pass over these rows."""
        from mixsweep.kernels.compiled import LinearPass

        return LinearPass(self.base, self.base_by_feature, self.pairs, self.row_weights)

    @property
    def n_rows(self) -> int:
        """Number of rows n."""
        return len(self.base)

    @property
    def total_weight(self) -> float:
        """Sum of the row weights; n without weights."""
        return float(self.n_rows) if self.row_weights is None else float(self.row_weights.sum())


@functools.cache
def row_blocks(n_rows: int) -> list[slice]:
    """Cut n rows into nearly equal blocks of at most `BLOCK_ROWS`."""
    count = -(-n_rows // BLOCK_ROWS)
    edges = [n_rows * index // count for index in range(count + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def softmax_pass(
    n_rows: int,
    n_restarts: int,
    n_components: int,
    logits_of: Callable[[slice], FloatArray],
    accumulate: Callable[[slice, FloatArray], None],
    row_weights: FloatArray | None = None,
    assignment: Assignment | None = None,
) -> FloatArray:
    """Turn logits into responsibilities block by block and return the log-likelihoods.

    Parameters
    ----------
    n_rows, n_restarts, n_components : int
        Sizes n, R and K.
    logits_of : callable
        Gives log(weight x density) of a row block, shape (R, K, block); the array is overwritten.
    accumulate : callable
        Receives the responsibilities of a block times the row weights, shape (R, K, block).
    row_weights : ndarray, shape (n,), or None
        How many times each row counts.
    assignment : Assignment or None
        Changes the responsibilities before they are weighted.

    Returns
    -------
    ndarray, shape (R,)
        Total log-likelihoods, weighted.
    """
    total = np.zeros(n_restarts)
    for rows in row_blocks(n_rows):
        logits = logits_of(rows)
        peak = logits.max(axis=1)
        np.subtract(logits, peak[:, None, :], out=logits)
        np.exp(logits, out=logits)
        mass = logits.sum(axis=1)
        if row_weights is None:
            starts = np.arange(0, mass.shape[1], LOGARITHM_STRIDE)
            total += peak.sum(axis=1) + np.log(np.multiply.reduceat(mass, starts, axis=1)).sum(axis=1)
        else:
            total += (peak + np.log(mass)) @ row_weights[rows]
        np.divide(1.0, mass, out=mass)
        np.multiply(logits, mass[:, None, :], out=logits)
        if assignment is not None:
            assignment.apply(rows, logits)
        if row_weights is not None:
            np.multiply(logits, row_weights[rows], out=logits)
        accumulate(rows, logits)
    return total


def linear_pass(
    design: Design, coefficients: FloatArray, assignment: Assignment | None = None
) -> tuple[FloatArray, FloatArray]:
    """Pass of a family that is linear in its features.

    Parameters
    ----------
    design : Design
        Features of the n rows.
    coefficients : ndarray, shape (R, K, p)
        log(weight x density) of component k at row i is ``coefficients[r, k] @ features[i]``.
    assignment : Assignment or None
        How rows are given to components, if not by posterior probabilities.

    Returns
    -------
    log_likelihood : ndarray, shape (R,)
        Totals over the rows, weighted.
    statistics : ndarray, shape (R, K, p)
        Sums of the features, weighted by responsibilities and row weights.
    """
    if load() is not None and assignment is None:
        return design.compiled(coefficients)
    return reference_pass(design, coefficients, assignment)


def reference_pass(
    design: Design, coefficients: FloatArray, assignment: Assignment | None = None
) -> tuple[FloatArray, FloatArray]:
    """Take the pass of `linear_pass` in NumPy."""
    n_restarts, n_components, p = coefficients.shape
    flat = np.ascontiguousarray(coefficients).reshape(-1, p)
    statistics = np.zeros_like(flat)

    longest = max(rows.stop - rows.start for rows in row_blocks(design.n_rows))
    room = np.empty(flat.shape[0] * longest)

    def logits_of(rows: slice) -> FloatArray:
        length = rows.stop - rows.start
        logits = room[: flat.shape[0] * length].reshape(-1, length)
        np.matmul(flat, design.by_feature[:, rows], out=logits)
        return logits.reshape(n_restarts, n_components, length)

    def accumulate(rows: slice, responsibilities: FloatArray) -> None:
        nonlocal statistics
        statistics += responsibilities.reshape(flat.shape[0], -1) @ design.by_row[rows]

    log_likelihood = softmax_pass(
        design.n_rows, n_restarts, n_components, logits_of, accumulate, design.row_weights, assignment
    )
    return log_likelihood, statistics.reshape(coefficients.shape)


def linear_logits(design: Design, coefficients: FloatArray) -> FloatArray:
    """Return log(weight x density) of every row under every component, shape (R, K, n)."""
    n_restarts, n_components, p = coefficients.shape
    return (coefficients.reshape(-1, p) @ design.by_feature).reshape(n_restarts, n_components, design.n_rows)
