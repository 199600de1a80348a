"""Two forms of one pass: by whitened differences where the expansion in features would cancel, else by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from mixsweep.assignments import Assignment
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
    if direct.all() or not direct.any():
        form = direct_form if direct.any() else expanded_form
        return form(prepared, parameters, inverse, assignment)
    parts = [
        form(
            prepared,
            {name: values[chosen] for name, values in parameters.items()},
            inverse[chosen],
            None if assignment is None else assignment.take(chosen),
        )
        for chosen, form in ((direct, direct_form), (~direct, expanded_form))
    ]
    place = np.argsort(np.concatenate([np.flatnonzero(direct), np.flatnonzero(~direct)]))
    return type(parts[0])(*(np.concatenate(arrays)[place] for arrays in zip(*parts, strict=True)))
