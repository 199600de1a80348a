"""Malformed configs and data files through the command line: always one paragraph.

Whatever the file holds, `mixsweep plan` either works or ends with exit code 2 and a message that names the
file, and never with a traceback.
"""

from __future__ import annotations

import io
import random
import warnings
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixsweep.cli import main
from tests.mixsweep.test_bad_input import CASES, config_text

ROWS = "a,b\n1,2\n3,1\n0,5\n4,4\n"


def npy(values: object, **options: bool) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(values), **options)
    return stream.getvalue()


def cut(content: bytes, share: float) -> bytes:
    return content[: int(share * len(content))]


NPY = npy(np.arange(12.0).reshape(6, 2) ** 2)
#: Name, file name, content, part of the message.
DATA: list[tuple[str, str, bytes, str]] = [
    ("nothing", "d.csv", b"", "empty"),
    ("spaces", "d.csv", b"   \n  \n", "d.csv"),
    ("one name", "d.csv", b"a", "0 rows"),
    ("zero bytes", "d.csv", b"\0" * 100, "d.csv"),
    ("a byte order mark alone", "d.csv", b"\xef\xbb\xbf", "d.csv"),
    ("UTF-16", "d.csv", ROWS.encode("utf-16"), "UTF-8"),
    ("Latin-1", "d.csv", "größe,b\n1,2\n".encode("latin-1"), "UTF-8"),
    ("a picture", "d.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)), "d.csv"),
    ("a gzip file", "d.csv", b"\x1f\x8b\x08\0" + bytes(range(200)), "d.csv"),
    ("a web page", "d.csv", b"<html><body>404, not found</body></html>\n", "d.csv"),
    ("JSON", "d.csv", b'{"a": [1, 2], "b": [3, 4]}\n', "d.csv"),
    ("an open quote", "d.csv", b'a,b\n"1,2\n3,4\n', "d.csv"),
    ("spaces between", "d.csv", b"a b\n1 2\n3 4\n5 6\n", "d.csv"),
    ("semicolons", "d.csv", ROWS.replace(",", ";").encode(), "semicolons"),
    ("tabs", "d.csv", ROWS.replace(",", "\t").encode(), "tabs"),
    ("commas in tsv", "d.tsv", ROWS.encode(), "d.tsv"),
    ("numbers in the header", "d.csv", b"1,2\n3,4\n5,6\n7,9\n", "line 1 holds numbers"),
    ("a name twice", "d.csv", ROWS.replace("a,b", "a,a").encode(), "more than once"),
    ("no name", "d.csv", ROWS.replace("a,b", "a,").encode(), "no name"),
    ("two rows", "d.csv", b"a,b\n1,2\n3,1\n", "2 rows"),
    ("one row", "d.csv", b"a\n1\n", "1 row"),
    ("constant", "d.csv", b"a,b\n1,2\n1,3\n1,4\n1,5\n", "constant"),
    ("constant but for rounding", "d.csv", b"a\n1\n1.0000000000000002\n1\n", "cannot be scaled"),
    ("too wide", "d.csv", b"a\n1e308\n-1e308\n1\n", "cannot be scaled"),
    ("beyond a double", "d.csv", b"a,b\n1e999,2\n3,1\n0,5\n4,4\n", "infinite"),
    ("a word", "d.csv", ROWS.replace("3", "three").encode(), "'three'"),
    ("a date", "d.csv", ROWS.replace("3", "2024-01-01").encode(), "'2024-01-01'"),
    ("a decimal comma", "d.csv", ROWS.replace("3", '"3,5"').encode(), "'3,5'"),
    ("a thousands mark", "d.csv", ROWS.replace("3", "1'000").encode(), "1'000"),
    ("hexadecimal", "d.csv", ROWS.replace("3", "0x1F").encode(), "'0x1F'"),
    ("a complex number", "d.csv", ROWS.replace("3", "1+2j").encode(), "'1+2j'"),
    ("infinity", "d.csv", ROWS.replace("3", "inf").encode(), "infinite"),
    ("negative infinity", "d.csv", ROWS.replace("3", "-Infinity").encode(), "infinite"),
    ("not a number", "d.csv", ROWS.replace("3", "nan").encode(), "missing"),
    ("NA", "d.csv", ROWS.replace("3", "NA").encode(), "missing"),
    ("an empty value", "d.csv", ROWS.replace("3", "").encode(), "missing"),
    ("a short row", "d.csv", ROWS.replace("3,1", "3").encode(), "has 1 values"),
    ("a long row", "d.csv", ROWS.replace("3,1", "3,1,9").encode(), "has 3 values"),
    ("cut off in a row", "d.csv", ROWS.encode() + b"7", "has 1 values"),
    ("a total below", "d.csv", ROWS.encode() + b"total,12\n", "'total'"),
    ("a comment above", "d.csv", b"# my data\n" + ROWS.encode(), "d.csv"),
    ("more features than rows", "d.csv", b"a,b,c,d,e\n1,2,3,4,5\n5,4,3,2,0\n", "2 rows"),
    ("old Mac line ends", "d.csv", ROWS.replace("\n", "\r").replace("1,2", "x,2").encode(), "d.csv"),
    ("npy: text", "d.npy", b"not an array", "d.npy"),
    ("npy: nothing", "d.npy", b"", "empty"),
    ("npy: half", "d.npy", cut(NPY, 0.5), "d.npy"),
    ("npy: header cut", "d.npy", NPY[:20], "d.npy"),
    ("npy: last value cut", "d.npy", NPY[:-3], "d.npy"),
    ("npy: a pickle", "d.npy", npy([{"a": 1}], allow_pickle=True), "d.npy"),
    ("npy: a number", "d.npy", npy(3.0), "two dimensions"),
    ("npy: a vector", "d.npy", npy(np.arange(5.0)), "two dimensions"),
    ("npy: a cube", "d.npy", npy(np.zeros((2, 2, 2))), "two dimensions"),
    ("npy: no rows", "d.npy", npy(np.zeros((0, 3))), "d.npy"),
    ("npy: no columns", "d.npy", npy(np.zeros((5, 0))), "no columns"),
    ("npy: zeros", "d.npy", npy(np.zeros((5, 2))), "constant"),
    ("npy: complex", "d.npy", npy(np.ones((5, 2)) * 1j), "complex"),
    ("npy: truth values", "d.npy", npy(np.eye(3, dtype=bool)), "true or false"),
    ("npy: text values", "d.npy", npy([["a", "b"]]), "d.npy"),
    ("npy: dates", "d.npy", npy(np.zeros((4, 2), "M8[s]")), "d.npy"),
    ("npy: nan", "d.npy", npy(np.full((5, 2), np.nan)), "missing"),
    ("npy: records", "d.npy", npy(np.zeros(4, [("a", "f8")])), "d.npy"),
    ("parquet: text", "d.parquet", b"PAR1 and no more", "d.parquet"),
    ("parquet: nothing", "d.parquet", b"", "empty"),
    ("parquet: marks alone", "d.parquet", b"PAR1\0\0\0\0PAR1", "d.parquet"),
    ("netCDF: text", "d.nc", b"not netCDF at all", "d.nc"),
    ("netCDF: nothing", "d.nc", b"", "empty"),
    ("netCDF: first bytes", "d.nc", b"\x89HDF\r\n\x1a\n" + b"\0" * 50, "d.nc"),
    ("netCDF: classic, cut", "d.nc", b"CDF\x01\0\0", "d.nc"),
    ("no ending", "data", ROWS.encode(), "unknown kind of data file"),
    ("a spreadsheet", "d.xlsx", b"PK\x03\x04", "unknown kind of data file"),
    ("a pickle", "d.pkl", b"\x80\x04N.", "unknown kind of data file"),
    ("a text file", "d.txt", ROWS.encode(), "unknown kind of data file"),
]
# Nine lines that are a thousand million values.
BOMB = b"a0: &a0 [1]\n" + b"".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n".encode() for i in range(1, 10)
)
#: Name, config, part of the message; beside those of `test_bad_input`.
CONFIGS: list[tuple[str, bytes, str]] = [
    ("zero bytes", b"\0" * 50, "sweep.yaml"),
    ("UTF-16", config_text().encode("utf-16"), "sweep.yaml"),
    ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "sweep.yaml"),
    ("a word", b"hello", "sweep.yaml"),
    ("a number", b"42", "sweep.yaml"),
    ("null", b"null", "found nothing"),
    ("a comment", b"# later\n", "found nothing"),
    ("an open quote", b'problems: "iris\n', "line"),
    ("an open brace", b"problems: {iris: {}\nmethods: [em]\n", "line"),
    ("wrong indentation", b"problems:\n  iris: {}\n wine: {}\n", "line"),
    ("two documents", b"problems: {iris: {}}\n---\nproblems: {}\n", "sweep.yaml"),
    ("a Python object", b"problems: !!python/object/apply:os.system [ls]\n", "sweep.yaml"),
    ("an unknown tag", b"problems: !secret x\n", "sweep.yaml"),
    ("an anchor to itself", b"problems: &a {iris: *a}\nn_components: 2\n", "sweep.yaml"),
    ("an anchor to its neighbour", b"problems: &a {iris: &b {x: *a}, wine: *b}\n", "values inside values"),
    ("references to references", BOMB, "by references"),
    ("brackets without end", b"problems: " + b"[" * 5000, "values inside values"),
    ("a day that is none", b"problems: {iris: {}}\nseed: 2024-02-31\n", "in quotes"),
    ("an hour that is none", b"problems: {iris: {}}\nseed: 2024-02-03 99:00:00\n", "sweep.yaml"),
    ("an unknown anchor", b"problems: *nowhere\n", "line 1"),
    ("a merged key", b"problems: {<<: 3}\n", "sweep.yaml"),
    ("a key that is a list", b"? [a, b]\n: 1\n", "sweep.yaml"),
    ("a date as a seed", config_text(seed="2024-01-01").encode(), "seed"),
    ("bytes as a seed", config_text(seed="!!binary aGVsbG8=").encode(), "seed"),
    ("an octal restart count", config_text(restarts="'010'").encode(), "restarts"),
    ("sexagesimal passes", config_text(max_passes="-1:30").encode(), "max_passes"),
    ("negative passes", config_text(max_passes="-5").encode(), "max_passes"),
    ("infinite passes", config_text(max_passes=".inf").encode(), "max_passes"),
    ("infinite tolerance", config_text(tol=".inf").encode(), "tol"),
    ("a floor of one", config_text(covariance_floor="1").encode(), "covariance_floor"),
    ("a floor that is text", config_text(covariance_floor="tiny").encode(), "covariance_floor"),
    ("K negative", config_text(n_components="-3").encode(), "n_components"),
    ("K fraction", config_text(n_components="2.5").encode(), "n_components"),
    ("K nested", config_text(n_components="[[2]]").encode(), "n_components"),
    ("K mapping", config_text(n_components="{a: 2}").encode(), "n_components"),
    ("K true", config_text(n_components="true").encode(), "n_components"),
    ("methods number", config_text(methods="3").encode(), "methods"),
    ("methods nested", config_text(methods="[[em]]").encode(), "methods"),
    ("method null label", config_text(methods="{null: {method: em}}").encode(), "methods"),
    ("method of a number", config_text(methods="{a: {method: 3}}").encode(), "methods"),
    ("families number", config_text(families="3").encode(), "families"),
    ("families mapping", config_text(families="{gaussian-full: {}}").encode(), "families"),
    ("initializers empty", config_text(initializers="[]").encode(), "initializers"),
    ("initializers number", config_text(initializers="[1]").encode(), "initializers"),
    ("truth of real data", config_text(initializers="[truth]").encode(), "truth"),
    ("starts that are not there", config_text(initializers="[user-starts]").encode(), "user-starts"),
    ("census text", config_text(census="loose").encode(), "census"),
    ("census key", config_text(census="{same_valu: 1}").encode(), "did you mean 'same_value'"),
    ("census negative", config_text(census="{same_value: -1}").encode(), "census.same_value"),
    ("rounds without maximum", config_text(restarts="{target: 0.9}").encode(), "restarts.max"),
    ("rounds to certainty", config_text(restarts="{target: 1, max: 500}").encode(), "restarts.target"),
    ("rounds key", config_text(restarts="{target: 0.9, maxi: 500}").encode(), "did you mean 'max'"),
    ("partial text", config_text(partial="some").encode(), "partial"),
    ("results outside by name", config_text(problems="{../../x: {builtin: iris}}").encode(), "file names"),
    ("a hidden name", config_text(problems="{.x: {builtin: iris}}").encode(), "file names"),
    ("a name with a line end", config_text(problems='{"a\\nb": {builtin: iris}}').encode(), "file names"),
    ("a name with a zero byte", config_text(problems='{"a\\0b": {builtin: iris}}').encode(), "file names"),
    ("a data file that is a folder", config_text(problems="{a: {file: .}}").encode(), "problems.a"),
    ("a device", config_text(problems="{a: {file: /dev/null}}").encode(), "/dev/null"),
    ("an address", config_text(problems="{a: {file: 'https://x.org/a.csv'}}").encode(), "no such data file"),
]


def plan(path: Path) -> tuple[int, str]:
    """Return the exit code of `mixsweep plan` and what it said, which has to be one paragraph."""
    done = CliRunner().invoke(main, ["plan", str(path)])
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert "Traceback" not in done.output
    if done.exit_code:
        assert done.exit_code == 2
        assert done.output.startswith("Error: ")
        assert "\n\n" not in done.output.rstrip()
        assert path.name in done.output
    return done.exit_code, done.output


def test_there_are_more_than_two_hundred() -> None:
    assert len(CASES) + len(CONFIGS) + len(DATA) >= 200


@pytest.mark.parametrize("text", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_malformed_config_of_the_other_table(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(text)
    assert plan(path)[0] == 2


@pytest.mark.parametrize(
    ("content", "fragment"), [case[1:] for case in CONFIGS], ids=[case[0] for case in CONFIGS]
)
def test_malformed_config(tmp_path: Path, content: bytes, fragment: str) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_bytes(content)
    code, output = plan(path)
    assert code == 2, output
    assert fragment in output


@pytest.mark.parametrize(
    ("name", "content", "fragment"), [case[1:] for case in DATA], ids=[case[0] for case in DATA]
)
def test_malformed_data_file(tmp_path: Path, name: str, content: bytes, fragment: str) -> None:
    (tmp_path / name).write_bytes(content)
    path = tmp_path / "sweep.yaml"
    path.write_text(config_text(problems=f"{{mine: {{file: {name}}}}}", n_components="1"))
    code, output = plan(path)
    assert code == 2, output
    assert fragment in output
    assert name in output


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)
GOOD = yaml.safe_load(
    "{seed: 1, problems: {iris: {n_components: 2}, a: {simulate: {n: 50, d: 2, k: 3, separation: 2, weights: "
    "equal, replicates: 1}}}, families: [gaussian-full], n_components: [2], methods: {em: {}, adam: "
    "{learning_rate: 0.1}}, initializers: [random-points], restarts: {target: 0.9, max: 500}, tol: 0.1, "
    "max_passes: 100, covariance_floor: 0.1, census: {same_value: 1}, replace: false, partial: false}"
)


def places(tree: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the paths of all values in a tree of mappings."""
    inner = [place for key, value in tree.items() for place in places(value, (*path, key))] if isinstance(
        tree, dict
    ) else []  # fmt: skip
    return [*([path] if path else []), *inner]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(place=st.sampled_from(places(GOOD)), value=VALUES)
def test_any_value_anywhere_in_a_config(tmp_path: Path, place: tuple[str, ...], value: object) -> None:
    config = yaml.safe_load(yaml.safe_dump(GOOD))
    inner = config
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path = tmp_path / "sweep.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    plan(path)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    name=st.sampled_from(["d.csv", "d.tsv", "d.npy", "d.nc", "d.parquet"]),
    content=st.binary(max_size=200) | st.text(alphabet='ab,;\t\n"0123.-eEnax', max_size=80).map(str.encode),
)
def test_any_bytes_in_a_data_file(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    path = tmp_path / "sweep.yaml"
    path.write_text(config_text(problems=f"{{mine: {{file: {name}}}}}", n_components="1"))
    with warnings.catch_warnings():
        # what NumPy and SciPy think of random bytes is for the message alone to tell
        warnings.simplefilter("ignore")
        plan(path)


def test_any_damage_to_a_good_config(tmp_path: Path) -> None:
    good = yaml.safe_dump(GOOD).encode()
    path = tmp_path / "sweep.yaml"
    rng = random.Random(4)
    for _ in range(60):
        damaged = bytearray(good)
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(damaged))
            damaged[place : place + rng.choice((0, 1, 4))] = rng.randbytes(rng.choice((0, 1, 2)))
        path.write_bytes(damaged)
        plan(path)
