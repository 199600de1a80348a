"""Gaussian mixtures drawn at random, with a known separation; the truth is kept."""

from __future__ import annotations

import numpy as np

from mixsweep.errors import MixsweepError
from mixsweep.problems.base import Problem, check_matrix
from mixsweep.problems.sources import SimulatedSource
from mixsweep.seeds import generator
from mixsweep.typing import FloatArray

__all__ = ["mixture_weights", "separation_of", "simulate"]

_CANDIDATES = 50
_LARGEST_EIGENVALUE_RATIO = 4.0


def mixture_weights(law: str | tuple[float, ...], k: int) -> FloatArray:
    """Return the component weights: ``equal``, ``unequal`` (proportional to 1, 2, ..., k), or as given."""
    if isinstance(law, tuple):
        if len(law) != k:
            raise MixsweepError(
                f"weights {list(law)}: {len(law)} weights for k = {k}; expected one for each component."
            )
        raw = np.array(law, dtype=np.float64)
    else:
        raw = np.ones(k) if law == "equal" else np.arange(1, k + 1, dtype=np.float64)
    weights: FloatArray = raw / raw.sum()
    return weights


def separation_of(means: FloatArray, covariances: FloatArray) -> float:
    """Return the smallest separation over pairs of components.

    The separation of components i and j is ``||mu_i - mu_j|| / sqrt(max(tr S_i, tr S_j) / d)``: the distance
    of their means in units of the average standard deviation per direction of the wider one. It is Dasgupta's
    (1999) c-separation with the mean eigenvalue in place of the largest and without his factor sqrt(d).

    Parameters
    ----------
    means : ndarray, shape (component, feature)
    covariances : ndarray, shape (component, feature, feature)

    Returns
    -------
    float
        Infinite for a single component.
    """
    k, d = means.shape
    if k == 1:
        return float("inf")
    first, second = np.triu_indices(k, 1)
    variances = np.trace(covariances, axis1=1, axis2=2) / d
    distances = np.linalg.norm(means[first] - means[second], axis=1)
    return float(np.min(distances / np.sqrt(np.maximum(variances[first], variances[second]))))


def _covariances(rng: np.random.Generator, k: int, d: int) -> FloatArray:
    """Return covariances with random axes and mean eigenvalue 1.

    The eigenvalues are log-uniform between 1/2 and 2 before they are divided by their mean, so that no axis
    ratio exceeds 2; the axes are uniformly distributed rotations (QR of a Gaussian matrix).
    """
    half = np.log(_LARGEST_EIGENVALUE_RATIO) / 2
    eigenvalues = np.exp(rng.uniform(-half, half, size=(k, d)))
    eigenvalues /= eigenvalues.mean(axis=1, keepdims=True)
    q, r = np.linalg.qr(rng.standard_normal((k, d, d)))
    # the signs make the distribution of the axes uniform (Mezzadri 2007)
    axes = q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :]
    covariances: FloatArray = (axes * eigenvalues[:, None, :]) @ axes.transpose(0, 2, 1)
    return (covariances + covariances.transpose(0, 2, 1)) / 2


def _means(rng: np.random.Generator, covariances: FloatArray, separation: float) -> FloatArray:
    """Return means whose smallest pairwise separation is the one asked for.

    Of 50 sets of standard normal means, the one whose smallest distance is the largest share of its mean
    distance is scaled. Without this choice, two means that happen to lie close would push the rest far apart.
    """
    k, d = covariances.shape[:2]
    candidates = rng.standard_normal((_CANDIDATES, k, d))
    if k == 1:
        return np.zeros((1, d))
    first, second = np.triu_indices(k, 1)
    distances = np.linalg.norm(candidates[:, first] - candidates[:, second], axis=2)
    means: FloatArray = candidates[np.argmax(distances.min(axis=1) / distances.mean(axis=1))]
    means = means - means.mean(axis=0)
    return means * (separation / separation_of(means, covariances))


def simulate(source: SimulatedSource, name: str, seed: int) -> Problem:
    """Draw a problem from a random Gaussian mixture.

    Weights are `mixture_weights`; covariances have random axes, mean eigenvalue 1 and axis ratios of at
    most 2; means are scaled until the smallest `separation_of` two components is the one asked for. Every
    row's component is drawn independently, so component sizes vary about their expectation.

    Parameters
    ----------
    source : SimulatedSource
        The point of the grid.
    name : str
        The problem's name; with the seed it decides every number, whatever else the grid holds.
    seed : int
        The sweep's seed.

    Returns
    -------
    Problem
        With the generating parameters as ``truth``.
    """
    rng = generator(seed, "problem", name)
    weights = mixture_weights(source.weights, source.k)
    covariances = _covariances(rng, source.k, source.d)
    means = _means(rng, covariances, source.separation)
    labels = rng.choice(source.k, size=source.n, p=weights)
    noise = rng.standard_normal((source.n, source.d))
    factors = np.linalg.cholesky(covariances)
    X = means[labels] + np.einsum("nij,nj->ni", factors[labels], noise)
    features = tuple(f"x{j + 1}" for j in range(source.d))
    check_matrix(X, features, f"problem {name!r}")
    point = source.spec()["simulate"]
    provenance = {"simulated": "Gaussian mixture", **{key: str(value) for key, value in point.items()}}
    return Problem(
        name, X, features, {"weights": weights, "means": means, "covariances": covariances}, provenance
    )
