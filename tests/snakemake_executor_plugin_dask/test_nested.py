import signal
import threading
from pathlib import Path

from snakemake_executor_plugin_dask.nested import abort, run_nested
from snakemake_executor_plugin_dask.outcome import Outcome


def test_nested(tmp_path: Path) -> None:
    outcome = run_nested("echo $OMP_NUM_THREADS; echo problem >&2; pwd > here", str(tmp_path), 3, "run")
    assert outcome == Outcome(0, stdout="3", stderr="problem")
    assert (tmp_path / "here").read_text().strip() == str(tmp_path)
    outcome = run_nested(
        """echo '{"n": 1}' > $DASK_EXECUTOR_COUNTS; echo problem >&2; exit 5""", ".", 1, "run"
    )
    assert outcome.returncode == 5
    assert outcome.message.endswith("ended with exit code 5:\nproblem")
    assert outcome.counts == {"n": 1}


def test_abort_ends_nested_calls_of_its_run_only(tmp_path: Path, wait) -> None:
    outcomes: list[Outcome] = []
    thread = threading.Thread(
        target=lambda: outcomes.append(run_nested("touch started; sleep 60", str(tmp_path), 1, "mine"))
    )
    thread.start()
    wait(lambda: (tmp_path / "started").exists(), 10)
    assert abort("other") == 0
    assert abort("mine") == 1
    thread.join(10)
    assert outcomes[0].returncode == -signal.SIGKILL
    assert abort("mine") == 0
