"""Using a cluster that others have started: finding it, and what to check before jobs go there."""

# mypy: allow-untyped-calls

import importlib.metadata
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_dask import credentials
from snakemake_executor_plugin_dask.connection import Connection, connect
from snakemake_executor_plugin_dask.options import is_loopback
from snakemake_executor_plugin_dask.settings import ExecutorSettings

__all__ = [
    "address_from_file",
    "attach",
    "check_commands",
    "check_versions",
    "command_versions",
    "refuse_open_network",
]

_SAME_VERSION = ("dask", "distributed")


def attach(settings: ExecutorSettings, commands: Sequence[str], logger: Any) -> Connection:
    """Connect to the cluster that the settings name.

    Parameters
    ----------
    settings
        What the user wants.
    commands
        Names of the commands that may run inside a worker.
    logger
        Snakemake's.

    Raises
    ------
    WorkflowError
        If it cannot be reached, is open to everybody, or does not match this environment.
    ClusterError
        If the credentials are no good.
    """
    file = Path(settings.scheduler_file) if settings.scheduler_file else None
    address = address_from_file(file, settings.connect_timeout) if file else str(settings.scheduler_address)
    tls = None if settings.tls_directory is None else Path(settings.tls_directory)
    if tls is not None:
        credentials.check(tls)
    elif not settings.unencrypted:
        refuse_open_network(address)
    client = _connected(address, file, settings.connect_timeout, tls)
    _check(client, commands)
    threads = client.nthreads()
    dashboard = f", dashboard at {client.dashboard_link}" if client.dashboard_link else ""
    logger.info(
        f"Dask: using the cluster at {address} ({len(threads)} workers, {sum(threads.values())} threads)"
        f"{dashboard}."
    )
    return Connection(client)


def _connected(address: str, file: Path | None, timeout: float, tls: Path | None) -> Any:
    try:
        return connect(address, timeout, tls)
    except WorkflowError as error:
        if file is None:
            raise
        raise WorkflowError(f"{error} {_age(file)}") from error


def _check(client: Any, commands: Sequence[str]) -> None:
    try:
        check_versions(client.get_versions())
        check_commands(client, commands)
    except WorkflowError:
        client.close(timeout=2)
        raise


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


def _age(file: Path) -> str:
    written = time.strftime("%Y-%m-%d %H:%M", time.localtime(file.stat().st_mtime))
    return f"The address is from {file}, written {written}: the cluster that wrote it may have ended since."


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
