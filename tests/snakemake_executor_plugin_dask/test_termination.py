"""A run that is asked to end while jobs wait for a worker that may never come."""

import json
import signal
import subprocess
import sys
import time

import pytest

# A scheduler, and as many workers as asked for.
CLUSTER = """
import os, sys
from distributed import LocalCluster

if __name__ == "__main__":
    with LocalCluster(n_workers=int(sys.argv[2]), threads_per_worker=1, dashboard_address=None) as cluster:
        with open(sys.argv[1] + ".new", "w") as file:
            file.write('{"address": "%s"}' % cluster.scheduler_address)
        os.replace(sys.argv[1] + ".new", sys.argv[1])
        sys.stdin.read()
"""

JOBS = """
    rule all:
        input: expand("{i}.end", i=range(3))

    rule slow:
        output: "{i}.end"
        shell: "toycmd sleep 3 {wildcards.i}.start {output}"
"""


@pytest.fixture
def cluster(make_flow, wait):
    """Return a function that starts a cluster of so many workers for the jobs."""
    flow = make_flow(JOBS)
    started = []

    def start(workers: int):
        (flow.folder / "cluster.py").write_text(CLUSTER)
        file = flow.folder / "scheduler.json"
        environ = flow.environ
        del environ["TOY_MARKER"]
        command = [sys.executable, "cluster.py", str(file), str(workers)]
        process = subprocess.Popen(command, cwd=flow.folder, env=environ, stdin=subprocess.PIPE)
        started.append(process)
        wait(file.exists, 60)
        assert json.loads(file.read_text())["address"]
        return flow

    yield start
    for process in started:
        process.communicate(timeout=20)


def output(flow) -> str:
    return (flow.folder / "output").read_text()


def submitted(flow, jobs: int) -> bool:
    return output(flow).count("rule slow:") == jobs


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_jobs_that_no_worker_takes_do_not_hold_up_the_end(cluster, wait, number: int) -> None:
    flow = cluster(0)
    snakemake = flow.start("--dask-scheduler-file", "scheduler.json", "--keep-going", "--retries", "1")
    wait(lambda: submitted(flow, 2), 60)
    time.sleep(0.5)  # the second is on its way
    begin = time.monotonic()
    snakemake.send_signal(number)
    assert snakemake.wait(15) == 1
    flow.wait_until_gone(max(15 - (time.monotonic() - begin), 0))
    if number == signal.SIGTERM:
        assert "2 jobs waited for a worker when the run was asked to end" in output(flow)
    assert "Traceback" not in output(flow)
    assert "Trying to restart" not in output(flow)


def test_a_job_that_runs_is_finished_and_those_behind_it_are_not_begun(cluster, wait) -> None:
    flow = cluster(1)
    snakemake = flow.start("--dask-scheduler-file", "scheduler.json", "--cores", "3")
    wait(lambda: submitted(flow, 3) and list(flow.folder.glob("*.start")), 60)
    snakemake.send_signal(signal.SIGTERM)
    assert snakemake.wait(15) == 1
    assert len(list(flow.folder.glob("*.end"))) == len(list(flow.folder.glob("*.start"))) < 3
    assert "waited for a worker when the run was asked to end" in output(flow)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nor_does_a_scheduler_file_that_does_not_appear(make_flow, wait, number: int) -> None:
    flow = make_flow(JOBS)
    snakemake = flow.start("--dask-scheduler-file", "none.json", "--dask-connect-timeout", "300")
    wait(lambda: submitted(flow, 1), 60)
    time.sleep(0.5)
    snakemake.send_signal(number)
    assert snakemake.wait(15) == 1
    assert "Terminating processes on user request" in output(flow)
    assert "Traceback" not in output(flow)
    flow.wait_until_gone()
