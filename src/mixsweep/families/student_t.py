"""Multivariate t components, each with a scale matrix and degrees of freedom of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from mixsweep.assignments import Assignment
from mixsweep.families.base import Evaluation
from mixsweep.families.degrees_of_freedom import (
    log_excess,
    log_excess_difference,
    log_normaliser,
    maximising,
    q_gain,
)
from mixsweep.families.forms import by_form
from mixsweep.families.gaussian_full import DIRECT_BELOW, GaussianFull
from mixsweep.linalg import cholesky, triangular_inverse, upper_indices, weighted_covariance
from mixsweep.passes import Design, row_blocks, softmax_pass
from mixsweep.typing import FloatArray, Parameters

__all__ = ["StudentT"]

#: Degrees of freedom are at most one over this. At 1e10 a row's log-density is within 1e-8 of the Gaussian
#: one up to a squared distance of 20, and derivatives in tau = 1 / nu, which divide rounding errors of the
#: latent scales by it, keep six digits.
LEAST_INVERSE = 1e-10
#: Degrees of freedom of a start: heavy tails, and twice as many as a covariance needs.
START_DEGREES = 4.0


@dataclass(frozen=True)
class _Prepared:
    X: FloatArray
    design: Design


class _Moments(NamedTuple):
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


def _transpose(matrices: FloatArray) -> FloatArray:
    return matrices.swapaxes(-1, -2)


def _inverse_degrees(tails: FloatArray) -> FloatArray:
    """Return tau = 1 / nu."""
    result: FloatArray = np.square(tails) + LEAST_INVERSE
    return result


def _tails(inverse_degrees: FloatArray) -> FloatArray:
    """Invert `_inverse_degrees`; zero where the degrees of freedom are beyond their range."""
    return np.sqrt(np.maximum(inverse_degrees - LEAST_INVERSE, 0.0))


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

    The complete data (rows, components, latent scales) are a curved exponential family: nu alone rules both
    the natural parameter of u and that of log u, so that a point between two vectors of mean parameters is in
    general no mixture. So there is no step in mean parameters, and ``natural-gradient`` refuses the family.

    References
    ----------
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

    def prepare(self, X: FloatArray, row_weights: FloatArray | None = None) -> _Prepared:
        """Return the rows and their features [1, x, upper triangle of x x']."""
        first, second = upper_indices(X.shape[1])
        features = np.concatenate([np.ones((len(X), 1)), X, X[:, first] * X[:, second]], axis=1)
        return _Prepared(X, Design.of(features, row_weights))

    @staticmethod
    def _distance_coefficients(means: FloatArray, inverse: FloatArray) -> FloatArray:
        """Return the squared Mahalanobis distances as linear functions of the features, shape (R, K, p)."""
        d = means.shape[-1]
        whitened = np.matmul(inverse, means[..., None])
        linear = -2.0 * np.matmul(_transpose(inverse), whitened)[..., 0]
        precision = np.matmul(_transpose(inverse), inverse)
        first, second = upper_indices(d)
        # x'Px counts every off-diagonal product twice
        upper = precision.reshape(*precision.shape[:-2], d * d).take(first * d + second, axis=-1)
        constant = np.square(whitened[..., 0]).sum(axis=-1)
        return np.concatenate(
            [constant[..., None], linear, upper * np.where(first == second, 1.0, 2.0)], axis=-1
        )

    @staticmethod
    def _constant(parameters: Parameters, inverse: FloatArray) -> FloatArray:
        """Return log weight plus the logarithm of the density's value at the mean."""
        d = inverse.shape[-1]
        diagonal = np.diagonal(inverse, axis1=-2, axis2=-1)
        result: FloatArray = (
            np.log(parameters["weights"])
            + np.log(diagonal).sum(axis=-1)
            - 0.5 * d * np.log(2 * np.pi)
            + log_normaliser(_inverse_degrees(parameters["tails"]), d)
        )
        return result

    @staticmethod
    def _pass(
        prepared: _Prepared,
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
            See `_Moments`.
        """
        n_restarts, n_components, d = parameters["means"].shape
        tau = _inverse_degrees(parameters["tails"])[..., None]
        constant = StudentT._constant(parameters, inverse)[..., None]
        exponent = 0.5 * (1 + d * tau) / tau
        counts = np.zeros((n_restarts, n_components))
        spread = np.zeros_like(counts)
        longest = max(rows.stop - rows.start for rows in row_blocks(len(prepared.X)))
        rooms = np.empty((4, counts.size * longest))

        def room(number: int, rows: slice) -> FloatArray:
            length = rows.stop - rows.start
            return rooms[number, : counts.size * length].reshape(n_restarts, n_components, length)

        def logits_of(rows: slice) -> FloatArray:
            scaled, logarithm, logits = (room(number, rows) for number in range(3))
            distances_into(rows, scaled)
            np.multiply(scaled, tau, out=scaled)
            np.log1p(scaled, out=logarithm)
            np.multiply(logarithm, -exponent, out=logits)
            return np.add(logits, constant, out=logits)

        def collect(rows: slice, responsibilities: FloatArray) -> None:
            scaled, logarithm, shrinkage = (room(number, rows) for number in (0, 1, 3))
            np.add(scaled, 1.0, out=shrinkage)
            np.divide(1.0, shrinkage, out=shrinkage)
            # u - 1 = tau (d - distance) / (1 + tau distance), -log u = log(1 + tau distance) - log(1 + d tau)
            np.subtract(d * tau, scaled, out=scaled)
            np.multiply(scaled, shrinkage, out=scaled)
            np.add(scaled, logarithm, out=scaled)
            np.add(counts, responsibilities.sum(axis=-1), out=counts)
            np.add(spread, np.einsum("rkb,rkb->rk", responsibilities, scaled), out=spread)
            np.multiply(responsibilities, shrinkage, out=responsibilities)
            accumulate(rows, responsibilities)

        log_likelihood = softmax_pass(
            len(prepared.X),
            n_restarts,
            n_components,
            logits_of,
            collect,
            prepared.design.row_weights,
            assignment,
        )
        return log_likelihood, counts, spread / counts - np.log1p(d * tau[..., 0])

    @staticmethod
    def _direct_moments(
        prepared: _Prepared, parameters: Parameters, inverse: FloatArray, assignment: Assignment | None
    ) -> _Moments:
        """Take the pass by whitened differences, free of cancellation."""
        X, means = prepared.X, parameters["means"]
        weighted_counts = np.zeros(means.shape[:2])
        first = np.zeros_like(means)
        second = np.zeros_like(inverse)

        def distances_into(rows: slice, out: FloatArray) -> None:
            whitened = np.matmul(X[rows] - means[:, :, None, :], _transpose(inverse))
            np.square(whitened).sum(axis=-1, out=out)

        def accumulate(rows: slice, responsibilities: FloatArray) -> None:
            difference = X[rows] - means[:, :, None, :]
            weighted = responsibilities[..., None] * difference
            np.add(weighted_counts, responsibilities.sum(axis=-1), out=weighted_counts)
            np.add(first, weighted.sum(axis=-2), out=first)
            np.add(second, np.matmul(_transpose(weighted), difference), out=second)

        log_likelihood, counts, spread = StudentT._pass(
            prepared, parameters, inverse, distances_into, accumulate, assignment
        )
        shift = first / weighted_counts[..., None]
        about = second / weighted_counts[..., None, None] - _outer(shift)
        scaled_counts = weighted_counts * StudentT._largest_scale(parameters)
        scatter = about * (scaled_counts / counts)[..., None, None]
        return _Moments(log_likelihood, counts, scaled_counts, shift, scatter, spread)

    @staticmethod
    def _quadratic_moments(
        prepared: _Prepared, parameters: Parameters, inverse: FloatArray, assignment: Assignment | None
    ) -> _Moments:
        """Take the pass by matrix products."""
        means, design = parameters["means"], prepared.design
        d = means.shape[-1]
        coefficients = StudentT._distance_coefficients(means, inverse)
        flat = coefficients.reshape(-1, coefficients.shape[-1])
        totals = np.zeros_like(flat)

        def distances_into(rows: slice, out: FloatArray) -> None:
            np.matmul(flat, design.by_feature[:, rows], out=out.reshape(len(flat), -1))

        def accumulate(rows: slice, responsibilities: FloatArray) -> None:
            weighted = responsibilities.reshape(len(flat), -1)
            np.add(totals, weighted @ design.by_row[rows], out=totals)

        log_likelihood, counts, spread = StudentT._pass(
            prepared, parameters, inverse, distances_into, accumulate, assignment
        )
        sums = totals.reshape(coefficients.shape)
        averages = sums / sums[..., :1]
        new_means = averages[..., 1 : 1 + d]
        about = _symmetric(averages[..., 1 + d :], d) - _outer(new_means)
        scaled_counts = sums[..., 0] * StudentT._largest_scale(parameters)
        scatter = about * (scaled_counts / counts)[..., None, None]
        return _Moments(log_likelihood, counts, scaled_counts, new_means - means, scatter, spread)

    @staticmethod
    def _largest_scale(parameters: Parameters) -> FloatArray:
        """Return the latent scale u expected of a row at the mean, 1 + d tau, shape (R, K)."""
        result: FloatArray = 1.0 + parameters["means"].shape[-1] * _inverse_degrees(parameters["tails"])
        return result

    def evaluate(
        self, prepared: _Prepared, parameters: Parameters, assignment: Assignment | None = None
    ) -> Evaluation:
        """Take one pass over all rows at a batch of parameters."""
        d = prepared.X.shape[1]
        inverse = triangular_inverse(parameters["cholesky"])
        # 1 / trace of the inverse scale matrix bounds the smallest eigenvalue from below
        smallest = 1.0 / np.square(inverse).sum(axis=(-2, -1)).max(axis=-1)
        found = by_form(
            smallest < DIRECT_BELOW,
            self._direct_moments,
            self._quadratic_moments,
            prepared,
            parameters,
            inverse,
            assignment,
        )
        counts, tau = found.counts, _inverse_degrees(parameters["tails"])
        # of the latent scales E[u] - 1 - E[log u], expected for each row and averaged
        excess = log_excess(tau / (1 + d * tau)) + found.spread
        following = np.maximum(maximising(excess), LEAST_INVERSE)
        maximised = {
            "weights": counts / counts.sum(axis=-1, keepdims=True),
            "means": parameters["means"] + found.shift,
            "cholesky": cholesky(found.scatter),
            "tails": _tails(following),
        }
        scaled_shares = found.scaled_counts / counts
        scatter = found.scatter + scaled_shares[..., None, None] * _outer(found.shift)
        # log |L+| - log |L|, from the diagonals
        volume = np.log(
            np.diagonal(maximised["cholesky"], axis1=-2, axis2=-1) * np.diagonal(inverse, axis1=-2, axis2=-1)
        ).sum(axis=-1)
        distance = np.trace(_whitened(inverse, scatter), axis1=-2, axis2=-1)
        gain = np.log(maximised["weights"] / parameters["weights"]) - volume + 0.5 * (distance - d)
        gain += q_gain(tau, following, excess)
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
        in_factors = np.matmul(_transpose(inverse), _whitened(inverse, scatter) - np.eye(scatter.shape[-1]))
        tau, shifted = _inverse_degrees(parameters["tails"]), statistics["shifted"]
        # the M-step solves log_excess(tau) = log_excess(shifted) + spread
        missing = statistics["spread"] - log_excess_difference(tau, shifted)
        in_tau = 0.5 * counts * missing / np.square(tau)
        return {
            "weights": counts / parameters["weights"],
            "means": np.matmul(_transpose(inverse), pull)[..., 0],
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
        result: FloatArray = known["centred"] + known["scaled_shares"][..., None, None] * _outer(shift)
        return result

    def conditional_step(self, parameters: Parameters, evaluation: Evaluation, cycle: int) -> Parameters:
        """Return the point with weights, means and scale matrices maximised (0), or degrees of freedom (1).

        These are the cycles of Liu and Rubin's (1995) multi-cycle ECM.
        """
        maximised = evaluation.maximised
        if cycle == 0:
            return {**maximised, "tails": parameters["tails"]}
        return {**parameters, "tails": maximised["tails"]}

    def logits(self, prepared: _Prepared, parameters: Parameters) -> FloatArray:
        """Return log(weight x density) of each row under each component, shape (R, K, n)."""
        inverse = triangular_inverse(parameters["cholesky"])
        coefficients = self._distance_coefficients(parameters["means"], inverse)
        flat = coefficients.reshape(-1, coefficients.shape[-1])
        shape = (*coefficients.shape[:2], prepared.design.n_rows)
        distances = (flat @ prepared.design.by_feature).reshape(shape)
        tau = _inverse_degrees(parameters["tails"])[..., None]
        exponent = 0.5 * (1 + inverse.shape[-1] * tau) / tau
        constant = self._constant(parameters, inverse)[..., None]
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
            "tails": np.full(weights.shape, _tails(np.array(1 / START_DEGREES))),
        }

    def to_reported(self, parameters: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Return weights, means, scale matrices, degrees of freedom and their reciprocals, in data units."""
        factors = parameters["cholesky"] * scale[:, None]
        inverse_degrees = _inverse_degrees(parameters["tails"])
        return {
            "weights": parameters["weights"],
            "means": parameters["means"] * scale + location,
            "scale_matrices": np.matmul(factors, _transpose(factors)),
            "degrees_of_freedom": 1 / inverse_degrees,
            "inverse_degrees_of_freedom": inverse_degrees,
        }

    def from_reported(self, reported: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Invert `to_reported`, from the reciprocals of the degrees of freedom."""
        return {
            "weights": reported["weights"],
            "means": (reported["means"] - location) / scale,
            "cholesky": cholesky(reported["scale_matrices"] / (scale[:, None] * scale)),
            "tails": _tails(reported["inverse_degrees_of_freedom"]),
        }


def _outer(vectors: FloatArray) -> FloatArray:
    """Return the products of vectors with themselves, shape (..., d, d)."""
    result: FloatArray = vectors[..., :, None] * vectors[..., None, :]
    return result


def _whitened(inverse: FloatArray, scatter: FloatArray) -> FloatArray:
    """Return L^-1 S L^-T."""
    result: FloatArray = np.matmul(np.matmul(inverse, scatter), _transpose(inverse))
    return result


def _symmetric(upper: FloatArray, d: int) -> FloatArray:
    """Return the symmetric matrices of given upper triangles, shape (..., d, d)."""
    matrices = np.empty((*upper.shape[:-1], d, d))
    first, second = upper_indices(d)
    matrices[..., first, second] = matrices[..., second, first] = upper
    return matrices
