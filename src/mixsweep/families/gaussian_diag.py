"""Gaussian components with uncorrelated features, each component with variances of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation, softmax, weight_logits
from mixsweep.passes import Design, linear_pass, log_density
from mixsweep.typing import FloatArray, Parameters

__all__ = ["GaussianDiag"]


@dataclass(frozen=True)
class _Prepared:
    X: FloatArray
    design: Design


class GaussianDiag:
    """Family ``gaussian-diag``; own coordinates: weights, means, standard deviations."""

    name: ClassVar[str] = "gaussian-diag"
    reported: ClassVar[tuple[str, ...]] = ("means", "variances")

    def prepare(self, X: FloatArray) -> _Prepared:
        """Return the rows and their features [1, x, squares of x]."""
        return _Prepared(X, Design.of(np.concatenate([np.ones((len(X), 1)), X, np.square(X)], axis=1)))

    @staticmethod
    def _coefficients(parameters: Parameters) -> FloatArray:
        means, deviations = parameters["means"], parameters["deviations"]
        d = means.shape[-1]
        precision = 1.0 / np.square(deviations)
        constant = (
            np.log(parameters["weights"])
            - 0.5 * d * np.log(2 * np.pi)
            - np.log(deviations).sum(axis=-1)
            - 0.5 * np.square(means / deviations).sum(axis=-1)
        )
        return np.concatenate([constant[..., None], means * precision, -0.5 * precision], axis=-1)

    def evaluate(self, prepared: _Prepared, parameters: Parameters) -> Evaluation:
        """Take one pass over all rows at a batch of parameters."""
        n_rows = len(prepared.X)
        weights, means, deviations = parameters["weights"], parameters["means"], parameters["deviations"]
        d = means.shape[-1]
        log_likelihood, totals = linear_pass(prepared.design, self._coefficients(parameters))
        counts = totals[..., 0]
        sums, squares = totals[..., 1 : 1 + d], totals[..., 1 + d :]
        first = sums - counts[..., None] * means
        second = squares - 2 * means * sums + counts[..., None] * np.square(means)
        shift = first / counts[..., None]
        maximised = {
            "weights": counts / counts.sum(axis=-1, keepdims=True),
            "means": means + shift,
            "deviations": np.sqrt(second / counts[..., None] - np.square(shift)),
        }
        ratio = second / np.square(deviations)
        volume = np.log(maximised["deviations"] / deviations).sum(axis=-1)
        gain = np.log(maximised["weights"] / weights) - volume - 0.5 * d
        terms = counts * gain + 0.5 * ratio.sum(axis=-1)
        smallest = np.square(deviations).min(axis=(-2, -1))
        statistics = {"first": first, "ratio": ratio}
        decrement = terms.sum(axis=-1) / n_rows
        return Evaluation(log_likelihood, maximised, decrement, counts, smallest, statistics)

    def gradient(self, parameters: Parameters, evaluation: Evaluation) -> FloatArray:
        """Return the log-likelihood's gradient in the coordinates of `to_vector`, by Fisher's identity."""
        counts, deviations = evaluation.counts, parameters["deviations"]
        n_restarts = len(counts)
        in_weights = counts - counts.sum(axis=-1, keepdims=True) * parameters["weights"]
        in_means = evaluation.statistics["first"] / np.square(deviations)
        in_logarithms = evaluation.statistics["ratio"] - counts[..., None]
        return np.concatenate(
            [in_weights, in_means.reshape(n_restarts, -1), in_logarithms.reshape(n_restarts, -1)], axis=1
        )

    def mean_step(self, parameters: Parameters, maximised: Parameters, rate: float) -> Parameters:
        """Return the point a share of the way to the M-step's in E[z], E[z x] and E[z x^2].

        As moments of the mixture of both points' components, so that nothing cancels. Negative variances give
        deviations of zero.
        """
        weights = parameters["weights"] + rate * (maximised["weights"] - parameters["weights"])
        share = (rate * maximised["weights"] / weights)[..., None]
        shift = maximised["means"] - parameters["means"]
        variances = (
            (1 - share) * np.square(parameters["deviations"])
            + share * np.square(maximised["deviations"])
            + share * (1 - share) * np.square(shift)
        )
        return {
            "weights": weights,
            "means": parameters["means"] + share * shift,
            "deviations": np.sqrt(np.maximum(variances, 0.0)),
        }

    def log_density(self, prepared: _Prepared, parameters: Parameters) -> FloatArray:
        """Return the log-density of each row, shape (R, n)."""
        return log_density(prepared.design, self._coefficients(parameters))

    def smallest_eigenvalue(self, parameters: Parameters) -> FloatArray:
        """Return the smallest variance over components and features."""
        smallest: FloatArray = np.square(parameters["deviations"]).min(axis=(-2, -1))
        return np.where(np.isfinite(smallest), smallest, 0.0)

    def smallest_data_eigenvalue(self, X: FloatArray) -> float:
        """Return the smallest variance of the features over all rows (divisor n)."""
        return float(X.var(axis=0).min())

    def from_moments(self, weights: FloatArray, means: FloatArray, covariances: FloatArray) -> Parameters:
        """Return start parameters with the covariances' diagonals."""
        deviations = np.sqrt(np.diagonal(covariances, axis1=-2, axis2=-1))
        return {"weights": weights, "means": means, "deviations": deviations}

    def to_reported(self, parameters: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Return weights, means and variances in data units."""
        return {
            "weights": parameters["weights"],
            "means": parameters["means"] * scale + location,
            "variances": np.square(parameters["deviations"] * scale),
        }

    def from_reported(self, reported: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Invert `to_reported`."""
        return {
            "weights": reported["weights"],
            "means": (reported["means"] - location) / scale,
            "deviations": np.sqrt(reported["variances"]) / scale,
        }

    def to_vector(self, parameters: Parameters) -> FloatArray:
        """Return softmax logits (K), means and logarithms of the standard deviations."""
        n_restarts = len(parameters["weights"])
        return np.concatenate(
            [
                weight_logits(parameters["weights"]),
                parameters["means"].reshape(n_restarts, -1),
                np.log(parameters["deviations"]).reshape(n_restarts, -1),
            ],
            axis=1,
        )

    def from_vector(self, vector: FloatArray, n_components: int, n_features: int) -> Parameters:
        """Invert `to_vector`."""
        n_restarts, K, d = len(vector), n_components, n_features
        return {
            "weights": softmax(vector[:, :K]),
            "means": vector[:, K : K + K * d].reshape(n_restarts, K, d).copy(),
            "deviations": np.exp(vector[:, K + K * d :]).reshape(n_restarts, K, d),
        }
