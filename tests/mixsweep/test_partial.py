from __future__ import annotations

import json

import pandas as pd
import pytest
import xarray as xr

from mixsweep.io import write_dataset
from mixsweep.partial import Part, cells_left_out, complete_restarts, mark_verdicts, part_of, partial_cells
from mixsweep.plan import Cell, Shard, cell_shards
from mixsweep.problems import load_builtin
from tests.mixsweep.helpers import cell_fits

CELL = Cell("iris", "gaussian-full", 2, 150, 4)
METHODS = {"em": "em", "gd": "gd"}


def shards_of(restarts):
    return cell_shards(CELL, METHODS, ["random-points"], restarts, 100)


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ([], 250),
        ([("em", 200)], 200),
        ([("gd", 100)], 100),
        ([("em", 200), ("gd", 100)], 100),
        ([("em", 0)], 0),
        ([("em", 0), ("gd", 0)], 0),
    ],
)
def test_restarts_that_every_method_has(missing, expected):
    there = complete_restarts(shards_of, 250, lambda shard: (shard.method, shard.start) not in missing)
    assert there == expected


def test_a_block_that_was_cut_short_does_not_stand_for_a_whole_one():
    """With 250 restarts the last block is 200 to 250; a config of 300 has one of 200 to 300."""
    found = {(shard.method, shard.start, shard.stop) for shard in shards_of(250)}
    there = complete_restarts(shards_of, 300, lambda shard: (shard.method, shard.start, shard.stop) in found)
    assert there == 200


@pytest.mark.parametrize(
    ("missing", "methods", "restarts", "there"),
    [
        ([], ("em", "gd"), 250, {"em": 250, "gd": 250}),
        ([("em", 200)], ("em", "gd"), 200, {"em": 200, "gd": 250}),
        ([("em", 0)], ("gd",), 250, {"em": 0, "gd": 250}),
        ([("em", 0), ("gd", 100)], ("gd",), 100, {"em": 0, "gd": 100}),
        ([("em", 0), ("gd", 0)], (), 0, {"em": 0, "gd": 0}),
    ],
)
def test_a_method_without_its_first_block_leaves_the_cell_to_the_others(missing, methods, restarts, there):
    found = part_of(shards_of, 250, lambda shard: (shard.method, shard.start) not in missing)
    assert found == Part(methods, restarts, there)


def test_methods_whose_blocks_never_end_together_do_not_spoil_each_other():
    """The blocks of one method are longer than what the other one has of it."""

    def of(restarts):
        cuts = [("long", 0, restarts), *(("short", start, start + 10) for start in range(0, restarts, 10))]
        return [Shard(CELL, method, "random-points", start, stop) for method, start, stop in cuts]

    # of the short ones the last is there too, of no use without those before it
    there = {("long", 100), ("short", 10), ("short", 20), ("short", 30), ("short", 100)}
    found = part_of(of, 100, lambda shard: (shard.method, shard.stop) in there)
    assert found == Part(("long",), 100, {"long": 100, "short": 30})


def test_partial_cells_are_told(tmp_path):
    fits = cell_fits(load_builtin("iris"), tmp_path / "shards", restarts=4)
    folder = tmp_path / "cells" / CELL.folder
    write_dataset(fits, folder / "fits.nc")
    other = "wine/gaussian-full/K2"
    assert partial_cells(tmp_path, [CELL.folder, other]) == []
    fits.attrs |= {"planned_restarts": 9, "restarts_there": '{"em":4}'}
    write_dataset(fits, folder / "fits.nc")
    (told,) = partial_cells(tmp_path, [CELL.folder])
    assert told == f"{CELL.folder} is built from 4 of 9 restarts (em 4 are there)"
    fits.attrs["restarts_there"] = '{"adam":0,"em":4}'
    write_dataset(fits, folder / "fits.nc")
    (told,) = partial_cells(tmp_path, [CELL.folder])
    alone = "of em alone and is not in sweep.nc (adam 0, em 4 are there)"
    assert told == f"{CELL.folder} is built from 4 of 9 restarts {alone}"
    (folder / "fits.nc").write_bytes((folder / "fits.nc").read_bytes()[:900])
    assert str(folder / "fits.nc") in partial_cells(tmp_path, [CELL.folder])[0]


def test_cells_that_a_sweep_was_made_without(tmp_path):
    assert cells_left_out(tmp_path / "none.nc") == []
    xr.Dataset(attrs={"cells_left_out": '["a/b/K2"]'}).to_netcdf(tmp_path / "part.nc")
    xr.Dataset().to_netcdf(tmp_path / "whole.nc")
    (tmp_path / "broken.nc").write_bytes(b"nothing")
    assert cells_left_out(tmp_path / "part.nc") == ["a/b/K2"]
    assert cells_left_out(tmp_path / "whole.nc") == []
    assert cells_left_out(tmp_path / "broken.nc") == []


def test_verdicts_of_partial_cells_say_so():
    verdicts = pd.DataFrame(
        {
            "problem": ["iris", "iris", "wine"],
            "family": ["gaussian-full"] * 3,
            "n_components": [2, 3, 2],
            "verdict": ["One.", "Two.", "Three."],
        }
    )
    mark_verdicts(verdicts, {})
    assert verdicts["verdict"].tolist() == ["One.", "Two.", "Three."]
    mark_verdicts(verdicts, {"partial_cells": json.dumps({"iris/gaussian-full/K3": [100, 200]})})
    assert verdicts["verdict"].tolist() == ["One.", "Partial: 100 of 200 restarts. Two.", "Three."]
