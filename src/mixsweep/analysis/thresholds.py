"""The thresholds of the census: what counts as stationary, as the same optimum, and as which kind."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Thresholds"]


@dataclass(frozen=True)
class Thresholds:
    """Limits of the census; the config's ``census`` mapping has the same keys.

    Attributes
    ----------
    stationary_gradient : float
        A point is stationary when the Euclidean norm of the gradient of the log-likelihood per row, in
        unconstrained coordinates (weight logits, means, Cholesky factors with logarithmic diagonals) of the
        standardised data, is at most this. The scale is one nat a row for a change of order one.
    same_value, same_density, same_parameters : float
        Two points are one optimum when their log-likelihoods differ by less than the first (nats), the
        log-densities of the rows, root mean square, by less than the second, and their components, matched
        one to one or by weight, by less than the third (standardised units). Polished copies of one optimum
        differ by 1e-11, 1e-6 and 1e-5; the closest different optima seen on the built-in data by 1e-3 and
        1e-1 in the first two.
    ended_within : float
        A fit ended in an optimum if its endpoint is at most so many nats below it.
    flat_curvature : float
        A direction is flat when its curvature, relative to the curvatures of the single coordinates, is below
        this or below the accuracy with which it was measured.
    spurious_eigenvalue_ratio : float
        Spurious: a covariance eigenvalue below this share of the smallest one of the data covariance.
    spurious_extra_rows : float
        Spurious: a component with fewer expected rows than d + 1, the fewest that have a covariance, plus
        this.
    boundary_rows : float
        Boundary: a component with a smaller expected number of rows.
    coincident_components : float
        Boundary: two components that differ by less (standardised units), so that fewer would do.
    """

    stationary_gradient: float = 1e-8
    same_value: float = 1e-4
    same_density: float = 1e-3
    same_parameters: float = 1e-2
    ended_within: float = 0.1
    flat_curvature: float = 1e-7
    spurious_eigenvalue_ratio: float = 1e-4
    spurious_extra_rows: float = 0.5
    boundary_rows: float = 0.5
    coincident_components: float = 1e-3
