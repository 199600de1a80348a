"""Gaussian components with one variance each, the same for every standardised feature."""

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

__all__ = ["GaussianSpherical"]


@dataclass(frozen=True)
class _Prepared:
    X: FloatArray
    design: Design


class GaussianSpherical:
    """Family ``gaussian-spherical``; own coordinates: weights, means, one standard deviation a component.

    Components are spheres in standardised features. In data units a component's variance of a feature is
    ``spherical_variances`` times the feature's squared standard deviation: ``variances``. EM as in Celeux and
    Govaert (1995), model [lambda_k I].

    References
    ----------
    Celeux, G. and Govaert, G. (1995). Gaussian parsimonious clustering models. Pattern Recognition 28,
    781-793.
    """

    name: ClassVar[str] = "gaussian-spherical"
    kinds: ClassVar[dict[str, str]] = {"weights": "simplex", "means": "real", "deviations": "deviation"}
    reported: ClassVar[tuple[str, ...]] = ("means", "variances", "spherical_variances")
    n_cycles: ClassVar[int] = 2
    one_maximum_alone: ClassVar[bool] = True

    def shapes(self, n_components: int, n_features: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the own arrays, restarts aside."""
        K, d = n_components, n_features
        return {"weights": (K,), "means": (K, d), "deviations": (K,)}

    def prepare(self, X: FloatArray, row_weights: FloatArray | None = None) -> _Prepared:
        """Return the rows and their features [1, x, x'x]."""
        squares = np.square(X).sum(axis=1, keepdims=True)
        features = np.concatenate([np.ones((len(X), 1)), X, squares], axis=1)
        return _Prepared(X, Design.of(features, row_weights))

    @staticmethod
    def _coefficients(parameters: Parameters) -> FloatArray:
        means, deviations = parameters["means"], parameters["deviations"]
        d = means.shape[-1]
        precision = (1.0 / np.square(deviations))[..., None]
        constant = (
            np.log(parameters["weights"])
            - 0.5 * d * np.log(2 * np.pi)
            - d * np.log(deviations)
            - 0.5 * np.square(means / deviations[..., None]).sum(axis=-1)
        )
        return np.concatenate([constant[..., None], means * precision, -0.5 * precision], axis=-1)

    def evaluate(
        self, prepared: _Prepared, parameters: Parameters, assignment: Assignment | None = None
    ) -> Evaluation:
        """Take one pass over all rows at a batch of parameters."""
        d = prepared.X.shape[1]
        weights, means, deviations = parameters["weights"], parameters["means"], parameters["deviations"]
        log_likelihood, totals = linear_pass(prepared.design, self._coefficients(parameters), assignment)
        counts, sums, squares = totals[..., 0], totals[..., 1 : 1 + d], totals[..., 1 + d]
        first = sums - counts[..., None] * means
        second = squares - 2 * (means * sums).sum(axis=-1) + counts * np.square(means).sum(axis=-1)
        shift = first / counts[..., None]
        # of a singular component rounding may leave a negative variance
        variances = np.maximum(second / counts - np.square(shift).sum(axis=-1), 0.0) / d
        maximised = {
            "weights": counts / counts.sum(axis=-1, keepdims=True),
            "means": means + shift,
            "deviations": np.sqrt(variances),
        }
        ratio = second / np.square(deviations)
        volume = d * np.log(maximised["deviations"] / deviations)
        gain = np.log(maximised["weights"] / weights) - volume - 0.5 * d
        decrement = (counts * gain + 0.5 * ratio).sum(axis=-1) / prepared.design.total_weight
        smallest = np.square(deviations).min(axis=-1)
        statistics = {"first": first, "ratio": ratio}
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
            "means": first / np.square(deviations)[..., None],
            "deviations": (ratio - first.shape[-1] * counts) / deviations,
        }

    def complete_gradient(self, parameters: Parameters, evaluation: Evaluation) -> Parameters:
        """Return the derivatives of the expected complete-data log-likelihood in the own arrays."""
        counts, means = evaluation.counts, parameters["means"]
        first = counts[..., None] * (evaluation.maximised["means"] - means)
        scatter = means.shape[-1] * self._scatter(evaluation, means)
        return self._derivatives(
            parameters, counts, first, counts * scatter / np.square(parameters["deviations"])
        )

    @staticmethod
    def _scatter(evaluation: Evaluation, means: FloatArray) -> FloatArray:
        """Return the components' mean squares about given means, over the features too, shape (R, K)."""
        maximised = evaluation.maximised
        shift = maximised["means"] - means
        result: FloatArray = np.square(maximised["deviations"]) + np.square(shift).mean(axis=-1)
        return result

    def conditional_step(self, parameters: Parameters, evaluation: Evaluation, cycle: int) -> Parameters:
        """Return the point with weights and means maximised (0), or variances about the means (1)."""
        if cycle == 0:
            return {**evaluation.maximised, "deviations": parameters["deviations"]}
        return {**parameters, "deviations": np.sqrt(self._scatter(evaluation, parameters["means"]))}

    def moment_step(self, parameters: Parameters, evaluation: Evaluation, rate: FloatArray) -> Parameters:
        """Return the point a share of the way to the M-step's in E[z], E[z x] and E[z x'x].

        As moments of the mixture of both points' components, so that nothing cancels.
        """
        maximised = evaluation.maximised
        weights, share, shift = mixing(parameters, maximised, rate)
        old, new = np.square(parameters["deviations"]), np.square(maximised["deviations"])
        variances = central_moments(share, old, new, np.square(shift).mean(axis=-1))
        return {
            "weights": weights,
            "means": parameters["means"] + share[..., None] * shift,
            "deviations": np.sqrt(np.maximum(variances, 0.0)),
        }

    def logits(self, prepared: _Prepared, parameters: Parameters) -> FloatArray:
        """Return log(weight x density) of each row under each component, shape (R, K, n)."""
        return linear_logits(prepared.design, self._coefficients(parameters))

    def smallest_eigenvalues(self, parameters: Parameters) -> FloatArray:
        """Return the variance of each component; 0 where it is not finite."""
        variances = np.square(parameters["deviations"])
        return np.where(np.isfinite(variances), variances, 0.0)

    def smallest_data_eigenvalue(self, X: FloatArray, row_weights: FloatArray | None = None) -> float:
        """Return the variance of one sphere fitted to all rows: the features' mean variance (divisor n)."""
        return float(np.diagonal(weighted_covariance(X, row_weights)).mean())

    def from_moments(self, weights: FloatArray, means: FloatArray, covariances: FloatArray) -> Parameters:
        """Return start parameters with the covariances' mean variances."""
        variances = np.diagonal(covariances, axis1=-2, axis2=-1).mean(axis=-1)
        return {"weights": weights, "means": means, "deviations": np.sqrt(variances)}

    def to_reported(self, parameters: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Return weights, means and variances in data units, and the variances of standardised features."""
        return {
            "weights": parameters["weights"],
            "means": parameters["means"] * scale + location,
            "variances": np.square(parameters["deviations"][..., None] * scale),
            "spherical_variances": np.square(parameters["deviations"]),
        }

    def from_reported(self, reported: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Invert `to_reported`."""
        return {
            "weights": reported["weights"],
            "means": (reported["means"] - location) / scale,
            "deviations": np.sqrt(reported["spherical_variances"]),
        }
