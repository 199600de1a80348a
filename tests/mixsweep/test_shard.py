from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from mixsweep import kernels
from mixsweep.io import read_dataset, write_dataset
from mixsweep.kernels import library
from mixsweep.problems import load_builtin, write_problem
from mixsweep.shard import fit_shard
from mixsweep.status import Status
from tests.mixsweep.helpers import METHODS, SOLVERS, spec


@pytest.mark.parametrize("method", METHODS)
def test_the_same_block_gives_the_same_bytes(tmp_path, method):
    problem = load_builtin("iris")
    stop = 2 if method in SOLVERS else 8  # one fit at a time takes long
    made_from = spec(method=method, settings={"method": method}, n_components=3, stop=stop)
    for name in ("a", "b"):
        fits, _ = fit_shard(problem, made_from)
        write_dataset(fits, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_block_does_not_depend_on_where_it_begins():
    problem = load_builtin("faithful")
    whole, _ = fit_shard(problem, spec(stop=10))
    part, _ = fit_shard(problem, spec(start=4, stop=10))
    np.testing.assert_allclose(whole["log_likelihood"][4:], part["log_likelihood"], rtol=1e-9)
    np.testing.assert_array_equal(whole["restart"][4:], part["restart"])


def test_methods_share_their_starts():
    problem = load_builtin("faithful")
    first = {
        method: fit_shard(problem, spec(method=method, settings={"method": method}))[0][
            "trace_log_likelihood"
        ][:, 0]
        for method in METHODS
    }
    for values in first.values():
        np.testing.assert_allclose(values, first["em"], rtol=1e-12)


def test_what_a_shard_holds(tmp_path):
    problem = load_builtin("faithful")
    fits, timing = fit_shard(problem, spec())
    write_dataset(fits, tmp_path / "fits.nc")
    write_dataset(timing, tmp_path / "timing.nc")
    read = read_dataset(tmp_path / "fits.nc")
    assert "seconds" not in read
    assert read.attrs["problem"] == "faithful"
    assert read["status"].attrs["flag_meanings"].split()[1] == "converged"
    assert read["log_likelihood"].attrs["units"] == "nat"
    assert set(read["status"].values.tolist()) == {int(Status.CONVERGED)}
    assert (read_dataset(tmp_path / "timing.nc")["seconds"] > 0).all()


@pytest.mark.parametrize(
    ("name", "n_components", "expected", "tolerance"),
    [("faithful", 2, -1130.2640, 1e-3), ("iris", 2, -214.3547, 1e-3), ("faithful", 3, -1114.4399, 3e-3)],
)
def test_reference_log_likelihoods_are_reached(name, n_components, expected, tolerance):
    fits, _ = fit_shard(
        load_builtin(name), spec(n_components=n_components, stop=60, max_passes=2000, tol=1e-10)
    )
    assert abs(float(fits["log_likelihood"].max()) - expected) < tolerance


def test_iris_three_reaches_the_textbook_value():
    fits, _ = fit_shard(
        load_builtin("iris"),
        spec(n_components=3, initializer="kmeans++", stop=60, max_passes=2000, tol=1e-10),
    )
    assert np.isclose(fits["log_likelihood"], -180.1855, atol=3e-3).any()


def test_a_process_that_fits_takes_no_library_along_that_it_does_not_need(tmp_path):
    write_problem(load_builtin("iris"), tmp_path / "iris.nc")
    code = """
import json, sys
from mixsweep.cli import main

options = {"output": "fits.nc", "timing": "timing.nc", "family": "gaussian-full", "n-components": 2,
    "method": "em", "settings": json.dumps({"method": "em"}), "initializer": "random-points",
    "restarts": "0:3", "seed": 1, "tol": 1e-6, "max-passes": 20, "covariance-floor": 1e-6}
main(["shard", "iris.nc", *(word for name in options for word in (f"--{name}", str(options[name])))],
     standalone_mode=False)
large = {"xarray", "pandas", "pyarrow", "pydantic", "scipy", "dask", "numba", "llvmlite", "snakemake"}
sys.exit(f"imported {large & set(sys.modules)}" if large & set(sys.modules) else 0)
"""
    environment = {**os.environ} if library.linker() else {**os.environ, kernels.VARIABLE: "numpy"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
