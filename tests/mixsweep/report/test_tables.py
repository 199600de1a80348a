from __future__ import annotations

import math
from pathlib import Path

import pytest

from mixsweep.errors import MixsweepError
from mixsweep.report.tables import OF_CELLS, TABLES, read_results, read_table


def write(folder: Path, name: str, text: str) -> None:
    path = folder / TABLES[name][0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_reads_every_table(results: Path) -> None:
    found = read_results(results)
    assert {name for name, frame in found.tables.items() if len(frame)} == set(TABLES)
    assert len(found.tables["verdicts"]) == 21
    assert found.plan["seed"] == 1


def test_missing_and_empty_files_are_empty_tables(tmp_path: Path) -> None:
    write(tmp_path, "optima", "")
    write(tmp_path, "statuses", ",".join(TABLES["statuses"][1]) + "\n")
    write(tmp_path, "failures", "\n\n")
    found = read_results(tmp_path)
    assert all(frame.empty for frame in found.tables.values())
    for name, frame in found.tables.items():
        assert {*TABLES[name][1], *(["cell"] if name in OF_CELLS else [])} == set(frame.columns)
    assert found.plan == {}


def test_names_that_look_like_missing_values_stay_names(tmp_path: Path) -> None:
    write(
        tmp_path,
        "verdicts",
        "problem,family,n_components,hit_rate\nNA,gaussian-full,2,\nnan,gaussian-full,3,inf\n",
    )
    frame = read_table(tmp_path, "verdicts")
    assert list(frame["problem"]) == ["NA", "nan"]
    assert math.isnan(frame["hit_rate"][0])
    assert math.isinf(frame["hit_rate"][1])
    assert list(frame["cell"]) == ["NA, K = 2", "nan, K = 3"]


def test_family_is_named_only_where_there_are_several(tmp_path: Path) -> None:
    write(tmp_path, "verdicts", "problem,family,n_components\niris,gaussian-full,2\niris,student-t,2\n")
    assert list(read_table(tmp_path, "verdicts")["cell"]) == [
        "iris, gaussian-full, K = 2",
        "iris, student-t, K = 2",
    ]


def test_text_in_a_number_column_is_named(tmp_path: Path) -> None:
    write(
        tmp_path,
        "verdicts",
        "problem,family,n_components,hit_rate\niris,gaussian-full,2,0.5\niris,gaussian-full,3,often\n",
    )
    with pytest.raises(
        MixsweepError, match=r"verdicts\.csv: column 'hit_rate', row 3: expected a number, found 'often'"
    ):
        read_table(tmp_path, "verdicts")


@pytest.mark.parametrize("text", ['problem,family\n"a,b\n', "problem\na,b,c\nd,e,f,g\n"])
def test_broken_csv_is_named(tmp_path: Path, text: str) -> None:
    write(tmp_path, "verdicts", text)
    with pytest.raises(MixsweepError, match=r"verdicts\.csv: not a readable csv table"):
        read_table(tmp_path, "verdicts")


def test_bytes_that_are_not_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "verdicts.csv").write_bytes(b"problem,family\n\xff\xfe,x\n")
    with pytest.raises(MixsweepError, match=r"verdicts\.csv: not a readable csv table"):
        read_table(tmp_path, "verdicts")


@pytest.mark.parametrize(
    ("text", "message"), [("{", "not readable as JSON"), ("[1]", "expected an object at the top")]
)
def test_broken_plan_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(MixsweepError, match=message):
        read_results(tmp_path)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MixsweepError, match="does not exist"):
        read_results(tmp_path / "nowhere")
