"""What a component with a covariance of its own needs before and after a pass, one after the other.

For few columns of the data the arithmetic is nothing beside a dozen calls of NumPy; the loops here are one.
"""

from __future__ import annotations

import math

from mixsweep.kernels.matrices import factor_or_nothing
from mixsweep.kernels.options import exact

__all__ = ["coefficients", "maximised", "shift_and_covariance"]


@exact
def coefficients(constants, means, inverses, scale, results):
    """Write constant + scale x squared Mahalanobis distance, by the features."""
    count, d = means.shape
    for m in range(count):
        for j in range(results.shape[1]):
            results[m, j] = 0.0
        square = 0.0
        for i in range(d):
            whitened = 0.0
            for j in range(i + 1):
                whitened += inverses[m, i, j] * means[m, j]
            square += whitened * whitened
            for j in range(i + 1):
                results[m, 1 + j] -= 2.0 * scale * whitened * inverses[m, i, j]
            at = 1 + d
            for j in range(i + 1):
                # off the diagonal every product stands for two
                share = 2.0 * scale * inverses[m, i, j]
                results[m, at] += 0.5 * share * inverses[m, i, j]
                for k in range(j + 1, i + 1):
                    results[m, at + k - j] += share * inverses[m, i, k]
                at += d - j
        results[m, 0] = constants[m] + scale * square


@exact
def shift_and_covariance(statistics, means, shifts, covariances):
    """Write a component's mean less the old one, and its covariance, from sums of the features."""
    count, d = means.shape
    for m in range(count):
        share = 1.0 / statistics[m, 0]
        at = 1 + d
        for i in range(d):
            centre = statistics[m, 1 + i] * share
            shifts[m, i] = centre - means[m, i]
            for j in range(i, d):
                covariance = statistics[m, at + j - i] * share - centre * (statistics[m, 1 + j] * share)
                covariances[m, i, j] = covariance
                covariances[m, j, i] = covariance
            at += d - i


@exact
def maximised(inverses, shifts, covariances, factors, whitened, gains, room):
    """Write the M-step's factors into zeros, the whitened shifts, and each row's gain but for the weights.

    There must be room for a number a column of the data.
    """
    count, d = shifts.shape
    for m in range(count):
        factor_or_nothing(covariances[m], factors[m])
        distance, volume = 0.0, 0.0
        for i in range(d):
            shift = 0.0
            for k in range(i + 1):
                shift += inverses[m, i, k] * shifts[m, k]
                room[k] = 0.0
            whitened[m, i] = shift
            for k in range(i + 1):
                share = inverses[m, i, k]
                for j in range(k + 1):
                    room[j] += share * factors[m, k, j]
            distance += shift * shift
            for j in range(i + 1):
                distance += room[j] * room[j]
            volume += math.log(factors[m, i, i] * inverses[m, i, i])
        gains[m] = 0.5 * (distance - d) - volume
