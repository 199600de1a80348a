from __future__ import annotations

import json
import shutil
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from mixsweep.analysis.census import Thresholds, census
from mixsweep.cell import assemble
from mixsweep.collect import (
    SCALARS,
    _defined,
    cell_group,
    collect,
    methods_of,
    open_sweep,
    read_cell,
    write_sweep,
)
from mixsweep.errors import MixsweepError
from mixsweep.families import FAMILIES as REGISTRY
from mixsweep.io import (
    IncompleteFileError,
    UnwritableFileError,
    file_checksum,
    read_dataset,
    tree_checksum,
    write_dataset,
)
from mixsweep.problems import load_builtin
from mixsweep.schema import FORMAT_VERSION, KINDS
from mixsweep.status import Status
from tests.mixsweep.helpers import FAMILIES, SWEPT, SWEPT_METHODS, cell_spec, write_shards

GRID = ("problem", "family", "n_components")
FITS = ("method", "initializer", "restart")


def test_every_scalar_of_every_cell_is_at_the_root(cells_folder, tree):
    root = tree.to_dataset()
    for key in SWEPT:
        fits, _ = read_cell(cells_folder / cell_group(key))
        here = root.sel(dict(zip(GRID, key, strict=True)))
        for name in SCALARS:
            np.testing.assert_array_equal(here[name].transpose(*FITS), fits[name], err_msg=name)
    for name in SCALARS:
        assert root[name].dims == (*GRID, *FITS)


def test_seconds_and_optimum_come_from_the_files_of_their_own(cells_folder, tree):
    folder = cells_folder / "faithful/gaussian-full/K3"
    here = tree.to_dataset().sel(problem="faithful", family="gaussian-full", n_components=3)
    np.testing.assert_array_equal(here["seconds"], read_dataset(folder / "timing.nc")["seconds"])
    np.testing.assert_array_equal(here["optimum"], read_dataset(folder / "optima.nc")["fit_optimum"])


def test_where_the_grid_has_no_cell_nothing_was_run(tree):
    missing = tree.to_dataset().sel(problem="iris", n_components=2)
    assert (missing["status"] == Status.NOT_RUN).all()
    assert (missing["optimum"] == -1).all()
    assert (missing["n_iterations"] == -1).all()
    for name in ("log_likelihood", "n_passes", "em_decrement", "seconds", "polished_log_likelihood"):
        assert missing[name].isnull().all()
    assert "iris/gaussian-full/K2" not in {path.strip("/") for path in tree.groups}


def test_cells_keep_parameters_traces_and_optima_in_a_group_of_their_own(cells_folder, tree):
    for key in SWEPT:
        group = tree[cell_group(key)]
        fits, optima = read_cell(cells_folder / cell_group(key))
        kept = group["fits"].to_dataset(inherit=False)
        for name in ("weights", "means", "covariances", "trace_passes", "trace_log_likelihood"):
            np.testing.assert_array_equal(kept[name], fits[name])
        found = group["optima"].to_dataset(inherit=False)
        np.testing.assert_array_equal(found["log_likelihood"], optima["log_likelihood"])
        assert {"kind", "basin_share", "n_fits", "weights", "means", "covariances"} <= set(found)


def test_the_file_opens_with_plain_xarray_and_explains_itself(sweep_path):
    with xr.open_datatree(sweep_path) as plain:
        assert plain["log_likelihood"].attrs["units"] == "nat"
        assert plain["status"].attrs["flag_meanings"].split() == Status.labels()
        kind = plain["faithful/gaussian-full/K2/optima/kind"]
        assert kind.attrs["flag_meanings"].split() == list(KINDS)
        assert plain["faithful/gaussian-full/K3/fits/means"].attrs["units"] == "data units"
        assert json.loads(plain.attrs["methods"]) == SWEPT_METHODS
        assert plain.attrs["seed"] == 1
        assert plain["n_components"].values.tolist() == [2, 3]
        np.testing.assert_array_equal(kind.attrs["flag_values"], np.arange(len(KINDS)))


def test_methods_are_read_back_with_their_settings(tree):
    assert methods_of(tree) == SWEPT_METHODS


def test_what_is_written_is_what_was_collected(cells_folder, tree):
    collected = collect(cells_folder, SWEPT)
    xr.testing.assert_equal(tree.load(), collected)


def test_all_variables_are_defined_before_the_first_value(cells_folder, tmp_path):
    """With each value that a definition follows, the library writes all metadata once more."""
    tree = collect(cells_folder, SWEPT)
    with netCDF4.Dataset(tmp_path / "layout.nc", "w") as file:
        writes = _defined(tree, file)
        groups = {path: file if path == "/" else file[path] for path in tree.groups}
        names = {(path, name) for path, group in groups.items() for name in group.variables}
    assert len(writes) == len(names)
    groups = {node.path: node.to_dataset(inherit=False) for node in tree.subtree}
    assert names == {(path, name) for path, group in groups.items() for name in group.variables}


def test_the_same_sweep_has_the_same_bytes(cells_folder, tmp_path):
    contents = set()
    for number in range(3):
        path = tmp_path / f"{number}.nc"
        write_sweep(collect(cells_folder, SWEPT), path)
        contents.add(path.read_bytes())
    assert len(contents) == 1


def test_component_counts_are_sorted_and_problems_keep_their_order(cells_folder):
    tree = collect(cells_folder, [SWEPT[2], SWEPT[1], SWEPT[0]])
    assert tree["problem"].values.tolist() == ["iris", "faithful"]
    assert tree["n_components"].values.tolist() == [2, 3]


@pytest.mark.parametrize("name", ["fits", "timing", "optima"])
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_missing_or_damaged_cell_file_is_named(cells_folder, tmp_path, name, damage):
    shutil.copytree(cells_folder / "faithful", tmp_path / "faithful")
    path = tmp_path / "faithful/gaussian-full/K2" / f"{name}.nc"
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(IncompleteFileError, match=rf"K2/{name}\.nc"):
        collect(tmp_path, SWEPT[:1])


def test_a_plan_without_cells_is_refused(tmp_path):
    with pytest.raises(MixsweepError, match="no cells"):
        collect(tmp_path, [])


def test_a_missing_sweep_is_named_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(IncompleteFileError, match=r"sweep\.nc: no such file; `snakemake .*sweep\.nc` makes"):
        open_sweep(tmp_path / "sweep.nc")


@pytest.mark.parametrize("length", [0, 100, 5000])
def test_a_truncated_sweep_is_named(sweep_path, tmp_path, length):
    path = tmp_path / "sweep.nc"
    path.write_bytes(sweep_path.read_bytes()[:length])
    with pytest.raises(IncompleteFileError, match=r"sweep\.nc: not readable .*delete it"):
        open_sweep(path)


@pytest.mark.parametrize(
    "name", ["log_likelihood", "faithful/gaussian-full/K2/fits/means", "iris/gaussian-full/K3/optima/kind"]
)
def test_a_sweep_with_a_changed_number_is_refused(sweep_path, tmp_path, name):
    path = Path(shutil.copy(sweep_path, tmp_path))
    with netCDF4.Dataset(path, "a") as dataset:
        variable = dataset[name]
        variable.set_auto_mask(False)
        variable[...] = np.where(np.arange(variable.size).reshape(variable.shape) == 0, 3, variable[...])
    with pytest.raises(IncompleteFileError, match=r"sweep\.nc: the content does not match its checksum"):
        open_sweep(path)


def test_the_checksum_of_the_file_is_that_of_the_tree(cells_folder, sweep_path):
    assert file_checksum(sweep_path) == tree_checksum(collect(cells_folder, SWEPT))


def test_a_sweep_without_its_completeness_mark_is_refused(tmp_path):
    path = tmp_path / "sweep.nc"
    xr.DataTree(xr.Dataset({"status": ("restart", np.zeros(3, np.int8))})).to_netcdf(path)
    with pytest.raises(IncompleteFileError, match="incomplete"):
        open_sweep(path)


def test_a_sweep_of_another_format_is_refused(sweep_path, tmp_path):
    path = Path(shutil.copy(sweep_path, tmp_path))
    with netCDF4.Dataset(path, "a") as dataset:
        dataset.mixsweep_format_version = "1"
    with pytest.raises(
        MixsweepError, match=rf"sweep\.nc: written in format 1 .* reads format {FORMAT_VERSION}"
    ):
        open_sweep(path)


def test_an_interrupted_write_leaves_the_old_sweep(sweep_path, tree, tmp_path, monkeypatch):
    path = tmp_path / "sweep.nc"
    path.write_bytes(sweep_path.read_bytes())

    def fail(*_args, **_options):
        raise OSError("disk full")

    monkeypatch.setattr("mixsweep.collect._defined", fail)
    with pytest.raises(UnwritableFileError, match="disk full"):
        write_sweep(tree, path)
    assert path.read_bytes() == sweep_path.read_bytes()
    assert [item.name for item in tmp_path.iterdir()] == ["sweep.nc"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_cell_of_every_family_goes_from_shards_to_the_sweep(tmp_path, family):
    problem, spec = load_builtin("faithful"), cell_spec(family=family)
    write_shards(problem, spec, tmp_path / "shards")
    fits, timing = assemble(problem, spec, tmp_path / "shards")
    optima = census(problem, fits, Thresholds())
    for name, dataset in (("fits", fits), ("timing", timing), ("optima", optima)):
        write_dataset(dataset, tmp_path / f"cells/faithful/{family}/K2/{name}.nc")
    write_sweep(collect(tmp_path / "cells", [("faithful", family, 2)]), tmp_path / "sweep.nc")
    with open_sweep(tmp_path / "sweep.nc") as tree:
        group = tree[f"faithful/{family}/K2"]
        assert group["optima"]["kind"].values[0] == KINDS.index("proper")
        for name in REGISTRY[family].reported:
            np.testing.assert_array_equal(group["fits"][name], fits[name])
            np.testing.assert_array_equal(group["optima"][name], optima[name])


def test_traces_are_compressed_and_parameters_are_not(sweep_path):
    with netCDF4.Dataset(sweep_path) as file:
        stored = file[f"{cell_group(SWEPT[0])}/fits"].variables
        assert stored["trace_log_likelihood"].filters()["zlib"]
        assert not any(stored[name].filters()["zlib"] for name in ("weights", "means", "covariances"))
