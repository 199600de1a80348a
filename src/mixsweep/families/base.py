"""What a component family must offer; everything that differs between families is behind this protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from mixsweep.typing import FloatArray, Parameters

__all__ = ["Evaluation", "Family", "MeanParameterFamily", "softmax", "weight_logits"]


@dataclass(frozen=True)
class Evaluation:
    """What one pass gives at a batch of R parameter points.

    Attributes
    ----------
    log_likelihood : ndarray, shape (R,)
        Totals over the n rows, standardised units.
    maximised : dict of ndarray
        The M-step's parameters, from the pass's expected sufficient statistics.
    decrement : ndarray, shape (R,)
        EM decrement: gain of the expected complete-data log-likelihood by the M-step, per row.
    counts : ndarray, shape (R, K)
        Expected number of rows of each component.
    smallest_eigenvalue : ndarray, shape (R,)
        A lower bound, tight to a factor d, of the smallest covariance eigenvalue over the components.
    statistics : dict of ndarray
        What else of the expected sufficient statistics `Family.gradient` needs; the family's own.
    """

    log_likelihood: FloatArray
    maximised: Parameters
    decrement: FloatArray
    counts: FloatArray
    smallest_eigenvalue: FloatArray
    statistics: Parameters


class Family(Protocol):
    """A component family with its covariance structure.

    Inside the engine parameters are dictionaries of arrays, restarts first, in standardised units and in the
    family's own coordinates (Cholesky factors, say). `to_reported` and `from_reported` translate to the
    names, shapes and units of the files.
    """

    name: ClassVar[str]
    #: Names of the arrays that `to_reported` gives besides weights; declared in `mixsweep.schema`.
    reported: ClassVar[tuple[str, ...]]

    def prepare(self, X: FloatArray) -> object:
        """Return whatever of the data every pass needs, once (features of the rows)."""
        ...

    def evaluate(self, prepared: object, parameters: Parameters) -> Evaluation:
        """Take one pass over all rows at a batch of parameters."""
        ...

    def log_density(self, prepared: object, parameters: Parameters) -> FloatArray:
        """Return the log-density of each row, shape (R, n)."""
        ...

    def smallest_eigenvalue(self, parameters: Parameters) -> FloatArray:
        """Return the smallest covariance eigenvalue over components, shape (R,), exactly."""
        ...

    def smallest_data_eigenvalue(self, X: FloatArray) -> float:
        """Return the same for the covariance of all rows: the reference of the eigenvalue floor."""
        ...

    def from_moments(self, weights: FloatArray, means: FloatArray, covariances: FloatArray) -> Parameters:
        """Return start parameters from weights (R, K), means (R, K, d) and covariances (R, K, d, d)."""
        ...

    def to_reported(self, parameters: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Return the parameters as users know them, in data units."""
        ...

    def from_reported(self, reported: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Invert `to_reported`."""
        ...

    def to_vector(self, parameters: Parameters) -> FloatArray:
        """Return unconstrained coordinates, shape (R, q)."""
        ...

    def from_vector(self, vector: FloatArray, n_components: int, n_features: int) -> Parameters:
        """Invert `to_vector`."""
        ...

    def gradient(self, parameters: Parameters, evaluation: Evaluation) -> FloatArray:
        """Return the gradient of the total log-likelihood in the coordinates of `to_vector`, shape (R, q).

        By Fisher's identity it is that of the expected complete-data log-likelihood at the same point, so it
        needs no further pass.
        """
        ...


class MeanParameterFamily(Family, Protocol):
    """A family whose complete data are an exponential family; optional, for steps in its means."""

    def mean_step(self, parameters: Parameters, maximised: Parameters, rate: float) -> Parameters:
        """Return the point whose mean parameters are mu + rate (mu+ - mu), new arrays.

        mu and mu+ are the mean parameters (expected sufficient statistics of the complete data of a row) of
        the current point and of the M-step's. Beyond rate 1 the result may lie outside the domain.
        """
        ...


def softmax(logits: FloatArray) -> FloatArray:
    """Return weights from unconstrained logits over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: FloatArray = shifted / shifted.sum(axis=-1, keepdims=True)
    return result


def weight_logits(weights: FloatArray) -> FloatArray:
    """Return logits that sum to zero with `softmax` equal to the weights."""
    logits = np.log(weights)
    result: FloatArray = logits - logits.mean(axis=-1, keepdims=True)
    return result
