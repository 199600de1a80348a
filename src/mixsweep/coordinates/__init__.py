"""Unconstrained coordinates of mixtures: the parametrisations in which gradient methods move."""

from mixsweep.coordinates.base import Chart, Parametrisation
from mixsweep.coordinates.covariance import COVARIANCE_CHARTS
from mixsweep.coordinates.simplex import WEIGHT_CHARTS

__all__ = ["COVARIANCE_CHARTS", "WEIGHT_CHARTS", "Chart", "Parametrisation"]
