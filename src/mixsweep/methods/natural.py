"""Constraints of mixtures in their natural parameters, for solvers that keep constraints themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mixsweep.coordinates import Parametrisation
from mixsweep.objective import Objective
from mixsweep.typing import FloatArray

if TYPE_CHECKING:
    from scipy.optimize import Bounds

__all__ = ["NATURAL", "bounds", "weight_indicator"]

NATURAL = Parametrisation("natural", "natural")
#: Rows that every component keeps: fewer than any optimum has whose components all matter, and enough that a
#: step which overshoots to the bound is no collapse yet, so that the solver may come back.
SMALLEST_ROWS = 0.1
#: Share of the eigenvalue floor's root at which scales are bounded: a collapse is to be reached and seen, not
#: held at the bound.
BELOW_FLOOR = 0.5


def bounds(objective: Objective) -> Bounds:
    """Return the lower bounds of the natural coordinates; there are no upper ones.

    A weight is at least that of a tenth of a row. Every diagonal entry of a Cholesky factor is at least the
    root of its matrix's smallest eigenvalue, so bounding these entries by half of the root of the eigenvalue
    floor excludes no sound point.

    Parameters
    ----------
    objective : Objective
        In natural coordinates.
    """
    from scipy.optimize import Bounds

    lowest = BELOW_FLOOR * np.sqrt(objective.eigenvalue_floor)
    lower = {}
    for name, shape in objective.family.shapes(objective.n_components, objective.n_features).items():
        kind = objective.family.kinds[name]
        lower[name] = np.full((1, *shape), -np.inf)
        if kind == "simplex":
            lower[name][:] = SMALLEST_ROWS / objective.total_weight
        elif kind == "deviation":
            lower[name][:] = lowest
        elif kind == "cholesky":
            lower[name][..., np.arange(shape[-1]), np.arange(shape[-1])] = lowest
        elif kind == "positive":  # in logarithms, which need no bound
            lower[name][:] = 0.0
    with np.errstate(divide="ignore"):  # logarithms of zero
        return Bounds(lb=objective.to_vector(lower)[0])


def weight_indicator(objective: Objective) -> FloatArray:
    """Return ones at the weights' coordinates and zeros elsewhere, shape (q,)."""
    family = objective.family
    shapes = family.shapes(objective.n_components, objective.n_features)
    charts = objective.parametrisation.charts(family)
    return np.concatenate(
        [
            np.full(chart.size(shapes[name]), float(family.kinds[name] == "simplex"))
            for name, chart in charts.items()
        ]
    )
