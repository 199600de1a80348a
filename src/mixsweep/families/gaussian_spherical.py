"""Gaussian components with one variance each, the same for every standardised feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.families.base import Evaluation, softmax, weight_logits
from mixsweep.passes import Design, linear_pass, log_density
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
    reported: ClassVar[tuple[str, ...]] = ("means", "variances", "spherical_variances")

    def prepare(self, X: FloatArray) -> _Prepared:
        """Return the rows and their features [1, x, x'x]."""
        squares = np.square(X).sum(axis=1, keepdims=True)
        return _Prepared(X, Design.of(np.concatenate([np.ones((len(X), 1)), X, squares], axis=1)))

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

    def evaluate(self, prepared: _Prepared, parameters: Parameters) -> Evaluation:
        """Take one pass over all rows at a batch of parameters."""
        n_rows, d = prepared.X.shape
        weights, means, deviations = parameters["weights"], parameters["means"], parameters["deviations"]
        log_likelihood, totals = linear_pass(prepared.design, self._coefficients(parameters))
        counts, sums, squares = totals[..., 0], totals[..., 1 : 1 + d], totals[..., 1 + d]
        first = sums - counts[..., None] * means
        second = squares - 2 * (means * sums).sum(axis=-1) + counts * np.square(means).sum(axis=-1)
        shift = first / counts[..., None]
        maximised = {
            "weights": counts / counts.sum(axis=-1, keepdims=True),
            "means": means + shift,
            "deviations": np.sqrt((second / counts - np.square(shift).sum(axis=-1)) / d),
        }
        ratio = second / np.square(deviations)
        volume = d * np.log(maximised["deviations"] / deviations)
        gain = np.log(maximised["weights"] / weights) - volume - 0.5 * d
        decrement = (counts * gain + 0.5 * ratio).sum(axis=-1) / n_rows
        smallest = np.square(deviations).min(axis=-1)
        statistics = {"first": first, "ratio": ratio}
        return Evaluation(log_likelihood, maximised, decrement, counts, smallest, statistics)

    def gradient(self, parameters: Parameters, evaluation: Evaluation) -> FloatArray:
        """Return the log-likelihood's gradient in the coordinates of `to_vector`, by Fisher's identity."""
        counts, first = evaluation.counts, evaluation.statistics["first"]
        in_weights = counts - counts.sum(axis=-1, keepdims=True) * parameters["weights"]
        in_means = first / np.square(parameters["deviations"])[..., None]
        in_logarithms = evaluation.statistics["ratio"] - first.shape[-1] * counts
        return np.concatenate([in_weights, in_means.reshape(len(counts), -1), in_logarithms], axis=1)

    def mean_step(self, parameters: Parameters, maximised: Parameters, rate: float) -> Parameters:
        """Return the point a share of the way to the M-step's in E[z], E[z x] and E[z x'x].

        As moments of the mixture of both points' components, so that nothing cancels.
        """
        weights = parameters["weights"] + rate * (maximised["weights"] - parameters["weights"])
        share = rate * maximised["weights"] / weights
        shift = maximised["means"] - parameters["means"]
        old, new = np.square(parameters["deviations"]), np.square(maximised["deviations"])
        between = share * (1 - share) * np.square(shift).mean(axis=-1)
        return {
            "weights": weights,
            "means": parameters["means"] + share[..., None] * shift,
            "deviations": np.sqrt((1 - share) * old + share * new + between),
        }

    def log_density(self, prepared: _Prepared, parameters: Parameters) -> FloatArray:
        """Return the log-density of each row, shape (R, n)."""
        return log_density(prepared.design, self._coefficients(parameters))

    def smallest_eigenvalue(self, parameters: Parameters) -> FloatArray:
        """Return the smallest variance over components."""
        smallest: FloatArray = np.square(parameters["deviations"]).min(axis=-1)
        return np.where(np.isfinite(smallest), smallest, 0.0)

    def smallest_data_eigenvalue(self, X: FloatArray) -> float:
        """Return the variance of one sphere fitted to all rows: the features' mean variance (divisor n)."""
        return float(X.var(axis=0).mean())

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

    def to_vector(self, parameters: Parameters) -> FloatArray:
        """Return softmax logits (K), means and logarithms of the standard deviations (K)."""
        means = parameters["means"].reshape(len(parameters["weights"]), -1)
        logits = weight_logits(parameters["weights"])
        return np.concatenate([logits, means, np.log(parameters["deviations"])], axis=1)

    def from_vector(self, vector: FloatArray, n_components: int, n_features: int) -> Parameters:
        """Invert `to_vector`."""
        K, d = n_components, n_features
        return {
            "weights": softmax(vector[:, :K]),
            "means": vector[:, K : K + K * d].reshape(len(vector), K, d).copy(),
            "deviations": np.exp(vector[:, K + K * d :]),
        }
