"""Functions of the degrees of freedom nu of a t distribution, in tau = 1 / nu; nothing cancels at tau = 0.

Logarithms of gamma functions and their derivatives cancel to the first or second order in tau, so that near
the Gaussian limit nothing would be left of them. Below `SERIES_BELOW` their asymptotic series (Abramowitz and
Stegun 1964, 6.1.41 and 6.3.18) are exact to rounding.

References
----------
Abramowitz, M. and Stegun, I. A. (1964). Handbook of mathematical functions.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln, zeta

from mixsweep.typing import FloatArray

__all__ = [
    "LEAST_INVERSE",
    "inverse_degrees",
    "log_excess",
    "log_excess_difference",
    "log_normaliser",
    "maximising",
    "q_gain",
    "tails_of",
]

#: Degrees of freedom are at most one over this. At 1e10 a row's log-density is within 1e-8 of the Gaussian
#: one up to a squared distance of 20, and derivatives in tau = 1 / nu, which divide rounding errors of the
#: latent scales by it, keep six digits.
LEAST_INVERSE = 1e-10
#: The series are used below this, where the first term left out is 1e-17.
SERIES_BELOW = 1 / 32
#: Coefficients of tau^0, tau^1, ... of log(nu / 2) - digamma(nu / 2).
_LOG_EXCESS = (0, 1, 1 / 3, 0, -2 / 15, 0, 16 / 63, 0, -16 / 15, 0, 256 / 33, 0, -353792 / 4095)
#: Coefficients of what Stirling's formula leaves of the logarithm of gamma(nu / 2).
_REMAINDER = (0, 1 / 6, 0, -1 / 45, 0, 8 / 315, 0, -8 / 105, 0, 128 / 297)
#: Newton steps that carry any equation to rounding error.
NEWTON_STEPS = 4


def inverse_degrees(tails: FloatArray) -> FloatArray:
    """Return tau = 1 / nu of tails t, nu = 1 / (t^2 + 1e-10): even and smooth where tau is least."""
    result: FloatArray = np.square(tails) + LEAST_INVERSE
    return result


def tails_of(tau: FloatArray) -> FloatArray:
    """Invert `inverse_degrees`; zero where the degrees of freedom are beyond their range."""
    return np.sqrt(np.maximum(tau - LEAST_INVERSE, 0.0))


def _series(
    coefficients: tuple[float, ...], tau: FloatArray, other: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return a polynomial at tau, and its divided difference between tau and the other point, by Horner."""
    value, slope = np.zeros_like(tau), np.zeros_like(tau)
    for coefficient in reversed(coefficients):
        slope = slope * other + value
        value = value * tau + coefficient
    return value, slope


def log_excess(tau: FloatArray) -> FloatArray:
    """Return log(nu / 2) - digamma(nu / 2): zero at tau = 0, and between tau and 2 tau."""
    small, half = np.minimum(tau, SERIES_BELOW), 0.5 / np.maximum(tau, SERIES_BELOW)
    series, _ = _series(_LOG_EXCESS, small, small)
    return np.where(tau < SERIES_BELOW, series, np.log(half) - digamma(half))


def log_excess_difference(tau: FloatArray, other: FloatArray) -> FloatArray:
    """Return `log_excess` at tau less that at another point."""
    small, near = np.minimum(tau, SERIES_BELOW), np.minimum(other, SERIES_BELOW)
    _, slope = _series(_LOG_EXCESS, small, near)
    series = slope * (small - near)
    return np.where(np.maximum(tau, other) < SERIES_BELOW, series, log_excess(tau) - log_excess(other))


def _log_excess_derivative(tau: FloatArray) -> FloatArray:
    small, half = np.minimum(tau, SERIES_BELOW), 0.5 / np.maximum(tau, SERIES_BELOW)
    _, slope = _series(_LOG_EXCESS, small, small)
    # zeta(2, x) is the derivative of the digamma function
    return np.where(tau < SERIES_BELOW, slope, 2 * half * (half * zeta(2, half) - 1))


def maximising(excess: FloatArray) -> FloatArray:
    """Return the tau at which `log_excess` has the given positive values, by Newton's method.

    The function is convex and at least tau, so Newton's steps from tau = excess fall on the root from above.
    """
    tau = excess
    for _ in range(NEWTON_STEPS):
        tau = tau - (log_excess(tau) - excess) / _log_excess_derivative(tau)
    return tau


def _remainder(tau: FloatArray) -> FloatArray:
    """Return log gamma(x) - (x - 1/2) log x + x - log(2 pi) / 2 at x = nu / 2."""
    small, half = np.minimum(tau, SERIES_BELOW), 0.5 / np.maximum(tau, SERIES_BELOW)
    series, _ = _series(_REMAINDER, small, small)
    direct = gammaln(half) - (half - 0.5) * np.log(half) + half - 0.5 * np.log(2 * np.pi)
    return np.where(tau < SERIES_BELOW, series, direct)


def log_normaliser(tau: FloatArray, n_features: int) -> FloatArray:
    """Return log gamma((nu + d) / 2) - log gamma(nu / 2) - d log(nu / 2) / 2, which is zero at tau = 0."""
    d, logarithm = n_features, np.log1p(n_features * tau)
    shifted = tau / (1 + d * tau)
    result: FloatArray = (
        0.5 * (logarithm / tau - d + (d - 1) * logarithm) + _remainder(shifted) - _remainder(tau)
    )
    return result


def q_gain(tau: FloatArray, following: FloatArray, excess: FloatArray) -> FloatArray:
    """Return what the expected complete-data log-likelihood of a row gains by a change of nu.

    Its part in x = nu / 2 is x log x - log gamma(x) - x (1 + excess), by the gamma law of the latent scale.

    Parameters
    ----------
    tau, following : ndarray
        The old and the new 1 / nu.
    excess : ndarray
        Expected u - 1 - log u of the latent scale u, under the old parameters.
    """
    relative = following / tau - 1
    result: FloatArray = (
        0.5 * (relative - np.log1p(relative))
        + 0.5 * relative * (excess / following - 1)
        - (_remainder(following) - _remainder(tau))
    )
    return result
