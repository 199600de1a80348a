"""Runs on a cluster that somebody else has started."""

import json
import re
import socket
import time
from pathlib import Path

import psutil
import pytest

JOBS = """
    rule all:
        input: "plain.json", "piped.json"

    rule plain:
        output: "plain.json"
        resources: mem_mb=500
        shell: "toycmd record {output}"

    rule piped:
        output: "piped.json"
        shell: "toycmd record {output} | cat"

    rule big:
        output: "big.json"
        resources: mem_mb=5000
        shell: "toycmd record {output}"

    rule slow:
        output: "slow"
        shell: "toycmd sleep 100 slow.start {output}; true"
"""


def jobs_in(folder: Path) -> list[psutil.Process]:
    """Return the processes of the slow job; found by the command, since the environment is their worker's."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if "slow.start" in (process.info["cmdline"] or ()) and process.info["cwd"] == str(folder)
    ]


@pytest.fixture(scope="module")
def cluster(make_flow, start_cluster):
    flow = make_flow(JOBS)
    process = start_cluster(flow, mem_mb=1000)
    yield flow
    assert process.poll() is None, "the cluster has ended"


def test_by_file(cluster) -> None:
    result = cluster.run("--dask-scheduler-file", "scheduler.json")
    assert result.returncode == 0, result.stdout
    assert "Dask: using the cluster at tcp://127.0.0.1:" in result.stdout
    assert "Dask: started" not in result.stdout
    assert json.loads((cluster.folder / "plain.json").read_text())["in_worker"]
    assert not json.loads((cluster.folder / "piped.json").read_text())["in_worker"]


def test_by_address(cluster) -> None:
    address = json.loads((cluster.folder / "scheduler.json").read_text())["address"]
    result = cluster.run("--dask-scheduler-address", address, "--force", "plain.json")
    assert result.returncode == 0, result.stdout
    assert f"Dask: using the cluster at {address} (1 workers, 1 threads)" in result.stdout


def test_a_job_too_large_for_every_worker_is_refused(cluster) -> None:
    result = cluster.run("--dask-scheduler-file", "scheduler.json", "big.json")
    assert result.returncode == 1
    assert "A job needs mem_mb=5000, but no worker of the Dask cluster offers that much" in result.stdout


def test_the_loss_of_the_scheduler_ends_the_run(make_flow, start_cluster, wait) -> None:
    flow = make_flow(JOBS)
    process = start_cluster(flow, mem_mb=1000)
    snakemake = flow.start("--dask-scheduler-file", "scheduler.json", "--keep-going", "slow", "plain.json")
    wait((flow.folder / "slow.start").exists, 60)
    process.kill()
    process.communicate(timeout=20)
    assert snakemake.wait(60) == 1
    output = (flow.folder / "output").read_text()
    assert "The connection to the Dask scheduler was lost while the job ran" in output
    assert "Traceback" not in output
    flow.wait_until_gone()
    # nor does the job itself, whose environment is that of the cluster
    wait(lambda: not jobs_in(flow.folder), 15)


def test_an_interrupt_ends_the_jobs_and_leaves_the_cluster(cluster, wait) -> None:
    snakemake = cluster.start("--dask-scheduler-file", "scheduler.json", "slow")
    wait((cluster.folder / "slow.start").exists, 60)
    snakemake.send_signal(2)
    assert snakemake.wait(20) == 1

    wait(lambda: not jobs_in(cluster.folder), 15)


@pytest.mark.parametrize("by", ["address", "file", "missing"])
def test_an_unreachable_cluster_is_one_clear_message(make_flow, by: str) -> None:
    flow = make_flow(JOBS)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{unused.getsockname()[1]}"
    stale = flow.folder / "stale.json"
    stale.write_text(json.dumps({"address": address}))
    option = {
        "address": ("--dask-scheduler-address", address),
        "file": ("--dask-scheduler-file", str(stale)),
        "missing": ("--dask-scheduler-file", "none.json"),
    }[by]
    start = time.monotonic()
    result = flow.run(*option, "--dask-connect-timeout", "2", "plain.json")
    assert time.monotonic() - start < 30
    assert result.returncode == 1
    assert ("none.json did not appear within 2 s" if by == "missing" else address) in result.stdout
    assert "Traceback" not in result.stdout
    flow.wait_until_gone()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--dask-scheduler-address", "tcp://192.0.2.1:8786"), "on a network without encryption"),
        (
            ("--dask-cluster", "slurm", "--dask-worker-memory", "1GiB"),
            "needs Slurm's sbatch, scancel, squeue",
        ),
        (
            ("--dask-tls-directory", "none", "--dask-scheduler-address", "tls://127.0.0.1:1"),
            "no readable ca.pem",
        ),
        (("--dask-log-directory", "Snakefile/logs"), "cannot be started: .*Not a directory"),
    ],
)
def test_other_mistakes_are_one_clear_message(make_flow, arguments: tuple[str, ...], message: str) -> None:
    flow = make_flow(JOBS)
    flow.variables["PATH"] = str(flow.toy_path)  # where no Slurm is
    result = flow.run(*arguments, "plain.json")
    assert result.returncode == 1
    assert re.search(message, result.stdout), result.stdout
    assert "Traceback" not in result.stdout
    flow.wait_until_gone()


def test_a_job_that_kills_its_worker_takes_none_along_that_waits_there(
    make_flow, start_cluster, finished, monkeypatch
) -> None:
    flow = make_flow(
        """
        rule all:
            input: expand("{name}.json", name=["dies", *range(6)])

        rule dies:
            output: "dies.json"
            shell: "toycmd die 0.5"

        rule record:
            output: "{name}.json"
            shell: "toycmd record {output}"

        ruleorder: dies > record
        """
    )
    # one death is too many for this cluster, whose only worker has them all
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
    start_cluster(flow)
    result = flow.run("--keep-going", "--cores", "7", "--dask-scheduler-file", "scheduler.json")
    assert result.returncode == 1
    assert finished(result.stdout) == ["record"] * 6
    assert result.stdout.count("The worker process died each time the job was tried") == 1
