import os
import sys
from pathlib import Path

import pytest
from dask.base import get_scheduler
from distributed import Client, LocalCluster

from snakemake_executor_plugin_dask import call
from snakemake_executor_plugin_dask.call import run_command
from snakemake_executor_plugin_dask.outcome import Outcome
from snakemake_executor_plugin_dask.plain import parse


@pytest.fixture
def toy(toy_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(toy_path))

    def run(line: str, **options: object) -> Outcome:
        command = parse(line)
        assert command is not None
        return run_command(command, str(tmp_path), {}, **options)

    yield run
    call._console_script.cache_clear()
    sys.modules.pop("toycmd", None)


def test_output_is_captured_also_from_compiled_code(toy, tmp_path: Path) -> None:
    outcome = toy("toycmd print done")
    assert outcome == Outcome(0, stdout="to stdout\nfrom C", stderr="to stderr")
    assert (tmp_path / "done").exists()


def test_redirections(toy, tmp_path: Path) -> None:
    assert toy("toycmd print done > out 2> log") == Outcome(0)
    assert (tmp_path / "out").read_text() == "to stdout\nfrom C\n"
    assert (tmp_path / "log").read_text() == "to stderr\n"
    assert toy("toycmd print done &>> out") == Outcome(0)
    assert sorted((tmp_path / "out").read_text().split("\n")) == sorted(
        ["to stdout", "from C", "to stdout", "from C", "to stderr", ""]
    )


def test_an_exception_and_its_traceback_are_in_the_message_and_in_the_log(toy, tmp_path: Path) -> None:
    outcome = toy("toycmd raise 2> log")
    assert outcome.returncode == 1
    log = (tmp_path / "log").read_text()
    assert outcome.message == f"toycmd failed with ValueError: a bad value (log: log):\n{log.strip()}"
    assert log.startswith("Traceback")
    assert "toycmd.py" in log
    assert "call.py" not in log
    assert log.rstrip().endswith("ValueError: a bad value")


def test_without_redirection_the_traceback_goes_to_the_rule_s_log(toy, tmp_path: Path) -> None:
    outcome = toy("toycmd raise", error_log=str(tmp_path / "log"))
    assert "Traceback" in outcome.message
    assert "Traceback" in (tmp_path / "log").read_text()
    toy("toycmd print done", error_log=str(tmp_path / "other"))
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(("action", "code"), [("exit 3", 3), ("exit 0", 0), ("return 4", 4), ("return 0", 0)])
def test_exit_codes(toy, action: str, code: int) -> None:
    assert toy(f"toycmd {action}").returncode == code


def test_the_end_of_stderr_is_the_message(toy) -> None:
    assert toy("toycmd exit 3 2> log").message == "toycmd ended with exit code 3:\nwhat went wrong"
    # what was in the log before is not
    assert toy("toycmd exit 3 2>> log").message == "toycmd ended with exit code 3:\nwhat went wrong"
    assert toy("toycmd exit 3 2> /dev/null").message == "toycmd ended with exit code 3"


def test_a_command_in_a_worker_is_on_its_own(
    toy_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise xarray asks the cluster's scheduler for a lock at every access to a file that it writes."""
    monkeypatch.syspath_prepend(str(toy_path))  # which the worker takes over
    line = parse("toycmd scheduler")
    options = {"dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            dashboard_address=None,
            scheduler_kwargs=options,
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
    ):
        assert "Client" in client.submit(lambda: str(get_scheduler()), pure=False).result(30)
        outcome = client.submit(run_command, line, str(tmp_path), {}, pure=False).result(30)
        after = client.submit(lambda: str(get_scheduler()), pure=False).result(30)
    assert outcome.returncode == 0
    assert outcome.stdout == "dask.threaded"
    assert "Client" in after


def test_a_missing_command_is_named() -> None:
    command = parse("no-such-command")
    assert command is not None
    outcome = run_command(command, ".", {})
    assert outcome.returncode == 127
    assert "no-such-command" in outcome.message


def test_a_command_that_cannot_be_imported(toy, tmp_path: Path) -> None:
    outcome = toy("broken 2> log")
    assert outcome.returncode == 1
    assert "failed with ModuleNotFoundError: No module named 'no_such_module'" in outcome.message
    assert "Traceback" in (tmp_path / "log").read_text()


def test_an_unwritable_log_is_an_error_of_the_job(toy) -> None:
    outcome = toy("toycmd print done 2> no/such/folder/log")
    assert outcome.returncode == 1
    assert "no/such/folder/log" in outcome.message


def test_a_command_cannot_change_the_next(toy, tmp_path: Path) -> None:
    before = dict(os.environ), os.getcwd(), sys.argv, list(sys.argv)
    assert toy("toycmd untidy").returncode == 0
    assert (dict(os.environ), os.getcwd(), sys.argv, list(sys.argv)) == before


def test_streams_that_a_command_keeps_go_to_the_next_job(toy) -> None:
    assert "first" in toy("toycmd log first").stderr
    second = toy("toycmd log second").stderr
    assert "second" in second
    assert "first" not in second


def test_counts(toy) -> None:
    assert toy("""toycmd count '{"fits": 2}\n{"fits": 3, "bad": 1}'""").counts == {"fits": 5, "bad": 1}
    outcome = toy("toycmd count nonsense")
    assert outcome.returncode == 0
    assert "nonsense" in outcome.warning
