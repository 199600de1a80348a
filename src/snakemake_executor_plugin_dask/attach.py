"""Connecting to a Dask scheduler, and what to check before jobs go there."""

# mypy: allow-untyped-calls

import importlib.metadata
import json
import logging
import socket
import ssl
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_dask import credentials
from snakemake_executor_plugin_dask.options import is_loopback

__all__ = [
    "address_from_file",
    "check_commands",
    "check_versions",
    "connect",
    "refuse_open_network",
    "required_resources",
    "worker_resources",
]

_SAME_VERSION = ("dask", "distributed")


def address_from_file(path: Path, timeout: float) -> str:
    """Read a scheduler's address from the file it wrote.

    Parameters
    ----------
    path
        The scheduler file.
    timeout
        Seconds to wait for the file, which a batch system may write late.

    Returns
    -------
    str
        The address.

    Raises
    ------
    WorkflowError
        If there is no such file in time, or no address in it.
    """
    deadline = time.monotonic() + timeout
    while not path.exists():
        if time.monotonic() >= deadline:
            raise WorkflowError(f"The Dask scheduler file {path} did not appear within {timeout:g} s.")
        time.sleep(0.2)
    try:
        return str(json.loads(path.read_text())["address"])
    except (ValueError, KeyError, TypeError) as error:
        raise WorkflowError(f"{path} is not a Dask scheduler file: {error!r}") from error


def refuse_open_network(address: str) -> None:
    """Refuse to send jobs over a network to a scheduler that anybody may connect to.

    Parameters
    ----------
    address
        Of the scheduler.

    Raises
    ------
    WorkflowError
        If it is neither on this machine nor encrypted.
    """
    protocol, _, rest = address.partition("://")
    host = rest.rpartition(":")[0].strip("[]")
    if protocol != "tls" and not is_loopback(host):
        raise WorkflowError(
            f"The Dask cluster at {address} is on a network without encryption, where whoever reaches its "
            "ports may run anything in your name. Start it with TLS and give --dask-tls-directory, or say "
            "--dask-unencrypted if the network is yours alone."
        )


def connect(address: str, timeout: float, tls: Path | None = None) -> Any:
    """Return a Dask client of the scheduler at this address.

    Parameters
    ----------
    address
        Such as ``tcp://127.0.0.1:8786``.
    timeout
        Seconds to try.
    tls
        Folder of the credentials; `None` for none.

    Returns
    -------
    distributed.Client
        Connected.

    Raises
    ------
    WorkflowError
        If no scheduler answers in time, saying what answers instead.
    """
    from distributed import Client

    _greet(address, timeout, tls)
    security = None if tls is None else credentials.security(tls)
    # The loss of a connection is reported by the jobs that it costs.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        return Client(address, timeout=timeout, set_as_default=False, name="snakemake", security=security)
    except (OSError, ValueError) as error:
        raise WorkflowError(_nobody(address, timeout)) from error


def _nobody(address: str, timeout: float) -> str:
    return (
        f"No Dask scheduler answers at {address} (tried for {timeout:g} s). Is it running, and can this "
        "machine reach it?"
    )


# Dask begins each message with its length, and its greeting is short.
_LENGTH_BYTES = 8
_LONGEST_GREETING = 2**20


def _greet(address: str, timeout: float, tls: Path | None) -> None:
    """Look who is there, as Dask's client would only try again and again.

    Raises
    ------
    WorkflowError
        If nobody is there, or somebody else.
    """
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
    deadline = time.monotonic() + timeout
    while True:
        try:
            connection = socket.create_connection((host.strip("[]"), int(port)), timeout=max(timeout, 0.1))
            break
        except OSError as error:
            # one that is just starting may not listen yet
            if time.monotonic() + 0.5 >= deadline:
                raise WorkflowError(_nobody(address, timeout)) from error
            time.sleep(0.5)
    with connection:
        connection.settimeout(max(timeout, 0.1))
        try:
            if tls is not None:
                context = credentials.security(tls).get_connection_args("client")["ssl_context"]
                connection = context.wrap_socket(connection)
            greeting = connection.recv(_LENGTH_BYTES)
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


def check_versions(versions: Mapping[str, Any]) -> None:
    """Refuse a cluster whose Python or Dask is not the one Snakemake runs with.

    Parameters
    ----------
    versions
        What ``Client.get_versions`` returns.

    Raises
    ------
    WorkflowError
        Naming each machine and package that differs.
    """
    ours = _relevant(versions["client"])
    theirs = {"the scheduler": versions["scheduler"]} | {
        f"worker {address}": worker for address, worker in versions["workers"].items()
    }
    differences = [
        f"  {name} of {where} is {found}, here it is {ours[name]}"
        for where, what in theirs.items()
        for name, found in _relevant(what).items()
        if found != ours[name]
    ]
    if differences:
        raise WorkflowError(
            "The Dask cluster does not match the environment that Snakemake runs in:\n"
            + "\n".join(differences)
        )


def check_commands(client: Any, commands: Sequence[str]) -> None:
    """Refuse workers that lack this package, or have other versions of the in-worker commands.

    Parameters
    ----------
    client
        Connected.
    commands
        Names of the commands that may run inside a worker.

    Raises
    ------
    WorkflowError
        Naming each worker and what differs there.
    """
    ours = command_versions(commands)
    differences = []
    for worker, found in client.run(command_versions, commands, on_error="return").items():
        if isinstance(found, BaseException):
            differences.append(f"  worker {worker} cannot run this package: {found}")
            continue
        differences += [
            f"  {name} of worker {worker} is {found.get(name)}, here it is {version}"
            for name, version in ours.items()
            if found.get(name) != version
        ]
    if differences:
        raise WorkflowError(
            "The Dask cluster does not match the environment that Snakemake runs in:\n"
            + "\n".join(differences)
        )


def command_versions(commands: Sequence[str]) -> dict[str, str]:
    """Return the package and version of each console command, here or in a worker."""
    versions = {}
    for command in commands:
        found = importlib.metadata.entry_points(group="console_scripts", name=command)
        packages = sorted(f"{point.dist.name} {point.dist.version}" for point in found if point.dist)
        versions[command] = ", ".join(packages) or f"not installed ({sys.executable})"
    return versions


def _relevant(versions: Mapping[str, Any]) -> dict[str, str]:
    # patch releases of Python exchange pickles, others may not
    python = ".".join(str(versions["host"]["python"]).split(".")[:2])
    return {"python": python} | {name: str(versions["packages"][name]) for name in _SAME_VERSION}


def required_resources(
    wanted: Mapping[str, Any], advertised: Iterable[Mapping[str, float]]
) -> dict[str, float]:
    """Return the part of a job's resources that the workers keep account of.

    Parameters
    ----------
    wanted
        The job's resources, ``threads`` among them.
    advertised
        The resources of each worker.

    Returns
    -------
    dict
        For Dask.

    Raises
    ------
    WorkflowError
        If no worker has as much, as the job would wait for ever.
    """
    workers = list(advertised)
    known = {name for worker in workers for name in worker}
    needed = {
        name: float(value)
        for name, value in wanted.items()
        if name in known and isinstance(value, int | float) and value > 0
    }
    if needed and not any(
        all(worker.get(name, 0) >= value for name, value in needed.items()) for worker in workers
    ):
        needs = ", ".join(f"{name}={value:g}" for name, value in needed.items())
        raise WorkflowError(f"A job needs {needs}, but no worker of the Dask cluster offers that much.")
    return needed


def worker_resources(threads: int, memory: str) -> dict[str, float]:
    """Return what one worker of our own offers, in the units of Snakemake's resources.

    Parameters
    ----------
    threads
        CPUs of the worker.
    memory
        Its limit, as Dask understands it; nothing is known of ``auto``, and 0 is no limit.
    """
    from dask.utils import parse_bytes

    resources = {"threads": float(threads)}
    if memory not in ("auto", "0"):
        resources["mem_mb"] = parse_bytes(memory) / 1e6
    return resources
