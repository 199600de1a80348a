from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from tests.mixsweep.test_timing import measured

from mixsweep.analysis.columns import TIMING
from mixsweep.cli import main
from mixsweep.errors import MixsweepError
from mixsweep.report.tables import read_results
from mixsweep.report.timings import timing_frame
from mixsweep.timing import summary


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "my results"
    path.mkdir()
    text = "problem,family,n_components\nthe iris,gaussian-full,2\nfaithful,gaussian-full,3\n"
    (path / "verdicts.csv").write_text(text)
    return path


def write_summary(folder: Path) -> None:
    found = summary(measured(np.full((2, 6), 0.25), np.full((2, 6), 0.125)))
    path = folder / "timing" / "faithful" / "gaussian-full" / "K3.csv"
    path.parent.mkdir(parents=True)
    found.to_dataframe().reset_index().to_csv(path, index=False)


def test_the_summary_has_exactly_the_declared_columns() -> None:
    found = summary(measured(np.ones((2, 6)), np.ones((2, 6)))).to_dataframe().reset_index()
    assert set(found.columns) == set(TIMING)


def test_what_was_measured_is_read_back(folder: Path) -> None:
    write_summary(folder)
    frame = timing_frame(read_results(folder)).set_index("cell").loc["faithful, K = 3"]
    assert set(frame["way"]) == {"alone", "batched"}
    assert frame.loc[frame["way"] == "batched", "seconds_per_fit"].eq(0.125).all()
    assert frame.loc[frame["way"] == "alone", "seconds_per_fit_low"].eq(0.25).all()
    assert (frame["reason"] == "").all()


def test_a_cell_without_seconds_says_how_to_measure_them(folder: Path) -> None:
    write_summary(folder)
    row = timing_frame(read_results(folder)).set_index("cell").loc["the iris, K = 2"]
    assert np.isnan(row["seconds_per_pass"])
    words = shlex.split(row["reason"].partition("“")[2].partition("”")[0])
    assert words[:3] == ["mixsweep", "timing", "my results"]
    command = main.get_command(None, words[1])  # type: ignore[arg-type]
    given = command.make_context("timing", words[2:]).params
    assert (given["problem"], given["family"], given["n_components"]) == ("the iris", "gaussian-full", 2)


def test_a_folder_without_cells_has_no_rows(tmp_path: Path) -> None:
    assert timing_frame(read_results(tmp_path)).empty


def test_a_broken_summary_is_named(folder: Path) -> None:
    write_summary(folder)
    path = folder / "timing" / "faithful" / "gaussian-full" / "K3.csv"
    path.write_text(path.read_text().replace("0.125", "soon"))
    with pytest.raises(MixsweepError, match=r"K3\.csv: column 'seconds_per_fit', row 3: expected a number"):
        timing_frame(read_results(folder))
