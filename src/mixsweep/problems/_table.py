"""A table as read from a file, and the conversion of its columns to numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixsweep.errors import MixsweepError
from mixsweep.problems.base import rows_in_words
from mixsweep.typing import FloatArray

__all__ = ["MISSING", "Table", "not_numeric", "numeric_column"]

#: How files say that a value is missing.
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "."})


@dataclass(frozen=True)
class Table:
    """Columns by name; `lines` are the lines of a text file that the rows came from."""

    names: list[str]
    values: list[NDArray[Any]]
    lines: Sequence[int] | None


def not_numeric(
    path: Path,
    column: str,
    value: object,
    rows: Sequence[int],
    lines: Sequence[int] | None,
    all_columns: bool,
) -> MixsweepError:
    """Return the error of text where a number was expected; `rows` and `lines` are 1-based."""
    hint = (
        " List the numeric columns under columns, and leave this one out."
        if all_columns
        else " Correct these values, or leave the column out."
    )
    return MixsweepError(
        f"{path}: column {column!r} has text where a number was expected: {value!r} in "
        f"{rows_in_words(rows, lines)}.{hint}"
    )


def numeric_column(
    values: NDArray[Any], column: str, path: Path, lines: Sequence[int] | None, all_columns: bool
) -> FloatArray:
    """Return a column as float64, refusing what is not a number."""
    kind = values.dtype.kind
    if kind in "fiu":
        return np.asarray(values, dtype=np.float64)
    if kind not in "OSUT":
        word = {"b": "true or false", "c": "complex numbers", "M": "dates", "m": "time differences"}.get(
            kind, "structures"
        )
        raise MixsweepError(
            f"{path}: column {column!r} holds {word} ({values.dtype}); expected real numbers."
        )
    converted = np.empty(len(values), dtype=np.float64)
    bad: list[int] = []
    for i, value in enumerate(values.tolist()):
        try:
            missing = value is None or (isinstance(value, str) and value.strip().lower() in MISSING)
            converted[i] = np.nan if missing else float(value)
        except (TypeError, ValueError):
            bad.append(i)
    if bad:
        at = None if lines is None else [lines[i] for i in bad]
        raise not_numeric(path, column, values.tolist()[bad[0]], [i + 1 for i in bad], at, all_columns)
    return converted
