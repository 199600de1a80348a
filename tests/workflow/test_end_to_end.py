"""One command from a config to a report, the same to the byte whoever runs the jobs."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr


def test_all_jobs_run_once(whole: Any) -> None:
    _, done = whole
    assert done.jobs == {
        "all": 1, "plan": 1, "problem": 2, "shard": 12, "cell": 3, "optima": 3,
        "landscape": 3, "collect": 1, "analyse": 1, "speed": 1, "barriers": 1, "report": 1, "figures": 1,
    }  # fmt: skip
    assert done.fits == 1200


def test_run_ends_with_cpu_time_size_and_place_of_the_report(whole: Any) -> None:
    sweep, done = whole
    found = re.search(r"worker computation ([\d.]+) s CPU, everything else ([\d.]+) s CPU", done.output)
    assert found
    assert float(found[1]) > 1
    assert re.search(
        r"^All 1200 fits of 3 cells are there; this run took \d+ s\.$", done.output, re.MULTILINE
    )
    page = sweep.results / "report" / "index.html"
    assert f"Report: {page}" in done.output
    assert page.stat().st_size > 100_000


def test_nothing_is_left_behind(whole: Any, wait: Callable[..., None]) -> None:
    sweep, _ = whole
    wait(lambda: not sweep.processes(), 15)
    assert not [path for path in sweep.directory.rglob("*") if path.name.endswith(".tmp")]


def test_same_bytes_with_one_worker(whole: Any, make_sweep: Callable[..., Any], tmp_path: Path) -> None:
    other = make_sweep(tmp_path / "other")
    done = other.run(*other.cells, "--cores", "1")
    assert "Dask: started 1 worker on this machine." in done.output
    assert done.jobs["shard"] == 12
    assert other.bytes() == whole[0].bytes()


def test_same_bytes_without_dask(whole: Any, make_sweep: Callable[..., Any], tmp_path: Path) -> None:
    other = make_sweep(tmp_path / "other")
    # a real cell and a simulated one: here every job is an interpreter of its own
    targets = other.cells[:4]
    done = other.run(*targets, "--cores", "2", "-e", "local")
    assert "Dask" not in done.output
    assert "800 of 1200 fits of 3 cells are there" in done.output
    assert "Report:" not in done.output
    assert done.jobs == {"problem": 2, "shard": 8, "cell": 2, "optima": 2}
    for target in targets:
        assert (other.directory / target).read_bytes() == (whole[0].directory / target).read_bytes()


def test_second_call_has_nothing_to_do(whole: Any) -> None:
    sweep, _ = whole
    before = sweep.tree()
    done = sweep.run("--cores", "2")
    assert "Nothing to be done" in done.output
    assert "Dask" not in done.output
    assert sweep.tree() == before


def test_sweep_opens_with_plain_xarray_and_agrees_with_the_cells(whole: Any) -> None:
    sweep, _ = whole
    with xr.open_datatree(sweep.results / "sweep.nc") as tree:
        root = tree.to_dataset().load()
    assert root["log_likelihood"].dims == (
        "problem", "family", "n_components", "method", "initializer", "restart",
    )  # fmt: skip
    for target in sweep.cells[::2]:
        problem, family, count = Path(target).parts[2:5]
        with xr.open_dataset(sweep.directory / target) as fits:
            fits.load()
        cell = root.sel(problem=problem, family=family, n_components=int(count[1:]))
        for name in ("log_likelihood", "status", "n_passes", "n_iterations", "em_decrement"):
            np.testing.assert_array_equal(cell[name].transpose(*fits[name].dims).values, fits[name].values)
    # a cell that the grid has but the config does not
    assert (root["status"].sel(problem="faithful", n_components=3) == 0).all()
    best = root["log_likelihood"].sel(problem="faithful", n_components=2).max()
    assert float(best) == pytest.approx(-1130.2640, abs=1e-3)


def test_report_of_snakemake_s_own(whole: Any) -> None:
    sweep, _ = whole
    sweep.run("--report", "x.zip")
    with zipfile.ZipFile(sweep.directory / "x.zip") as archive:
        names = archive.namelist()
    assert any(name.endswith("report.html") for name in names)
    assert sum(name.endswith(".svg") for name in names) >= 4


def test_status_of_a_finished_sweep(whole: Any) -> None:
    assert "12 shards: 12 done, 0 missing, 0 failed, 0 damaged" in whole[0].mixsweep("status", "--check")
