"""The tables of a results folder, read as they are: missing or empty ones become empty frames."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.columns import COLUMNS, TEXT
from mixsweep.collect import cell_group
from mixsweep.errors import MixsweepError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CELL",
    "OF_CELLS",
    "TABLES",
    "Results",
    "cell_file",
    "cell_labels",
    "cells_of",
    "read_csv",
    "read_results",
    "read_table",
]

#: The columns that name one likelihood surface.
CELL = ("problem", "family", "n_components")

#: File of each table, relative to the results folder, and its columns.
TABLES: dict[str, tuple[str, tuple[str, ...]]] = {
    name: ("verdicts.csv" if name == "verdicts" else f"tables/{name}.csv", columns)
    for name, columns in COLUMNS.items()
}


#: Tables whose rows are of one likelihood surface each; the choice of K is over several.
OF_CELLS = frozenset(
    name for name, columns in COLUMNS.items() if set(CELL) <= set(columns) and name != "selection"
)

#: What stands in a file where there is no number.
_MISSING = frozenset({"", "nan", "na", "<na>"})


@dataclass(frozen=True, slots=True)
class Results:
    """What a results folder holds for the report.

    Parameters
    ----------
    folder : Path
        The results folder.
    tables : dict of str to DataFrame
        Every table of :data:`TABLES`, empty where the file is missing.
    plan : dict
        The contents of ``plan.json``, empty where it is missing.
    """

    folder: Path
    tables: dict[str, pd.DataFrame]
    plan: dict[str, Any]


def read_results(folder: Path) -> Results:
    """Read everything the report shows.

    Parameters
    ----------
    folder : Path
        A results folder; files that are not there yet count as empty.

    Raises
    ------
    MixsweepError
        If the folder does not exist or one of its files cannot be understood.
    """
    if not folder.is_dir():
        raise MixsweepError(f"results folder {str(folder)!r} does not exist or is not a folder")
    return Results(
        folder, {name: read_table(folder, name) for name in TABLES}, _read_plan(folder / "plan.json")
    )


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """Read one table, with text as text and everything else as numbers.

    Parameters
    ----------
    folder : Path
        A results folder.
    name : str
        A key of :data:`TABLES`.

    Returns
    -------
    DataFrame
        The declared columns and, in tables of cells, ``cell``, a short label of the likelihood surface.
        Columns that the file lacks are empty text or NaN.

    Raises
    ------
    MixsweepError
        If the file cannot be understood.
    """
    file, columns = TABLES[name]
    frame = read_csv(folder / file, columns)
    if name in OF_CELLS:
        frame["cell"] = cell_labels(frame) if len(frame) else ""
    return frame


def read_csv(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read these columns of a csv file; a file that is missing or empty has no rows.

    Raises
    ------
    MixsweepError
        If the file cannot be understood.
    """
    import pandas as pd

    if not path.is_file() or path.stat().st_size == 0:
        return _empty(columns)
    try:
        found = _parsed(path, columns)
        if found is None:
            # A problem may be called "NA" or "nan": text stays text.
            found = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except pd.errors.EmptyDataError:
        return _empty(columns)
    except (pd.errors.ParserError, UnicodeDecodeError, csv.Error) as error:
        raise MixsweepError(f"{path}: not a readable csv table: {error}") from error
    return pd.DataFrame(
        {
            column: _column(path, column, found[column]) if column in found else _absent(column, found.index)
            for column in columns
        }
    )


def _parsed(path: Path, columns: tuple[str, ...]) -> pd.DataFrame | None:
    """Read a table whose numbers are all numbers; None where one is not, for the slower look at each."""
    import pandas as pd

    numbers = [column for column in columns if column not in TEXT]
    try:
        return pd.read_csv(
            path,
            dtype={column: float if column in numbers else str for column in columns},
            keep_default_na=False,
            na_values=dict.fromkeys(numbers, sorted(_MISSING)),
            encoding="utf-8",
        )
    except pd.errors.EmptyDataError:
        raise
    except ValueError:
        return None


def _empty(columns: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({column: np.empty(0, object if column in TEXT else float) for column in columns})


def cell_labels(frame: pd.DataFrame) -> pd.Series[str]:
    """Label likelihood surfaces in words: ``faithful, K = 2``, with the family where there are several.

    Parameters
    ----------
    frame : DataFrame
        A table with the columns of :data:`CELL`.
    """
    count = frame["n_components"].map(lambda value: f"{value:g}")
    several = frame["family"].nunique() > 1
    middle = ", " + frame["family"] if several else ""
    return (frame["problem"] + middle + ", K = " + count).astype(object)


def cells_of(results: Results) -> list[dict[str, Any]]:
    """Return the columns of :data:`CELL` and the label of every cell, in the order of the verdicts."""
    verdicts = results.tables["verdicts"]
    return [{name: verdicts[name].iloc[row] for name in (*CELL, "cell")} for row in range(len(verdicts))]


def cell_file(results: Results, folder: str, cell: dict[str, Any], name: str) -> Path:
    """Return a file of a cell below a folder of the results, such as ``cells/P/F/K2/landscape.nc``."""
    key = (str(cell["problem"]), str(cell["family"]), int(cell["n_components"]))
    return results.folder / folder / f"{cell_group(key)}{name}"


def _absent(column: str, index: pd.Index[Any]) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series("" if column in TEXT else float("nan"), index=index)


def _column(path: Path, column: str, text: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    if column in TEXT:
        return text.fillna("").astype(object)
    if text.dtype == float:
        return text
    numbers = pd.to_numeric(text.replace({"": None}), errors="coerce").astype(float)
    wrong = numbers.isna() & ~text.fillna("").str.strip().str.lower().isin(_MISSING)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise MixsweepError(
            f"{path}: column {column!r}, row {row + 2}: expected a number, found {text.iloc[row]!r}"
        )
    return numbers


def _read_plan(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise MixsweepError(f"{path}: not readable as JSON: {error}") from error
    if not isinstance(plan, dict):
        raise MixsweepError(f"{path}: expected an object at the top, found {type(plan).__name__}")
    return plan
