"""Data files: what is read, and what each mistake is told."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mixsweep.errors import MixsweepError
from mixsweep.problems import _delimited, load_file

X = np.array([[1.5, 2.0], [2.5, -1.0], [0.25, 3.0], [4.0, 1e3]])
TEXT = "a,b,label\n" + "".join(f"{row[0]},{row[1]},x\n" for row in X.tolist())


def _write_netcdf_matrix(path: Path) -> None:
    import xarray as xr

    xr.Dataset({"X": (("row", "feature"), X)}, {"feature": ["a", "b"]}).to_netcdf(path)


def _write_netcdf_variables(path: Path) -> None:
    import xarray as xr

    xr.Dataset({"a": ("row", X[:, 0]), "b": ("row", X[:, 1])}).to_netcdf(path)


def _write_parquet(path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"a": X[:, 0], "b": X[:, 1], "label": ["x"] * 4})
    pyarrow.parquet.write_table(table, path)


WRITERS: dict[str, Callable[[Path], object]] = {
    "d.csv": lambda path: path.write_text(TEXT),
    "d.CSV": lambda path: path.write_text(TEXT),
    "d.tsv": lambda path: path.write_text(TEXT.replace(",", "\t")),
    "d.parquet": _write_parquet,
    "d.nc": _write_netcdf_variables,
    "e.nc": _write_netcdf_matrix,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_matrix(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    columns = ["a", "b"] if name != "e.nc" else None
    problem = load_file(tmp_path / name, "p", columns)
    np.testing.assert_array_equal(problem.X, X)
    assert problem.features == ("a", "b")
    assert problem.X.dtype == np.float64
    assert problem.truth is None


def test_npy_names_its_columns(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", X.astype(np.float32))
    assert load_file(tmp_path / "d.npy", "p").features == ("x1", "x2")
    np.testing.assert_array_equal(load_file(tmp_path / "d.npy", "p", ["x2"]).X, X[:, 1:])


def test_columns_choose_and_order(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text(TEXT)
    np.testing.assert_array_equal(load_file(tmp_path / "d.csv", "p", ["b", "a"]).X, X[:, ::-1])


def test_byte_order_mark_quotes_blank_lines_and_row_names(tmp_path: Path) -> None:
    text = '\ufeff"","a","b"\r\n"1",1,"2"\r\n\r\n"2",3,5\r\n"3",4,4\r\n'
    (tmp_path / "d.csv").write_bytes(text.encode())
    problem = load_file(tmp_path / "d.csv", "p", ["a", "b"])
    np.testing.assert_array_equal(problem.X, [[1, 2], [3, 5], [4, 4]])


GOOD_ROWS = "1,2\n2,5\n4,3\n"
BAD: list[tuple[str, str, list[str] | None, tuple[str, ...]]] = [
    ("empty", "", None, ("the file is empty",)),
    ("blank", "\n\n", None, ("no header and no rows",)),
    ("no header", "1,2\n3,4\n", None, ("line 1 holds numbers", "names of the columns")),
    ("header only", "a,b\n", None, ("0 rows", "at least 3")),
    ("few rows", "a,b\n1,2\n3,1\n", None, ("2 rows for 2 features", "at least 3")),
    ("semicolons", "a;b\n1;2\n", None, ("semicolons", "comma-separated")),
    ("tabs", "a\tb\n1\t2\n", None, ("tabs", ".tsv")),
    ("duplicate header", "a,a\n" + GOOD_ROWS, None, ("'a'", "more than once")),
    ("nameless column", ",b\n" + GOOD_ROWS, None, ("column 1 has no name",)),
    ("unknown column", "ab,b\n" + GOOD_ROWS, ["abc"], ("no column 'abc'", "did you mean 'ab'")),
    (
        "text",
        "a,b\n" + GOOD_ROWS + "7,red\n",
        None,
        ("column 'b'", "'red'", "row 4 (line 5)", "under columns"),
    ),
    ("text in a chosen column", "a,b\nx,2\n" + GOOD_ROWS, ["a"], ("column 'a'", "'x'", "row 1 (line 2)")),
    ("much text", "a,b\n" + "1,x\n" * 9, None, ("rows 1, 2, 3, 4, 5 and 4 more",)),
    ("decimal comma", 'a,b\n"1,5",2\n' + GOOD_ROWS, None, ("'1,5'", "row 1")),
    ("missing", "a,b\n1,\n" + GOOD_ROWS, None, ("column 'b'", "row 1 (line 2)", "missing")),
    ("NA", "a,b\n" + GOOD_ROWS + "NA,1\n", None, ("column 'a'", "row 4 (line 5)", "missing")),
    (
        "inf",
        "a,b\n" + GOOD_ROWS + "inf,1\n-inf,2\n",
        None,
        ("column 'a'", "2 values", "rows 4, 5 (lines 5, 6)"),
    ),
    ("constant", "a,b\n1,2\n1,3\n1,4\n", None, ("column 'a' is constant", "every value is 1")),
    ("short row", "a,b\n1,2\n3\n", None, ("row 2 (line 3) has 1 values", "expected 2")),
    ("long row", "a,b\n1,2,3\n", None, ("row 1 (line 2) has 3 values", "expected 2")),
    ("no spread", "a\n1e300\n-1e300\n1\n", None, ("column 'a' cannot be scaled",)),
    ("rounding", "a\n1\n1.0000000000000002\n1\n", None, ("column 'a' cannot be scaled",)),
]


@pytest.mark.parametrize(
    ("text", "columns", "fragments"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_message_names_file_column_and_row(
    tmp_path: Path, text: str, columns: list[str] | None, fragments: tuple[str, ...]
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(MixsweepError) as caught:
        load_file(path, "p", columns)
    for fragment in ("bad.csv", *fragments):
        assert fragment in str(caught.value)


def test_missing_file_suggests_a_neighbour(tmp_path: Path) -> None:
    (tmp_path / "crabs.csv").write_text(TEXT)
    with pytest.raises(MixsweepError, match=r"no such data file.*did you mean 'crabs.csv'"):
        load_file(tmp_path / "crab.csv", "p")


@pytest.mark.parametrize("name", ["d.xlsx", "d"])
def test_unknown_kind_of_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(MixsweepError, match=r"unknown kind of data file.*\.parquet"):
        load_file(tmp_path / name, "p")


@pytest.mark.parametrize("name", ["d.csv", "d.npy", "d.nc", "d.parquet"])
def test_bytes_that_are_something_else(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x89\xff\x00garbage\n\xfe")
    with pytest.raises(MixsweepError, match=rf"{name}: .*(not|expected)"):
        load_file(tmp_path / name, "p")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(5.0), r"shape \(5,\); expected two dimensions.*\(n, 1\)"),
        (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\); expected two dimensions"),
        (np.array([[1 + 2j], [2], [3]]), "complex"),
        (np.array([[True], [False], [True]]), "true or false"),
        (np.array([["a"], ["b"], ["c"]]), "text where a number was expected"),
    ],
)
def test_arrays_of_other_shapes_and_kinds(tmp_path: Path, values: np.ndarray, expected: str) -> None:
    np.save(tmp_path / "d.npy", values)
    with pytest.raises(MixsweepError, match=expected):
        load_file(tmp_path / "d.npy", "p")


def test_arrays_of_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", np.array([[{}], [{}]], dtype=object), allow_pickle=True)
    with pytest.raises(MixsweepError, match="refused"):
        load_file(tmp_path / "d.npy", "p")


def test_several_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", X=X)
    (tmp_path / "d.npz").rename(tmp_path / "d.npy")
    with pytest.raises(MixsweepError, match="several arrays"):
        load_file(tmp_path / "d.npy", "p")


def test_missing_values_of_netcdf(tmp_path: Path) -> None:
    import xarray as xr

    xr.Dataset({"a": ("row", [1.0, np.nan, 3.0])}).to_netcdf(tmp_path / "d.nc")
    with pytest.raises(MixsweepError, match=r"column 'a' has 1 value that is missing.*row 2"):
        load_file(tmp_path / "d.nc", "p")


def test_netcdf_without_a_table(tmp_path: Path) -> None:
    import xarray as xr

    xr.Dataset({"a": ("row", [1.0, 2.0]), "b": ("time", [1.0])}).to_netcdf(tmp_path / "d.nc")
    with pytest.raises(MixsweepError, match="same dimension"):
        load_file(tmp_path / "d.nc", "p")


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d.parquet").write_bytes(b"PAR1")
    real = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MixsweepError, match=r"pyarrow.*mixsweep\[parquet\]"):
        load_file(tmp_path / "d.parquet", "p")


LARGE_MISTAKES = (
    ("x,x,1\n", "row 201"),
    (",x,1\n", "row 201"),
    ("1,x\n", "2 values"),
    ("1,2,3,4\n", "4 values"),
)


def test_large_files_are_read_and_told_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    text = "a,label,b\n" + "".join(f'{x!r},"x, y",{y!r}\n' for x, y in rng.standard_normal((200, 2)).tolist())
    path = tmp_path / "d.csv"
    path.write_text(text)
    slow = load_file(path, "p", ["b", "a"])
    monkeypatch.setattr(_delimited, "_LARGE", 0)
    read = []
    real = _delimited._read_large
    monkeypatch.setattr(_delimited, "_read_large", lambda *rest: read.append(real(*rest)) or read[-1])
    np.testing.assert_array_equal(load_file(path, "p", ["b", "a"]).X, slow.X)
    assert read[-1] is not None
    for row, told in LARGE_MISTAKES:
        path.write_text(text + row)
        with pytest.raises(MixsweepError, match=told):
            load_file(path, "p", ["b", "a"])
        assert read[-1] is None
