"""Data files of the user's: csv, tsv, parquet, npy and netCDF, with errors that name column, row and line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mixsweep.errors import MixsweepError, nearest
from mixsweep.problems._delimited import read_delimited
from mixsweep.problems._table import Table, numeric_column
from mixsweep.problems.base import Problem, check_matrix, check_row_weights, few

__all__ = ["FORMATS", "load_file", "matrix", "read_table"]


def _read_npy(path: Path, columns: Sequence[str] | None) -> Table:
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise MixsweepError(
            f"{path}: not a plain numeric .npy file ({error}); expected a two-dimensional array of numbers, "
            "saved by numpy.save. Arrays of Python objects are refused because loading them can run code."
        ) from None
    if not isinstance(values, np.ndarray):
        raise MixsweepError(
            f"{path}: holds several arrays; expected one, saved by numpy.save (not numpy.savez)."
        )
    if values.ndim != 2:
        raise MixsweepError(
            f"{path}: array of shape {values.shape}; expected two dimensions, (rows, features)."
            + (" Reshape it to (n, 1) when there is one feature." if values.ndim == 1 else "")
        )
    return Table([f"x{j + 1}" for j in range(values.shape[1])], list(values.T), None)


def _read_parquet(path: Path, columns: Sequence[str] | None) -> Table:
    try:
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]
    except ImportError:
        raise MixsweepError(
            f"{path}: reading parquet needs the package pyarrow, which is not installed; install mixsweep "
            "with its parquet extra (pip install 'mixsweep[parquet]') or convert the file to csv."
        ) from None
    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise MixsweepError(f"{path}: not readable as parquet ({error}).") from None
    return Table(list(table.column_names), [column.to_numpy() for column in table.columns], None)


def _read_netcdf(path: Path, columns: Sequence[str] | None) -> Table:
    import netCDF4

    try:
        with netCDF4.Dataset(path) as dataset:
            return _netcdf_table(dataset, path, columns)
    except OSError as error:
        raise MixsweepError(f"{path}: not readable as netCDF ({error}).") from None


def _netcdf_table(dataset: object, path: Path, columns: Sequence[str] | None) -> Table:
    variables = dict(dataset.variables)  # type: ignore[attr-defined]
    data = {name: variable for name, variable in variables.items() if name not in dataset.dimensions}  # type: ignore[attr-defined]
    flat = {name: variable for name, variable in data.items() if len(variable.dimensions) == 1}
    square = {name: variable for name, variable in data.items() if len(variable.dimensions) == 2}
    if len(square) == 1 and (columns is None or not set(columns) <= set(flat)):
        variable = next(iter(square.values()))
        matrix = np.ma.filled(np.ma.asarray(variable[:], dtype=np.float64), np.nan)
        names = variables.get(variable.dimensions[1])
        labels = [str(label) for label in names[:]] if names is not None else []
        return Table(labels or [f"x{j + 1}" for j in range(matrix.shape[1])], list(matrix.T), None)
    if columns is not None:
        flat = {name: variable for name, variable in flat.items() if name in columns} or flat
    lengths = {variable.dimensions[0] for variable in flat.values()}
    if not flat or len(lengths) > 1:
        raise MixsweepError(
            f"{path}: found the variables {', '.join(variables) or '(none)'}; expected one variable over "
            "(row, feature), or one variable for each feature, all over the same dimension. List the "
            "features under columns."
        )
    values = [
        np.ma.filled(np.ma.asarray(variable[:], dtype=np.float64), np.nan)
        if np.issubdtype(variable.dtype, np.number)
        else np.asarray(variable[:])
        for variable in flat.values()
    ]
    return Table(list(flat), values, None)


def _read_csv(path: Path, columns: Sequence[str] | None) -> Table:
    return read_delimited(path, ",", columns)


def _read_tsv(path: Path, columns: Sequence[str] | None) -> Table:
    return read_delimited(path, "\t", columns)


#: File name ending to reader.
FORMATS: dict[str, Callable[[Path, Sequence[str] | None], Table]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".parquet": _read_parquet,
    ".npy": _read_npy,
    ".nc": _read_netcdf,
    ".netcdf": _read_netcdf,
}


def load_file(
    path: Path, name: str, columns: Sequence[str] | None = None, weights: str | None = None
) -> Problem:
    """Read a data file and check that mixtures can be fitted to it.

    Parameters
    ----------
    path : pathlib.Path
        A csv, tsv, parquet, npy or netCDF file; its name's ending says which.
    name : str
        The problem's name in the sweep.
    columns : sequence of str, optional
        The columns which are features, in this order; all by default, which must then all be numeric.
        The columns of an npy file are called x1, x2, ...
    weights : str, optional
        The column that says how many times each row counts; it is no feature.

    Returns
    -------
    Problem

    Raises
    ------
    MixsweepError
        Naming the file and, where it applies, the column and the rows.
    """
    wanted = columns if columns is None or weights is None else [*columns, weights]
    table = read_table(path, f"problem {name!r}", wanted)
    row_weights = None
    if weights is not None:
        row_weights = matrix(table, path, [weights])[0][:, 0]
        check_row_weights(row_weights, len(row_weights), f"{path}: column {weights!r}", table.lines)
        if columns is None:
            columns = [column for column in table.names if column != weights]
    X, chosen = matrix(table, path, columns)
    check_matrix(X, chosen, str(path), table.lines)
    problem = Problem(name, X, tuple(chosen), None, {"file": path.name}, row_weights)
    problem.provenance["checksum"] = problem.checksum
    return problem


def read_table(path: Path, purpose: str, columns: Sequence[str] | None = None) -> Table:
    """Read a table with distinct column names.

    Parameters
    ----------
    path : pathlib.Path
        A file of one of the `FORMATS`.
    purpose : str
        What it is for, in messages.
    columns : sequence of str, optional
        The columns wanted; all by default.

    Raises
    ------
    MixsweepError
        If there is no such file, or it holds no table.
    """
    reader = FORMATS.get(path.suffix.lower())
    if reader is None:
        raise MixsweepError(
            f"{path}: unknown kind of data file {path.suffix or '(no ending)'!r}; expected one of "
            f"{', '.join(FORMATS)}."
        )
    if not path.is_file():
        others = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        near = nearest(path.name, [other for other in others if Path(other).suffix.lower() in FORMATS])
        raise MixsweepError(f"{path}: no such data file ({purpose}){near}")
    if path.stat().st_size == 0:
        raise MixsweepError(
            f"{path}: the file is empty; expected rows of numbers below a line of column names."
        )
    try:
        table = reader(path, columns)
    except PermissionError:
        raise MixsweepError(f"{path}: not allowed to read this data file ({purpose}).") from None
    check_header(table.names, path)
    return table


def check_header(names: Sequence[str], path: Path) -> None:
    """Refuse column names given twice."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise MixsweepError(
            f"{path}: the column {few([repr(name) for name in repeated])} appears more than once in the "
            "header; expected each name once. Rename the columns."
        )


def matrix(
    table: Table, path: Path, columns: Sequence[str] | None
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], list[str]]:
    """Return the chosen columns of a table, all by default, as a matrix with their names."""
    chosen = list(table.names) if columns is None else list(columns)
    for column in chosen:
        if column not in table.names:
            raise MixsweepError(f"{path}: no column {column!r}{nearest(column, table.names)}")
    by_name = dict(zip(table.names, table.values, strict=True))
    arrays = [
        numeric_column(by_name[column], column, path, table.lines, columns is None) for column in chosen
    ]
    X = np.empty((len(arrays[0]) if arrays else 0, len(arrays)), dtype=np.float64)
    for j, values in enumerate(arrays):
        X[:, j] = values
    return X, chosen
