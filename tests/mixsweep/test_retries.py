from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

from mixsweep.cell import assemble, recorded_spec
from mixsweep.cli import main
from mixsweep.io import read_dataset, write_dataset
from mixsweep.problems import load_builtin, write_problem
from mixsweep.retries import FILE, Changes, retry_cell
from mixsweep.status import Status
from tests.mixsweep.helpers import cell_spec, write_shards

CELL = "faithful/gaussian-full/K3"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a results folder with a cell of which many fits ran out of passes."""
    results = tmp_path_factory.mktemp("results")
    problem = load_builtin("faithful")
    spec = cell_spec(
        n_components=3,
        methods={"em": {"method": "em"}, "lbfgs": {"method": "lbfgs"}},
        restarts=12,
        max_passes=90,
    )
    write_shards(problem, spec, results / "shards")
    fits, _ = assemble(problem, spec, results / "shards")
    write_dataset(fits, results / "cells" / CELL / "fits.nc")
    (results / "problems").mkdir()
    write_problem(problem, results / "problems" / "faithful.nc")
    cell = {"problem": "faithful", "family": "gaussian-full", "n_components": 3}
    (results / "plan.json").write_text(json.dumps({"format_version": "1", "cells": [cell]}))
    return results


@pytest.fixture
def folder(made):
    yield made / "cells" / CELL
    (made / "cells" / CELL / FILE).unlink(missing_ok=True)


def retry(folder, statuses, **changes):
    fits = read_dataset(folder / "fits.nc")
    spec = recorded_spec(folder / "fits.nc", fits)
    return retry_cell(load_builtin("faithful"), spec, folder, statuses, Changes(**changes))


def test_the_retry_stands_beside_the_first_attempt(folder):
    before = (folder / "fits.nc").read_bytes()
    fits = read_dataset(folder / "fits.nc")
    ended = fits["status"].values == Status.BUDGET
    assert 2 < ended.sum() < ended.size
    new = retry(folder, {Status.BUDGET}, max_passes=2000)
    assert (folder / "fits.nc").read_bytes() == before
    record = read_dataset(folder / FILE)
    xr.testing.assert_equal(record, new)
    assert record.sizes["retry"] == ended.sum()
    assert (record["first_status"] == Status.BUDGET).all()
    assert (record["max_passes"] == 2000).all()
    assert (record["tol"] == fits.attrs["tol"]).all()
    assert (record["status"] == Status.CONVERGED).mean() > 0.5
    # the same start and a longer way
    assert (record["log_likelihood"] >= record["first_log_likelihood"] - 1e-6).all()
    for row in range(record.sizes["retry"]):
        one = record.isel(retry=row)
        first = fits.sel({name: one[name].item() for name in ("method", "initializer", "restart")})
        assert first["status"] == Status.BUDGET
        assert first["log_likelihood"] == one["first_log_likelihood"]
        assert first["trace_log_likelihood"][0] == pytest.approx(float(one["trace_log_likelihood"][0]))


def test_attempts_add_up_and_none_is_repeated(folder):
    count = retry(folder, {Status.BUDGET}, max_passes=100).sizes["retry"]
    assert retry(folder, {Status.BUDGET}, max_passes=100) is None
    before = read_dataset(folder / FILE)
    assert retry(folder, {Status.BUDGET}, max_passes=110).sizes["retry"] == count
    after = read_dataset(folder / FILE)
    assert after.sizes["retry"] == 2 * count
    xr.testing.assert_equal(after.isel(retry=slice(count)), before)


def test_nothing_is_written_where_nothing_failed(folder):
    assert retry(folder, {Status.DIVERGED}) is None
    assert not (folder / FILE).exists()


def test_a_retry_without_changes_ends_as_the_first_attempt(folder):
    record = retry(folder, {Status.BUDGET})
    np.testing.assert_allclose(record["log_likelihood"], record["first_log_likelihood"], rtol=1e-9)
    assert (record["status"] == record["first_status"]).all()


def test_the_command_says_what_it_did(made, folder):
    arguments = ["rerun", str(made), "--status", "budget", "--max-passes", "2000"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert f"{CELL}/{FILE}: " in done.output
    assert " converged" in done.output
    assert f"{CELL}: nothing to run again" in CliRunner().invoke(main, arguments).output
    assert (
        "nothing to run again"
        in CliRunner().invoke(main, ["rerun", str(made), "--status", "diverged"]).output
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "--failed"),
        (["--status", "collapsd"], "did you mean 'collapsed'"),
        (["--failed", "--cell", "faithful/gaussian-full/K4"], f"did you mean '{CELL}'"),
        (["--failed", "--floor", "2"], "--floor"),
    ],
)
def test_mistakes_are_told(made, arguments, told):
    done = CliRunner().invoke(main, ["rerun", str(made), *arguments])
    assert done.exit_code == 2
    assert told in done.output
