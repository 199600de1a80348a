"""Who answers at the address of a scheduler, as Dask's client would only try again and again."""

import socket
import ssl
import time
from pathlib import Path

from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_dask import credentials

__all__ = ["greet", "nobody"]

# Dask begins each message with its length, and its greeting is short.
_LENGTH_BYTES = 8
_LONGEST_GREETING = 2**20


def nobody(address: str, timeout: float) -> str:
    """Return what to say where nobody answers in time."""
    return (
        f"No Dask scheduler answers at {address} (tried for {timeout:g} s). Is it running, and can this "
        "machine reach it?"
    )


def greet(address: str, timeout: float, tls: Path | None) -> None:
    """Look who is there.

    Parameters
    ----------
    address
        Such as ``tcp://127.0.0.1:8786``.
    timeout
        Seconds to try.
    tls
        Folder of the credentials; `None` for none.

    Raises
    ------
    WorkflowError
        If nobody is there, or somebody else.
    """
    place = _place(address, tls)
    with _reached(address, place, timeout) as connection:
        connection.settimeout(max(timeout, 0.1))
        try:
            greeting = _greeting(connection, tls)
        except ssl.SSLError as error:
            raise WorkflowError(
                f"Whoever answers at {address} does not accept the credentials in {tls}, or is not accepted "
                f"with them: {getattr(error, 'verify_message', None) or error.reason or error}."
            ) from error
        except OSError:
            greeting = b""
    if len(greeting) < _LENGTH_BYTES or int.from_bytes(greeting, "little") > _LONGEST_GREETING:
        raise WorkflowError(
            f"Something answers at {address}, but not as a Dask scheduler"
            + (
                " without encryption does; the address of one with it begins with tls://."
                if tls is None
                else "."
            )
        )


def _place(address: str, tls: Path | None) -> tuple[str, int]:
    """Return the host and port of an address that can be a scheduler's."""
    protocol, _, rest = address.partition("://")
    host, _, port = rest.rpartition(":")
    if protocol not in ("tcp", "tls") or not port.isdigit():
        raise WorkflowError(
            f"No Dask scheduler answers at {address}: an address looks like tcp://10.0.0.1:8786, or "
            "tls://10.0.0.1:8786 for an encrypted one."
        )
    if protocol == "tls" and tls is None:
        raise WorkflowError(
            f"The Dask scheduler at {address} asks for credentials: give --dask-tls-directory."
        )
    return host.strip("[]"), int(port)


def _reached(address: str, place: tuple[str, int], timeout: float) -> socket.socket:
    deadline = time.monotonic() + timeout
    while True:
        try:
            return socket.create_connection(place, timeout=max(timeout, 0.1))
        except OSError as error:
            # one that is just starting may not listen yet
            if time.monotonic() + 0.5 >= deadline:
                raise WorkflowError(nobody(address, timeout)) from error
            time.sleep(0.5)


def _greeting(connection: socket.socket, tls: Path | None) -> bytes:
    if tls is not None:
        context = credentials.security(tls).get_connection_args("client")["ssl_context"]
        connection = context.wrap_socket(connection)
    return connection.recv(_LENGTH_BYTES)
