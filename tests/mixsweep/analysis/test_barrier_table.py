from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

from mixsweep.analysis.barrier_table import MISSING, OFF, barrier_table
from mixsweep.analysis.columns import COLUMNS
from mixsweep.cli import main
from mixsweep.io import write_dataset
from mixsweep.report.tables import read_table
from mixsweep.stand_in import leave_stand_in

FOLDER = "iris/gaussian-full/K{k}"


def shape(heights, level, reason=""):
    """A landscape with one level for all ways."""
    heights = np.array(heights, float)
    levels = np.where(np.eye(len(heights)) > 0, np.diag(heights), level)
    both = ("leading", "leading_")
    variables = {name: (both, levels) for name in ("straight_level", "relaxed_level", "connected_level")}
    variables |= {"height": ("leading", heights), "density_distance": (both, np.ones_like(levels))}
    numbers = np.arange(len(heights))
    return xr.Dataset(variables, {"leading": numbers, "leading_": numbers}, {"reason": reason})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A sweep of four cells: three maxima, one, a failed job, and none yet."""
    monkeypatch.chdir(tmp_path)
    config = "problems: {iris: {}}\nn_components: [2, 3, 4, 5]\nrestarts: 10\n"
    (tmp_path / "config.yaml").write_text(config)
    done = CliRunner().invoke(main, ["plan", "--output", "results/plan.json"])
    assert done.exit_code == 0, done.output
    cells = tmp_path / "results" / "cells"
    write_dataset(shape([-1, -2, -4], -7), cells / FOLDER.format(k=2) / "landscape.nc")
    one = shape([-1], -7, "the cell has one maximum: there are no paths")
    write_dataset(one, cells / FOLDER.format(k=3) / "landscape.nc")
    log = tmp_path / "logs" / "landscape" / f"{FOLDER.format(k=4)}.log"
    log.parent.mkdir(parents=True)
    log.write_text("Error: killed, as when memory or time run out.\n")
    # as before the end of the run
    leave_stand_in(cells / FOLDER.format(k=4) / "landscape.nc")
    return tmp_path


def test_the_command_writes_a_row_a_pair_or_the_reason(folder):
    done = CliRunner().invoke(main, ["barriers", "results", "--output", "results/tables/barriers.csv"])
    assert done.exit_code == 0, done.output
    assert "3 pairs of maxima, 3 cells without" in done.output
    with open(folder / "results/tables/barriers.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS["barriers"]
    assert [row["n_components"] for row in rows] == ["2", "2", "2", "3", "4", "5"]
    pairs = [(row["optimum_a"], row["optimum_b"], row["straight_barrier"]) for row in rows[:3]]
    assert pairs == [("0", "1", "5.0"), ("0", "2", "3.0"), ("1", "2", "3.0")]
    assert [float(rows[0][name]) for name in ("height_a", "height_b", "barrier_a")] == [-1, -2, 6]
    assert [row["reason"] for row in rows[:3]] == [""] * 3
    assert [row["reason"] for row in rows[3:]] == [
        "the cell has one maximum: there are no paths",
        "the landscape could not be made: killed, as when memory or time run out",
        MISSING,
    ]
    assert rows[4]["optimum_a"] == ""


def test_the_report_reads_it_as_any_table(folder):
    (folder / "results/tables").mkdir()
    CliRunner().invoke(main, ["barriers", "results", "--output", "results/tables/barriers.csv"])
    read = read_table(folder / "results", "barriers")
    assert read["cell"].tolist() == [f"iris, K = {k}" for k in (2, 2, 2, 3, 4, 5)]
    assert read["optimum_b"].tolist() == ["1", "2", "2", "", "", ""]
    assert read["barrier_b"].notna().tolist() == [True] * 3 + [False] * 3


def test_cells_without_landscapes_say_that_none_was_asked_for(folder):
    path = folder / "results/plan.json"
    plan = json.loads(path.read_text())
    plan["config"]["landscape"] = False
    path.write_text(json.dumps(plan))
    found = barrier_table(folder / "results", folder / "logs", [])
    assert found["reason"].tolist()[-1] == OFF


def test_cells_that_are_left_out_have_no_rows(folder):
    found = barrier_table(folder / "results", folder / "logs", [FOLDER.format(k=2)])
    assert found["n_components"].tolist() == [3, 4, 5]
