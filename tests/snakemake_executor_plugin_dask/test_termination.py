"""A run that is asked to end while jobs wait for a worker that may never come."""

import signal
import time

import pytest

JOBS = """
    rule all:
        input: expand("{i}.end", i=range(3))

    rule slow:
        output: "{i}.end"
        shell: "toycmd sleep 3 {wildcards.i}.start {output}"
"""


def output(flow) -> str:
    return (flow.folder / "output").read_text()


def submitted(flow, jobs: int) -> bool:
    return output(flow).count("rule slow:") == jobs


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_jobs_that_no_worker_takes_do_not_hold_up_the_end(
    make_flow, start_cluster, wait, number: int
) -> None:
    flow = make_flow(JOBS)
    start_cluster(flow, workers=0)
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


def test_a_job_that_runs_is_finished_and_those_behind_it_are_not_begun(
    make_flow, start_cluster, wait
) -> None:
    flow = make_flow(JOBS)
    start_cluster(flow)
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
