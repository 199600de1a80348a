"""Gaussian components that share one covariance matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from mixsweep.assignments import Assignment
from mixsweep.families.base import Evaluation
from mixsweep.families.forms import by_form
from mixsweep.families.gaussian_full import DIRECT_BELOW, GaussianFull
from mixsweep.families.mixing import mixing
from mixsweep.linalg import cholesky, log_volume_ratio, transpose, triangular_inverse, weighted_covariance
from mixsweep.passes import Design, linear_logits, linear_pass, softmax_pass
from mixsweep.typing import FloatArray, Parameters

__all__ = ["GaussianTied"]


@dataclass(frozen=True)
class _Prepared:
    """Rows, their features [1, x] and mean products x x', shape (d, d)."""

    X: FloatArray
    design: Design
    products: FloatArray


class _Moments(NamedTuple):
    """What a pass finds.

    Log-likelihoods (R,), expected counts (R, K), sums of differences from the current means (R, K, d), and
    the mean scatter about the components' new means (R, d, d).
    """

    log_likelihood: FloatArray
    counts: FloatArray
    first: FloatArray
    within: FloatArray


def _products(shares: FloatArray, vectors: FloatArray) -> FloatArray:
    """Return the sums over components of share x vector x vector', shape (R, d, d)."""
    result: FloatArray = np.matmul(transpose(shares[..., None] * vectors), vectors)
    return result


def _averages(sums: FloatArray, counts: FloatArray) -> FloatArray:
    """Return sums by counts, zero for components without rows."""
    return np.where(counts[..., None] == 0, 0.0, sums / counts[..., None])


class GaussianTied:
    """Family ``gaussian-tied``; own coordinates: weights, means, one lower Cholesky factor.

    The factor has a component axis of length 1. In the logits the quadratic part x'Px is the same for all
    components, so responsibilities need products with [1, x] only; and since they sum to 1, the scatter about
    the new means is the data's constant second moment less that of the means. So a pass does without the
    quadratic features of ``gaussian-full``. EM as in Celeux and Govaert (1995), model [lambda D A D'].

    References
    ----------
    Celeux, G. and Govaert, G. (1995). Gaussian parsimonious clustering models. Pattern Recognition 28,
    781-793.
    """

    name: ClassVar[str] = "gaussian-tied"
    kinds: ClassVar[dict[str, str]] = {"weights": "simplex", "means": "real", "cholesky": "cholesky"}
    reported: ClassVar[tuple[str, ...]] = ("means", "tied_covariance")
    n_cycles: ClassVar[int] = 2
    one_maximum_alone: ClassVar[bool] = True

    def shapes(self, n_components: int, n_features: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the own arrays, restarts aside."""
        K, d = n_components, n_features
        return {"weights": (K,), "means": (K, d), "cholesky": (1, d, d)}

    def prepare(self, X: FloatArray, row_weights: FloatArray | None = None) -> _Prepared:
        """Return the rows, their features [1, x] and their mean products."""
        features = np.concatenate([np.ones((len(X), 1)), X], axis=1)
        design = Design.of(features, row_weights)
        weighted = X if row_weights is None else X * row_weights[:, None]
        return _Prepared(X, design, weighted.T @ X / design.total_weight)

    @staticmethod
    def _constant(parameters: Parameters, inverse: FloatArray) -> FloatArray:
        """Return the logarithm of the density's factor before the exponential, shape (R,)."""
        d = inverse.shape[-1]
        diagonal = np.diagonal(inverse, axis1=-2, axis2=-1)
        result: FloatArray = np.log(diagonal).sum(axis=-1) - 0.5 * d * np.log(2 * np.pi)
        return result

    @staticmethod
    def _coefficients(parameters: Parameters, inverse: FloatArray) -> FloatArray:
        """Return log(weight x density) up to the part that all components share, by [1, x]."""
        whitened = np.matmul(parameters["means"], transpose(inverse))
        constant = np.log(parameters["weights"]) - 0.5 * np.square(whitened).sum(axis=-1)
        return np.concatenate([constant[..., None], np.matmul(whitened, inverse)], axis=-1)

    @staticmethod
    def _linear_moments(
        prepared: _Prepared, parameters: Parameters, inverse: FloatArray, assignment: Assignment | None
    ) -> _Moments:
        """Take the pass by products with [1, x]."""
        means, total = parameters["means"], prepared.design.total_weight
        log_likelihood, totals = linear_pass(
            prepared.design, GaussianTied._coefficients(parameters, inverse), assignment
        )
        counts, sums = totals[..., 0], totals[..., 1:]
        whitened = np.matmul(np.matmul(inverse, prepared.products), transpose(inverse))
        shared = GaussianTied._constant(parameters, inverse) - 0.5 * np.trace(whitened, axis1=-2, axis2=-1)
        within = prepared.products - _products(counts / total, _averages(sums, counts))
        return _Moments(log_likelihood + total * shared, counts, sums - counts[..., None] * means, within)

    @staticmethod
    def _direct_moments(
        prepared: _Prepared, parameters: Parameters, inverse: FloatArray, assignment: Assignment | None
    ) -> _Moments:
        """Take the pass by whitened differences, free of cancellation."""
        X, design, factors = prepared.X, prepared.design, parameters["cholesky"][:, 0]
        n_restarts, n_components, d = parameters["means"].shape
        means = np.matmul(parameters["means"], transpose(inverse))
        constant = np.log(parameters["weights"]) + GaussianTied._constant(parameters, inverse)[:, None]
        counts = np.zeros((n_restarts, n_components))
        first = np.zeros_like(means)
        second = np.zeros_like(inverse)

        def differences(rows: slice) -> FloatArray:
            result: FloatArray = np.matmul(X[rows], transpose(inverse))[:, None, :, :] - means[:, :, None, :]
            return result

        def logits_of(rows: slice) -> FloatArray:
            result: FloatArray = constant[..., None] - 0.5 * np.square(differences(rows)).sum(axis=-1)
            return result

        def accumulate(rows: slice, responsibilities: FloatArray) -> None:
            difference = differences(rows)
            weighted = responsibilities[..., None] * difference
            np.add(counts, responsibilities.sum(axis=-1), out=counts)
            np.add(first, weighted.sum(axis=-2), out=first)
            flat = weighted.reshape(n_restarts, -1, d)
            np.add(second, np.matmul(transpose(flat), difference.reshape(flat.shape)), out=second)

        log_likelihood = softmax_pass(
            len(X), n_restarts, n_components, logits_of, accumulate, design.row_weights, assignment
        )
        within = second / design.total_weight
        within -= _products(counts / design.total_weight, _averages(first, counts))
        return _Moments(
            log_likelihood,
            counts,
            np.matmul(first, transpose(factors)),
            np.matmul(np.matmul(factors, within), transpose(factors)),
        )

    def evaluate(
        self, prepared: _Prepared, parameters: Parameters, assignment: Assignment | None = None
    ) -> Evaluation:
        """Take one pass over all rows at a batch of parameters."""
        d = prepared.X.shape[1]
        inverse = triangular_inverse(parameters["cholesky"][:, 0])
        # 1 / trace of the precision bounds the smallest eigenvalue from below
        smallest = 1.0 / np.square(inverse).sum(axis=(-2, -1))
        found = by_form(
            smallest < DIRECT_BELOW,
            self._direct_moments,
            self._linear_moments,
            prepared,
            parameters,
            inverse,
            assignment,
        )
        counts = found.counts
        shares = counts / counts.sum(axis=-1, keepdims=True)
        maximised = {
            "weights": shares,
            "means": parameters["means"] + found.first / counts[..., None],
            "cholesky": cholesky(found.within)[:, None],
        }
        scatter = found.within + _products(shares, _averages(found.first, counts))
        whitened = np.matmul(np.matmul(inverse, scatter), transpose(inverse))
        volume = log_volume_ratio(maximised["cholesky"][:, 0], inverse)
        decrement = (shares * np.log(shares / parameters["weights"])).sum(axis=-1) - volume
        decrement += 0.5 * (np.trace(whitened, axis1=-2, axis2=-1) - d)
        statistics = {"first": found.first, "within": found.within, "scatter": scatter}
        return Evaluation(found.log_likelihood, maximised, decrement, counts, smallest, statistics)

    def gradient(self, parameters: Parameters, evaluation: Evaluation) -> Parameters:
        """Return the log-likelihood's derivatives in the own arrays, by Fisher's identity."""
        statistics = evaluation.statistics
        return self._derivatives(parameters, evaluation.counts, statistics["first"], statistics["scatter"])

    @staticmethod
    def _derivatives(
        parameters: Parameters, counts: FloatArray, first: FloatArray, scatter: FloatArray
    ) -> Parameters:
        """Return Q's derivatives from counts, sums about the means and the mean scatter about them."""
        inverse = triangular_inverse(parameters["cholesky"][:, 0])
        whitened = np.matmul(np.matmul(inverse, scatter), transpose(inverse))
        # derivative in the factor L: n L^-T (L^-1 S L^-T - I)
        in_factor = np.matmul(transpose(inverse), whitened - np.eye(whitened.shape[-1]))
        return {
            "weights": counts / parameters["weights"],
            "means": np.matmul(np.matmul(first, transpose(inverse)), inverse),
            "cholesky": counts.sum(axis=-1)[:, None, None, None] * in_factor[:, None],
        }

    def complete_gradient(self, parameters: Parameters, evaluation: Evaluation) -> Parameters:
        """Return the derivatives of the expected complete-data log-likelihood in the own arrays."""
        counts, means = evaluation.counts, parameters["means"]
        first = counts[..., None] * self._shift(evaluation, means)
        return self._derivatives(parameters, counts, first, self._scatter(evaluation, means))

    @staticmethod
    def _shift(evaluation: Evaluation, means: FloatArray) -> FloatArray:
        """Return how far the M-step's means are from given ones, 0 for components without rows."""
        empty = (evaluation.counts == 0)[..., None]
        return np.where(empty, 0.0, evaluation.maximised["means"] - means)

    @staticmethod
    def _scatter(evaluation: Evaluation, means: FloatArray) -> FloatArray:
        """Return the mean scatter about given means, shape (R, d, d)."""
        shift = GaussianTied._shift(evaluation, means)
        between = _products(evaluation.maximised["weights"], shift)
        result: FloatArray = evaluation.statistics["within"] + between
        return result

    def conditional_step(self, parameters: Parameters, evaluation: Evaluation, cycle: int) -> Parameters:
        """Return the point with weights and means maximised (0), or the covariance about the means (1)."""
        if cycle == 0:
            return {**evaluation.maximised, "cholesky": parameters["cholesky"]}
        scatter = self._scatter(evaluation, parameters["means"])
        return {**parameters, "cholesky": cholesky(scatter)[:, None]}

    def moment_step(self, parameters: Parameters, evaluation: Evaluation, rate: FloatArray) -> Parameters:
        """Return the point a share of the way to the M-step's in E[z], E[z x] and E[x x'].

        As moments of the mixture of both points' components, so that nothing cancels. Those of the
        pass may be singular.
        """
        covariance = evaluation.statistics["within"]
        weights, share, shift = mixing(parameters, evaluation.maximised, rate)
        factor = parameters["cholesky"][:, 0]
        old = np.matmul(factor, transpose(factor))
        part = rate[:, None, None]
        mixed = (1 - part) * old + part * covariance + _products(weights * share * (1 - share), shift)
        return {
            "weights": weights,
            "means": parameters["means"] + share[..., None] * shift,
            "cholesky": cholesky(mixed)[:, None],
        }

    def logits(self, prepared: _Prepared, parameters: Parameters) -> FloatArray:
        """Return log(weight x density) of each row under each component, shape (R, K, n)."""
        inverse = triangular_inverse(parameters["cholesky"][:, 0])
        own = linear_logits(prepared.design, self._coefficients(parameters, inverse))
        whitened = np.matmul(prepared.X, transpose(inverse))
        shared = self._constant(parameters, inverse)[:, None] - 0.5 * np.square(whitened).sum(axis=-1)
        result: FloatArray = own + shared[:, None, :]
        return result

    def smallest_eigenvalues(self, parameters: Parameters) -> FloatArray:
        """Return the smallest eigenvalue of the covariance, the same for each component."""
        shared = GaussianFull().smallest_eigenvalues({"cholesky": parameters["cholesky"]})
        return np.repeat(shared, parameters["weights"].shape[1], axis=1)

    def smallest_data_eigenvalue(self, X: FloatArray, row_weights: FloatArray | None = None) -> float:
        """Return the smallest eigenvalue of the covariance of all rows (divisor n)."""
        return float(np.linalg.eigvalsh(weighted_covariance(X, row_weights))[0])

    def from_moments(self, weights: FloatArray, means: FloatArray, covariances: FloatArray) -> Parameters:
        """Return start parameters with the covariances' mean, weighted."""
        pooled = (weights[..., None, None] * covariances).sum(axis=1, keepdims=True)
        return {"weights": weights, "means": means, "cholesky": cholesky(pooled)}

    def to_reported(self, parameters: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Return weights, means and the covariance in data units."""
        factor = parameters["cholesky"][:, 0] * scale[:, None]
        return {
            "weights": parameters["weights"],
            "means": parameters["means"] * scale + location,
            "tied_covariance": np.matmul(factor, transpose(factor)),
        }

    def from_reported(self, reported: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Invert `to_reported`."""
        covariance = reported["tied_covariance"] / (scale[:, None] * scale)
        return {
            "weights": reported["weights"],
            "means": (reported["means"] - location) / scale,
            "cholesky": cholesky(covariance)[:, None],
        }
