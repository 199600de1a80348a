"""Symmetric copies: how many points of parameter space are one optimum under another order of components.

Every optimum has K! copies at the same height, fewer where components coincide: that part of the
multimodality is a mathematical fact about labels. Different optima are what remains once the copies count as
one, and an observation about the data.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.special import gammaln

from mixsweep.typing import FloatArray

__all__ = ["symmetric_copies"]


def symmetric_copies(weights: FloatArray, components: FloatArray, coincident: float) -> FloatArray:
    """Return the number of distinct orders of the components of P mixtures: K! / (m1! m2! ...).

    Parameters
    ----------
    weights : ndarray, shape (P, K)
        Component weights; coincident components of different weight are still told apart by it.
    components : ndarray, shape (P, K, f)
        Component parameters, standardised units.
    coincident : float
        Components, weights included, that differ by less are one, m1, m2, ... of them at a time.

    Returns
    -------
    ndarray, shape (P,)
        Whole numbers, as floating-point numbers since they outgrow integers.
    """
    everything = np.concatenate([weights[..., None], components], axis=2)
    count, n_components, _ = everything.shape
    logarithm = np.full(count, gammaln(n_components + 1))
    for point in range(count):
        between = np.linalg.norm(everything[point, :, None] - everything[point, None], axis=2)
        if (between < coincident).sum() > n_components:
            _, label = connected_components(csr_array(between < coincident), directed=False)
            logarithm[point] -= gammaln(np.bincount(label) + 1).sum()
    copies: FloatArray = np.round(np.exp(logarithm))
    return copies
