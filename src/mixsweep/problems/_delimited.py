"""Text tables: read by the csv module, so that every message knows the line."""

from __future__ import annotations

import csv
import warnings
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mixsweep.errors import MixsweepError
from mixsweep.problems._table import MISSING, Table, not_numeric

__all__ = ["read_delimited"]

_LARGE = 2_000_000


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _checked_header(
    header: list[str], path: Path, delimiter: str, columns: Sequence[str] | None
) -> list[str]:
    names = [name.strip() for name in header]
    if names and all(_is_number(name) for name in names):
        raise MixsweepError(
            f"{path}: line 1 holds numbers ({', '.join(names[:4])}{', ...' if len(names) > 4 else ''}); "
            "expected the names of the columns. Add a header line."
        )
    if len(names) == 1 and delimiter == "," and (";" in names[0] or "\t" in names[0]):
        raise MixsweepError(
            f"{path}: line 1 has no commas but {'semicolons' if ';' in names[0] else 'tabs'}; expected "
            "comma-separated values (a tab-separated file must be named .tsv)."
        )
    if columns is None and "" in names:
        raise MixsweepError(
            f"{path}: column {names.index('') + 1} has no name in the header (row numbers, perhaps); "
            "expected a name for each column. Name it, or list the features under columns."
        )
    # nameless columns that nobody asked for must not look like one name given twice
    return [name or f"(column {j + 1})" for j, name in enumerate(names)]


def read_delimited(path: Path, delimiter: str, columns: Sequence[str] | None) -> Table:
    """Read the wanted columns of a text table.

    Parameters
    ----------
    path : pathlib.Path
    delimiter : str
    columns : sequence of str or None
        Columns to convert to numbers; all others are skipped, whatever they hold.

    Returns
    -------
    Table
        Missing values are NaN.

    Raises
    ------
    MixsweepError
        If a row has too few or too many values, or text stands where a number was expected.
    """
    if path.stat().st_size > _LARGE:
        fast = _read_large(path, delimiter, columns)
        if fast is not None:
            return fast
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return _read(csv.reader(stream, delimiter=delimiter, strict=True), path, delimiter, columns)
    except UnicodeDecodeError as error:
        raise MixsweepError(f"{path}: expected text in UTF-8, found a byte that is not ({error}).") from None
    except csv.Error as error:
        raise MixsweepError(f"{path}: not readable as separated values ({error}).") from None


def _read_large(path: Path, delimiter: str, columns: Sequence[str] | None) -> Table | None:
    """Read a large file by pandas, many times faster; ``None`` when anything is amiss."""
    import pandas as pd

    # newer versions round correctly by default, and warn when told to
    newer = tuple(int(part) for part in pd.__version__.split(".")[:2]) >= (3, 1)
    precision: dict[str, Any] = {} if newer else {"float_precision": "round_trip"}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream, warnings.catch_warnings():
            warnings.simplefilter("error")
            names = [name.strip() for name in next(csv.reader(stream, delimiter=delimiter))]
            if "" in names or not _is_regular(stream, delimiter, len(names)):
                return None
            stream.seek(0)
            wanted = [name for name in names if columns is None or name in columns]
            options: dict[str, Any] = {"names": names, "usecols": wanted, "dtype": np.float64, **precision}
            frame: pd.DataFrame = pd.read_csv(stream, sep=delimiter, header=0, index_col=False, **options)
    except (ValueError, OverflowError, StopIteration, csv.Error, Warning):
        return None
    values = {name: frame[name].to_numpy() for name in wanted}
    if not wanted or not all(np.isfinite(column).all() for column in values.values()):
        return None
    return Table(names, [values.get(name, np.empty(0)) for name in names], None)


def _is_regular(stream: Iterable[str], delimiter: str, width: int) -> bool:
    """Say whether every line has as many values as the header; pandas drops values that are too many."""
    for line in stream:
        values = (
            line.count(delimiter) + 1
            if '"' not in line
            else len(next(csv.reader([line], delimiter=delimiter)))
        )
        if values != width:
            return False
    return True


def _read(reader: object, path: Path, delimiter: str, columns: Sequence[str] | None) -> Table:
    lines = array("q")
    header: list[str] | None = None
    wanted: list[int] = []
    numbers: list[array[float]] = []
    text: dict[int, list[tuple[int, int, str]]] = {}
    for cells in reader:  # type: ignore[attr-defined]
        line: int = reader.line_num  # type: ignore[attr-defined]
        if not cells or (len(cells) == 1 and not cells[0].strip()):
            continue
        if header is None:
            header = _checked_header(cells, path, delimiter, columns)
            wanted = [j for j, name in enumerate(header) if columns is None or name in columns]
            numbers = [array("d") for _ in wanted]
            continue
        if len(cells) != len(header):
            raise MixsweepError(
                f"{path}: row {len(lines) + 1} (line {line}) has {len(cells)} values; "
                f"expected {len(header)}, as many as the header has names."
            )
        lines.append(line)
        for column, j in zip(numbers, wanted, strict=True):
            try:
                column.append(float(cells[j]))
            except ValueError:
                column.append(np.nan)
                if cells[j].strip().lower() not in MISSING:
                    text.setdefault(j, []).append((len(lines), line, cells[j]))
    if header is None:
        raise MixsweepError(
            f"{path}: the file holds no header and no rows; expected rows below a line of names."
        )
    for j, found in text.items():
        rows, at, values = zip(*found, strict=True)
        raise not_numeric(path, header[j], values[0], rows, at, columns is None)
    kept = {j: np.frombuffer(column, dtype=np.float64) for j, column in zip(wanted, numbers, strict=True)}
    skipped = np.empty(0)
    return Table(header, [kept.get(j, skipped) for j in range(len(header))], lines)
