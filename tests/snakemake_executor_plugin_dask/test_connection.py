import threading
from types import SimpleNamespace

import pytest
from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_dask import connection
from snakemake_executor_plugin_dask.connection import Connection, bounded


def client(status: str = "running", **answers: object) -> SimpleNamespace:
    asked = {name: lambda found=found: found for name, found in answers.items()}
    return SimpleNamespace(status=status, **asked)


def test_a_call_that_hangs_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_PATIENCE_SECONDS", 0.1)
    answer = threading.Event()
    assert bounded(answer.wait) is None
    answer.set()
    assert bounded(answer.wait) is True


def test_what_is_lost_is_named() -> None:
    dead = SimpleNamespace(alive=False, last_words="no more memory", log="dask.log")
    with pytest.raises(WorkflowError, match=r"ended unexpectedly: no more memory \(see dask\.log\)"):
        Connection(client(), dead).check()
    with pytest.raises(WorkflowError, match="The Dask scheduler is gone"):
        Connection(client("closed")).check()
    Connection(client(), SimpleNamespace(alive=True)).check()


def test_what_workers_run_is_known_also_of_busy_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_PATIENCE_SECONDS", 0.1)
    stacks = {"tcp://a": {"one": ()}, "tcp://b": {"two": ()}}
    assert Connection(client(call_stack=stacks, processing={})).begun() == {"one", "two"}
    assert Connection(client(call_stack={}, processing={"tcp://a": ["one"]})).begun() == set()
    busy = client(processing={"tcp://a": ["one"], "tcp://b": []})
    busy.call_stack = busy.hangs = threading.Event().wait
    assert Connection(busy).begun() == {"one"}
    busy.processing = busy.hangs
    assert Connection(busy).begun() is None


def test_workers_are_told_of_where_their_number_changes() -> None:
    threads = client(nthreads={"tcp://a": 1, "tcp://b": 1})
    assert Connection(threads, SimpleNamespace(), here=True).workers() == ""
    assert Connection(threads).workers() == "2 workers"
    queue = SimpleNamespace(queue=lambda: "3 waiting (Priority)")
    assert Connection(threads, queue).workers() == "2 workers, 3 waiting (Priority)"
    assert Connection(client("closed")).workers() == "0 workers"
    assert Connection(client(nthreads={"tcp://a": 1})).workers() == "1 worker"
