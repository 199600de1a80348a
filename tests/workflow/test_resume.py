"""Runs that were killed, sweeps that grow: what is there is kept, and the numbers are the same."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_killed_halfway_and_resumed(
    whole: Any, make_sweep: Callable[..., Any], tmp_path: Path, wait: Callable[..., None]
) -> None:
    sweep = make_sweep(tmp_path / "killed")
    process = sweep.start(*sweep.cells, "--cores", "2")
    wait(lambda: len(sweep.shards()) >= 3, 60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait(lambda: not sweep.processes(), 15)
    kept = sweep.shards()
    assert 3 <= len(kept) < 12

    # the folder is still locked by the dead run, which snakemake says and --unlock ends
    assert "--unlock" in sweep.run(*sweep.cells, "--cores", "2", code=1).output
    sweep.run("--unlock")
    done = sweep.run(*sweep.cells, "--cores", "2")
    # those under way when the run died may be in place and not noted as complete: they are checked, and kept
    assert 0 <= done.jobs["shard"] - (12 - len(kept)) <= 2
    now = sweep.shards()
    assert [path for path in kept if now[path][1] != kept[path][1]] == []
    assert done.fits == 100 * (12 - len(kept))
    assert sweep.bytes() == whole[0].bytes()


@pytest.fixture(scope="module")
def growing(whole: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return whole[0].copied_to(tmp_path_factory.mktemp("growing") / "copy")


@pytest.mark.parametrize(
    ("change", "new", "cells"),
    [
        # 3 cells x 2 blocks of 100
        ({"methods": {"em": {}, "lbfgs": {}, "adam": {"learning_rate": 0.05}}}, [100] * 6, 3),
        # 3 cells x 3 methods: one block of 50 more
        ({"restarts": 250}, [50] * 9, 3),
        # 1 cell x 3 methods x blocks of 100, 100 and 50
        (
            {"problems": {"blobs": {"n_components": [2, 3, 4]}}},
            [100, 100, 50] * 3,
            1,
        ),
    ],
    ids=["method", "50 restarts", "component count"],
)
def test_what_is_added_is_all_that_is_computed(
    growing: Any, change: dict[str, Any], new: list[int], cells: int
) -> None:
    """Each case adds to the one before."""
    before = growing.shards()
    for key, value in change.items():
        if key == "problems":
            growing.config[key]["blobs"] |= value["blobs"]
        else:
            growing.config[key] = value
    done = growing.run(*growing.cells, "--cores", "2")
    after = growing.shards()
    reused = [path for path in before if after[path] == before[path]]
    assert len(reused) == len(before)
    assert len(after) == len(before) + len(new)
    assert done.fits == sum(new)
    assert done.jobs == {"cell": cells, "optima": cells, "shard": len(new)}


def test_another_seed_is_refused_and_nothing_is_changed(copied: Any) -> None:
    before = copied.tree()
    copied.config["seed"] = 12
    output = copied.run("--cores", "2", code=1).output
    assert "seed was 11, is now 12" in output
    assert "12 finished shards" in output
    assert "Traceback" not in output
    assert copied.tree() == before


def test_times_in_whole_seconds_make_nothing_anew(whole: Any, copied: Any) -> None:
    # as some disks keep them: what is made from a file often bears the same time
    for path in copied.directory.rglob("*"):
        if path.is_file():
            seconds = path.stat().st_mtime_ns // 2_000_000_000 * 2
            os.utime(path, (seconds, seconds))
    assert "Nothing to be done" in copied.run("--cores", "1").output
    shard = next(iter(copied.shards()))
    (copied.results / shard).unlink()
    assert copied.run(f"results/{shard}", "--cores", "1").jobs["shard"] == 1
    # newer than what was made from it, but the same to the byte
    assert "Nothing to be done" in copied.run(*copied.cells, "--cores", "1").output
    assert copied.bytes() == whole[0].bytes()
