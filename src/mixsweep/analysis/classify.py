"""What kind of stationary point an optimum is, and the evidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixsweep.analysis.identify import Description, closest_components
from mixsweep.analysis.stationary import StationaryPoints
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.objective import Objective
from mixsweep.schema import KINDS
from mixsweep.typing import FloatArray

__all__ = ["Evidence", "classify"]


@dataclass(frozen=True)
class Evidence:
    """Kinds of P points, and what they follow from.

    Attributes
    ----------
    kind : ndarray of int8, shape (P,)
        Positions in `mixsweep.schema.KINDS`.
    smallest_weight : ndarray, shape (P,)
        Of the components.
    smallest_eigenvalue_ratio : ndarray, shape (P,)
        Smallest covariance eigenvalue over the smallest one of the data covariance.
    closest_components : ndarray, shape (P,)
        Distance of the two closest components, standardised units; infinite for one component.
    """

    kind: NDArray[np.int8]
    smallest_weight: FloatArray
    smallest_eigenvalue_ratio: FloatArray
    closest_components: FloatArray


def classify(
    objective: Objective, points: StationaryPoints, description: Description, thresholds: Thresholds
) -> Evidence:
    """Classify stationary points.

    A kind takes precedence over those before it in this order: proper; plateau; boundary, by coincident
    components; spurious; saddle, since what can be left uphill is no maximum at all; boundary, by a component
    without rows, whose own curvature means nothing; degenerate; unresolved.

    Parameters
    ----------
    objective : Objective
        The cell.
    points : StationaryPoints
        P points.
    description : Description
        Of the same points.
    thresholds : Thresholds
        Limits between the kinds.
    """
    ratio = points.smallest_eigenvalue / objective.smallest_data_eigenvalue
    weight = description.weights.min(axis=1, initial=np.inf)
    closest = closest_components(description.components)
    rows = weight * objective.total_weight
    few_rows = objective.n_features + 1 + thresholds.spurious_extra_rows
    kind = np.full(len(weight), KINDS.index("proper"), dtype=np.int8)
    for name, applies in (
        ("plateau", points.flat(thresholds)),
        ("boundary", closest < thresholds.coincident_components),
        ("spurious", (ratio < thresholds.spurious_eigenvalue_ratio) | (rows < few_rows)),
        ("saddle", points.ascending(thresholds)),
        ("boundary", rows < thresholds.boundary_rows),
        ("degenerate", points.smallest_eigenvalue < objective.eigenvalue_floor),
        ("unresolved", ~points.stationary(thresholds)),
    ):
        kind[applies] = KINDS.index(name)
    return Evidence(kind, weight, ratio, closest)
