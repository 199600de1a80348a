"""Fits that the user brings: a csv file with a row for each, for the nesting audit."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mixsweep.collect import GRID
from mixsweep.errors import MixsweepError, nearest
from mixsweep.problems._table import MISSING

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["COLUMNS", "read_fits"]

COLUMNS = (*GRID, "log_likelihood")
_EXPECTED = f"expected the columns {', '.join(COLUMNS)}, in any order, and a row for each fit"


def read_fits(path: Path) -> xr.Dataset:
    """Read a csv file with the columns problem, family, n_components and log_likelihood.

    Parameters
    ----------
    path : pathlib.Path
        Comma-separated, with a header; further columns are ignored.

    Returns
    -------
    xarray.Dataset
        Over ``cell``, a row of the file each. ``log_likelihood`` is NaN where it is empty or called NA.

    Raises
    ------
    MixsweepError
        Naming the file, the line, what was found and what was expected.
    """
    import xarray as xr

    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = _rows(csv.reader(stream, strict=True), path)
    except FileNotFoundError:
        raise MixsweepError(f"{path}: no such file; {_EXPECTED}.") from None
    except OSError as error:
        raise MixsweepError(f"{path}: cannot be read ({error.strerror}); {_EXPECTED}.") from None
    except UnicodeDecodeError:
        raise MixsweepError(f"{path}: not text in UTF-8; expected a csv file.") from None
    except csv.Error as error:
        raise MixsweepError(f"{path}: not readable as csv ({error}); {_EXPECTED}.") from None
    problem, family, n_components, log_likelihood = zip(*rows, strict=True)
    return xr.Dataset(
        {
            "problem": ("cell", np.array(problem, dtype=object)),
            "family": ("cell", np.array(family, dtype=object)),
            "n_components": ("cell", np.array(n_components, dtype=np.int64)),
            "log_likelihood": ("cell", np.array(log_likelihood, dtype=np.float64)),
        }
    )


def _rows(reader: object, path: Path) -> list[tuple[str, str, int, float]]:
    header: list[str] | None = None
    rows: list[tuple[str, str, int, float]] = []
    for cells in reader:  # type: ignore[attr-defined]
        line = f"{path}: line {reader.line_num}"  # type: ignore[attr-defined]
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            _check_header(header, path)
            continue
        if len(cells) != len(header):
            raise MixsweepError(
                f"{line}: found {len(cells)} values; expected {len(header)}, as many as the header has names."
            )
        row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        for name in ("problem", "family"):
            if not row[name]:
                raise MixsweepError(f"{line}: {name} is empty; expected a name.")
        rows.append((row["problem"], row["family"], _whole(row["n_components"], line), _value(row, line)))
    if not rows:
        raise MixsweepError(f"{path}: found no {'fits' if header else 'header and no fits'}; {_EXPECTED}.")
    return rows


def _check_header(header: list[str], path: Path) -> None:
    for name in COLUMNS:
        if name not in header:
            raise MixsweepError(f"{path}: no column {name!r}{nearest(name, header)}; {_EXPECTED}.")
        if header.count(name) > 1:
            raise MixsweepError(f"{path}: the column {name!r} appears more than once; expected it once.")


def _whole(text: str, line: str) -> int:
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not (number >= 1 and number.is_integer()):
        raise MixsweepError(f"{line}: n_components is {text!r}; expected a whole number of at least 1.")
    return int(number)


def _value(row: dict[str, str], line: str) -> float:
    text = row["log_likelihood"]
    if text.lower() in MISSING:
        return np.nan
    try:
        return float(text)
    except ValueError:
        raise MixsweepError(
            f"{line}: log_likelihood is {text!r}; expected a number (a total, natural logarithm) or nothing."
        ) from None
