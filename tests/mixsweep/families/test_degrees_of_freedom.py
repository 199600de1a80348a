"""Functions of the degrees of freedom, from the Gaussian limit to heavy tails."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate
from scipy.special import digamma, gammaln

from mixsweep.families.degrees_of_freedom import (
    LEAST_INVERSE,
    inverse_degrees,
    log_excess,
    log_excess_difference,
    log_normaliser,
    maximising,
    q_gain,
    tails_of,
)

#: Reciprocals of degrees of freedom on both sides of where the series end, 1 / 32.
INVERSES = np.concatenate([np.geomspace(1e-10, 1e3, 60), 1 / 32 + np.array([-1e-13, 0, 1e-13])])


def test_the_series_join_the_direct_formulas():
    half = 0.5 / INVERSES[INVERSES > 1e-5]
    tau = 0.5 / half
    # the direct formulas lose what the series keep: digits in proportion to half
    np.testing.assert_allclose(log_excess(tau), np.log(half) - digamma(half), rtol=1e-15 * half.max() * 30)
    for d in (1, 2, 3, 8):
        direct = gammaln(half + d / 2) - gammaln(half) - d / 2 * np.log(half)
        np.testing.assert_allclose(log_normaliser(tau, d), direct, atol=1e-10)
    edge = np.array([1 / 32 * (1 - 1e-12), 1 / 32 * (1 + 1e-12)])
    for values in (log_excess(edge), log_normaliser(edge, 3), log_excess_difference(edge, edge / 2)):
        np.testing.assert_allclose(values[0], values[1], rtol=1e-11)


def test_the_excess_is_an_integral_without_cancellation():
    # log x - digamma(x) = integral of (1 / (1 - e^-t) - 1 / t) e^(-x t) over t > 0
    for tau in (1e-8, 1e-4, 0.01, 0.2, 2.0):
        x = 0.5 / tau

        def integrand(s, x=x):
            t = s / x
            return (1 / 2 + t / 12 - t**3 / 720 if t < 1e-3 else 1 / -np.expm1(-t) - 1 / t) * np.exp(-s) / x

        expected = integrate.quad(integrand, 0, 60, epsabs=0, epsrel=1e-12, limit=200)[0]
        np.testing.assert_allclose(log_excess(np.array(tau)), expected, rtol=1e-10)


@pytest.mark.parametrize("ratio", [1e-6, 0.2, 0.9, 1.5])
def test_differences_of_the_excess_do_not_cancel(ratio):
    tau = np.geomspace(1e-10, 1e-3, 8)
    difference = log_excess_difference(tau, ratio * tau)
    # to third order: tau + tau^2 / 3
    expected = tau * (1 - ratio) + np.square(tau) * (1 - ratio**2) / 3
    np.testing.assert_allclose(difference, expected, rtol=1e-8)
    np.testing.assert_allclose(
        log_excess_difference(INVERSES, INVERSES / 3),
        log_excess(INVERSES) - log_excess(INVERSES / 3),
        rtol=1e-11,
    )


def test_the_m_step_of_the_degrees_of_freedom_solves_its_equation():
    excess = np.geomspace(1e-12, 1e4, 200)
    tau = maximising(excess)
    np.testing.assert_allclose(log_excess(tau), excess, rtol=3e-14)
    assert ((excess / 2 <= tau) & (tau <= excess)).all()


def test_the_gain_is_the_change_of_q_and_largest_at_the_m_step():
    tau, excess = np.array([0.02, 0.3, 1.5]), np.array([0.1, 0.2, 0.05])

    def q(inverse):
        x = 0.5 / inverse
        return x * np.log(x) - gammaln(x) - x * (1 + excess)

    best = maximising(excess)
    np.testing.assert_allclose(q_gain(tau, best, excess), q(best) - q(tau), atol=1e-13)
    assert (q_gain(tau, best, excess) > 0).all()
    for factor in (0.9, 1.1):
        assert (q_gain(tau, factor * best, excess) < q_gain(tau, best, excess)).all()
    # near the Gaussian limit the gain is (relative step)^2 / 4
    small = np.array([1e-9, 1e-6, 1e-4])
    near = small * (1 + 1e-3)
    np.testing.assert_allclose(q_gain(small, near, log_excess(near)), 0.25e-6, rtol=1e-3)


def test_tails_there_and_back():
    tau = np.geomspace(LEAST_INVERSE, 1e3, 50)
    np.testing.assert_allclose(inverse_degrees(tails_of(tau)), tau, rtol=1e-14)
    assert tails_of(np.array(0.0)) == 0
    np.testing.assert_array_equal(inverse_degrees(-tails_of(tau)), inverse_degrees(tails_of(tau)))
