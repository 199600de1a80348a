from __future__ import annotations

import netCDF4
import numpy as np
import pytest
import xarray as xr

from mixsweep.contents import Contents, StoredArray, define, read_group


@pytest.fixture
def dataset():
    return xr.Dataset(
        {
            "heights": (("place", "time"), np.arange(6.0).reshape(2, 3), {"units": "nat"}),
            "seen": ("place", [True, False]),
            "count": ((), np.int64(3)),
            "words": ("time", ["a", "", "longer"]),
        },
        {"place": ["x", "\u00fc"], "rank": ("place", np.array([2, 1], np.int8))},
        {"seed": 1, "share": 0.5, "name": "all", "flags": np.arange(3, dtype=np.int8)},
    )


def write(contents, path, **options):
    with netCDF4.Dataset(path, "w") as file:
        for write_values in define(file, contents, **options):
            write_values()


@pytest.mark.parametrize("compress", [False, True])
def test_what_is_written_is_what_xarray_reads_and_what_is_read(dataset, tmp_path, compress):
    write(Contents.of(dataset), tmp_path / "a.nc", compress=compress)
    with xr.open_dataset(tmp_path / "a.nc") as opened:
        xr.testing.assert_identical(opened.load(), dataset)
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        xr.testing.assert_identical(read_group(file).dataset(), dataset)


def test_what_xarray_writes_is_read(dataset, tmp_path):
    dataset.to_netcdf(tmp_path / "a.nc")
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        found = read_group(file).dataset()
    xr.testing.assert_equal(found, dataset)
    assert {name: variable.dtype.kind for name, variable in found.variables.items()} == {
        name: variable.dtype.kind for name, variable in dataset.variables.items()
    }


def test_numbers_that_are_not_finite_and_fill_values_stay(tmp_path):
    fill = netCDF4.default_fillvals["f8"]
    values = np.array([np.nan, np.inf, -np.inf, fill, 0.0])
    contents = Contents({"height": StoredArray(("place",), values)}, {})
    write(contents, tmp_path / "a.nc", compress=False)
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        np.testing.assert_array_equal(read_group(file)["height"], values)


def test_large_numbers_are_compressed_where_that_is_wanted(tmp_path):
    contents = Contents({"zeros": StoredArray(("place",), np.zeros(10_000))}, {})
    write(contents, tmp_path / "plain.nc", compress=False)
    write(contents, tmp_path / "packed.nc", compress=True)
    assert (tmp_path / "packed.nc").stat().st_size < 0.5 * (tmp_path / "plain.nc").stat().st_size


def test_variables_are_found_by_name():
    contents = Contents({"height": StoredArray((), np.array(1.0))}, {"seed": 1})
    assert "height" in contents
    assert "width" not in contents
    assert contents["height"] == 1.0
