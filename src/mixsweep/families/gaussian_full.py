"""Gaussian components, each with a covariance matrix of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from mixsweep.assignments import Assignment
from mixsweep.families.base import Evaluation
from mixsweep.families.forms import by_form
from mixsweep.families.mixing import central_moments, mixing
from mixsweep.families.quadratic import (
    inner,
    maximised_factors,
    quadratic_coefficients,
    shift_and_covariance,
)
from mixsweep.linalg import (
    cholesky,
    in_slices,
    transpose,
    triangular_inverse,
    upper_indices,
    weighted_covariance,
)
from mixsweep.passes import Design, linear_logits, linear_pass, softmax_pass
from mixsweep.typing import FloatArray, Parameters

__all__ = ["GaussianFull"]

#: Below this smallest eigenvalue (unit data variance) the quadratic expansion loses more than 1e-6 nats in
#: 2,000 rows, and whitened differences are used instead.
DIRECT_BELOW = 1e-6


@dataclass(frozen=True)
class _Prepared:
    X: FloatArray
    design: Design


class _Moments(NamedTuple):
    """Log-likelihoods (R,), expected counts (R, K), mean shifts (R, K, d), covariances (R, K, d, d)."""

    log_likelihood: FloatArray
    counts: FloatArray
    shift: FloatArray
    covariances: FloatArray


class GaussianFull:
    """Family ``gaussian-full``; own coordinates: weights, means, lower Cholesky factors."""

    name: ClassVar[str] = "gaussian-full"
    kinds: ClassVar[dict[str, str]] = {"weights": "simplex", "means": "real", "cholesky": "cholesky"}
    reported: ClassVar[tuple[str, ...]] = ("means", "covariances")
    n_cycles: ClassVar[int] = 2
    one_maximum_alone: ClassVar[bool] = True

    def shapes(self, n_components: int, n_features: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the own arrays, restarts aside."""
        K, d = n_components, n_features
        return {"weights": (K,), "means": (K, d), "cholesky": (K, d, d)}

    def prepare(self, X: FloatArray, row_weights: FloatArray | None = None) -> _Prepared:
        """Return the rows and their features [1, x, upper triangle of x x'], as products of [1, x]."""
        d = X.shape[1]
        first, second = upper_indices(d)
        base = np.concatenate([np.ones((len(X), 1)), X], axis=1)
        pairs = (
            np.concatenate([np.zeros(1 + d, dtype=np.int64), 1 + first]),
            np.concatenate([np.arange(1 + d), 1 + second]),
        )
        return _Prepared(X, Design.of_products(base, pairs, row_weights))

    @staticmethod
    def _coefficients(parameters: Parameters, inverse: FloatArray) -> FloatArray:
        """Return log(weight x density) by features, shape (R, K, p)."""
        constant = GaussianFull._constant(parameters["weights"], inverse)
        return quadratic_coefficients(constant, parameters["means"], inverse, -0.5)

    @staticmethod
    def _constant(weights: FloatArray, inverse: FloatArray) -> FloatArray:
        """Return log weight plus the logarithm of the density's factor before the exponential."""
        diagonal = np.diagonal(inverse, axis1=-2, axis2=-1)
        result: FloatArray = (
            np.log(weights) + np.log(diagonal).sum(axis=-1) - 0.5 * inverse.shape[-1] * np.log(2 * np.pi)
        )
        return result

    @staticmethod
    def _direct_moments(
        prepared: _Prepared, parameters: Parameters, inverse: FloatArray, assignment: Assignment | None
    ) -> _Moments:
        """Take the pass by whitened differences, free of cancellation."""
        X, means = prepared.X, parameters["means"]
        n_restarts, n_components, _ = means.shape
        constant = GaussianFull._constant(parameters["weights"], inverse)
        counts = np.zeros((n_restarts, n_components))
        first = np.zeros_like(means)
        second = np.zeros_like(inverse)

        def logits_of(rows: slice) -> FloatArray:
            whitened = np.matmul(X[rows] - means[:, :, None, :], transpose(inverse))
            result: FloatArray = constant[..., None] - 0.5 * np.square(whitened).sum(axis=-1)
            return result

        def accumulate(rows: slice, responsibilities: FloatArray) -> None:
            difference = X[rows] - means[:, :, None, :]
            weighted = responsibilities[..., None] * difference
            np.add(counts, responsibilities.sum(axis=-1), out=counts)
            np.add(first, weighted.sum(axis=-2), out=first)
            np.add(second, np.matmul(transpose(weighted), difference), out=second)

        row_weights = prepared.design.row_weights
        log_likelihood = softmax_pass(
            len(X), n_restarts, n_components, logits_of, accumulate, row_weights, assignment
        )
        shift = first / counts[..., None]
        covariances = second / counts[..., None, None] - shift[..., :, None] * shift[..., None, :]
        return _Moments(log_likelihood, counts, shift, covariances)

    @staticmethod
    def _quadratic_moments(
        prepared: _Prepared, parameters: Parameters, inverse: FloatArray, assignment: Assignment | None
    ) -> _Moments:
        """Take the pass by matrix products."""
        log_likelihood, statistics = linear_pass(
            prepared.design, GaussianFull._coefficients(parameters, inverse), assignment
        )
        shift, covariances = shift_and_covariance(statistics, parameters["means"])
        return _Moments(log_likelihood, statistics[..., 0].copy(), shift, covariances)

    def evaluate(
        self, prepared: _Prepared, parameters: Parameters, assignment: Assignment | None = None
    ) -> Evaluation:
        """Take one pass over all rows at a batch of parameters."""
        inverse = triangular_inverse(parameters["cholesky"])
        # 1 / trace of the precision bounds the smallest eigenvalue from below
        smallest = 1.0 / inner(inverse, inverse).max(axis=-1)
        log_likelihood, counts, shift, covariances = by_form(
            smallest < DIRECT_BELOW,
            self._direct_moments,
            self._quadratic_moments,
            prepared,
            parameters,
            inverse,
            assignment,
        )
        weights = counts / counts.sum(axis=-1, keepdims=True)
        factors, whitened_shift, gain = maximised_factors(inverse, shift, covariances)
        gain += np.log(weights / parameters["weights"])
        decrement = (counts * gain).sum(axis=-1) / prepared.design.total_weight
        maximised = {"weights": weights, "means": parameters["means"] + shift, "cholesky": factors}
        statistics = {"whitened_shift": whitened_shift, "covariances": covariances}
        return Evaluation(log_likelihood, maximised, decrement, counts, smallest, statistics)

    def gradient(self, parameters: Parameters, evaluation: Evaluation) -> Parameters:
        """Return the log-likelihood's derivatives in the own arrays, by Fisher's identity."""

        def derivatives(*arrays: FloatArray) -> tuple[FloatArray, ...]:
            weights, counts, factors, shift, covariances = arrays
            inverse = triangular_inverse(factors)
            whitened = np.matmul(np.matmul(inverse, covariances), transpose(inverse))
            whitened += shift[..., :, None] * shift[..., None, :]
            return tuple(self._derivatives(weights, counts, inverse, shift, whitened).values())

        arrays = (
            parameters["weights"],
            evaluation.counts,
            parameters["cholesky"],
            evaluation.statistics["whitened_shift"],
            evaluation.statistics["covariances"],
        )
        found = in_slices(derivatives, *arrays)
        return dict(zip(self.kinds, found, strict=True))

    @staticmethod
    def _derivatives(
        weights: FloatArray,
        counts: FloatArray,
        inverse: FloatArray,
        whitened_shift: FloatArray,
        whitened: FloatArray,
    ) -> Parameters:
        """Return Q's derivatives from counts and whitened moments about the means."""
        in_means = counts[..., None] * np.matmul(transpose(inverse), whitened_shift[..., None])[..., 0]
        # derivative in the factor L: N L^-T (L^-1 S L^-T - I), with S the mean scatter about the current mean
        in_factors = counts[..., None, None] * np.matmul(
            transpose(inverse), whitened - np.eye(whitened.shape[-1])
        )
        return {"weights": counts / weights, "means": in_means, "cholesky": in_factors}

    def complete_gradient(self, parameters: Parameters, evaluation: Evaluation) -> Parameters:
        """Return the derivatives of the expected complete-data log-likelihood in the own arrays."""
        inverse = triangular_inverse(parameters["cholesky"])
        shift = evaluation.maximised["means"] - parameters["means"]
        whitened_shift = np.matmul(inverse, shift[..., None])[..., 0]
        whitened = np.matmul(
            np.matmul(inverse, self._scatter(evaluation, parameters["means"])), transpose(inverse)
        )
        return self._derivatives(parameters["weights"], evaluation.counts, inverse, whitened_shift, whitened)

    @staticmethod
    def _scatter(evaluation: Evaluation, means: FloatArray) -> FloatArray:
        """Return the components' second moments about given means, shape (R, K, d, d)."""
        shift = evaluation.maximised["means"] - means
        result: FloatArray = evaluation.statistics["covariances"] + shift[..., :, None] * shift[..., None, :]
        return result

    def conditional_step(self, parameters: Parameters, evaluation: Evaluation, cycle: int) -> Parameters:
        """Return the point with weights and means maximised (0), or covariances about the means (1)."""
        if cycle == 0:
            return {**evaluation.maximised, "cholesky": parameters["cholesky"]}
        return {**parameters, "cholesky": cholesky(self._scatter(evaluation, parameters["means"]))}

    def moment_step(self, parameters: Parameters, evaluation: Evaluation, rate: FloatArray) -> Parameters:
        """Return the point a share of the way to the M-step's in E[z], E[z x] and E[z x x'].

        As moments of the mixture of both points' components, so that nothing cancels. Those of the
        pass may be singular.
        """
        covariances = evaluation.statistics["covariances"]
        weights, share, shift = mixing(parameters, evaluation.maximised, rate)
        factors = parameters["cholesky"]
        old = np.matmul(factors, transpose(factors))
        between = shift[..., :, None] * shift[..., None, :]
        return {
            "weights": weights,
            "means": parameters["means"] + share[..., None] * shift,
            "cholesky": cholesky(central_moments(share, old, covariances, between)),
        }

    def logits(self, prepared: _Prepared, parameters: Parameters) -> FloatArray:
        """Return log(weight x density) of each row under each component, shape (R, K, n)."""
        return linear_logits(
            prepared.design, self._coefficients(parameters, triangular_inverse(parameters["cholesky"]))
        )

    def smallest_eigenvalues(self, parameters: Parameters) -> FloatArray:
        """Return the smallest covariance eigenvalue of each component, exactly; 0 where it is not finite."""
        factors = parameters["cholesky"]
        finite = np.isfinite(factors).all(axis=(-2, -1))
        smallest = np.zeros(finite.shape)
        singular = np.linalg.svd(factors[finite], compute_uv=False)
        smallest[finite] = np.square(singular.min(axis=-1))
        return smallest

    def smallest_data_eigenvalue(self, X: FloatArray, row_weights: FloatArray | None = None) -> float:
        """Return the smallest eigenvalue of the covariance of all rows (divisor n)."""
        return float(np.linalg.eigvalsh(weighted_covariance(X, row_weights))[0])

    def from_moments(self, weights: FloatArray, means: FloatArray, covariances: FloatArray) -> Parameters:
        """Return start parameters with the covariances as they are."""
        return {"weights": weights, "means": means, "cholesky": cholesky(covariances)}

    def to_reported(self, parameters: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Return weights, means and covariances in data units."""
        factors = parameters["cholesky"] * scale[:, None]
        return {
            "weights": parameters["weights"],
            "means": parameters["means"] * scale + location,
            "covariances": np.matmul(factors, transpose(factors)),
        }

    def from_reported(self, reported: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Invert `to_reported`."""
        return {
            "weights": reported["weights"],
            "means": (reported["means"] - location) / scale,
            "cholesky": cholesky(reported["covariances"] / (scale[:, None] * scale)),
        }
