"""The section census: thresholds between optima and between their kinds."""

from __future__ import annotations

from pydantic import BaseModel

from mixsweep.config.section import SECTION
from mixsweep.config.types import NonNegative

__all__ = ["CensusSpec"]


class CensusSpec(BaseModel):
    """The thresholds of the census of optima."""

    model_config = SECTION

    stationary_gradient: NonNegative = 1e-8
    """A point is stationary when the gradient per row, standardised units, is at most this; nats."""
    same_value: NonNegative = 1e-4
    """Two points are one optimum when their log-likelihoods differ by less than this, in nats, ..."""
    same_density: NonNegative = 1e-3
    """... the log-densities of the rows by less than this, root mean square, ..."""
    same_parameters: NonNegative = 1e-2
    """... and their matched components by less than this, standardised units."""
    ended_within: NonNegative = 0.1
    """A fit ended in an optimum when it stopped at most so many nats below it."""
    flat_curvature: NonNegative = 1e-7
    """A direction is flat when its curvature, relative to those of the coordinates, is below this."""
    spurious_eigenvalue_ratio: NonNegative = 1e-4
    """Spurious: a covariance eigenvalue below this share of the smallest one of the data covariance."""
    spurious_extra_rows: NonNegative = 0.5
    """Spurious: a component with fewer expected rows than the number of features plus 1 plus this."""
    boundary_rows: NonNegative = 0.5
    """Boundary: a component with fewer expected rows than this."""
    coincident_components: NonNegative = 1e-3
    """Boundary: two components that differ by less than this, standardised units."""
