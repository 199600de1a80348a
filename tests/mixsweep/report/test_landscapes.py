from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mixsweep.analysis.barrier_table import MISSING, OFF
from mixsweep.io import read_dataset, write_dataset
from mixsweep.report import landscapes
from mixsweep.report.charts import all_charts, describe
from mixsweep.report.figures import standalone
from mixsweep.report.landscapes import LANDSCAPES, landscape_frames
from mixsweep.report.summary import findings
from mixsweep.report.tables import CELL, read_results


@pytest.fixture(scope="module")
def frames(results: Path) -> dict[str, Any]:
    return landscape_frames(read_results(results))


def own(results: Path, cell: str = "galaxies, K = 4") -> tuple[Path, str]:
    problem, k = cell.split(", K = ")
    return results / "cells" / problem / "gaussian-full" / f"K{k}" / "landscape.nc", cell


def test_every_cell_has_numbers_or_a_reason(frames: dict[str, Any], results: Path) -> None:
    cells = read_results(results).tables["verdicts"]["cell"]
    assert list(frames) == list(LANDSCAPES)
    needs = dict(zip(LANDSCAPES, ("gap", "gap", "gap", "x"), strict=True))
    for name, frame in frames.items():
        assert list(frame["cell"].unique()) == list(cells)
        empty = frame[needs[name]].isna()
        assert (empty == (frame["reason"] != "")).all(), name
        # a reason stands by itself
        assert not frame.loc[empty, "cell"].duplicated().any()
    assert (
        frames["tree"]
        .set_index("cell")
        .loc["faithful, K = 1", "reason"]
        .startswith("the cell has one maximum")
    )


def test_heights_are_from_the_best_known(frames: dict[str, Any], results: Path) -> None:
    optima = read_results(results).tables["optima"].set_index(["cell", "optimum"])
    for name in ("tree", "map", "slice"):
        frame = frames[name]
        leaves = frame[frame["optimum"].notna()]
        if name == "tree":
            leaves = leaves[leaves["corner"] == 0]
        expected = optima.loc[list(zip(leaves["cell"], leaves["optimum"], strict=True))]
        np.testing.assert_allclose(leaves["gap"], expected["gap"], rtol=1e-3, atol=1e-9)
        assert (leaves["kind"].to_numpy() == expected["kind"].to_numpy()).all()


def test_paths_begin_at_the_best_known_and_keep_their_lowest_point(
    frames: dict[str, Any], results: Path
) -> None:
    path, cell = own(results)
    found = read_dataset(path)
    paths = frames["paths"]
    mine = paths[paths["cell"] == cell]
    assert set(mine["path"]) == {"straight", "relaxed"}
    for (optimum, way), line in mine.groupby(["optimum", "path"]):
        ends = line.sort_values("place")
        assert ends["gap"].iloc[0] == 0
        assert {ends["place"].min(), ends["place"].max()} == {0, 1}
        best = found["height"].values[0]
        pair = (found["pair_first"] == found["leading"][0]) & (found["pair_second"] == optimum)
        lowest = best - float(found[f"{way}_log_likelihood"].values[pair].min())
        assert line["gap"].max() == pytest.approx(lowest, rel=1e-3)


def test_numbers_on_the_map_stand_apart(frames: dict[str, Any]) -> None:
    for _, cell in frames["map"].dropna(subset=["x"]).groupby("cell"):
        labels = cell[["label_x", "label_y"]].to_numpy()
        apart = np.linalg.norm(labels[:, None] - labels[None], axis=2) + np.eye(len(labels))
        width = (cell[["x_high", "y_high"]].to_numpy() - cell[["x_low", "y_low"]].to_numpy()).max()
        assert apart.min() > 0.02 * width
        assert (labels > cell[["x_low", "y_low"]].to_numpy()).all()
        assert (labels < cell[["x_high", "y_high"]].to_numpy()).all()


@pytest.fixture
def small(synthetic: ModuleType, tmp_path: Path) -> Path:
    cells = [("faithful", "gaussian-full", 4), ("iris", "gaussian-full", 4)]
    folder: Path = synthetic.write_results(tmp_path / "results", cells, 10, ("em", "gd"))
    return folder


def test_cells_without_a_file_say_why(small: Path) -> None:
    shutil.rmtree(small / "cells" / "iris")
    tree = landscape_frames(read_results(small))["tree"].set_index("cell")
    assert tree.loc["iris, K = 4", "reason"] == MISSING
    assert tree.loc["faithful, K = 4", "reason"].eq("").all()
    plan = json.loads((small / "plan.json").read_text())
    plan["config"]["landscape"] = False
    (small / "plan.json").write_text(json.dumps(plan))
    assert landscape_frames(read_results(small))["tree"].set_index("cell").loc["iris, K = 4", "reason"] == OFF


def test_a_cell_whose_landscape_failed_says_what_the_table_of_barriers_says(
    small: Path, synthetic: ModuleType
) -> None:
    shutil.rmtree(small / "cells" / "iris")
    path = small / "tables" / "barriers.csv"
    rows = list(csv.DictReader(path.read_text().splitlines()))
    why = "the landscape could not be made: MemoryError"
    cell = {name: rows[-1][name] for name in CELL}
    kept = [row for row in rows if row["problem"] != "iris"]
    synthetic.write_csv(path, [*kept, dict.fromkeys(rows[0], "") | cell | {"reason": why}])
    found = read_results(small)
    for frame in landscape_frames(found).values():
        assert frame.set_index("cell").loc["iris, K = 4", "reason"] == why
    assert findings(found.tables)[-1] == (
        "Missing",
        "1 landscape could not be made, of iris, K = 4; the table of barriers says why.",
    )
    listed = found.tables["barriers"].set_index("cell")
    assert listed.loc["iris, K = 4", "reason"] == why
    assert listed.loc["faithful, K = 4", "barrier_b"].notna().all()


def test_a_sweep_without_any_landscape_has_all_columns_and_can_be_drawn(small: Path) -> None:
    shutil.rmtree(small / "cells")
    results = read_results(small)
    found = landscape_frames(results)
    charts = all_charts(describe(results.tables))
    for name, columns in LANDSCAPES.items():
        assert {*columns, *CELL, "cell"} == set(found[name])
        assert found[name]["reason"].eq(MISSING).all()
        if name in charts:
            (row,) = standalone(charts[name], found[name], 2)["data"]["values"]
            assert row["text"] == f"Nothing to show: {MISSING}."


def test_a_folder_without_cells_has_empty_tables(tmp_path: Path) -> None:
    found = landscape_frames(read_results(tmp_path))
    assert all(frame.empty and set(LANDSCAPES[name]) <= set(frame) for name, frame in found.items())


def test_large_sweeps_are_thinned_and_then_say_so(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landscapes, "MAX_SLICES", 2 * 11 * 11)
    monkeypatch.setattr(landscapes, "MAX_PATHS", 2 * 2 * 26 * 3)
    found = landscape_frames(read_results(small))
    assert found["slice"]["optimum"].isna().sum() == 2 * 11 * 11
    assert len(found["paths"].drop_duplicates(["cell", "pair"])) == 2 * 3
    monkeypatch.setattr(landscapes, "MAX_SLICES", 10)
    monkeypatch.setattr(landscapes, "MAX_PATHS", 10)
    found = landscape_frames(read_results(small))
    assert set(found["slice"]["reason"]) == set(found["paths"]["reason"]) == {landscapes.FULL}


def test_heights_are_from_the_highest_maximum_where_none_is_proper(small: Path) -> None:
    _, cell = own(small, "iris, K = 4")
    results = read_results(small)
    results.tables["optima"].loc[results.tables["optima"]["kind"] == "proper", "kind"] = "spurious"
    tree = landscape_frames(results)["tree"]
    leaves = tree[(tree["cell"] == cell) & (tree["corner"] == 0)].dropna(subset=["optimum"])
    assert leaves["gap"].min() == 0


def test_paths_to_higher_optima_are_turned_around(small: Path) -> None:
    path, cell = own(small, "iris, K = 4")
    results = read_results(small)
    optima = results.tables["optima"]
    mine = optima["cell"] == cell
    leading = read_dataset(path)["leading"].values
    optima.loc[mine & (optima["optimum"] == leading[0]), "kind"] = "spurious"
    optima.loc[mine & (optima["optimum"] == leading[1]), "kind"] = "proper"
    paths = landscape_frames(results)["paths"]
    turned = paths[(paths["cell"] == cell) & (paths["optimum"] == leading[0])].sort_values("place")
    assert turned["gap"].iloc[0] == 0
    assert turned["gap"].iloc[-1] < 0


def test_a_damaged_file_is_named(small: Path) -> None:
    path, _ = own(small, "iris, K = 4")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(Exception, match=r"landscape\.nc"):
        landscape_frames(read_results(small))


def test_unknown_heights_are_left_out_of_the_drawing(small: Path) -> None:
    path, _ = own(small, "iris, K = 4")
    found = read_dataset(path)
    heights = found["straight_log_likelihood"].copy()
    heights[0, 10:12] = np.nan
    write_dataset(found.assign(straight_log_likelihood=heights), path)
    paths = landscape_frames(read_results(small))["paths"]
    assert paths["gap"].isna().any()
    assert paths.loc[paths["gap"].isna(), "path"].eq("straight").all()
