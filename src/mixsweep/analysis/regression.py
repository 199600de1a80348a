"""Logistic and Poisson regression of counts, with standard errors that allow for clusters.

Counts of one cell have more in common than the model says (their likelihood surface), so neither the binomial
nor the Poisson variance holds. The estimates are those of independent counts; their covariance is estimated
from what leaving out one cluster changes (one Newton step): the sandwich of Liang and Zeger (1986) with the
correction of Bell and McCaffrey (2002, their jackknife form), which is on the safe side with few clusters.

References
----------
Bell, R. M. and McCaffrey, D. F. (2002). Bias reduction in standard errors for linear regression with
multi-stage samples. Survey Methodology 28, 169-181.
Liang, K.-Y. and Zeger, S. L. (1986). Longitudinal data analysis using generalized linear models. Biometrika
73, 13-22.
McCullagh, P. and Nelder, J. A. (1989). Generalized Linear Models, 2nd edition. Chapman and Hall.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from mixsweep.typing import FloatArray, IntArray

__all__ = ["Regression", "logistic", "poisson"]

MAX_STEPS, STEP_TOL = 40, 1e-10
#: A direction on which the data hold less than this share of the information is taken as unknown.
SINGULAR = 1e-10

#: Linear predictor to mean and variance of the counts.
Moments = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class Regression:
    """A fitted model.

    Attributes
    ----------
    coefficients : ndarray, shape (p,)
    covariance : ndarray, shape (p, p)
        Cluster-robust.
    dispersion : float
        Pearson's chi-square over observations minus coefficients; NaN without a degree of freedom.
    n_clusters : int
    failure : str
        Why the above cannot be used; empty if they can.
    """

    coefficients: FloatArray
    covariance: FloatArray
    dispersion: float
    n_clusters: int
    failure: str = ""


def logistic(design: FloatArray, hits: FloatArray, trials: FloatArray, clusters: IntArray) -> Regression:
    """Fit the log-odds of a hit.

    Parameters
    ----------
    design : ndarray, shape (N, p)
    hits, trials : ndarray, shape (N,)
    clusters : ndarray of int, shape (N,)

    Returns
    -------
    Regression
    """

    def moments(predictor: FloatArray) -> tuple[FloatArray, FloatArray]:
        rate = expit(predictor)
        return trials * rate, trials * rate * expit(-predictor)

    share = (hits.sum() + 0.5) / (trials.sum() + 1)
    return _fitted(design, hits, moments, float(np.log(share / (1 - share))), clusters)


def poisson(design: FloatArray, counts: FloatArray, exposure: FloatArray, clusters: IntArray) -> Regression:
    """Fit the log of the expected count per exposure; parameters as for `logistic`."""

    def moments(predictor: FloatArray) -> tuple[FloatArray, FloatArray]:
        mean = exposure * np.exp(predictor)
        return mean, mean

    return _fitted(design, counts, moments, float(np.log((counts.sum() + 0.5) / exposure.sum())), clusters)


def _fitted(
    design: FloatArray, counts: FloatArray, moments: Moments, level: float, clusters: IntArray
) -> Regression:
    n_observations, p = design.shape
    labels, group = np.unique(clusters, return_inverse=True)
    blank = np.full(p, np.nan)
    failed = Regression(blank, np.full((p, p), np.nan), np.nan, len(labels))
    if len(labels) <= p:
        return _because(failed, f"cannot say: {len(labels)} clusters for {p} coefficients")
    # columns of unit size, so that the tolerances mean the same for all of them
    scale = np.sqrt(np.square(design).mean(axis=0))
    scaled = design / scale
    # the intercept's share of the starting point; other coefficients start at 0
    coefficients = np.linalg.lstsq(scaled, np.full(n_observations, level), rcond=None)[0]
    for _ in range(MAX_STEPS):
        mean, variance = moments(scaled @ coefficients)
        information = scaled.T @ (variance[:, None] * scaled)
        if not np.isfinite(information).all() or _singular(information):
            return _because(
                failed, "cannot say: the design separates the counts, or its terms are confounded"
            )
        step = np.linalg.solve(information, scaled.T @ (counts - mean))
        # a cautious step where the predictor would move far, as at a bad starting point
        step *= min(1.0, 4.0 / max(float(np.abs(scaled @ step).max()), 1e-300))
        coefficients = coefficients + step
        if np.abs(scaled @ step).max() < STEP_TOL:
            break
    else:
        return _because(failed, "cannot say: the estimates do not exist (some rates tend to 0 or 1)")
    mean, variance = moments(scaled @ coefficients)
    covariance = _jackknife(scaled, counts - mean, variance, group, len(labels))
    if covariance is None:
        return _because(failed, "cannot say: a term rests on a single cluster")
    freedom = n_observations - p
    # an expected count of 0 to rounding was observed as 0, and adds nothing
    chi = np.square(counts - mean) / np.maximum(variance, np.finfo(float).tiny)
    dispersion = float(chi.sum() / freedom) if freedom else np.nan
    return Regression(coefficients / scale, covariance / np.outer(scale, scale), dispersion, len(labels))


def _because(failed: Regression, reason: str) -> Regression:
    return Regression(failed.coefficients, failed.covariance, np.nan, failed.n_clusters, reason)


def _singular(information: FloatArray) -> bool:
    diagonal = np.sqrt(np.diag(information))
    if not (diagonal > 0).all():
        return True
    return bool(np.linalg.eigvalsh(information / np.outer(diagonal, diagonal))[0] < SINGULAR)


def _jackknife(
    design: FloatArray, residual: FloatArray, variance: FloatArray, group: IntArray, n_groups: int
) -> FloatArray | None:
    """Return the covariance from leaving out each cluster, None where the rest leaves a direction unknown."""
    p = design.shape[1]
    scores = np.zeros((n_groups, p))
    np.add.at(scores, group, residual[:, None] * design)
    parts = np.zeros((n_groups, p, p))
    np.add.at(parts, group, variance[:, None, None] * design[:, :, None] * design[:, None, :])
    total = parts.sum(axis=0)
    factor = np.linalg.inv(np.linalg.cholesky(total))
    # what of the information the other clusters have, in units in which all have the identity
    others = np.eye(p) - factor @ parts @ factor.T
    if np.linalg.eigvalsh(others)[:, 0].min() < SINGULAR:
        return None
    changes = np.linalg.solve(others, (scores @ factor.T)[..., None])[..., 0] @ factor
    covariance: FloatArray = (n_groups - 1) / n_groups * changes.T @ changes
    return covariance
