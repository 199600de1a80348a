"""A cluster of the run's own, from Snakemake's side."""

import signal
from types import SimpleNamespace

import pytest

from snakemake_executor_plugin_dask import internals
from snakemake_executor_plugin_dask.embed import sensible_workers


@pytest.mark.parametrize(("checkpoint", "workers"), [(False, 3), (True, 8)])
def test_no_more_workers_than_jobs_unless_more_jobs_may_come(checkpoint: bool, workers: int) -> None:
    workflow = SimpleNamespace(
        dag=range(3),
        rules=[SimpleNamespace(is_checkpoint=checkpoint)],
        resource_settings=SimpleNamespace(cores=8),
    )
    assert sensible_workers("local", workflow) == workers
    assert internals.expected_jobs(workflow) == 3


@pytest.mark.parametrize(("tasks", "workers"), [("5", 5), (None, 8)])
def test_a_worker_for_each_task_of_an_allocation(
    monkeypatch: pytest.MonkeyPatch, tasks: str | None, workers: int
) -> None:
    monkeypatch.delenv("SLURM_NTASKS", raising=False)
    if tasks is not None:
        monkeypatch.setenv("SLURM_NTASKS", tasks)
    workflow = SimpleNamespace(resource_settings=SimpleNamespace(cores=8))
    assert sensible_workers("allocation", workflow) == workers


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupt_while_the_cluster_starts_leaves_nothing(make_flow, wait, number: int) -> None:
    flow = make_flow("""
        rule one:
            output: "one.json"
            shell: "toycmd record {output}"
    """)
    snakemake = flow.start("--dask-local-directory", str(flow.folder / "scratch"))
    wait(lambda: list((flow.folder / "scratch").glob("dask-credentials-*/owner.json")), 60)
    snakemake.send_signal(number)
    assert snakemake.wait(20) == 1
    flow.wait_until_gone(15)
    assert flow.scratch_folders() == []
    output = (flow.folder / "output").read_text()
    assert "Terminating processes on user request" in output
    assert "Traceback" not in output
