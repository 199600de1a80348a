"""One pass over the rows for multivariate t components: what EM and the gradients need of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mixsweep.assignments import Assignment
from mixsweep.families.degrees_of_freedom import inverse_degrees, log_normaliser
from mixsweep.families.quadratic import quadratic_coefficients
from mixsweep.linalg import transpose, upper_indices
from mixsweep.passes import Design, row_blocks, softmax_pass
from mixsweep.typing import FloatArray, Parameters

__all__ = [
    "Moments",
    "Prepared",
    "direct_moments",
    "distance_coefficients",
    "log_constant",
    "outer",
    "quadratic_moments",
]


@dataclass(frozen=True)
class Prepared:
    """Rows (n, d), and their features [1, x, upper triangle of x x']."""

    X: FloatArray
    design: Design


class Moments(NamedTuple):
    """What a pass finds.

    Log-likelihoods (R,), expected counts (R, K), their sums weighted by the latent scales (R, K), mean shifts
    (R, K, d), scatter about the shifted means for each count (R, K, d, d), and the mean of u - 1 - log u of
    the expected latent scales u (R, K).
    """

    log_likelihood: FloatArray
    counts: FloatArray
    scaled_counts: FloatArray
    shift: FloatArray
    scatter: FloatArray
    spread: FloatArray


def distance_coefficients(means: FloatArray, inverse: FloatArray) -> FloatArray:
    """Return the squared Mahalanobis distances as linear functions of the features, shape (R, K, p)."""
    return quadratic_coefficients(np.zeros(means.shape[:-1]), means, inverse, 1.0)


def log_constant(parameters: Parameters, inverse: FloatArray) -> FloatArray:
    """Return log weight plus the logarithm of the density's value at the mean."""
    d = inverse.shape[-1]
    diagonal = np.diagonal(inverse, axis1=-2, axis2=-1)
    result: FloatArray = (
        np.log(parameters["weights"])
        + np.log(diagonal).sum(axis=-1)
        - 0.5 * d * np.log(2 * np.pi)
        + log_normaliser(inverse_degrees(parameters["tails"]), d)
    )
    return result


class _Blocks:
    """Blocks of rows in the same four arrays one after the other, and the sums over them.

    Attributes
    ----------
    counts : ndarray, shape (R, K)
        Sums of the responsibilities r.
    spread : ndarray, shape (R, K)
        Sums of r (u - 1 - log u - log(1 + d tau)).
    """

    def __init__(self, n_rows: int, parameters: Parameters, inverse: FloatArray) -> None:
        n_restarts, n_components, self._d = parameters["means"].shape
        self._tau = inverse_degrees(parameters["tails"])[..., None]
        self._constant = log_constant(parameters, inverse)[..., None]
        self._exponent = 0.5 * (1 + self._d * self._tau) / self._tau
        self.counts = np.zeros((n_restarts, n_components))
        self.spread = np.zeros_like(self.counts)
        longest = max(rows.stop - rows.start for rows in row_blocks(n_rows))
        self._rooms = np.empty((4, self.counts.size * longest))

    def _room(self, number: int, rows: slice) -> FloatArray:
        length = rows.stop - rows.start
        return self._rooms[number, : self.counts.size * length].reshape(*self.counts.shape, length)

    def logits(self, rows: slice, distances_into: Callable[[slice, FloatArray], None]) -> FloatArray:
        """Return log(weight x density) of a block, shape (R, K, block)."""
        scaled, logarithm, logits = (self._room(number, rows) for number in range(3))
        distances_into(rows, scaled)
        np.multiply(scaled, self._tau, out=scaled)
        np.log1p(scaled, out=logarithm)
        np.multiply(logarithm, -self._exponent, out=logits)
        return np.add(logits, self._constant, out=logits)

    def weigh(self, rows: slice, responsibilities: FloatArray) -> None:
        """Add up the block of the last logits, and multiply its responsibilities by u / (1 + d tau)."""
        scaled, logarithm, shrinkage = (self._room(number, rows) for number in (0, 1, 3))
        np.add(scaled, 1.0, out=shrinkage)
        np.divide(1.0, shrinkage, out=shrinkage)
        # u - 1 = tau (d - distance) / (1 + tau distance), -log u = log(1 + tau distance) - log(1 + d tau)
        np.subtract(self._d * self._tau, scaled, out=scaled)
        np.multiply(scaled, shrinkage, out=scaled)
        np.add(scaled, logarithm, out=scaled)
        np.add(self.counts, responsibilities.sum(axis=-1), out=self.counts)
        np.add(self.spread, np.einsum("rkb,rkb->rk", responsibilities, scaled), out=self.spread)
        np.multiply(responsibilities, shrinkage, out=responsibilities)


def _take_pass(
    prepared: Prepared,
    parameters: Parameters,
    inverse: FloatArray,
    distances_into: Callable[[slice, FloatArray], None],
    accumulate: Callable[[slice, FloatArray], None],
    assignment: Assignment | None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Take a pass, however distances are computed and rows weighted by r u / (1 + d tau) are summed.

    The first function writes the squared distances of a block of rows into an array (R, K, block), the
    second receives the weights.

    Returns
    -------
    log_likelihood, counts, spread : ndarray
        See `Moments`.
    """
    blocks = _Blocks(len(prepared.X), parameters, inverse)

    def collect(rows: slice, responsibilities: FloatArray) -> None:
        blocks.weigh(rows, responsibilities)
        accumulate(rows, responsibilities)

    log_likelihood = softmax_pass(
        len(prepared.X),
        *blocks.counts.shape,
        lambda rows: blocks.logits(rows, distances_into),
        collect,
        prepared.design.row_weights,
        assignment,
    )
    logarithm = np.log1p(inverse.shape[-1] * inverse_degrees(parameters["tails"]))
    return log_likelihood, blocks.counts, blocks.spread / blocks.counts - logarithm


def direct_moments(
    prepared: Prepared, parameters: Parameters, inverse: FloatArray, assignment: Assignment | None
) -> Moments:
    """Take the pass by whitened differences, free of cancellation."""
    X, means = prepared.X, parameters["means"]
    weighted_counts = np.zeros(means.shape[:2])
    first = np.zeros_like(means)
    second = np.zeros_like(inverse)

    def distances_into(rows: slice, out: FloatArray) -> None:
        whitened = np.matmul(X[rows] - means[:, :, None, :], transpose(inverse))
        np.square(whitened).sum(axis=-1, out=out)

    def accumulate(rows: slice, responsibilities: FloatArray) -> None:
        difference = X[rows] - means[:, :, None, :]
        weighted = responsibilities[..., None] * difference
        np.add(weighted_counts, responsibilities.sum(axis=-1), out=weighted_counts)
        np.add(first, weighted.sum(axis=-2), out=first)
        np.add(second, np.matmul(transpose(weighted), difference), out=second)

    passed = _take_pass(prepared, parameters, inverse, distances_into, accumulate, assignment)
    shift = first / weighted_counts[..., None]
    about = second / weighted_counts[..., None, None] - outer(shift)
    return _moments(parameters, passed, weighted_counts, shift, about)


def quadratic_moments(
    prepared: Prepared, parameters: Parameters, inverse: FloatArray, assignment: Assignment | None
) -> Moments:
    """Take the pass by matrix products."""
    means, design = parameters["means"], prepared.design
    d = means.shape[-1]
    coefficients = distance_coefficients(means, inverse)
    flat = coefficients.reshape(-1, coefficients.shape[-1])
    totals = np.zeros_like(flat)

    def distances_into(rows: slice, out: FloatArray) -> None:
        np.matmul(flat, design.by_feature[:, rows], out=out.reshape(len(flat), -1))

    def accumulate(rows: slice, responsibilities: FloatArray) -> None:
        weighted = responsibilities.reshape(len(flat), -1)
        np.add(totals, weighted @ design.by_row[rows], out=totals)

    passed = _take_pass(prepared, parameters, inverse, distances_into, accumulate, assignment)
    sums = totals.reshape(coefficients.shape)
    averages = sums / sums[..., :1]
    new_means = averages[..., 1 : 1 + d]
    about = _symmetric(averages[..., 1 + d :], d) - outer(new_means)
    return _moments(parameters, passed, sums[..., 0], new_means - means, about)


def _moments(
    parameters: Parameters,
    passed: tuple[FloatArray, FloatArray, FloatArray],
    weighted_counts: FloatArray,
    shift: FloatArray,
    about: FloatArray,
) -> Moments:
    """Return what a pass finds, from sums weighted by r u / (1 + d tau) and the scatter for each of them."""
    log_likelihood, counts, spread = passed
    # 1 + d tau is the latent scale u expected of a row at the mean
    largest_scale = 1.0 + shift.shape[-1] * inverse_degrees(parameters["tails"])
    scaled_counts = weighted_counts * largest_scale
    scatter = about * (scaled_counts / counts)[..., None, None]
    return Moments(log_likelihood, counts, scaled_counts, shift, scatter, spread)


def outer(vectors: FloatArray) -> FloatArray:
    """Return the products of vectors with themselves, shape (..., d, d)."""
    result: FloatArray = vectors[..., :, None] * vectors[..., None, :]
    return result


def _symmetric(upper: FloatArray, d: int) -> FloatArray:
    """Return the symmetric matrices of given upper triangles, shape (..., d, d)."""
    matrices = np.empty((*upper.shape[:-1], d, d))
    first, second = upper_indices(d)
    matrices[..., first, second] = matrices[..., second, first] = upper
    return matrices
