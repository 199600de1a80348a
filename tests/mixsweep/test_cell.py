from __future__ import annotations

import logging

import numpy as np
import pytest

from mixsweep.cell import assemble, recorded_spec
from mixsweep.errors import MixsweepError
from mixsweep.io import IncompleteFileError, read_dataset, write_dataset
from mixsweep.problems import load_builtin
from mixsweep.shard import fit_shard
from mixsweep.shard_file import timing_path
from tests.mixsweep.helpers import cell_spec, spec, write_shards

METHODS = {"em": {"method": "em"}, "quick": {"method": "lbfgs", "memory": 3}}


@pytest.fixture(scope="module")
def problem():
    return load_builtin("faithful")


@pytest.fixture
def cell():
    return cell_spec(methods=METHODS, initializers=("random-points", "kmeans++"), restarts=130)


@pytest.fixture
def small():
    return cell_spec(restarts=5)


def test_shards_are_put_in_their_places(problem, cell, tmp_path):
    paths = write_shards(problem, cell, tmp_path)
    assert len(paths) == 8  # two blocks for each method and initializer
    fits, timing = assemble(problem, cell, tmp_path)
    assert fits["status"].shape == (2, 2, 130)
    for path, (shard, _) in zip(paths, cell.shard_specs(problem), strict=True):
        one, seconds = read_dataset(path), read_dataset(timing_path(path))
        here = {"method": shard.method, "initializer": shard.initializer}
        block = slice(shard.start, shard.stop)
        for name in one.data_vars:
            np.testing.assert_array_equal(fits[name].sel(here)[block], one[name], err_msg=str(name))
        np.testing.assert_array_equal(timing["seconds"].sel(here)[block], seconds["seconds"])
    assert fits["feature"].values.tolist() == ["eruptions", "waiting"]
    assert "seconds" not in fits


def test_a_cell_survives_its_files(problem, small, tmp_path):
    write_shards(problem, small, tmp_path)
    fits, _ = assemble(problem, small, tmp_path)
    write_dataset(fits, tmp_path / "fits.nc")
    read = read_dataset(tmp_path / "fits.nc")
    assert read.attrs["family"] == "gaussian-full"
    assert read.attrs["seed"] == 1
    np.testing.assert_array_equal(read["means"], fits["means"])


@pytest.mark.parametrize("which", ["fits", "timing"])
def test_a_truncated_shard_is_named_in_the_log_and_fitted_to_the_same_bytes(
    problem, small, tmp_path, caplog, which
):
    (path,) = write_shards(problem, small, tmp_path)
    whole = path.read_bytes()
    damaged = path if which == "fits" else timing_path(path)
    damaged.write_bytes(damaged.read_bytes()[:1500])
    with caplog.at_level(logging.WARNING):
        fits, timing = assemble(problem, small, tmp_path)
    assert str(damaged) in caplog.text
    assert "fitting this shard again" in caplog.text
    assert path.read_bytes() == whole
    assert np.isfinite(fits["log_likelihood"]).all()
    assert (timing["seconds"] > 0).all()


def test_a_sound_cell_logs_nothing(problem, small, tmp_path, caplog):
    write_shards(problem, small, tmp_path)
    with caplog.at_level(logging.INFO):
        assemble(problem, small, tmp_path)
    assert not caplog.records


def test_a_missing_shard_is_named_and_not_made(problem, small, tmp_path):
    (path,) = write_shards(problem, small, tmp_path)
    path.unlink()
    with pytest.raises(IncompleteFileError, match=r"em/random-points-000000-000005\.nc: no such file"):
        assemble(problem, small, tmp_path)
    assert not path.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 2}, r"made with seed = 2, but this sweep has 1"),
        ({"tol": 1e-3}, r"made with tol = 0\.001, but this sweep has 1e-08"),
        ({"max_passes": 20}, r"made with max_passes = 20, but this sweep has 300"),
        ({"covariance_floor": 1e-3}, r"made with covariance_floor"),
        ({"n_components": 3}, r"made with n_components = 3"),
        ({"method": "em", "settings": {"method": "lbfgs"}}, r"made with settings .*lbfgs.*, but .*em"),
        ({"initializer": "kmeans++"}, r"made with initializer = 'kmeans\+\+'"),
        ({"start": 5, "stop": 10}, r"made with start = 5, but this sweep has 0"),
    ],
)
def test_a_shard_made_otherwise_is_refused_with_what_differs(problem, small, tmp_path, changes, words):
    (path,) = write_shards(problem, small, tmp_path)
    fits, _ = fit_shard(problem, spec(**({"stop": 5} | changes)))
    write_dataset(fits, path)
    with pytest.raises(MixsweepError, match=words) as raised:
        assemble(problem, small, tmp_path)
    assert str(path) in str(raised.value)
    assert "--directory" in str(raised.value)


def test_a_shard_of_other_data_is_refused(problem, small, tmp_path):
    (path,) = write_shards(problem, small, tmp_path)
    other = load_builtin("faithful")
    other.X[0, 0] += 1
    fits, _ = fit_shard(other, spec(stop=5))
    write_dataset(fits, path)
    with pytest.raises(MixsweepError, match="made with data_checksum"):
        assemble(problem, small, tmp_path)


def test_a_shard_of_another_version_of_the_numerics_is_refused(problem, small, tmp_path):
    (path,) = write_shards(problem, small, tmp_path)
    fits = read_dataset(path)
    fits.attrs["numerics_version"] = "0"
    write_dataset(fits, path)
    with pytest.raises(MixsweepError, match="made with numerics_version = '0'"):
        assemble(problem, small, tmp_path)


def test_how_a_cell_was_made_is_read_from_its_file(problem, cell, tmp_path):
    write_shards(problem, cell, tmp_path)
    fits, _ = assemble(problem, cell, tmp_path)
    write_dataset(fits, tmp_path / "fits.nc")
    assert recorded_spec(tmp_path / "fits.nc", read_dataset(tmp_path / "fits.nc")) == cell
