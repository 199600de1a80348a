import copy
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_dask import credentials
from snakemake_executor_plugin_dask.attach import (
    address_from_file,
    check_commands,
    check_versions,
    command_versions,
    connect,
    refuse_open_network,
    required_resources,
    worker_resources,
)

MACHINE = {"host": {"python": "3.11.7.final.0"}, "packages": {"dask": "1", "distributed": "2", "numpy": "3"}}


def versions() -> dict:
    one, two, three = (copy.deepcopy(MACHINE) for _ in range(3))
    return {"client": one, "scheduler": two, "workers": {"tcp://a": three}}


def test_same_versions_pass() -> None:
    same = versions()
    same["workers"]["tcp://a"]["host"]["python"] = "3.11.9.final.0"
    same["workers"]["tcp://a"]["packages"]["numpy"] = "4"
    check_versions(same)


def test_differences_are_named() -> None:
    other = versions()
    other["scheduler"]["packages"]["distributed"] = "1.9"
    other["workers"]["tcp://a"]["host"]["python"] = "3.12.0.final.0"
    with pytest.raises(WorkflowError) as error:
        check_versions(other)
    assert "distributed of the scheduler is 1.9, here it is 2" in str(error.value)
    assert "python of worker tcp://a is 3.12, here it is 3.11" in str(error.value)
    assert "dask of" not in str(error.value)


def test_resources() -> None:
    workers = [{"mem_mb": 1000.0}, {"threads": 4.0, "mem_mb": 4000.0}]
    wanted = {"threads": 2, "mem_mb": 500, "runtime": 10, "tmpdir": "/tmp", "_cores": 2}
    assert required_resources(wanted, workers) == {"threads": 2.0, "mem_mb": 500.0}
    assert required_resources(wanted, [{}, {}]) == {}
    assert required_resources(wanted, []) == {}
    # no single worker has both
    with pytest.raises(WorkflowError, match="threads=2, mem_mb=500"):
        required_resources(wanted, [{"threads": 4.0}, {"mem_mb": 4000.0}])


def test_scheduler_file(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    with pytest.raises(WorkflowError, match="did not appear within 0"):
        address_from_file(file, 0)
    file.write_text(json.dumps({"address": "tcp://127.0.0.1:1"}))
    assert address_from_file(file, 0) == "tcp://127.0.0.1:1"
    file.write_text("{}")
    with pytest.raises(WorkflowError, match="not a Dask scheduler file"):
        address_from_file(file, 0)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x"])
def test_nobody_answers(address: str) -> None:
    start = time.monotonic()
    with pytest.raises(WorkflowError, match=f"No Dask scheduler answers at {address}"):
        connect(address, 1)
    assert time.monotonic() - start < 10


@contextmanager
def server(answer: Callable[[socket.socket], object]) -> Iterator[str]:
    """Listen as something that is no Dask scheduler, and return the host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def silent(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize(
    "answer",
    [silent, lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.2"), lambda connection: None],
    ids=["silent", "ssh", "hangs up"],
)
def test_somebody_else_answers(answer: Callable[[socket.socket], object]) -> None:
    with (
        server(answer) as place,
        pytest.raises(
            WorkflowError, match=f"Something answers at tcp://{place}, but not as a Dask scheduler"
        ),
    ):
        connect(f"tcp://{place}", 1)


@pytest.mark.parametrize("address", ["10.0.0.1:8786", "http://10.0.0.1:80", "tcp://10.0.0.1", "tcp://a:b"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(WorkflowError, match="an address looks like"):
        connect(address, 1)


def test_an_encrypted_scheduler_needs_credentials() -> None:
    with pytest.raises(WorkflowError, match="asks for credentials: give --dask-tls-directory"):
        connect("tls://127.0.0.1:1", 1)


def test_credentials_that_do_not_match(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    credentials.make(ours)
    credentials.make(theirs)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(theirs / "cert.pem", theirs / "key.pem")

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.recv(1)

    with server(answer) as place, pytest.raises(WorkflowError, match="does not accept the credentials in"):
        connect(f"tls://{place}", 2, ours)


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("tcp://127.0.0.1:1", False),
        ("tcp://localhost:1", False),
        ("tcp://[::1]:1", False),
        ("tls://10.0.0.1:1", False),
        ("tcp://10.0.0.1:1", True),
        ("tcp://cluster.example.org:8786", True),
    ],
)
def test_open_networks(address: str, refused: bool) -> None:
    if refused:
        with pytest.raises(WorkflowError, match="on a network without encryption"):
            refuse_open_network(address)
    else:
        refuse_open_network(address)


def test_workers_with_other_commands_are_named() -> None:
    ours = command_versions(["snakemake"])
    assert ours["snakemake"].startswith("snakemake 9.")

    def client(found: object) -> SimpleNamespace:
        return SimpleNamespace(run=lambda *_, **__: {"tcp://a": ours, "tcp://b": found})

    check_commands(client(ours), ["snakemake"])
    with pytest.raises(WorkflowError) as error:
        check_commands(client({"snakemake": "snakemake 8.1"}), ["snakemake"])
    assert "snakemake of worker tcp://b is snakemake 8.1, here it is snakemake 9." in str(error.value)
    assert "tcp://a" not in str(error.value)
    with pytest.raises(WorkflowError, match="worker tcp://b cannot run this package: No module named"):
        check_commands(client(ModuleNotFoundError("No module named 'x'")), ["snakemake"])
    assert command_versions(["no-such-command"])["no-such-command"].startswith("not installed")


def test_what_a_worker_of_ours_offers() -> None:
    assert worker_resources(2, "2GB") == {"threads": 2.0, "mem_mb": 2000.0}
    assert worker_resources(1, "auto") == worker_resources(1, "0") == {"threads": 1.0}
    with pytest.raises(WorkflowError, match="A job needs mem_mb=3000, threads=1"):
        required_resources({"mem_mb": 3000, "threads": 1}, [worker_resources(1, "2GB")])
