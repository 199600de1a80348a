from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from mixsweep.errors import MixsweepError
from mixsweep.io import (
    IncompleteFileError,
    UnwritableFileError,
    atomic_path,
    read_dataset,
    write_dataset,
    write_text,
)


@pytest.fixture
def dataset():
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "log_likelihood": (("method", "restart"), rng.normal(size=(2, 30))),
            "weights": (("method", "restart", "component"), rng.random((2, 30, 3))),
            "status": (("method", "restart"), np.ones((2, 30), np.int8)),
        },
        {"method": ["em", "adam"], "restart": np.arange(30)},
        {"seed": 1},
    )


def test_round_trip_without_the_package(tmp_path, dataset):
    write_dataset(dataset, tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as plain:
        np.testing.assert_array_equal(plain["log_likelihood"], dataset["log_likelihood"])
        assert plain["weights"].attrs["units"] == "1"
    xr.testing.assert_equal(read_dataset(tmp_path / "a.nc"), dataset)


def test_every_truncation_is_found_and_named(tmp_path, dataset):
    write_dataset(dataset, tmp_path / "a.nc")
    whole = (tmp_path / "a.nc").read_bytes()
    broken = tmp_path / "broken.nc"
    for length in np.random.default_rng(0).integers(0, len(whole), 100):
        broken.write_bytes(whole[:length])
        with pytest.raises(IncompleteFileError, match=r"broken\.nc"):
            read_dataset(broken)


def test_a_flipped_byte_never_gives_other_numbers(tmp_path, dataset):
    write_dataset(dataset, tmp_path / "a.nc")
    whole = (tmp_path / "a.nc").read_bytes()
    expected = read_dataset(tmp_path / "a.nc")
    found = 0
    for place in np.random.default_rng(1).integers(0, len(whole), 100):
        altered = bytearray(whole)
        altered[place] ^= 0x10
        broken = tmp_path / f"{place}.nc"  # netCDF-C keeps damaged files open: none may change under it
        broken.write_bytes(altered)
        try:
            xr.testing.assert_equal(read_dataset(broken), expected)  # a byte that carries no value
        except IncompleteFileError:
            found += 1
    assert found > 10


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail_half_way():
        with atomic_path(path) as temporary:
            temporary.write_text("new")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


# A file of at most so many bytes, as on a disk that is full after them.
LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
import xarray as xr
from mixsweep.io import UnwritableFileError, write_dataset

dataset = xr.Dataset({"log_likelihood": ("restart", np.arange(3e4))}, {"restart": np.arange(30000)})
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    write_dataset(dataset, Path(sys.argv[1]))
except UnwritableFileError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [0, 3000, 100_000])
def test_a_full_disk_is_told_and_leaves_the_old_file_and_no_litter(tmp_path, dataset, limit):
    path = tmp_path / "a.nc"
    write_dataset(dataset, path)
    before = path.read_bytes()
    command = [sys.executable, "-c", LIMITED, str(path), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert f"{path}: could not be written (" in done.stdout
    assert "MB left" in done.stdout
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.nc"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path, dataset):
    # a folder where nobody can make files, the system's administrator included
    folder = Path("/proc/self")
    if not folder.is_dir():
        folder = tmp_path / "file"
        folder.touch()
    with pytest.raises(UnwritableFileError, match="could not be written"):
        write_dataset(dataset, folder / "a.nc")
    with pytest.raises(UnwritableFileError, match="make the folder writable"):
        write_text(folder / "a.txt", "text")


def test_missing_and_foreign_files_are_named(tmp_path, dataset):
    with pytest.raises(IncompleteFileError, match="no such file"):
        read_dataset(tmp_path / "none.nc")
    dataset.to_netcdf(tmp_path / "foreign.nc")
    with pytest.raises(IncompleteFileError, match="content_sha256"):
        read_dataset(tmp_path / "foreign.nc")


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (("loglik", ("restart",), np.zeros(2)), "not declared"),
        (("weights", ("component", "restart"), np.zeros((2, 2))), "dims"),
        (("status", ("restart",), np.zeros(2)), "dtype"),
    ],
)
def test_undeclared_content_is_refused(tmp_path, variable, message):
    name, dims, values = variable
    with pytest.raises(MixsweepError, match=message):
        write_dataset(xr.Dataset({name: (dims, values)}), tmp_path / "a.nc")
    assert not list(tmp_path.iterdir())
