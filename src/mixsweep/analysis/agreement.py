"""Whether different optima matter: how far their clusterings and their densities agree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mixsweep.analysis.identify import CHUNK_ELEMENTS
from mixsweep.endpoints import take
from mixsweep.objective import Objective
from mixsweep.typing import FloatArray, IntArray, Parameters

__all__ = ["adjusted_rand", "classification_entropy", "clusterings", "density_distances"]


def adjusted_rand(first: IntArray, second: IntArray, row_weights: FloatArray | None = None) -> float:
    """Return the adjusted Rand index of two clusterings (Hubert and Arabie 1985, equation 5).

    Parameters
    ----------
    first, second : ndarray of int, shape (n,)
        Cluster numbers from 0.
    row_weights : ndarray, shape (n,), optional
        How many times each row counts.

    Returns
    -------
    float
        1 for the same clusters, 0 on average for independent ones of the same sizes.
    """
    columns = int(second.max()) + 1
    size = (int(first.max()) + 1) * columns
    counts = np.bincount(first * columns + second, weights=row_weights, minlength=size)
    table = counts.astype(np.float64).reshape(-1, columns)

    def pairs(counts: FloatArray) -> float:
        return float((counts * (counts - 1)).sum()) / 2

    together = pairs(table)
    rows, others, total = pairs(table.sum(axis=1)), pairs(table.sum(axis=0)), pairs(table.sum(keepdims=True))
    expected = rows * others / total if total else 0.0
    most = (rows + others) / 2
    # both clusterings have one cluster, or only single rows: they agree
    return 1.0 if most == expected else (together - expected) / (most - expected)


def _posterior_logits(objective: Objective, parameters: Parameters) -> Iterator[FloatArray]:
    """Yield log(weight x density) of the rows in chunks of points, each of shape (chunk, K, n)."""
    chunk = max(1, CHUNK_ELEMENTS // (objective.n_rows * objective.n_components))
    for start in range(0, len(parameters["weights"]), chunk):
        with np.errstate(all="ignore"):
            logits = objective.logits(take(parameters, slice(start, start + chunk)))
        yield logits


def clusterings(objective: Objective, parameters: Parameters) -> IntArray:
    """Return the most probable component of every row at P points, shape (P, n)."""
    parts = [logits.argmax(axis=1) for logits in _posterior_logits(objective, parameters)]
    return np.concatenate([np.zeros((0, objective.n_rows), dtype=np.int64), *parts])


def classification_entropy(objective: Objective, parameters: Parameters) -> FloatArray:
    """Return the entropy of the rows' posterior probabilities, summed over rows, at P points.

    Twice this is what the integrated completed likelihood criterion adds to BIC (Biernacki, Celeux and
    Govaert 2000).
    """
    weights = np.ones(objective.n_rows) if objective.row_weights is None else objective.row_weights
    parts = [np.zeros(0)]
    for logits in _posterior_logits(objective, parameters):
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        posterior = shifted / shifted.sum(axis=1, keepdims=True)
        logarithm = np.log(np.where(posterior > 0, posterior, 1.0))
        parts.append(-(posterior * logarithm).sum(axis=1) @ weights)
    return np.concatenate(parts)


def density_distances(densities: FloatArray, row_weights: FloatArray | None = None) -> FloatArray:
    """Return root mean square differences of log-densities at the rows between all pairs.

    Parameters
    ----------
    densities : ndarray, shape (P, n)
        Log-densities of the rows.
    row_weights : ndarray, shape (n,), optional
        How many times each row counts.

    Returns
    -------
    ndarray, shape (P, P)
        In nats.
    """
    squares = np.square(densities[:, None] - densities[None])
    share = np.ones(densities.shape[1]) if row_weights is None else row_weights
    distances: FloatArray = np.sqrt(squares @ (share / share.sum()))
    return distances
