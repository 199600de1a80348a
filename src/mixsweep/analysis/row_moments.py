"""The covariance of the complete data's score from weighted moments of the rows up to the fourth degree.

The score of a component is quadratic in the row: s = B phi(x), with phi(x) the monomials of degree two at
most. So the sums over rows of products of scores are B M B', where the entries of M are moments of the rows
that all points share, weighted by products of posterior probabilities: one product of matrices gives those of
many points. The monomials cancel where a component is narrow beside the spread of the rows.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mixsweep.typing import FloatArray, IntArray

__all__ = ["posterior_covariances", "quadratic_scores"]


def posterior_covariances(
    X: FloatArray, posterior: FloatArray, weights: FloatArray | None, scores: FloatArray
) -> FloatArray:
    """Return sums over rows of the posterior covariances of scores.

    Parameters
    ----------
    X : ndarray, shape (n, d)
        Rows.
    posterior : ndarray, shape (P, K, n)
        Posterior probabilities of the components.
    weights : ndarray, shape (n,), or None
        Row weights.
    scores : ndarray, shape (P, K, s, p)
        Coefficients B.

    Returns
    -------
    ndarray, shape (P, K, s, K, s)
    """
    count, n_components, n_rows = posterior.shape
    first, second = np.triu_indices(n_components)
    shares = -posterior[:, first] * posterior[:, second]
    shares[:, first == second] += posterior
    if weights is not None:
        shares *= weights
    places, one, other = _monomials(X.shape[1])
    values = _quadratic(X)
    moments = shares.reshape(-1, n_rows) @ (values[:, one] * values[:, other])
    result = np.empty((*scores.shape[:3], *scores.shape[1:3]))
    # one point at a time, so that it stays in cache
    for own, point, sums in zip(result, scores, moments.reshape(count, len(first), -1), strict=True):
        left = np.matmul(point[first], sums.take(places, axis=1))
        products = np.matmul(left, point[second].swapaxes(1, 2))
        for k, other_k, product in zip(first, second, products, strict=True):
            own[k, :, other_k] = product if k != other_k else 0.5 * (product + product.T)
            own[other_k, :, k] = own[k, :, other_k].T
    return result


def quadratic_scores(
    means: FloatArray, factors: FloatArray, inverses: FloatArray, rows: IntArray, columns: IntArray
) -> FloatArray:
    """Return the coefficients B of the scores.

    Parameters
    ----------
    means, factors, inverses : ndarray, shapes (P, K, d), (P, K, d, d) and (P, K, d, d)
        With Cholesky factors of the covariances and their inverses.
    rows, columns : ndarray of int, shape (m,)
        Entries of a factor that are coordinates; of one on the diagonal it is the logarithm.

    Returns
    -------
    ndarray, shape (P, K, 1 + d + m, p)
        Of the scores in the logit of a component's weight, its mean and its factor.
    """
    d = means.shape[2]
    a, b = np.triu_indices(d)
    precision = np.matmul(inverses.swapaxes(2, 3), inverses)
    back = np.matmul(precision, means[..., None])[..., 0]
    whitened = np.matmul(inverses, means[..., None])[..., 0]
    result = np.zeros((*means.shape[:2], 1 + d + len(rows), 1 + d + len(a)))
    result[:, :, 0, 0] = 1.0
    result[:, :, 1 : 1 + d, 0] = -back
    result[:, :, 1 : 1 + d, 1 : 1 + d] = precision
    # the product of two linear functions of the row, g_i and e_j
    g, e = precision[:, :, rows], inverses[:, :, columns]
    factor = result[:, :, 1 + d :]
    factor[..., 0] = back[:, :, rows] * whitened[:, :, columns]
    factor[..., 1 : 1 + d] = -g * whitened[:, :, columns, None] - e * back[:, :, rows, None]
    factor[..., 1 + d :] = g[..., a] * e[..., b] + np.where(a == b, 0.0, g[..., b] * e[..., a])
    own = np.flatnonzero(rows == columns)
    factor[:, :, own] *= np.diagonal(factors, axis1=2, axis2=3)[..., None]
    factor[:, :, own, 0] -= 1.0
    return result


def _quadratic(X: FloatArray) -> FloatArray:
    """Return phi of each row: 1, the features and their products, shape (n, p)."""
    a, b = np.triu_indices(X.shape[1])
    return np.concatenate([np.ones((len(X), 1)), X, X[:, a] * X[:, b]], axis=1)


@lru_cache(maxsize=8)
def _monomials(d: int) -> tuple[IntArray, IntArray, IntArray]:
    """Return which monomial each product of two entries of phi is, and two entries for each monomial.

    Returns
    -------
    places : ndarray of int, shape (p, p)
    first, second : ndarray of int, shape (number of monomials,)
    """
    powers = _quadratic_powers(d)
    products = (powers[:, None] + powers).reshape(-1, d)
    _, some, places = np.unique(products, axis=0, return_index=True, return_inverse=True)
    first, second = np.divmod(some, len(powers))
    return places.reshape(len(powers), len(powers)), first, second


def _quadratic_powers(d: int) -> IntArray:
    """Return the powers of the features in the entries of phi, shape (p, d)."""
    unit = np.eye(d, dtype=np.int64)
    a, b = np.triu_indices(d)
    return np.concatenate([np.zeros((1, d), dtype=np.int64), unit, unit[a] + unit[b]])
