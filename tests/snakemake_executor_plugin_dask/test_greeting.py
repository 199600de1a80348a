import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_dask import credentials
from snakemake_executor_plugin_dask.greeting import greet


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x"])
def test_nobody_answers(address: str) -> None:
    start = time.monotonic()
    with pytest.raises(WorkflowError, match=f"No Dask scheduler answers at {address}"):
        greet(address, 1, None)
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
        greet(f"tcp://{place}", 1, None)


@pytest.mark.parametrize("address", ["10.0.0.1:8786", "http://10.0.0.1:80", "tcp://10.0.0.1", "tcp://a:b"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(WorkflowError, match="an address looks like"):
        greet(address, 1, None)


def test_an_encrypted_scheduler_needs_credentials() -> None:
    with pytest.raises(WorkflowError, match="asks for credentials: give --dask-tls-directory"):
        greet("tls://127.0.0.1:1", 1, None)


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
        greet(f"tls://{place}", 2, ours)
