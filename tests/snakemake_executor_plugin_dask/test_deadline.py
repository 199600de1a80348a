"""Jobs that take longer than their rule allows."""

import time
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from snakemake_executor_plugin_dask.call import run_command
from snakemake_executor_plugin_dask.deadline import Deadline
from snakemake_executor_plugin_dask.nested import run_nested
from snakemake_executor_plugin_dask.outcome import Outcome
from snakemake_executor_plugin_dask.plain import parse


@pytest.fixture
def deadline(tmp_path: Path) -> Deadline:
    return Deadline(0.6, str(tmp_path / "overdue" / "job"))


def test_a_command_in_a_worker_fails_once_and_the_next_runs(
    toy_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deadline: Deadline
) -> None:
    monkeypatch.syspath_prepend(str(toy_path))  # which the worker takes over
    long, short = (parse(line) for line in ("toycmd sleep 60 begun ended &> log", "toycmd print done"))
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
    ):
        began = time.monotonic()
        ended = client.submit(run_command, long, str(tmp_path), {}, deadline=deadline, pure=False)
        outcome = ended.result(30)
        assert 0.6 < time.monotonic() - began < 30, outcome
        after = client.submit(run_command, short, str(tmp_path), {}, deadline=deadline, pure=False)
        assert after.result(30).returncode == 0
    message = "was ended after 0.01 minutes, the time limit that its rule sets (runtime)."
    assert outcome == Outcome(1, f"toycmd {message}")
    # in the shard's own log too, where its cause is looked for
    assert (tmp_path / "log").read_text() == f"The job {message}\n"
    assert (tmp_path / "begun").exists()
    assert not (tmp_path / "ended").exists()
    assert not Path(deadline.marker).exists()


def test_a_snakemake_of_its_own_is_killed_with_all_it_started(
    tmp_path: Path, deadline: Deadline, wait
) -> None:
    outcome = run_nested("(sleep 2; touch late) & sleep 60", str(tmp_path), 1, "run", deadline)
    assert outcome.returncode == 1
    assert outcome.message.startswith("the job was ended after 0.01 minutes")
    time.sleep(2)
    assert not (tmp_path / "late").exists()
    assert run_nested("true", str(tmp_path), 1, "run", deadline).returncode == 0
