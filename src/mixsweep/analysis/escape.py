"""The way out of a saddle: along its direction of ascent, to both sides."""

from __future__ import annotations

import numpy as np

from mixsweep.analysis.curvature import gradients
from mixsweep.analysis.polish import polish
from mixsweep.analysis.stationary import StationaryPoints
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, Parameters

__all__ = ["SIDES", "escape"]

#: Steps tried along the direction of ascent; the one that gains most is the start of the way up.
STEPS = (1.0, 0.3, 0.1, 0.03, 0.01, 1e-3)
#: Order of the two sides of a saddle.
SIDES = (1.0, -1.0)


def escape(
    objective: Objective, saddles: StationaryPoints, thresholds: Thresholds
) -> tuple[Parameters, BoolArray]:
    """Leave S saddles along their directions of ascent and go up until stationary.

    Parameters
    ----------
    objective : Objective
        The cell.
    saddles : StationaryPoints
        Points with a direction of ascent.
    thresholds : Thresholds
        When a point is stationary.

    Returns
    -------
    parameters : dict of ndarray
        2 S points: all saddles forwards, then all backwards.
    sound : ndarray of bool, shape (2 S,)
        False where the way up led to a collapse.
    """
    count, size = saddles.vectors.shape
    steps = np.concatenate([side * np.array(STEPS) for side in SIDES])
    trials = saddles.vectors[:, None] + steps[:, None] * saddles.ascent[:, None]
    if not count:
        return saddles.parameters, np.zeros(0, dtype=bool)
    loss, _ = gradients(objective, trials.reshape(-1, size))
    loss = np.where(np.isfinite(loss), loss, np.inf).reshape(count, len(SIDES), len(STEPS))
    best = loss.argmin(axis=2)
    trials = trials.reshape(count, len(SIDES), len(STEPS), size)
    chosen = np.take_along_axis(trials, best[:, :, None, None], axis=2)[:, :, 0]
    return polish(objective, objective.from_vector(chosen.swapaxes(0, 1).reshape(-1, size)), thresholds)
