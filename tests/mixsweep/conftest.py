from __future__ import annotations

import pytest

from mixsweep.collect import collect, open_sweep, write_sweep
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
