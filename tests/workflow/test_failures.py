"""What goes wrong stays where it is, is named, and can be put right."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from tests.workflow.sweeps import CONFIG

# A method of somebody else's that works only if it finds its file, and until then fails like a full disk.
FRAGILE = """
import os
from dataclasses import dataclass

from mixsweep.methods.em import EM


@dataclass(frozen=True)
class Fragile(EM):
    name = "fragile"

    def start(self, objective, parameters, seeds):
        if objective.n_components == 3 and not os.path.exists(os.environ["FRAGILE"]):
            raise OSError(28, "No space left on device")
        return super().start(objective, parameters, seeds)
"""


# A family of somebody else's on whose surface no path can be drawn between the maxima of three components.
PATHLESS = """
import os
import traceback

from mixsweep.families.gaussian_full import GaussianFull


class Fragile(GaussianFull):
    name = "fragile"

    def from_reported(self, reported, location, scale):
        asked = any("analysis/landscape" in frame.filename for frame in traceback.extract_stack())
        if asked and reported["weights"].shape[-1] == 3 and not os.path.exists(os.environ["FRAGILE"]):
            raise ArithmeticError("no way leads up from here")
        return super().from_reported(reported, location, scale)
"""


def installed(folder: Path, group: str, code: str) -> dict[str, str]:
    """Install an entry ``fragile``; return the variables under which it is found, and mended by a file."""
    info = folder / "installed" / "fragile-1.0.dist-info"
    info.mkdir(parents=True)
    (info.parent / "fragile.py").write_text(code)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fragile\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\nfragile = fragile:Fragile\n")
    return {"PYTHONPATH": str(info.parent), "FRAGILE": str(folder / "mended")}


@pytest.fixture
def fragile(make_sweep: Callable[..., Any], tmp_path: Path) -> Any:
    sweep = make_sweep(tmp_path / "sweep", methods={"em": {}, "fragile": {}}, restarts=20)
    sweep.variables = installed(tmp_path, "mixsweep.methods", FRAGILE)
    return sweep


@pytest.fixture
def pathless(make_sweep: Callable[..., Any], tmp_path: Path) -> Any:
    problems = {"blobs": CONFIG["problems"]["blobs"]}
    arms = {"families": ["fragile"], "methods": {"em": {}}, "restarts": 20}
    sweep = make_sweep(tmp_path / "sweep", problems=problems, **arms)
    sweep.variables = installed(tmp_path, "mixsweep.families", PATHLESS)
    return sweep


def test_one_failed_shard_stops_nothing_else_and_can_be_rerun(fragile: Any, tmp_path: Path) -> None:
    done = fragile.run("--cores", "2", code=1)
    # tried again once, and only its own cell has to wait
    assert done.jobs == {"plan": 1, "problem": 2, "shard": 5, "cell": 2, "optima": 2, "landscape": 2}
    assert "No space left on device" in done.output
    assert f"mixsweep status {fragile.results} names the failed shards" in done.output

    told = fragile.mixsweep("status")
    assert "6 shards: 5 done, 0 missing, 1 failed, 0 damaged" in told
    name = "blobs-n60-d2-k2-s3-r1/gaussian-full/K3/fragile/random-points-000000-000020"
    assert f"failed: results/shards/{name}.nc" in told
    assert "No space left on device" in told
    assert f"logs/shard/{name}.log" in told

    (tmp_path / "mended").touch()
    rerun = re.search(r"rerun: snakemake (.*)", told)
    assert rerun
    kept = fragile.shards()
    arguments = shlex.split(rerun[1])
    assert fragile.run(*arguments).jobs == {"shard": 1}
    assert fragile.shards().items() > kept.items()
    assert "6 shards: 6 done" in fragile.mixsweep("status")


def test_a_failed_landscape_is_missing_from_the_report_which_says_why(pathless: Any, tmp_path: Path) -> None:
    cell = "blobs-n60-d2-k2-s3-r1/fragile/K3"
    landscape = pathless.results / "cells" / cell / "landscape.nc"
    page = pathless.results / "report" / "index.html"
    why = "the landscape could not be made: ArithmeticError: no way leads up from here"

    done = pathless.run("--cores", "2", code=1)
    assert done.output.count("Trying to restart job") == 2
    assert {rule: done.jobs[rule] for rule in ("collect", "speed", "barriers", "figures")} == {
        "collect": 1, "speed": 1, "barriers": 1, "figures": 1,
    }  # fmt: skip
    assert "All 40 fits of 2 cells are there" in done.output
    assert f"1 of 2 landscapes could not be made: {cell}. What else was asked for is there" in done.output
    assert "LandscapeError" in done.output
    assert "Traceback" not in done.output
    # nothing stands in its place once the run has ended
    assert not landscape.exists()

    def reasons() -> dict[str, str]:
        with open(pathless.results / "tables" / "barriers.csv", newline="") as stream:
            rows = csv.DictReader(stream)
            return {row["n_components"]: row["reason"] for row in rows}

    assert reasons() == {"2": "", "3": why}
    assert why in page.read_text()
    told = pathless.mixsweep("status")
    assert "2 shards: 2 done, 0 missing, 0 failed, 0 damaged" in told
    assert f"failed: results/cells/{cell}/landscape.nc" in told
    assert "ArithmeticError: no way leads up from here" in told

    # it is tried again by the same call, and whoever mends the cause has everything
    (tmp_path / "mended").touch()
    done = pathless.run("--cores", "2")
    assert done.jobs == {"all": 1, "landscape": 1, "barriers": 1, "report": 1, "figures": 1}
    assert landscape.stat().st_size > 0
    assert reasons() == {"2": "", "3": ""}
    assert why not in page.read_text()
    assert "failed" not in pathless.mixsweep("status").partition("\n")[2]
    # and so is what a run has left that was killed before its end
    landscape.write_bytes(b"")
    assert re.search(r"^landscape +1$", pathless.run("--cores", "2", "-n").output, re.MULTILINE)
    assert not landscape.exists()


def test_truncated_shard_is_named_and_made_again(whole: Any, copied: Any) -> None:
    name = "results/shards/faithful/gaussian-full/K2/em/random-points-000100-000200.nc"
    path = copied.directory / name
    path.write_bytes(path.read_bytes()[:-1000])
    told = copied.mixsweep("status", "--check")
    assert "1 damaged" in told
    assert f"damaged: {name}" in told

    done = copied.run(*copied.cells, "--cores", "2")
    assert "shard" not in done.jobs
    log = (copied.directory / "logs/cell/faithful/gaussian-full/K2.log").read_text()
    assert name in log
    assert "fitting this shard again" in log
    assert copied.bytes() == whole[0].bytes()
    assert path.read_bytes() == (whole[0].directory / name).read_bytes()
    assert "12 done" in copied.mixsweep("status", "--check")


def test_shard_made_by_something_else_is_not_used(copied: Any) -> None:
    """A file of another block in a shard's place, as a mistaken copy would leave."""
    folder = copied.results / "shards/faithful/gaussian-full/K2/em"
    wrong = folder / "random-points-000100-000200.nc"
    wrong.write_bytes((folder / "random-points-000000-000100.nc").read_bytes())
    output = copied.run(*copied.cells, "--cores", "2", code=1).output
    assert f"{wrong.relative_to(copied.directory)}: made with start = 0, but this sweep has 100" in output


def test_scheduler_that_does_not_answer(make_sweep: Callable[..., Any], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and not listening
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        sweep = make_sweep(tmp_path / "sweep")
        options = ["--cores", "2", "--dask-scheduler-address", address, "--dask-connect-timeout", "2"]
        output = sweep.run(*options, code=1).output
    assert f"No Dask scheduler answers at {address} (tried for 2 s)." in output
    assert "Traceback" not in output
    assert not sweep.shards()


def test_a_partial_sweep_is_built_when_asked_for_and_says_so(whole: Any, copied: Any) -> None:
    """One cell has lost a second block of a method, another a first one."""
    blobs = "blobs-n60-d2-k2-s3-r1/gaussian-full"
    for name in (
        f"{blobs}/K2/em/random-points-000100-000200",
        f"{blobs}/K3/lbfgs/random-points-000000-000100",
    ):
        (copied.results / f"shards/{name}.nc").unlink()
        (copied.results / f"shards/{name}.timing.nc").unlink()
    done = copied.run("results/sweep.nc", "results/verdicts.csv", "--cores", "2", "--config", "partial=true")
    assert "shard" not in done.jobs
    assert done.jobs["cell"] == 2
    with xr.open_datatree(copied.results / "sweep.nc") as tree:
        assert json.loads(tree.attrs["cells_left_out"]) == [f"{blobs}/K3"]
        assert json.loads(tree.attrs["partial_cells"]) == {f"{blobs}/K2": [100, 200]}
        optima = tree[f"{blobs}/K2/optima"]
        assert optima.attrs["planned_restarts"] == 200
        run = tree["status"].sel(problem="blobs-n60-d2-k2-s3-r1", n_components=2) != 0
        assert run.sum() == 200
        assert tree["n_components"].values.tolist() == [2]
    with open(copied.results / "verdicts.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["problem"][:5] for row in rows] == ["faith", "blobs"]
    assert "Partial" not in rows[0]["verdict"]
    assert rows[1]["verdict"].startswith("Partial: 100 of 200 restarts. ")
    told = copied.mixsweep("status")
    assert f"Partial: {blobs}/K2 is built from 100 of 200 restarts (em 100, lbfgs 200 are there)" in told
    alone = "of em alone and is not in sweep.nc (em 200, lbfgs 0 are there)"
    assert f"Partial: {blobs}/K3 is built from 200 of 200 restarts {alone}" in told
    with xr.open_dataset(copied.results / f"cells/{blobs}/K3/optima.nc") as optima:
        assert optima.sizes["method"] == 1
        assert optima["n_fits"].sum() <= 200
    assert f"Partial: sweep.nc was made without {blobs}/K3" in told
    assert "10 done, 2 missing" in told

    # the next call makes the rest, and all is as if nothing had been missing
    assert copied.run(*copied.cells, "--cores", "2").jobs["shard"] == 2
    assert copied.bytes() == whole[0].bytes()
    assert f"Partial: {blobs}/K2" not in copied.mixsweep("status")


HOLDER = """
import sys
from pathlib import Path
from mixsweep.locking import claim

claim(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_two_runs_on_one_results_folder(copied: Any) -> None:
    """The other run has a working folder of its own, so that Snakemake's lock does not know it."""
    (copied.results / "sweep.nc").unlink()
    command = [sys.executable, "-c", HOLDER, str(copied.results)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        assert f"A run is going on: process {other.pid} on " in copied.mixsweep("status")
        output = copied.run("results/sweep.nc", "--cores", "2", code=1).output
        assert f"another run is using this results folder (process {other.pid} on " in output
        assert "Traceback" not in output
        assert not (copied.results / "sweep.nc").exists()
        # looking is free
        copied.run("results/sweep.nc", "--cores", "2", "-n")
        other.kill()
    copied.run("results/sweep.nc", "--cores", "2")


def test_results_that_cannot_be_written(make_sweep: Callable[..., Any], tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path / "sweep")
    sweep.results.mkdir()
    # the system's administrator writes into any folder, but not into this file's place
    (sweep.results / ".running").mkdir()
    output = sweep.run("--cores", "2", code=1).output
    assert "results: this results folder cannot be written (Is a directory)" in output
    assert "Traceback" not in output

    shutil.rmtree(sweep.results)
    sweep.results.touch()
    output = sweep.run("--cores", "2", code=1).output
    assert "results: found a file; expected a folder" in output
    assert "Traceback" not in output
