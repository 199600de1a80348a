"""Convex combinations of two points' complete-data moments, the same for every Gaussian family."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mixsweep.typing import FloatArray, Parameters

__all__ = ["Mixing", "central_moments", "mixing"]


class Mixing(NamedTuple):
    """What a share of one point's components makes of another's.

    Attributes
    ----------
    weights : ndarray, shape (R, K)
        pi + rate (pi+ - pi).
    share : ndarray, shape (R, K)
        Which part of a component's new weight comes from the second point.
    shift : ndarray, shape (R, K, d)
        From the first point's means to the second's; 0 where the share is.
    """

    weights: FloatArray
    share: FloatArray
    shift: FloatArray


def mixing(parameters: Parameters, maximised: Parameters, rate: FloatArray) -> Mixing:
    """Return how a share `rate`, shape (R,), of the second point's rows mixes with the first's.

    A component of the second point without rows has no mean: it takes no part.
    """
    second = rate[:, None] * maximised["weights"]
    weights = (1 - rate)[:, None] * parameters["weights"] + second
    share = second / np.where(weights == 0, 1.0, weights)
    shift = np.where(share[..., None] == 0, 0.0, maximised["means"] - parameters["means"])
    return Mixing(weights, share, shift)


def central_moments(share: FloatArray, old: FloatArray, new: FloatArray, between: FloatArray) -> FloatArray:
    """Return second central moments of the two parts of each component together.

    Parameters
    ----------
    share : ndarray, shape (R, K)
        See `Mixing`.
    old, new : ndarray, shape (R, K, ...)
        Second central moments of the first and of the second point.
    between : ndarray, shape (R, K, ...)
        Products of the shifts.

    Notes
    -----
    A sum of positive terms for shares in [0, 1], so that nothing cancels.
    """
    share = share.reshape(*share.shape, *[1] * (old.ndim - 2))
    result: FloatArray = (
        (1 - share) * old + share * np.where(share == 0, 0.0, new) + share * (1 - share) * between
    )
    return result
