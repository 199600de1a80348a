"""Workers retire before their time is up, and not before they have done what they began."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from snakemake_executor_plugin_dask.config import ON_WORKERS, variables
from snakemake_executor_plugin_dask.worker import RETIRE_VARIABLE

SCHEDULER = """
import sys
from distributed import LocalCluster

if __name__ == "__main__":
    with LocalCluster(n_workers=0, dashboard_address=None, host="127.0.0.1") as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""

AFTER = 3.0


@pytest.fixture
def address(tmp_path: Path):
    (tmp_path / "scheduler.py").write_text(SCHEDULER)
    command = [sys.executable, str(tmp_path / "scheduler.py")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.communicate(timeout=20)


def start_worker(address: str, folder: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "distributed.cli.dask_worker",
        address,
        "--nthreads",
        "1",
        "--no-dashboard",
    ]
    command += ["--dashboard-address", "127.0.0.1:0", "--preload", "snakemake_executor_plugin_dask.worker"]
    environ = dict(os.environ, **variables(ON_WORKERS), **{RETIRE_VARIABLE: str(AFTER)})
    with open(folder / "worker.log", "ab") as log:
        return subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)


def test_the_job_that_runs_is_finished_and_no_other_begun(address: str, tmp_path: Path) -> None:
    from distributed import Client

    worker = None
    first, second = tmp_path / "first", tmp_path / "second"
    try:
        with Client(address, timeout=20) as client:
            worker = start_worker(address, tmp_path)
            client.wait_for_workers(1, timeout=30)
            # beyond the worker's time
            commands = [
                f"echo begun >> {log}; sleep {AFTER + 2}; echo ended >> {log}" for log in (first, second)
            ]
            futures = [client.submit(os.system, command, pure=False) for command in commands]
            assert futures.pop(0).result(timeout=30) == 0
            assert worker.wait(30) == 0
            assert futures[0].status == "pending"
            assert first.read_text() == "begun\nended\n"
            assert not second.exists()
    finally:
        if worker is not None:
            worker.kill()
            worker.wait()
    assert "its time is nearly up" in (tmp_path / "worker.log").read_text()
