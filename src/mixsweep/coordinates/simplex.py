"""Charts of component weights: coordinates z in which a gradient method moves, weights pi on the simplex."""

from __future__ import annotations

import numpy as np

from mixsweep.coordinates.base import Chart
from mixsweep.typing import FloatArray

__all__ = ["WEIGHT_CHARTS"]


def _softmax(logits: FloatArray) -> FloatArray:
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: FloatArray = shifted / shifted.sum(axis=-1, keepdims=True)
    return result


class Softmax(Chart):
    """K free logits, pi = softmax(z); adding a number to all of them changes nothing."""

    def size(self, shape: tuple[int, ...]) -> int:
        """Return K."""
        return shape[0]

    def to_free(self, values: FloatArray) -> FloatArray:
        """Return logits that sum to zero."""
        logits = np.log(values)
        result: FloatArray = logits - logits.mean(axis=-1, keepdims=True)
        return result

    def from_free(self, free: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return the weights."""
        return _softmax(free)

    def pull_back(self, free: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return pi_k (g_k - sum_j pi_j g_j)."""
        weighted = values * gradient
        result: FloatArray = weighted - values * weighted.sum(axis=-1, keepdims=True)
        return result


class SoftmaxFixed(Chart):
    """K - 1 free logits; the last one is zero."""

    def size(self, shape: tuple[int, ...]) -> int:
        """Return K - 1."""
        return shape[0] - 1

    def to_free(self, values: FloatArray) -> FloatArray:
        """Return logarithms of ratios to the last weight."""
        logits = np.log(values)
        return logits[:, :-1] - logits[:, -1:]

    def from_free(self, free: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return the weights."""
        return _softmax(np.concatenate([free, np.zeros((len(free), 1))], axis=1))

    def pull_back(self, free: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return pi_k (g_k - sum_j pi_j g_j) of the first K - 1 components."""
        return Softmax().pull_back(free, values, gradient)[:, :-1]


class Ratio(Chart):
    """The first K - 1 weights themselves, the last one the remainder.

    Nothing keeps a step on the simplex: a point with a weight that is not positive has no likelihood and is
    counted as a constraint violation.
    """

    def size(self, shape: tuple[int, ...]) -> int:
        """Return K - 1."""
        return shape[0] - 1

    def to_free(self, values: FloatArray) -> FloatArray:
        """Return the first K - 1 weights."""
        return values[:, :-1].copy()

    def from_free(self, free: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return the weights, whatever their signs."""
        return np.concatenate([free, 1.0 - free.sum(axis=1, keepdims=True)], axis=1)

    def pull_back(self, free: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return g_k - g_K."""
        return gradient[:, :-1] - gradient[:, -1:]


class StickBreaking(Chart):
    """K - 1 shares of what the components before have left, each by a logistic function.

    v_k = 1 / (1 + exp(-z_k)), pi_k = v_k (1 - v_1) ... (1 - v_(k-1)), and the last component takes the rest.
    """

    def size(self, shape: tuple[int, ...]) -> int:
        """Return K - 1."""
        return shape[0] - 1

    @staticmethod
    def _rest(values: FloatArray) -> FloatArray:
        """Return what is left from component k on, k = 1..K - 1; summed from the end, so nothing cancels."""
        result: FloatArray = np.cumsum(values[:, ::-1], axis=1)[:, ::-1][:, :-1]
        return result

    def to_free(self, values: FloatArray) -> FloatArray:
        """Return log(pi_k) - log(pi_(k+1) + ... + pi_K)."""
        return np.log(values[:, :-1]) - np.log(self._rest(values) - values[:, :-1])

    def from_free(self, free: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return the weights."""
        log_taken = -np.logaddexp(0.0, -free)
        log_left = np.cumsum(-np.logaddexp(0.0, free), axis=1)
        before = np.concatenate([np.zeros((len(free), 1)), log_left], axis=1)
        log_taken = np.concatenate([log_taken, np.zeros((len(free), 1))], axis=1)
        result: FloatArray = np.exp(log_taken + before)
        return result

    def pull_back(self, free: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return pi_k (1 - v_k) g_k - v_k sum over j > k of pi_j g_j."""
        weighted = values * gradient
        after = np.cumsum(weighted[:, ::-1], axis=1)[:, ::-1][:, 1:]
        share = 1.0 / (1.0 + np.exp(-free))
        result: FloatArray = (1.0 - share) * weighted[:, :-1] - share * after
        return result


class NaturalWeights(Chart):
    """All K weights themselves, for solvers that keep the simplex by constraints of their own."""

    def size(self, shape: tuple[int, ...]) -> int:
        """Return K."""
        return shape[0]

    def to_free(self, values: FloatArray) -> FloatArray:
        """Return the weights."""
        return values.copy()

    def from_free(self, free: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return the weights."""
        return free.copy()

    def pull_back(self, free: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return the gradient."""
        return gradient


#: By the names of the setting ``weights``.
WEIGHT_CHARTS: dict[str, Chart] = {
    "softmax": Softmax(),
    "softmax-fixed": SoftmaxFixed(),
    "ratio": Ratio(),
    "stick-breaking": StickBreaking(),
    "natural": NaturalWeights(),
}
