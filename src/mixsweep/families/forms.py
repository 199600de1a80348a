"""Two forms of one pass: by whitened differences where the expansion in features would cancel, else by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from mixsweep.assignments import Assignment
from mixsweep.endpoints import take
from mixsweep.linalg import SLICE
from mixsweep.passes import BLOCK_ROWS
from mixsweep.typing import BoolArray, FloatArray, Parameters

__all__ = ["by_form"]

Moments = TypeVar("Moments", bound=tuple[FloatArray, ...])


def by_form(
    direct: BoolArray,
    direct_form: Callable[..., Moments],
    expanded_form: Callable[..., Moments],
    prepared: Any,
    parameters: Parameters,
    inverse: FloatArray,
    assignment: Assignment | None,
) -> Moments:
    """Return what a pass finds, with each fit's moments taken by the form that suits it.

    Parameters
    ----------
    direct : ndarray of bool, shape (R,)
        The fits that need the direct form.
    direct_form, expanded_form : callable
        Of (prepared, parameters, inverse, assignment); give a named tuple of arrays, restarts first.
    prepared, parameters, inverse, assignment
        Of all R fits.
    """
    if not direct.any():
        return expanded_form(prepared, parameters, inverse, assignment)
    # the direct form makes a difference for every row of a block, so that it takes some of the fits at a time
    length = max(1, SLICE // (BLOCK_ROWS * parameters["means"][0].size))
    whitened, expanded = np.flatnonzero(direct), np.flatnonzero(~direct)
    portions = [(direct_form, whitened[start : start + length]) for start in range(0, len(whitened), length)]
    if len(expanded):
        portions.append((expanded_form, expanded))
    parts = [
        form(
            prepared,
            take(parameters, chosen),
            inverse[chosen],
            None if assignment is None else assignment.take(chosen),
        )
        for form, chosen in portions
    ]
    place = np.argsort(np.concatenate([chosen for _, chosen in portions]))
    return type(parts[0])(*(np.concatenate(arrays)[place] for arrays in zip(*parts, strict=True)))
