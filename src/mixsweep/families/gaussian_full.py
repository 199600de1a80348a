"""Gaussian components, each with a covariance matrix of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation, softmax, weight_logits
from mixsweep.linalg import cholesky, triangular_inverse
from mixsweep.passes import Design, linear_pass, log_density, softmax_pass
from mixsweep.typing import FloatArray, Parameters

__all__ = ["GaussianFull"]

#: Below this smallest eigenvalue (unit data variance) the quadratic expansion loses more than 1e-6 nats in
#: 2,000 rows, and whitened differences are used instead.
DIRECT_BELOW = 1e-6


@dataclass(frozen=True)
class _Prepared:
    X: FloatArray
    design: Design


def _transpose(matrices: FloatArray) -> FloatArray:
    return matrices.swapaxes(-1, -2)


class GaussianFull:
    """Family ``gaussian-full``; own coordinates: weights, means, lower Cholesky factors of the covariances."""

    name: ClassVar[str] = "gaussian-full"
    reported: ClassVar[tuple[str, ...]] = ("means", "covariances")

    def prepare(self, X: FloatArray) -> _Prepared:
        """Return the rows and their features [1, x, upper triangle of x x']."""
        d = X.shape[1]
        first, second = np.triu_indices(d)
        features = np.concatenate([np.ones((len(X), 1)), X, X[:, first] * X[:, second]], axis=1)
        return _Prepared(X, Design.of(features))

    @staticmethod
    def _coefficients(parameters: Parameters, inverse: FloatArray) -> FloatArray:
        weights, means = parameters["weights"], parameters["means"]
        n_restarts, n_components, d = means.shape
        whitened = np.matmul(inverse, means[..., None])[..., 0]
        precision = np.matmul(_transpose(inverse), inverse)
        constant = (
            np.log(weights)
            - 0.5 * d * np.log(2 * np.pi)
            + np.log(np.diagonal(inverse, axis1=-2, axis2=-1)).sum(axis=-1)
            - 0.5 * np.square(whitened).sum(axis=-1)
        )
        linear = np.matmul(_transpose(inverse), whitened[..., None])[..., 0]
        first, second = np.triu_indices(d)
        # x'Px counts every off-diagonal product twice
        quadratic = precision[..., first, second] * np.where(first == second, -0.5, -1.0)
        return np.concatenate([constant[..., None], linear, quadratic], axis=-1)

    @staticmethod
    def _direct_moments(
        X: FloatArray, parameters: Parameters, inverse: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Take the pass by whitened differences; moments about the current means, free of cancellation."""
        means = parameters["means"]
        n_restarts, n_components, d = means.shape
        constant = (
            np.log(parameters["weights"])
            - 0.5 * d * np.log(2 * np.pi)
            + np.log(np.diagonal(inverse, axis1=-2, axis2=-1)).sum(axis=-1)
        )
        counts = np.zeros((n_restarts, n_components))
        first = np.zeros_like(means)
        second = np.zeros_like(inverse)

        def differences(rows: slice) -> FloatArray:
            result: FloatArray = X[rows] - means[:, :, None, :]
            return result

        def logits_of(rows: slice) -> FloatArray:
            whitened = np.matmul(differences(rows), _transpose(inverse))
            result: FloatArray = constant[..., None] - 0.5 * np.square(whitened).sum(axis=-1)
            return result

        def accumulate(rows: slice, responsibilities: FloatArray) -> None:
            difference = differences(rows)
            weighted = responsibilities[..., None] * difference
            counts.__iadd__(responsibilities.sum(axis=-1))
            first.__iadd__(weighted.sum(axis=-2))
            second.__iadd__(np.matmul(_transpose(weighted), difference))

        log_likelihood = softmax_pass(len(X), n_restarts, n_components, logits_of, accumulate)
        return log_likelihood, counts, first, second

    @staticmethod
    def _moments(
        prepared: _Prepared, parameters: Parameters, inverse: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Take the pass by matrix products; moments about the current means, from those about the origin."""
        means = parameters["means"]
        d = means.shape[-1]
        coefficients = GaussianFull._coefficients(parameters, inverse)
        log_likelihood, statistics = linear_pass(prepared.design, coefficients)
        counts = statistics[..., 0]
        sums = statistics[..., 1 : 1 + d]
        upper = np.triu_indices(d)
        products = np.empty(inverse.shape)
        products[..., upper[0], upper[1]] = statistics[..., 1 + d :]
        products[..., upper[1], upper[0]] = statistics[..., 1 + d :]
        first = sums - counts[..., None] * means
        cross = means[..., :, None] * sums[..., None, :]
        second = (
            products - cross - _transpose(cross) + counts[..., None, None] * (means[..., :, None] * means[..., None, :])
        )
        return log_likelihood, counts, first, second

    def evaluate(self, prepared: _Prepared, parameters: Parameters) -> Evaluation:
        """Take one pass over all rows at a batch of parameters."""
        n_rows = len(prepared.X)
        inverse = triangular_inverse(parameters["cholesky"])
        # 1 / trace of the precision bounds the smallest eigenvalue from below
        smallest = (1.0 / np.square(inverse).sum(axis=(-2, -1))).min(axis=-1)
        direct = smallest < DIRECT_BELOW
        if direct.any():
            log_likelihood = np.empty(len(smallest))
            counts = np.empty(parameters["weights"].shape)
            first = np.empty(parameters["means"].shape)
            second = np.empty(inverse.shape)
            for chosen, moments in ((direct, self._direct_rows), (~direct, self._moments)):
                if chosen.any():
                    part = {name: values[chosen] for name, values in parameters.items()}
                    found = moments(prepared, part, inverse[chosen])
                    log_likelihood[chosen], counts[chosen], first[chosen], second[chosen] = found
        else:
            log_likelihood, counts, first, second = self._moments(prepared, parameters, inverse)

        shift = first / counts[..., None]
        covariances = second / counts[..., None, None] - shift[..., :, None] * shift[..., None, :]
        maximised = {
            "weights": counts / counts.sum(axis=-1, keepdims=True),
            "means": parameters["means"] + shift,
            "cholesky": cholesky(covariances),
        }
        # whitened second moments about the current means: their trace is the expected squared distance
        whitened = np.matmul(np.matmul(inverse, second), _transpose(inverse))
        decrement = self._decrement(parameters, maximised, inverse, counts, whitened, n_rows)
        d = first.shape[-1]
        identity = counts[..., None, None] * np.eye(d)
        gradient = {
            "weights": counts - n_rows * parameters["weights"],
            "means": np.matmul(_transpose(inverse), np.matmul(inverse, first[..., None]))[..., 0],
            # derivative in the factor L: L^-T (L^-1 S L^-T - N I)
            "cholesky": np.matmul(_transpose(inverse), whitened - identity),
        }
        return Evaluation(log_likelihood, maximised, decrement, counts, smallest, gradient)

    @staticmethod
    def _direct_rows(
        prepared: _Prepared, parameters: Parameters, inverse: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        return GaussianFull._direct_moments(prepared.X, parameters, inverse)

    @staticmethod
    def _decrement(
        parameters: Parameters,
        maximised: Parameters,
        inverse: FloatArray,
        counts: FloatArray,
        whitened: FloatArray,
        n_rows: int,
    ) -> FloatArray:
        d = inverse.shape[-1]
        log_ratio = np.log(maximised["weights"] / parameters["weights"])
        # log |L+| - log |L|, from the diagonals
        volume = np.log(
            np.diagonal(maximised["cholesky"], axis1=-2, axis2=-1) * np.diagonal(inverse, axis1=-2, axis2=-1)
        ).sum(axis=-1)
        distance = np.trace(whitened, axis1=-2, axis2=-1)
        terms = counts * (log_ratio - volume - 0.5 * d) + 0.5 * distance
        result: FloatArray = terms.sum(axis=-1) / n_rows
        return result

    def log_density(self, prepared: _Prepared, parameters: Parameters) -> FloatArray:
        """Return the log-density of each row, shape (R, n)."""
        return log_density(
            prepared.design, self._coefficients(parameters, triangular_inverse(parameters["cholesky"]))
        )

    def smallest_eigenvalue(self, parameters: Parameters) -> FloatArray:
        """Return the smallest covariance eigenvalue over components, exactly."""
        factors = parameters["cholesky"]
        finite = np.isfinite(factors).all(axis=(-3, -2, -1))
        smallest = np.zeros(len(factors))
        singular = np.linalg.svd(factors[finite], compute_uv=False)
        smallest[finite] = np.square(singular.min(axis=(-2, -1)))
        return smallest

    def smallest_data_eigenvalue(self, X: FloatArray) -> float:
        """Return the smallest eigenvalue of the covariance of all rows (divisor n)."""
        return float(np.linalg.eigvalsh(np.atleast_2d(np.cov(X.T, bias=True)))[0])

    def from_moments(self, weights: FloatArray, means: FloatArray, covariances: FloatArray) -> Parameters:
        """Return start parameters with the covariances as they are."""
        return {"weights": weights, "means": means, "cholesky": cholesky(covariances)}

    def to_reported(self, parameters: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Return weights, means and covariances in data units."""
        factors = parameters["cholesky"] * scale[:, None]
        return {
            "weights": parameters["weights"],
            "means": parameters["means"] * scale + location,
            "covariances": np.matmul(factors, _transpose(factors)),
        }

    def from_reported(self, reported: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Invert `to_reported`."""
        return {
            "weights": reported["weights"],
            "means": (reported["means"] - location) / scale,
            "cholesky": cholesky(reported["covariances"] / (scale[:, None] * scale)),
        }

    def to_vector(self, parameters: Parameters) -> FloatArray:
        """Return softmax logits (K), means and Cholesky factors with logarithmic diagonals."""
        factors = parameters["cholesky"]
        n_restarts, d = factors.shape[0], factors.shape[-1]
        lower = np.tril_indices(d)
        entries = factors[..., lower[0], lower[1]].copy()
        diagonal = lower[0] == lower[1]
        entries[..., diagonal] = np.log(entries[..., diagonal])
        return np.concatenate(
            [
                weight_logits(parameters["weights"]),
                parameters["means"].reshape(n_restarts, -1),
                entries.reshape(n_restarts, -1),
            ],
            axis=1,
        )

    def from_vector(self, vector: FloatArray, n_components: int, n_features: int) -> Parameters:
        """Invert `to_vector`."""
        n_restarts, K, d = len(vector), n_components, n_features
        lower = np.tril_indices(d)
        entries = vector[:, K + K * d :].reshape(n_restarts, K, -1).copy()
        diagonal = lower[0] == lower[1]
        entries[..., diagonal] = np.exp(entries[..., diagonal])
        factors = np.zeros((n_restarts, K, d, d))
        factors[..., lower[0], lower[1]] = entries
        return {
            "weights": softmax(vector[:, :K]),
            "means": vector[:, K : K + K * d].reshape(n_restarts, K, d).copy(),
            "cholesky": factors,
        }

    def pull_back(self, parameters: Parameters, gradient: Parameters) -> FloatArray:
        """Return the gradient in the coordinates of `to_vector`."""
        factors = parameters["cholesky"]
        n_restarts, d = factors.shape[0], factors.shape[-1]
        lower = np.tril_indices(d)
        entries = gradient["cholesky"][..., lower[0], lower[1]].copy()
        diagonal = lower[0] == lower[1]
        entries[..., diagonal] *= np.diagonal(factors, axis1=-2, axis2=-1)
        return np.concatenate(
            [
                gradient["weights"],
                gradient["means"].reshape(n_restarts, -1),
                entries.reshape(n_restarts, -1),
            ],
            axis=1,
        )
