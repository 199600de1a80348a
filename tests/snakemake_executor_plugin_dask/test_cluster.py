"""However a run is interrupted, none of its processes stays."""

import os
import re
import signal
import time
from pathlib import Path

import psutil
import pytest

from snakemake_executor_plugin_dask.handle import EmbeddedCluster
from snakemake_executor_plugin_dask.options import ClusterError, Options

SLEEPERS = """
    rule all:
        input: "in-worker.end", "nested.end"

    rule in_worker:
        output: "in-worker.end"
        shell: "toycmd sleep {config[seconds]} in-worker.start {output}"

    rule nested:
        output: "nested.end"
        shell: "toycmd sleep {config[seconds]} nested.start {output}; true"
"""


def started(flow, seconds: float, wait):
    snakemake = flow.start(
        *("--config", f"seconds={seconds}", "--dask-local-directory", str(flow.folder / "scratch"))
    )
    both = [flow.folder / "in-worker.start", flow.folder / "nested.start"]
    wait(lambda: all(path.exists() for path in both), 60, lambda: (flow.folder / "output").read_text())
    # Snakemake, the cluster, two workers, the nested Snakemake, its shell and command
    assert len(flow.processes()) >= 7
    return snakemake


@pytest.mark.parametrize(
    ("number", "whole_group"),
    [(signal.SIGINT, True), (signal.SIGINT, False), (signal.SIGKILL, False)],
    ids=["interrupt-group", "interrupt-main", "kill-main"],
)
def test_nothing_stays(make_flow, wait, number: int, whole_group: bool) -> None:
    flow = make_flow(SLEEPERS)
    snakemake = started(flow, 100, wait)
    held = semaphores(flow.processes())
    assert held
    start = time.monotonic()
    if whole_group:
        os.killpg(snakemake.pid, number)
    else:
        snakemake.send_signal(number)
    code = snakemake.wait(15)
    flow.wait_until_gone(15)
    assert time.monotonic() - start < 15
    # multiprocessing's are removed by a process that outlives the cluster's for a moment
    wait(lambda: not any(path.exists() for path in held), 5)
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 1)
    assert flow.scratch_folders() == []
    assert not list(flow.folder.glob("*.end"))


def semaphores(processes: list[psutil.Process]) -> set[Path]:
    """Return the files of the semaphores that these processes use; others on this machine have theirs."""
    maps = "".join(Path(f"/proc/{process.pid}/maps").read_text() for process in processes)
    return {Path(name) for name in re.findall(r"/dev/shm/sem\.mp-\S+(?!.*deleted)", maps)}


def test_terminate_waits_for_running_jobs(make_flow, wait) -> None:
    flow = make_flow(SLEEPERS)
    snakemake = started(flow, 5, wait)
    snakemake.send_signal(signal.SIGTERM)
    assert snakemake.wait(20) != 0
    flow.wait_until_gone(15)
    assert len(list(flow.folder.glob("*.end"))) == 2
    assert flow.scratch_folders() == []


def test_the_cluster_s_death_ends_the_run(make_flow, wait) -> None:
    flow = make_flow(SLEEPERS)
    snakemake = started(flow, 100, wait)
    (cluster,) = [p for p in flow.processes() if "snakemake_executor_plugin_dask.cluster" in p.cmdline()]
    cluster.kill()
    assert snakemake.wait(90) == 1
    output = (flow.folder / "output").read_text()
    assert "The connection to the Dask scheduler was lost" in output


def test_a_dead_worker_s_nested_job_ends_and_starts_anew(make_flow, wait) -> None:
    flow = make_flow(SLEEPERS)
    snakemake = started(flow, 100, wait)
    nested = [p for p in flow.processes() if "nested.start" in p.cmdline()]
    (worker,) = {w for p in nested for w in p.parents() if any("spawn_main" in part for part in w.cmdline())}
    (flow.folder / "nested.start").unlink()
    worker.kill()
    wait(lambda: not any(p.is_running() and p.status() != "zombie" for p in nested), 15)
    wait((flow.folder / "nested.start").exists, 60)
    snakemake.send_signal(signal.SIGINT)
    assert snakemake.wait(15) == 1
    flow.wait_until_gone(15)


def test_a_cluster_that_cannot_start_says_why(tmp_path) -> None:
    cluster = EmbeddedCluster(Options(1, directory="/no/such/folder"), tmp_path / "log")
    with pytest.raises(ClusterError, match=r"FileNotFoundError.*no/such/folder"):
        cluster.wait(30)
    cluster.close(orderly=False)
    cluster = EmbeddedCluster(Options(1), tmp_path / "log")
    with pytest.raises(ClusterError, match="was not up after 0 s"):
        cluster.wait(0)
    cluster.close(orderly=False)
    assert not cluster.alive


def test_the_cluster_ends_on_terminate(make_flow, wait) -> None:
    flow = make_flow("")
    os.environ["TOY_MARKER"] = flow.marker
    try:
        cluster = EmbeddedCluster(Options(1, "0", str(flow.folder / "scratch")), flow.folder / "log")
        report = cluster.wait(30)
    finally:
        del os.environ["TOY_MARKER"]
    assert report["address"].startswith("tcp://127.0.0.1:")
    os.kill(cluster._process.pid, signal.SIGTERM)
    flow.wait_until_gone(15)
    cluster.close()
    cluster.close()
    assert not cluster.alive
    assert flow.scratch_folders() == []
