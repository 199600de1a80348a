"""Multivariate t components, each with a scale matrix and degrees of freedom of its own."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mixsweep.assignments import Assignment
from mixsweep.families.base import Evaluation
from mixsweep.families.degrees_of_freedom import (
    LEAST_INVERSE,
    inverse_degrees,
    log_excess,
    log_excess_difference,
    maximising,
    q_gain,
    tails_of,
)
from mixsweep.families.forms import by_form
from mixsweep.families.gaussian_full import DIRECT_BELOW, GaussianFull
from mixsweep.families.mixing import central_moments, mixing
from mixsweep.families.student_t_pass import (
    Prepared,
    direct_moments,
    distance_coefficients,
    log_constant,
    outer,
    quadratic_moments,
)
from mixsweep.linalg import (
    cholesky,
    log_volume_ratio,
    transpose,
    triangular_inverse,
    upper_indices,
    weighted_covariance,
)
from mixsweep.passes import Design
from mixsweep.typing import FloatArray, Parameters

__all__ = ["StudentT"]

#: Degrees of freedom of a start: heavy tails, and twice as many as a covariance needs.
START_DEGREES = 4.0


class StudentT:
    """Family ``student-t``; own coordinates: weights, means, lower Cholesky factors, tails.

    A component has a mean, a scale matrix ((nu - 2) / nu times the covariance, where that exists) and nu
    degrees of freedom: a row is normal with the scale matrix divided by a latent u, which follows the gamma
    law of mean 1 and shape nu / 2. EM is that of Peel and McLachlan (2000), who fit nu as well: with the
    expected u_i = (nu + d) / (nu + distance) of each row, means are weighted by responsibilities times u_i,
    scale matrices divided by expected counts, and the new nu solves log(nu / 2) - digamma(nu / 2) =
    E[u] - 1 - E[log u] (Liu and Rubin 1995). The right side is positive, so that the solution is finite and
    unique; it is at most the old nu plus d.

    Nothing keeps nu from growing where rows have no heavier tails than normal ones: the likelihood then rises
    to a limit, the Gaussian one. So that this limit is a stationary point like others, the own coordinate is
    the tail t with nu = 1 / (t^2 + 1e-10), in which the log-likelihood is smooth and even: at t = 0, nu is
    1e10, and the mixture that of ``gaussian-full`` in all that matters. EM comes near the limit slowly, by at
    most d a step, and its decrement a row is near (c / nu)^2, c being how fast the log-likelihood a row falls
    in 1 / nu: it stops at nu near c / sqrt(tol), about c / nu nats a row below. A gradient method finds
    curvature there, and converges. For nu near 0 the likelihood is unbounded where a component's mean is a
    row (Fernandez and Steel 1999), as that of every mixture with free scales is: the scale matrix collapses,
    which is looked for, so that nu needs no lower bound.

    The complete data (rows, components, latent scales u) have the sufficient statistics z, z u, z u x,
    z u x x' and z log u, and are a curved exponential family: nu alone rules both the natural parameter of u
    and that of log u. So a point between two vectors of their means is in general no mixture's. A step in
    mean parameters ends in the mixture that the M-step makes of such a point, as online EM does (Cappé and
    Moulines 2009, assumption 1, which asks for no more). That map's derivative at a mixture's own means is
    the inverse of the complete data's Fisher information, so that small steps are still along the natural
    gradient.

    References
    ----------
    Cappé, O. and Moulines, E. (2009). On-line expectation-maximization algorithm for latent data models.
    Journal of the Royal Statistical Society B 71, 593-613.
    Fernandez, C. and Steel, M. F. J. (1999). Multivariate Student-t regression models: pitfalls and
    inference. Biometrika 86, 153-167.
    Liu, C. and Rubin, D. B. (1995). ML estimation of the t distribution using EM and its extensions, ECM and
    ECME. Statistica Sinica 5, 19-39.
    Peel, D. and McLachlan, G. J. (2000). Robust mixture modelling using the t distribution. Statistics and
    Computing 10, 339-348.
    """

    name: ClassVar[str] = "student-t"
    kinds: ClassVar[dict[str, str]] = {
        "weights": "simplex",
        "means": "real",
        "cholesky": "cholesky",
        "tails": "real",
    }
    # the degrees of freedom are reported beside these: of light tails their reciprocals can be compared
    reported: ClassVar[tuple[str, ...]] = ("means", "scale_matrices", "inverse_degrees_of_freedom")
    n_cycles: ClassVar[int] = 2

    def shapes(self, n_components: int, n_features: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the own arrays, restarts aside."""
        K, d = n_components, n_features
        return {"weights": (K,), "means": (K, d), "cholesky": (K, d, d), "tails": (K,)}

    def prepare(self, X: FloatArray, row_weights: FloatArray | None = None) -> Prepared:
        """Return the rows and their features [1, x, upper triangle of x x']."""
        first, second = upper_indices(X.shape[1])
        features = np.concatenate([np.ones((len(X), 1)), X, X[:, first] * X[:, second]], axis=1)
        return Prepared(X, Design.of(features, row_weights))

    def evaluate(
        self, prepared: Prepared, parameters: Parameters, assignment: Assignment | None = None
    ) -> Evaluation:
        """Take one pass over all rows at a batch of parameters."""
        d = prepared.X.shape[1]
        inverse = triangular_inverse(parameters["cholesky"])
        # 1 / trace of the inverse scale matrix bounds the smallest eigenvalue from below
        smallest = 1.0 / np.square(inverse).sum(axis=(-2, -1)).max(axis=-1)
        found = by_form(
            smallest < DIRECT_BELOW,
            direct_moments,
            quadratic_moments,
            prepared,
            parameters,
            inverse,
            assignment,
        )
        counts, tau = found.counts, inverse_degrees(parameters["tails"])
        # of the latent scales E[u] - 1 - E[log u], expected for each row and averaged
        excess = log_excess(tau / (1 + d * tau)) + found.spread
        following = np.maximum(maximising(excess), LEAST_INVERSE)
        maximised = {
            "weights": counts / counts.sum(axis=-1, keepdims=True),
            "means": parameters["means"] + found.shift,
            "cholesky": cholesky(found.scatter),
            "tails": tails_of(following),
        }
        scaled_shares = found.scaled_counts / counts
        scatter = found.scatter + scaled_shares[..., None, None] * outer(found.shift)
        gain = self._gain(parameters, maximised, inverse, scatter) + q_gain(tau, following, excess)
        decrement = (counts * gain).sum(axis=-1) / prepared.design.total_weight
        statistics = {
            "scaled_shares": scaled_shares,
            "shift": found.shift,
            "centred": found.scatter,
            "scatter": scatter,
            "spread": found.spread,
            "shifted": tau / (1 + d * tau),
        }
        return Evaluation(found.log_likelihood, maximised, decrement, counts, smallest, statistics)

    @staticmethod
    def _gain(
        parameters: Parameters, maximised: Parameters, inverse: FloatArray, scatter: FloatArray
    ) -> FloatArray:
        """Return what Q gains for each count by the M-step of all but the degrees of freedom."""
        volume = log_volume_ratio(maximised["cholesky"], inverse)
        distance = np.trace(_whitened(inverse, scatter), axis1=-2, axis2=-1)
        result: FloatArray = (
            np.log(maximised["weights"] / parameters["weights"])
            - volume
            + 0.5 * (distance - inverse.shape[-1])
        )
        return result

    def gradient(self, parameters: Parameters, evaluation: Evaluation) -> Parameters:
        """Return the log-likelihood's derivatives in the own arrays, by Fisher's identity."""
        known = evaluation.statistics
        return self._derivatives(parameters, evaluation, known["shift"], known["scatter"])

    @staticmethod
    def _derivatives(
        parameters: Parameters, evaluation: Evaluation, shift: FloatArray, scatter: FloatArray
    ) -> Parameters:
        """Return Q's derivatives from the means' distance to the M-step's and the scatter about them."""
        counts, statistics = evaluation.counts, evaluation.statistics
        inverse = triangular_inverse(parameters["cholesky"])
        pull = (counts * statistics["scaled_shares"])[..., None, None] * np.matmul(inverse, shift[..., None])
        # derivative in the factor L: N L^-T (L^-1 S L^-T - I)
        in_factors = np.matmul(transpose(inverse), _whitened(inverse, scatter) - np.eye(scatter.shape[-1]))
        tau, shifted = inverse_degrees(parameters["tails"]), statistics["shifted"]
        # the M-step solves log_excess(tau) = log_excess(shifted) + spread
        missing = statistics["spread"] - log_excess_difference(tau, shifted)
        in_tau = 0.5 * counts * missing / np.square(tau)
        return {
            "weights": counts / parameters["weights"],
            "means": np.matmul(transpose(inverse), pull)[..., 0],
            "cholesky": counts[..., None, None] * in_factors,
            "tails": 2 * parameters["tails"] * in_tau,
        }

    def complete_gradient(self, parameters: Parameters, evaluation: Evaluation) -> Parameters:
        """Return the derivatives of the expected complete-data log-likelihood in the own arrays."""
        shift = evaluation.maximised["means"] - parameters["means"]
        return self._derivatives(parameters, evaluation, shift, self._scatter(evaluation, shift))

    @staticmethod
    def _scatter(evaluation: Evaluation, shift: FloatArray) -> FloatArray:
        """Return the weighted scatter for each count, about means so far from the M-step's."""
        known = evaluation.statistics
        result: FloatArray = known["centred"] + known["scaled_shares"][..., None, None] * outer(shift)
        return result

    def conditional_step(self, parameters: Parameters, evaluation: Evaluation, cycle: int) -> Parameters:
        """Return the point with weights, means and scale matrices maximised (0), or degrees of freedom (1).

        These are the cycles of Liu and Rubin's (1995) multi-cycle ECM.
        """
        maximised = evaluation.maximised
        if cycle == 0:
            return {**maximised, "tails": parameters["tails"]}
        return {**parameters, "tails": maximised["tails"]}

    def moment_step(self, parameters: Parameters, evaluation: Evaluation, rate: FloatArray) -> Parameters:
        """Return the M-step's point from means of the statistics a share of the way to the pass's.

        As moments of both points' components together, rows weighted by their latent scales, so that nothing
        cancels.
        """
        known = evaluation.statistics
        weights, share, shift = mixing(parameters, evaluation.maximised, rate)
        there = share != 0
        scales = np.where(there, known["scaled_shares"], 1.0)
        scale = (1 - share) + share * scales
        factors, ratio = parameters["cholesky"], scales / scale
        old, between = np.matmul(factors, transpose(factors)), ratio[..., None, None] * outer(shift)
        excess = np.where(there, log_excess(known["shifted"]) + known["spread"], 0.0)
        # E[u] - 1 - E[log u] of both together
        together = (1 - share) * log_excess(inverse_degrees(parameters["tails"])) + share * excess
        return {
            "weights": weights,
            "means": parameters["means"] + (share * ratio)[..., None] * shift,
            "cholesky": cholesky(central_moments(share, old, known["centred"], between)),
            "tails": tails_of(np.maximum(maximising(together), LEAST_INVERSE)),
        }

    def logits(self, prepared: Prepared, parameters: Parameters) -> FloatArray:
        """Return log(weight x density) of each row under each component, shape (R, K, n)."""
        inverse = triangular_inverse(parameters["cholesky"])
        coefficients = distance_coefficients(parameters["means"], inverse)
        flat = coefficients.reshape(-1, coefficients.shape[-1])
        shape = (*coefficients.shape[:2], prepared.design.n_rows)
        distances = (flat @ prepared.design.by_feature).reshape(shape)
        tau = inverse_degrees(parameters["tails"])[..., None]
        exponent = 0.5 * (1 + inverse.shape[-1] * tau) / tau
        constant = log_constant(parameters, inverse)[..., None]
        # of a row at the mean of a tight component rounding may leave a negative distance
        result: FloatArray = constant - exponent * np.log1p(tau * np.maximum(distances, 0.0))
        return result

    def smallest_eigenvalues(self, parameters: Parameters) -> FloatArray:
        """Return the smallest eigenvalue of each component's scale matrix; 0 where it is not finite."""
        return GaussianFull().smallest_eigenvalues(parameters)

    def smallest_data_eigenvalue(self, X: FloatArray, row_weights: FloatArray | None = None) -> float:
        """Return the smallest eigenvalue of the covariance of all rows (divisor n)."""
        return float(np.linalg.eigvalsh(weighted_covariance(X, row_weights))[0])

    def from_moments(self, weights: FloatArray, means: FloatArray, covariances: FloatArray) -> Parameters:
        """Return start parameters with 4 degrees of freedom and half the covariances as scale matrices.

        So the components have the given covariances, whatever the tails.
        """
        share = (START_DEGREES - 2) / START_DEGREES
        return {
            "weights": weights,
            "means": means,
            "cholesky": cholesky(share * covariances),
            "tails": np.full(weights.shape, tails_of(np.array(1 / START_DEGREES))),
        }

    def to_reported(self, parameters: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Return weights, means, scale matrices, degrees of freedom and their reciprocals, in data units."""
        factors = parameters["cholesky"] * scale[:, None]
        tau = inverse_degrees(parameters["tails"])
        return {
            "weights": parameters["weights"],
            "means": parameters["means"] * scale + location,
            "scale_matrices": np.matmul(factors, transpose(factors)),
            "degrees_of_freedom": 1 / tau,
            "inverse_degrees_of_freedom": tau,
        }

    def from_reported(self, reported: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Invert `to_reported`, from the reciprocals of the degrees of freedom."""
        return {
            "weights": reported["weights"],
            "means": (reported["means"] - location) / scale,
            "cholesky": cholesky(reported["scale_matrices"] / (scale[:, None] * scale)),
            "tails": tails_of(reported["inverse_degrees_of_freedom"]),
        }


def _whitened(inverse: FloatArray, scatter: FloatArray) -> FloatArray:
    """Return L^-1 S L^-T."""
    result: FloatArray = np.matmul(np.matmul(inverse, scatter), transpose(inverse))
    return result
