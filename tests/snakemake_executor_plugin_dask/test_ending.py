from types import SimpleNamespace

import pytest

from snakemake_executor_plugin_dask.ending import echo, failure, outcome_of
from snakemake_executor_plugin_dask.outcome import Outcome


def test_an_outcome_is_as_the_worker_says() -> None:
    outcome = Outcome(3, "why")
    assert outcome_of(SimpleNamespace(status="finished", result=lambda: outcome), None) is outcome


def test_a_call_that_failed_outside_the_command() -> None:
    error = ImportError("no such package")
    future = SimpleNamespace(status="error", exception=lambda: error, traceback=lambda: None)
    assert outcome_of(future, None) == Outcome(
        1, "The worker could not run the job:\nImportError: no such package"
    )


@pytest.mark.parametrize("alive", [True, False])
def test_a_lost_connection_has_its_reason_where_it_is_known(alive: bool) -> None:
    lost = SimpleNamespace(status="cancelled")
    cluster = SimpleNamespace(alive=alive, last_words="Killed", log="dask.log")
    message = "The connection to the Dask scheduler was lost while the job ran."
    assert outcome_of(lost, None) == Outcome(1, message)
    assert outcome_of(lost, cluster) == Outcome(1, message + ("" if alive else " Killed (see dask.log)."))


def test_a_failure_names_the_job_and_its_files() -> None:
    job = SimpleNamespace(name="shard", jobid=7, output=["a.nc", "b.nc"], log=[])
    assert failure(job, "why") == "Error in rule shard, jobid 7: why\n    output: a.nc, b.nc"


def test_what_a_job_printed_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    echo(Outcome(0, stdout="one", stderr="two"))
    echo(Outcome(0))
    assert capsys.readouterr() == ("one\n", "two\n")
