"""What goes wrong stays where it is, is named, and can be put right."""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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


@pytest.fixture
def fragile(make_sweep: Callable[..., Any], tmp_path: Path) -> Any:
    folder = tmp_path / "installed"
    info = folder / "fragile-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "fragile.py").write_text(FRAGILE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fragile\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mixsweep.methods]\nfragile = fragile:Fragile\n")
    sweep = make_sweep(tmp_path / "sweep", methods={"em": {}, "fragile": {}}, restarts=20)
    sweep.variables = {"PYTHONPATH": str(folder), "FRAGILE": str(tmp_path / "mended")}
    return sweep


def test_one_failed_shard_stops_nothing_else_and_can_be_rerun(fragile: Any, tmp_path: Path) -> None:
    done = fragile.run("--cores", "2", code=1)
    # tried again once, and only its own cell has to wait
    assert done.jobs == {"plan": 1, "problem": 2, "shard": 5, "cell": 2, "optima": 2}
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
