"""Gaussian components with uncorrelated features, each component with variances of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.assignments import Assignment
from mixsweep.families.base import Evaluation
from mixsweep.families.mixing import central_moments, mixing
from mixsweep.linalg import weighted_covariance
from mixsweep.passes import Design, linear_logits, linear_pass
from mixsweep.typing import FloatArray, Parameters

__all__ = ["GaussianDiag"]


@dataclass(frozen=True)
class _Prepared:
    X: FloatArray
    design: Design


class GaussianDiag:
    """Family ``gaussian-diag``; own coordinates: weights, means, standard deviations."""

    name: ClassVar[str] = "gaussian-diag"
    kinds: ClassVar[dict[str, str]] = {"weights": "simplex", "means": "real", "deviations": "deviation"}
    reported: ClassVar[tuple[str, ...]] = ("means", "variances")
    n_cycles: ClassVar[int] = 2
    one_maximum_alone: ClassVar[bool] = True

    def shapes(self, n_components: int, n_features: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the own arrays, restarts aside."""
        K, d = n_components, n_features
        return {"weights": (K,), "means": (K, d), "deviations": (K, d)}

    def prepare(self, X: FloatArray, row_weights: FloatArray | None = None) -> _Prepared:
        """Return the rows and their features [1, x, squares of x]."""
        features = np.concatenate([np.ones((len(X), 1)), X, np.square(X)], axis=1)
        return _Prepared(X, Design.of(features, row_weights))

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

    def evaluate(
        self, prepared: _Prepared, parameters: Parameters, assignment: Assignment | None = None
    ) -> Evaluation:
        """Take one pass over all rows at a batch of parameters."""
        weights, means, deviations = parameters["weights"], parameters["means"], parameters["deviations"]
        d = means.shape[-1]
        log_likelihood, totals = linear_pass(prepared.design, self._coefficients(parameters), assignment)
        counts = totals[..., 0]
        sums, squares = totals[..., 1 : 1 + d], totals[..., 1 + d :]
        first = sums - counts[..., None] * means
        second = squares - 2 * means * sums + counts[..., None] * np.square(means)
        shift = first / counts[..., None]
        # of a singular component rounding may leave a negative variance
        variances = np.maximum(second / counts[..., None] - np.square(shift), 0.0)
        maximised = {
            "weights": counts / counts.sum(axis=-1, keepdims=True),
            "means": means + shift,
            "deviations": np.sqrt(variances),
        }
        ratio = second / np.square(deviations)
        volume = np.log(maximised["deviations"] / deviations).sum(axis=-1)
        gain = np.log(maximised["weights"] / weights) - volume - 0.5 * d
        terms = counts * gain + 0.5 * ratio.sum(axis=-1)
        smallest = np.square(deviations).min(axis=(-2, -1))
        statistics = {"first": first, "ratio": ratio}
        decrement = terms.sum(axis=-1) / prepared.design.total_weight
        return Evaluation(log_likelihood, maximised, decrement, counts, smallest, statistics)

    def gradient(self, parameters: Parameters, evaluation: Evaluation) -> Parameters:
        """Return the log-likelihood's derivatives in the own arrays, by Fisher's identity."""
        known = evaluation.statistics
        return self._derivatives(parameters, evaluation.counts, known["first"], known["ratio"])

    @staticmethod
    def _derivatives(
        parameters: Parameters, counts: FloatArray, first: FloatArray, ratio: FloatArray
    ) -> Parameters:
        """Return Q's derivatives from counts, sums about the means and sums of squares by the variances."""
        deviations = parameters["deviations"]
        return {
            "weights": counts / parameters["weights"],
            "means": first / np.square(deviations),
            "deviations": (ratio - counts[..., None]) / deviations,
        }

    def complete_gradient(self, parameters: Parameters, evaluation: Evaluation) -> Parameters:
        """Return the derivatives of the expected complete-data log-likelihood in the own arrays."""
        counts, means = evaluation.counts[..., None], parameters["means"]
        first = counts * (evaluation.maximised["means"] - means)
        ratio = counts * self._scatter(evaluation, means) / np.square(parameters["deviations"])
        return self._derivatives(parameters, evaluation.counts, first, ratio)

    @staticmethod
    def _scatter(evaluation: Evaluation, means: FloatArray) -> FloatArray:
        """Return the components' mean squares about given means, shape (R, K, d)."""
        maximised = evaluation.maximised
        result: FloatArray = np.square(maximised["deviations"]) + np.square(maximised["means"] - means)
        return result

    def conditional_step(self, parameters: Parameters, evaluation: Evaluation, cycle: int) -> Parameters:
        """Return the point with weights and means maximised (0), or variances about the means (1)."""
        if cycle == 0:
            return {**evaluation.maximised, "deviations": parameters["deviations"]}
        return {**parameters, "deviations": np.sqrt(self._scatter(evaluation, parameters["means"]))}

    def moment_step(self, parameters: Parameters, evaluation: Evaluation, rate: FloatArray) -> Parameters:
        """Return the point a share of the way to the M-step's in E[z], E[z x] and E[z x^2].

        As moments of the mixture of both points' components, so that nothing cancels. A variance of zero is a
        moment as good as any; negative ones give deviations of zero.
        """
        maximised = evaluation.maximised
        weights, share, shift = mixing(parameters, maximised, rate)
        old, new = np.square(parameters["deviations"]), np.square(maximised["deviations"])
        variances = central_moments(share, old, new, np.square(shift))
        return {
            "weights": weights,
            "means": parameters["means"] + share[..., None] * shift,
            "deviations": np.sqrt(np.maximum(variances, 0.0)),
        }

    def logits(self, prepared: _Prepared, parameters: Parameters) -> FloatArray:
        """Return log(weight x density) of each row under each component, shape (R, K, n)."""
        return linear_logits(prepared.design, self._coefficients(parameters))

    def smallest_eigenvalues(self, parameters: Parameters) -> FloatArray:
        """Return the smallest variance of each component over its features; 0 where it is not finite."""
        smallest: FloatArray = np.square(parameters["deviations"]).min(axis=-1)
        return np.where(np.isfinite(smallest), smallest, 0.0)

    def smallest_data_eigenvalue(self, X: FloatArray, row_weights: FloatArray | None = None) -> float:
        """Return the smallest variance of the features over all rows (divisor n)."""
        return float(np.diagonal(weighted_covariance(X, row_weights)).min())

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
