"""Gradients in all coordinates against automatic differentiation of log-likelihoods written afresh."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import value_and_grad
from autograd.scipy.special import gammaln
from tests.mixsweep.helpers import FAMILIES, scattered_points

from mixsweep.coordinates import COVARIANCE_CHARTS, WEIGHT_CHARTS, Parametrisation
from mixsweep.objective import Objective
from mixsweep.problems import load_builtin

K, D = 3, 4
LOWER = np.tril_indices(D)
#: Entry e of a lower triangle, counted by rows, is the factor of the matrix e of these.
TRIANGLE = np.zeros((len(LOWER[0]), D, D))
TRIANGLE[np.arange(len(LOWER[0])), *LOWER] = 1.0
ON_DIAGONAL = LOWER[0] == LOWER[1]


def stick_breaking(free):
    weights, left = [], 1.0
    for value in free:
        share = 1 / (1 + anp.exp(-value))
        weights.append(share * left)
        left = left * (1 - share)
    return anp.stack([*weights, left])


WEIGHTS = {
    "softmax": lambda free: anp.exp(free) / anp.sum(anp.exp(free)),
    "softmax-fixed": lambda free: anp.append(anp.exp(free), 1.0) / (1.0 + anp.sum(anp.exp(free))),
    "ratio": lambda free: anp.append(free, 1.0 - anp.sum(free)),
    "stick-breaking": stick_breaking,
    "natural": lambda free: free,
}


def lower(free, logarithmic=True):
    entries = anp.where(ON_DIAGONAL, anp.exp(free), free) if logarithmic else free
    return anp.tensordot(entries, TRIANGLE, 1)


def exponential(matrix, halvings=8, terms=16):
    """Return the exponential of a matrix by its power series after halvings, and as many squarings."""
    small = matrix / 2**halvings
    result = term = np.eye(D)
    for order in range(1, terms):
        term = anp.dot(term, small) / order
        result = result + term
    for _ in range(halvings):
        result = anp.dot(result, result)
    return result


def symmetric(free):
    half = anp.tensordot(free * anp.where(ON_DIAGONAL, 0.5, 1.0), TRIANGLE, 1)
    return half + half.T


#: Precision matrices.
PRECISIONS = {
    "log-cholesky": lambda free: anp.linalg.inv(anp.dot(lower(free), lower(free).T)),
    "natural": lambda free: anp.linalg.inv(anp.dot(lower(free, False), lower(free, False).T)),
    "square-factor": lambda free: anp.linalg.inv(anp.dot(free.reshape(D, D).T, free.reshape(D, D))),
    "matrix-logarithm": lambda free: exponential(-symmetric(free)),
    "precision-cholesky": lambda free: anp.dot(lower(free).T, lower(free)),
}
#: Variances of single features.
VARIANCES = {
    "log-cholesky": lambda free: anp.exp(2 * free),
    "natural": lambda free: free**2,
    "square-factor": lambda free: free**2,
    "matrix-logarithm": anp.exp,
    "precision-cholesky": lambda free: anp.exp(-2 * free),
}


def precisions(family, covariances, free):
    """Return the precision matrix of each component from the coordinates of all."""
    if family == "gaussian-tied":
        return [PRECISIONS[covariances](free)] * K
    each = [free[len(free) // K * k : len(free) // K * (k + 1)] for k in range(K)]
    if family in ("gaussian-full", "student-t"):
        return [PRECISIONS[covariances](own) for own in each]
    return [anp.diag(anp.ones(D) / VARIANCES[covariances](own)) for own in each]


def log_density(X, mean, precision, degrees):
    """Return the log-density of each row; normal without degrees of freedom."""
    centred = X - mean
    distance = anp.sum(anp.dot(centred, precision) * centred, axis=1)
    half_volume = 0.5 * anp.linalg.slogdet(precision)[1]
    if degrees is None:
        return half_volume - 0.5 * D * np.log(2 * np.pi) - 0.5 * distance
    constant = gammaln(0.5 * (degrees + D)) - gammaln(0.5 * degrees) - 0.5 * D * anp.log(degrees * np.pi)
    return half_volume + constant - 0.5 * (degrees + D) * anp.log(1 + distance / degrees)


def loss(vector, X, row_weights, family, weights, covariances):
    """Return the negative log-likelihood per row at coordinates, ordered as the engine has them."""
    n_weights = K if weights in ("softmax", "natural") else K - 1
    shares, rest = WEIGHTS[weights](vector[:n_weights]), vector[n_weights:]
    means, rest = rest[: K * D].reshape(K, D), rest[K * D :]
    degrees = [None] * K
    if family == "student-t":
        degrees, rest = 1 / (rest[-K:] ** 2 + 1e-10), rest[:-K]
    densities = [
        anp.log(shares[k]) + log_density(X, means[k], precision, degrees[k])
        for k, precision in enumerate(precisions(family, covariances, rest))
    ]
    peak = anp.max(anp.stack(densities), axis=0)
    rows = peak + anp.log(anp.sum(anp.exp(anp.stack(densities) - peak), axis=0))
    return -anp.dot(rows, row_weights) / np.sum(row_weights)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("covariances", COVARIANCE_CHARTS)
@pytest.mark.parametrize("weights", WEIGHT_CHARTS)
def test_value_and_gradient_are_those_of_automatic_differentiation(weights, covariances, family):
    rng = np.random.default_rng(0)
    X = load_builtin("iris").X
    objective = Objective.of(X, family, K, 1e-6, rng.uniform(0.2, 3.0, len(X)))
    points = scattered_points(objective, count=3)
    objective = objective.in_coordinates(Parametrisation(weights, covariances))
    vectors = objective.to_vector(points)
    # away from L' itself, which as a square factor is triangular
    vectors += 1e-2 * rng.standard_normal(vectors.shape)
    parameters = objective.from_vector(vectors)
    values, gradients = objective.loss(vectors, parameters, objective.evaluate(parameters))
    differentiated = value_and_grad(loss)
    for vector, value, gradient in zip(vectors, values, gradients, strict=True):
        expected, slopes = differentiated(
            vector, objective.X, objective.row_weights, family, weights, covariances
        )
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        np.testing.assert_allclose(gradient, slopes, rtol=1e-9)
