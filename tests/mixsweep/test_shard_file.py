from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr

from mixsweep.io import read_dataset
from mixsweep.problems import load_builtin
from mixsweep.shard_file import finished, timing_path
from tests.mixsweep.helpers import cell_spec, write_shards


@pytest.fixture(scope="module")
def problem():
    return load_builtin("faithful")


@pytest.fixture(scope="module")
def shard(problem, tmp_path_factory):
    """Return a finished shard: what it is made from, its file and that of its wall times."""
    cell = cell_spec(restarts=5)
    (path,) = write_shards(problem, cell, tmp_path_factory.mktemp("shard"))
    ((_, made_from),) = cell.shard_specs(problem)
    return made_from, path, timing_path(path)


def test_a_finished_shard_is_recognised(problem, shard):
    made_from, path, timing = shard
    xr.testing.assert_identical(finished(problem, made_from, path, timing).dataset(), read_dataset(path))


@pytest.mark.parametrize("which", ["fits", "timing"])
def test_a_shard_cut_off_anywhere_is_not_finished(problem, shard, tmp_path, which):
    made_from, *files = shard
    cut = files[which == "timing"]
    whole = cut.read_bytes()
    broken = tmp_path / "broken.nc"
    for length in np.random.default_rng(2).integers(0, len(whole), 100):
        broken.write_bytes(whole[:length])
        pair = [broken if path == cut else path for path in files]
        assert finished(problem, made_from, *pair) is None


def test_a_flipped_byte_is_found_or_changes_nothing(problem, shard, tmp_path):
    made_from, path, timing = shard
    whole = path.read_bytes()
    expected = read_dataset(path)
    found = 0
    for place in np.random.default_rng(3).integers(0, len(whole), 60):
        altered = bytearray(whole)
        altered[place] ^= 0x01
        broken = tmp_path / f"{place}.nc"  # netCDF-C keeps damaged files open: none may change under it
        broken.write_bytes(altered)
        there = finished(problem, made_from, broken, timing)
        found += there is None
        if there is not None:
            xr.testing.assert_equal(there.dataset(), expected)
    assert found > 10


OTHERS = ({"seed": 2}, {"tol": 1e-3}, {"stop": 6}, {"settings": {"method": "squarem"}})


@pytest.mark.parametrize("change", OTHERS)
def test_a_shard_of_another_sweep_is_not_finished(problem, shard, change):
    made_from, path, timing = shard
    assert finished(problem, dataclasses.replace(made_from, **change), path, timing) is None


def test_a_missing_file_is_not_finished(problem, shard, tmp_path):
    made_from, path, timing = shard
    assert finished(problem, made_from, tmp_path / "none.nc", timing) is None
    assert finished(problem, made_from, path, tmp_path / "none.nc") is None
