from __future__ import annotations

import shutil

import pytest

from mixsweep import kernels
from mixsweep.collect import collect, open_sweep, write_sweep
from mixsweep.problems import load_builtin, write_problem
from tests.mixsweep.helpers import SWEPT, write_cells


@pytest.fixture(scope="session")
def cells_folder(tmp_path_factory):
    """Cells of a small sweep, fitted once: ``fits.nc``, ``timing.nc`` and ``optima.nc`` of each."""
    return write_cells(tmp_path_factory.mktemp("sweep"))


@pytest.fixture(scope="session")
def sweep_path(cells_folder):
    path = cells_folder.parent / "sweep.nc"
    write_sweep(collect(cells_folder, SWEPT), path)
    return path


@pytest.fixture
def tree(sweep_path):
    with open_sweep(sweep_path) as opened:
        yield opened


@pytest.fixture
def results(cells_folder, tmp_path):
    """Return a results folder of its own with these cells and the problem faithful."""
    shutil.copytree(cells_folder, tmp_path / "cells")
    write_problem(load_builtin("faithful"), tmp_path / "problems" / "faithful.nc", 1)
    return tmp_path


@pytest.fixture(params=["numba", "numpy"])
def either_kernel(request, monkeypatch):
    """Run every test with either kernel; without numba installed both are NumPy."""
    monkeypatch.setenv(kernels.VARIABLE, request.param)
    kernels.load.cache_clear()
    yield
    kernels.load.cache_clear()
