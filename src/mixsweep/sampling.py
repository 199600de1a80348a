"""Rows drawn from a fitted mixture: one small function for each way in which components spread."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mixsweep.errors import MixsweepError
from mixsweep.typing import FloatArray, IntArray, Parameters

__all__ = ["SPREADS", "sample"]


def _whitened(matrices: FloatArray, labels: IntArray, noise: FloatArray) -> FloatArray:
    """Return noise of covariance one with that of each row's component, shape (n, d)."""
    factors = np.linalg.cholesky(matrices)
    deviations: FloatArray = np.einsum("nij,nj->ni", factors[labels], noise)
    return deviations


def _covariances(reported: Parameters, labels: IntArray, random: np.random.Generator) -> FloatArray:
    noise = random.standard_normal((len(labels), reported["means"].shape[1]))
    return _whitened(reported["covariances"], labels, noise)


def _tied_covariance(reported: Parameters, labels: IntArray, random: np.random.Generator) -> FloatArray:
    noise = random.standard_normal((len(labels), reported["means"].shape[1]))
    return _whitened(reported["tied_covariance"][None], np.zeros_like(labels), noise)


def _variances(reported: Parameters, labels: IntArray, random: np.random.Generator) -> FloatArray:
    deviations = np.sqrt(reported["variances"])[labels]
    return deviations * random.standard_normal(deviations.shape)


def _scale_matrices(reported: Parameters, labels: IntArray, random: np.random.Generator) -> FloatArray:
    """Draw from t components: normal rows whose precision is multiplied by chi-squared over its degrees."""
    noise = random.standard_normal((len(labels), reported["means"].shape[1]))
    degrees = 1.0 / reported["inverse_degrees_of_freedom"][labels]
    stretch = np.sqrt(degrees / random.chisquare(degrees))
    return stretch[:, None] * _whitened(reported["scale_matrices"], labels, noise)


#: By the reported array that says how components spread: differences of rows from their component's mean.
SPREADS: dict[str, Callable[[Parameters, IntArray, np.random.Generator], FloatArray]] = {
    "covariances": _covariances,
    "tied_covariance": _tied_covariance,
    "variances": _variances,
    "scale_matrices": _scale_matrices,
}


def sample(reported: Parameters, count: int, random: np.random.Generator) -> tuple[FloatArray, IntArray]:
    """Draw independent rows from a mixture.

    Parameters
    ----------
    reported : dict of ndarray
        One mixture as the files have it: ``weights`` (K,), ``means`` (K, d) and what says how components
        spread, a name in `SPREADS`.
    count : int
        Number of rows n.
    random : numpy.random.Generator

    Returns
    -------
    rows : ndarray, shape (n, d)
        In the units of the parameters.
    labels : ndarray of int, shape (n,)
        The component of each row.

    Raises
    ------
    MixsweepError
        If nothing says how components spread.
    """
    spread = next((name for name in SPREADS if name in reported), None)
    if spread is None:
        raise MixsweepError(
            f"cannot draw rows from a mixture reported by {', '.join(reported)}; expected one of "
            f"{', '.join(SPREADS)}"
        )
    weights = reported["weights"] / reported["weights"].sum()
    labels = random.choice(len(weights), size=count, p=weights)
    return reported["means"][labels] + SPREADS[spread](reported, labels, random), labels
