"""The types of methods' settings: each has that of its default."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from mixsweep.errors import MixsweepError

__all__ = ["typed"]

_WORDS = {int: "an integer", float: "a finite number", bool: "true or false", str: "text"}


def typed(value: Any, default: Any, key: str) -> Any:
    """Return a setting in the type of its default; what it may be beyond that, the method knows.

    Parameters
    ----------
    value : object
        As it was given; NumPy's numbers count as Python's.
    default : object
        The setting's default. None says nothing about the type.
    key : str
        Where the setting stands, for the message.

    Raises
    ------
    MixsweepError
        If a number is not one or not finite, or a truth value or a text is none.
    """
    if isinstance(value, np.generic):
        value = value.item()
    number = isinstance(default, (int, float)) and not isinstance(default, bool)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    wrong_number = number and (
        isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value)
    )
    if wrong_number or (isinstance(default, (bool, str)) and type(value) is not type(default)):
        word = _WORDS[type(default)]
        shown = repr(value)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        raise MixsweepError(f"{key}: expected {word}; found {shown}.")
    return value
