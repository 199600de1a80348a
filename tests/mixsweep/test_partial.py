from __future__ import annotations

import json

import pandas as pd
import pytest
import xarray as xr

from mixsweep.io import write_dataset
from mixsweep.partial import cells_left_out, complete_restarts, mark_verdicts, partial_cells
from mixsweep.plan import Cell, cell_shards
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


def test_partial_cells_are_told(tmp_path):
    fits = cell_fits(load_builtin("iris"), tmp_path / "shards", restarts=4)
    folder = tmp_path / "cells" / CELL.folder
    write_dataset(fits, folder / "fits.nc")
    other = "wine/gaussian-full/K2"
    assert partial_cells(tmp_path, [CELL.folder, other]) == []
    fits.attrs["planned_restarts"] = 9
    write_dataset(fits, folder / "fits.nc")
    assert partial_cells(tmp_path, [CELL.folder]) == [f"{CELL.folder} is built from 4 of 9 restarts"]
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
