"""The exact Hessian of the log-likelihood of Gaussian mixtures, for the time of a few passes.

With the components of the rows as missing data (Louis 1982, equation 3.2),

    H = d2Q + sum over rows of the posterior covariance of the complete data's score,

and both are known in closed form. With e = L^-1 (x - mu) and g = L^-T e, the score of a component is 1 in the
logit of its weight (up to a constant, which has no covariance), g in its mean and g_i e_j - [i = j] / L_ij in
its Cholesky factor; the second derivatives of Q need only the expected counts and the first two moments of e.
All four covariance structures are linear in the coordinates of separate log-Cholesky factors, so that their
Hessians are parts and sums of that one's entries.

Where coordinates are many and no component is narrow, the covariances are made of moments of the rows
(`row_moments`), for half the time.

References
----------
Louis, T. A. (1982). Finding the observed information matrix when using the EM algorithm. Journal of the Royal
Statistical Society B 44, 226-233.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mixsweep.analysis.row_moments import posterior_covariances, quadratic_scores
from mixsweep.coordinates import Parametrisation
from mixsweep.linalg import lower_indices, triangular_inverse
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, FloatArray, IntArray, Parameters

__all__ = ["gaussian_hessians", "knows", "rounding"]

#: Numbers held at one time for the scores of the rows, so that they stay in the second-level cache.
BLOCK_ELEMENTS = 2**18
#: Rounding error of an entry from single rows, as a share of the complete data's information in its row and
#: column.
ROUNDING = 1e-15
#: Moments of the rows serve with at least so many coordinates, at most so many of a component (there are many
#: more monomials than features), and where the squares of the entries of each inverse factor, standardised
#: units, sum to less than the third. The rounding error grows with the square of that sum: at 780 optima with
#: eight features it was three quarters at most of what follows from a sum of the fourth on.
MANY, MOST_EACH, NARROW, CANCELLING = 64, 64, 1e3, 2.0
#: The families, and of which array their Cholesky factors are made.
SCALES = {
    "gaussian-full": "cholesky",
    "gaussian-tied": "cholesky",
    "gaussian-diag": "deviations",
    "gaussian-spherical": "deviations",
}


def knows(objective: Objective) -> bool:
    """Return whether the Hessian of the cell's log-likelihood is known in closed form."""
    return objective.family.name in SCALES and objective.parametrisation == Parametrisation()


@dataclass(frozen=True)
class _Layout:
    """Places of the coordinates, each component with a factor of its own.

    Attributes
    ----------
    rows, columns : ndarray of int, shape (m,)
        Entries of a factor that are coordinates; of one on the diagonal it is the logarithm.
    order : ndarray of int, shape (K (1 + d + m),)
        Places of the coordinates (all weights, all means, all factors) among those of the components one by
        one, each with its weight, mean and factor.
    shared : ndarray, shape (K (1 + d + m), q), or None
        Which of them are which coordinate of the family, where several are the same.
    """

    rows: IntArray
    columns: IntArray
    order: IntArray
    shared: FloatArray | None

    @classmethod
    def of(cls, objective: Objective) -> _Layout:
        """Return the layout of a family."""
        K, d = objective.n_components, objective.n_features
        whole = SCALES[objective.family.name] == "cholesky"
        rows, columns = lower_indices(d) if whole else (np.arange(d), np.arange(d))
        count = len(rows)
        by_component = np.arange(K * (1 + d + count)).reshape(K, 1 + d + count)
        parts = np.split(by_component, [1, 1 + d], axis=1)
        first = K + K * d
        shared = None
        if objective.family.name in ("gaussian-tied", "gaussian-spherical"):
            tied = objective.family.name == "gaussian-tied"
            entry = np.tile(np.arange(count), K) if tied else np.repeat(np.arange(K), count)
            shared = np.zeros((first + K * count, first + entry.max() + 1))
            shared[np.arange(first), np.arange(first)] = 1.0
            shared[first + np.arange(K * count), first + entry] = 1.0
        return cls(rows, columns, np.concatenate([part.ravel() for part in parts]), shared)

    @property
    def size(self) -> int:
        """Number of coordinates of separate factors."""
        return len(self.order)

    def by_moments(self, points: _Points) -> BoolArray:
        """Return at which points moments of the rows serve, shape (P,)."""
        each = 1 + points.means.shape[2] + len(self.rows)
        whole = len(self.rows) > len(self.on_diagonal)
        serve: BoolArray = points.narrowness < NARROW
        return serve & (whole and self.size >= MANY and each <= MOST_EACH)

    @property
    def on_diagonal(self) -> IntArray:
        """Which entries of a factor are on its diagonal, shape (d,)."""
        return np.flatnonzero(self.rows == self.columns)


@dataclass(frozen=True)
class _Points:
    """P points: weights (P, K), means (P, K, d), factors and their inverses (P, K, d, d)."""

    weights: FloatArray
    means: FloatArray
    factors: FloatArray
    inverses: FloatArray

    @classmethod
    def of(cls, parameters: Parameters, name: str) -> _Points:
        """Return the points with separate factors, from a family's own arrays."""
        weights, means = parameters["weights"], parameters["means"]
        shape = (*means.shape, means.shape[2])
        scales = parameters[SCALES[name]]
        if SCALES[name] == "deviations":
            each = scales if scales.ndim == means.ndim else scales[..., None]
            scales = each[..., None] * np.eye(shape[2])
        factors = np.broadcast_to(scales, shape)
        return cls(weights, means, factors, triangular_inverse(np.ascontiguousarray(factors)))

    @property
    def narrowness(self) -> FloatArray:
        """Largest sum of the squared entries of an inverse factor, shape (P,)."""
        largest: FloatArray = np.square(self.inverses).sum(axis=(2, 3)).max(axis=1, initial=0.0)
        return largest

    def take(self, index: IntArray) -> _Points:
        """Return the chosen points."""
        return _Points(self.weights[index], self.means[index], self.factors[index], self.inverses[index])


def gaussian_hessians(objective: Objective, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return Hessians of the loss (negative log-likelihood per row) in unconstrained coordinates.

    Parameters
    ----------
    objective : Objective
        A cell that `knows`.
    vectors : ndarray, shape (P, q)
        Unconstrained coordinates.

    Returns
    -------
    hessian : ndarray, shape (P, q, q)
        Symmetric.
    information : ndarray, shape (P, q)
        The diagonals of the complete data's, per row: see `rounding`.
    """
    layout = _Layout.of(objective)
    points = _Points.of(objective.from_vector(vectors), objective.family.name)
    hessian = np.empty((len(vectors), layout.size, layout.size))
    information = np.empty((len(vectors), layout.size))
    with np.errstate(all="ignore"):  # what is not finite is looked for by the caller
        by_moments = layout.by_moments(points)
        for chosen, covariance, held in (
            (np.flatnonzero(by_moments), _covariance_by_moments, MOMENTS_FOR * BLOCK_ELEMENTS),
            (np.flatnonzero(~by_moments), _covariance, BLOCK_ELEMENTS),
        ):
            chunk = max(1, held // (layout.size * min(objective.n_rows, _block_length(layout))))
            for start in range(0, len(chosen), chunk):
                part = chosen[start : start + chunk]
                found, complete = _hessians(objective, layout, points.take(part), covariance)
                hessian[part] = found.take(layout.order, axis=1).take(layout.order, axis=2)
                information[part] = complete[:, layout.order]
    if layout.shared is not None:
        hessian = layout.shared.T @ hessian @ layout.shared
        information = information @ layout.shared
    return hessian, information


#: So many times as many points are held where the monomials of the rows, which all share, are made for them.
MOMENTS_FOR = 4


def rounding(objective: Objective, vectors: FloatArray) -> FloatArray:
    """Return the rounding errors of the entries of the Hessians at P points, shape (P,).

    As shares of the complete data's information in the row and the column of an entry.
    """
    points = _Points.of(objective.from_vector(vectors), objective.family.name)
    with np.errstate(all="ignore"):
        cancelled = np.maximum(1.0, np.square(points.narrowness / CANCELLING))
        error: FloatArray = ROUNDING * np.where(_Layout.of(objective).by_moments(points), cancelled, 1.0)
    return error


def _hessians(
    objective: Objective, layout: _Layout, points: _Points, covariance: Covariance
) -> tuple[FloatArray, FloatArray]:
    """Return Hessians of the loss and diagonals of the complete information, component by component."""
    count, n_components, d = points.means.shape
    size = layout.size // n_components
    hessian = np.zeros((count, n_components, size, n_components, size))
    counts = np.zeros((count, n_components))
    first = np.zeros((count, n_components, d))
    second = np.zeros((count, n_components, d, d))
    for rows in _blocks(objective, layout, points):
        weighted = rows.posterior if rows.weights is None else rows.posterior * rows.weights
        carried = weighted[:, :, None] * rows.whitened
        counts += weighted.sum(axis=2)
        first += carried.sum(axis=3)
        second += np.matmul(carried, rows.whitened.swapaxes(2, 3))
        hessian -= covariance(layout, points, rows)
    complete = _complete(layout, points, counts, first, second)
    for component in range(n_components):
        hessian[:, component, :, component] -= _symmetric(complete[:, component])
    shares = points.weights
    hessian[:, :, 0, :, 0] -= objective.total_weight * shares[:, :, None] * shares[:, None]
    hessian /= objective.total_weight
    information = -np.diagonal(complete, axis1=2, axis2=3) / objective.total_weight
    return hessian.reshape(count, layout.size, -1), information.reshape(count, -1)


def _symmetric(matrices: FloatArray) -> FloatArray:
    symmetric: FloatArray = 0.5 * (matrices + matrices.swapaxes(1, 2))
    return symmetric


def _covariance(layout: _Layout, points: _Points, rows: _Rows) -> FloatArray:
    """Return sums over rows of the posterior covariances of the scores, shape (P, K, s, K, s)."""
    count = len(rows.posterior)
    scores = _scores(layout, points, rows.whitened)
    if rows.weights is not None:
        # a row that counts several times does so in both factors of every product
        scores *= np.sqrt(rows.weights)
    own = scores * rows.posterior[:, :, None]
    within = np.matmul(own, scores.swapaxes(2, 3))
    mean = own.reshape(count, layout.size, -1)
    shape = (count, *own.shape[1:3], *own.shape[1:3])
    covariance: FloatArray = -np.matmul(mean, mean.swapaxes(1, 2)).reshape(shape)
    for component in range(own.shape[1]):
        covariance[:, component, :, component] += _symmetric(within[:, component])
    return covariance


def _covariance_by_moments(layout: _Layout, points: _Points, rows: _Rows) -> FloatArray:
    """Return the same as `_covariance`."""
    scores = quadratic_scores(points.means, points.factors, points.inverses, layout.rows, layout.columns)
    return posterior_covariances(rows.X, rows.posterior, rows.weights, scores)


@dataclass(frozen=True)
class _Rows:
    """A block of rows: X (n, d), e (P, K, d, n), posterior probabilities (P, K, n), row weights (n,)."""

    X: FloatArray
    whitened: FloatArray
    posterior: FloatArray
    weights: FloatArray | None


Covariance = Callable[[_Layout, _Points, _Rows], FloatArray]


def _blocks(objective: Objective, layout: _Layout, points: _Points) -> Iterator[_Rows]:
    """Yield one block of rows after the other."""
    length = _block_length(layout)
    constant = np.log(points.weights) + np.log(np.diagonal(points.inverses, axis1=2, axis2=3)).sum(axis=2)
    for start in range(0, objective.n_rows, length):
        X = objective.X[start : start + length]
        whitened = np.matmul(points.inverses, np.ascontiguousarray(X.T) - points.means[..., None])
        posterior = constant[..., None] - 0.5 * np.square(whitened).sum(axis=2)
        posterior -= posterior.max(axis=1, keepdims=True)
        np.exp(posterior, out=posterior)
        posterior /= posterior.sum(axis=1, keepdims=True)
        weights = objective.row_weights
        yield _Rows(X, whitened, posterior, None if weights is None else weights[start : start + length])


def _block_length(layout: _Layout) -> int:
    return max(LEAST_ROWS, BLOCK_ELEMENTS // layout.size)


#: Rows in a block at least, where there are many coordinates.
LEAST_ROWS = 256


def _scores(layout: _Layout, points: _Points, whitened: FloatArray) -> FloatArray:
    """Return the scores of the components at rows with the given e, shape (P, K, 1 + d + m, n)."""
    d = whitened.shape[2]
    back = np.matmul(points.inverses.swapaxes(2, 3), whitened)
    scores = np.empty((*whitened.shape[:2], 1 + d + len(layout.rows), whitened.shape[3]))
    scores[:, :, 0] = 1.0
    scores[:, :, 1 : 1 + d] = back
    factor = scores[:, :, 1 + d :]
    np.multiply(back[:, :, layout.rows], whitened[:, :, layout.columns], out=factor)
    own = layout.on_diagonal
    diagonal = np.diagonal(points.factors, axis1=2, axis2=3)
    factor[:, :, own] = factor[:, :, own] * diagonal[..., None] - 1.0
    return scores


def _complete(
    layout: _Layout, points: _Points, counts: FloatArray, first: FloatArray, second: FloatArray
) -> FloatArray:
    """Return the second derivatives of Q by component, shape (P, K, 1 + d + m, 1 + d + m).

    Weights stand as if each logit were a component's own: what ties them is left to the caller.

    Parameters
    ----------
    layout : _Layout
    points : _Points
    counts, first, second : ndarray, shapes (P, K), (P, K, d) and (P, K, d, d)
        Sums of the posterior probabilities, and of these times e and e e'.
    """
    d = points.means.shape[2]
    rows, columns, A = layout.rows, layout.columns, points.inverses
    result = np.zeros((*counts.shape, *[1 + d + len(rows)] * 2))
    result[:, :, 0, 0] = -counts.sum(axis=1, keepdims=True) * points.weights
    precision = np.matmul(A.swapaxes(2, 3), A)
    result[:, :, 1 : 1 + d, 1 : 1 + d] = -counts[..., None, None] * precision
    back = np.matmul(A.swapaxes(2, 3), first[..., None])[..., 0]
    mixed = precision[:, :, :, rows] * first[:, :, None, columns]
    mixed += back[:, :, None, rows] * A.swapaxes(2, 3)[:, :, :, columns]
    across = np.matmul(second, A)
    within = precision[:, :, rows[:, None], rows] * second[:, :, columns[:, None], columns]
    product = across[:, :, columns, rows[:, None]] * A[:, :, columns[:, None], rows]
    within += product + product.swapaxes(2, 3)
    diagonal = np.diagonal(points.factors, axis1=2, axis2=3)
    # entries on the diagonal by their logarithms, whose own second derivative adds the gradient
    own = layout.on_diagonal
    scale = np.ones((*counts.shape, len(rows)))
    scale[:, :, own] = diagonal
    within *= scale[..., :, None] * scale[..., None, :]
    moment = np.diagonal(across, axis1=2, axis2=3)
    within[:, :, own, own] -= diagonal * moment
    # twice, since the caller takes the symmetric part
    result[:, :, 1 : 1 + d, 1 + d :] = -2 * mixed * scale[:, :, None]
    result[:, :, 1 + d :, 1 + d :] = -within
    return result
