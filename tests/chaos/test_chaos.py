"""Workers, schedulers, clusters and Snakemake itself are killed at random; nothing is lost or done twice.

MIXSWEEP_CHAOS_KILLS=50 makes the long run (about ten minutes), MIXSWEEP_CHAOS_SEED another one.
"""

from __future__ import annotations

import contextlib
import copy
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.processes import wait_for
from tests.workflow.sweeps import BIN, Sweep

KILLS = int(os.environ.get("MIXSWEEP_CHAOS_KILLS", "10"))
SEED = int(os.environ.get("MIXSWEEP_CHAOS_SEED", "1"))
#: Seconds within which nothing that a killed process has started may still run.
ORPHAN_SECONDS = 15
#: Something is killed within this share of the time that an undisturbed run takes, again and again.
LONGEST_WAIT = 0.5

# 2 cells x 2 methods x 5 blocks: 20 shards. Without a tolerance a fit takes all of its passes.
CONFIG: dict[str, Any] = {
    "seed": 5,
    "problems": {
        "blobs": {"simulate": {"n": 300, "d": 2, "k": 3, "separation": 3}, "n_components": [2, 3]},
    },
    "methods": {"em": {}, "gd": {"learning_rate": 0.05}},
    "restarts": 500,
    "tol": 0,
    "max_passes": 300,
}
CELLS = [f"cells/blobs-n300-d2-k3-s3-r1/gaussian-full/K{k}" for k in (2, 3)]
TARGETS = [*(f"results/{cell}/optima.nc" for cell in CELLS), "results/sweep.nc"]


@dataclass
class Disturbed:
    """A sweep under attack, with what was seen of it."""

    sweep: Sweep
    kept: Path
    """Hard links of every shard that was seen finished: its file cannot be replaced unnoticed."""
    kills: int
    """How many there may be at most; then it is left in peace."""
    longest_wait: float
    """Seconds until the next kill, at most."""
    killed: Counter[str] = field(default_factory=Counter)
    longest_end: float = 0.0
    """Seconds until the last orphan of a kill had ended."""

    def note_finished(self) -> None:
        for name in self.sweep.shards():
            link = self.kept / name
            if not link.exists():
                link.parent.mkdir(parents=True, exist_ok=True)
                os.link(self.sweep.results / name, link)

    def recomputed(self) -> list[str]:
        """Return the finished shards whose file is another one now."""
        names = [str(path.relative_to(self.kept)) for path in self.kept.rglob("*.nc")]
        shards = self.sweep.results
        return [
            name
            for name in names
            if not (shards / name).exists() or not os.path.samefile(shards / name, self.kept / name)
        ]


def families(process: psutil.Process) -> dict[str, list[psutil.Process]]:
    """Return the processes of a run by what they are."""
    found: dict[str, list[psutil.Process]] = {"snakemake": [process]}
    for child in process.children(recursive=True):
        try:
            command = " ".join(child.cmdline())
        except psutil.Error:
            continue
        if "snakemake_executor_plugin_dask.cluster" in command:
            found.setdefault("cluster", []).append(child)
        elif "multiprocessing.spawn" in command:
            found.setdefault("worker", []).append(child)
    return found


def orphans(sweep: Sweep, process: psutil.Process) -> list[psutil.Process]:
    """Return what the run has started and is not under it any more."""
    try:
        own = {process.pid, *(child.pid for child in process.children(recursive=True))}
        if process.status() == psutil.STATUS_ZOMBIE:
            own = {process.pid}
    except psutil.NoSuchProcess:
        own = set()
    return [other for other in sweep.processes() if other.pid not in own]


@dataclass
class Attached:
    """A scheduler and two workers that the run is attached to, and that do not belong to it."""

    folder: Path
    processes: dict[str, list[subprocess.Popen[bytes]]] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / "scheduler.json"

    def start(self, environ: dict[str, str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file.unlink(missing_ok=True)
        loopback = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        self._start("scheduler", environ, "scheduler", *loopback, "--scheduler-file", str(self.file))
        wait_for(self.file.exists, 60)
        quiet = ["--no-dashboard", "--nthreads", "1", "--death-timeout", "10", "--host", "127.0.0.1"]
        for _ in range(2):
            self._start("worker", environ, "worker", "--scheduler-file", str(self.file), *quiet)

    def _start(self, what: str, environ: dict[str, str], *arguments: str) -> None:
        with open(self.folder / f"{what}.log", "ab") as log:
            process = subprocess.Popen(
                [str(BIN / "dask"), *arguments], cwd=self.folder, env=environ, stdout=log, stderr=log
            )
        self.processes.setdefault(what, []).append(process)

    def families(self) -> dict[str, list[psutil.Process]]:
        found = {}
        for what, processes in self.processes.items():
            found[what] = [psutil.Process(process.pid) for process in processes if process.poll() is None]
        return {what: processes for what, processes in found.items() if processes}

    def stop(self) -> None:
        for process in [process for group in self.processes.values() for process in group]:
            if process.poll() is None:
                tree = psutil.Process(process.pid).children(recursive=True)
                process.kill()
                for each in tree:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        each.kill()
            process.wait()
        self.processes.clear()


@contextmanager
def cluster(disturbed: Disturbed, attached: bool) -> Iterator[tuple[list[str], Attached]]:
    """Give the options of a run: with a cluster of its own, or attached to one that is there."""
    other = Attached(disturbed.sweep.folder / "cluster")
    options = ["--cores", "2", *TARGETS]
    try:
        if attached:
            environ = {**disturbed.sweep.environ, "PWD": str(other.folder)}
            del environ["SWEEP_MARKER"]
            other.start(environ)
            options += ["--dask-scheduler-file", str(other.file), "--dask-connect-timeout", "10"]
        yield options, other
    finally:
        other.stop()


def run_under_fire(disturbed: Disturbed, rng: random.Random, attached: bool) -> bool:
    """Start a run and kill parts of it until it ends; return whether it came to its end in peace."""
    sweep = disturbed.sweep
    with cluster(disturbed, attached) as (options, other):
        started = sweep.start(*options)
        process = psutil.Process(started.pid)
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                peace = disturbed.killed.total() >= disturbed.kills
                started.wait(240 if peace else rng.uniform(0, disturbed.longest_wait))
            disturbed.note_finished()
            assert started.poll() is not None or not peace, "a run in peace does not end"
            if started.poll() is not None:
                assert not orphans(sweep, process)
                return started.returncode == 0
            found = families(process) | other.families()
            what = rng.choice(sorted(found))
            victim = rng.choice(found[what])
            try:
                victim.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
            disturbed.killed["attached " * attached + what] += 1
            began = time.monotonic()
            if what == "snakemake":
                started.wait()
            wait_for(lambda: not orphans(sweep, process), ORPHAN_SECONDS)
            disturbed.longest_end = max(disturbed.longest_end, time.monotonic() - began)
            disturbed.note_finished()
            if what == "snakemake":
                return False
            if what in ("cluster", "scheduler"):
                # the run says so and ends by itself; it may have been at its end
                return started.wait(60) == 0


def disturb(disturbed: Disturbed, rng: random.Random) -> None:
    """Run a sweep to its end, however often parts of it are killed."""
    sweep = disturbed.sweep
    while not run_under_fire(disturbed, rng, attached=rng.random() < 0.25):
        # of no effect where the run has ended in order
        sweep.run("--unlock")


def with_times_of(sweep: Sweep, other: Sweep) -> bytes:
    """Return the sweep's data set with the wall times of another run, all that may differ."""
    for cell in CELLS if other is not sweep else ():
        shutil.copy(other.results / cell / "timing.nc", sweep.results / cell / "timing.nc")
    sweep.mixsweep(
        "collect", "--cells", "results/cells", "--plan", "results/plan.json", "--output", "again.nc"
    )
    return (sweep.directory / "again.nc").read_bytes()


@pytest.fixture
def new_sweep(tmp_path: Path) -> Iterator[Any]:
    sweeps: list[Sweep] = []

    def make(name: str) -> Sweep:
        sweep = Sweep(tmp_path / name, copy.deepcopy(CONFIG))
        sweep.directory.mkdir(parents=True)
        sweeps.append(sweep)
        return sweep

    yield make
    for sweep in sweeps:
        for process in sweep.processes():
            process.kill()


def test_nothing_is_lost_and_nothing_is_done_twice(
    new_sweep: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    undisturbed = new_sweep("undisturbed")
    began = time.monotonic()
    undisturbed.run("--cores", "2", *TARGETS)
    longest_wait = LONGEST_WAIT * (time.monotonic() - began)
    names = [f"{cell}/{name}.nc" for cell in CELLS for name in ("fits", "optima")]
    expected = {name: (undisturbed.results / name).read_bytes() for name in names}
    whole = (undisturbed.results / "sweep.nc").read_bytes()
    assert with_times_of(undisturbed, undisturbed) == whole

    rng = random.Random(SEED)
    killed: Counter[str] = Counter()
    finished = rounds = 0
    longest = 0.0
    while killed.total() < KILLS:
        left = KILLS - killed.total()
        disturbed = Disturbed(new_sweep(f"round{rounds}"), tmp_path / f"kept{rounds}", left, longest_wait)
        disturb(disturbed, rng)
        assert disturbed.recomputed() == []
        sweep = disturbed.sweep
        assert len(sweep.shards()) == 20
        assert {name: (sweep.results / name).read_bytes() for name in names} == expected
        assert with_times_of(sweep, undisturbed) == whole
        killed += disturbed.killed
        finished += sum(1 for _ in disturbed.kept.rglob("*.nc"))
        longest = max(longest, disturbed.longest_end)
        rounds += 1
    with capsys.disabled():
        kinds = ", ".join(f"{count} {what}" for what, count in sorted(killed.items()))
        print(
            f"\n{killed.total()} kills ({kinds}) in {rounds} sweeps; of {finished} shards seen finished 0 "
            f"were computed again; nothing was left over {longest:.1f} s after a kill",
            file=sys.stderr,
        )
