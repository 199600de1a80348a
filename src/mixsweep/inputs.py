"""Numbers that a user gives in Python: real ones alone, and none of them hidden."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mixsweep.errors import MixsweepError
from mixsweep.problems.base import rows_in_words
from mixsweep.typing import FloatArray

__all__ = ["numbers", "refuse_masked"]


def numbers(values: ArrayLike, name: str, expected: str) -> FloatArray:
    """Return values as float64.

    Parameters
    ----------
    values : array_like
    name : str
        The argument, for messages.
    expected : str
        How the numbers are to be arranged, for messages.

    Raises
    ------
    MixsweepError
        If a value is masked, complex or no number, or the rows are not equally long.
    """
    refuse_masked(values, name)
    try:
        array = np.asarray(values)
        # the conversion would drop the imaginary parts
        if np.iscomplexobj(array):
            raise MixsweepError(f"{name} holds complex numbers ({array.dtype}); expected real numbers.")
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise MixsweepError(f"{name} does not hold numbers alone, {expected} ({error})") from None


def refuse_masked(values: object, name: str) -> None:
    """Refuse masked values: as a plain array they would count with whatever stands behind the mask.

    Parameters
    ----------
    values : object
        An array, or a sequence of arrays.
    name : str
        The argument, for messages.
    """
    if isinstance(values, (list, tuple)):
        rows = [row for row, part in enumerate(values, start=1) if np.ma.is_masked(part)]
    elif np.ma.is_masked(values):
        mask = np.ma.getmaskarray(np.ma.asarray(values))
        rows = [int(row) + 1 for row in np.flatnonzero(mask.reshape(len(mask), -1).any(axis=1))]
    else:
        return
    if rows:
        raise MixsweepError(
            f"{name} has masked values, in {rows_in_words(rows)}; expected numbers alone. Remove or impute "
            "these rows; missing data is not supported yet."
        )
