"""Connecting to a Dask scheduler, and what to check before jobs go there."""

# mypy: allow-untyped-calls

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from snakemake_interface_common.exceptions import WorkflowError

__all__ = ["address_from_file", "check_versions", "connect", "required_resources"]

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


def connect(address: str, timeout: float) -> Any:
    """Return a Dask client of the scheduler at this address.

    Parameters
    ----------
    address
        Such as ``tcp://127.0.0.1:8786``.
    timeout
        Seconds to try.

    Returns
    -------
    distributed.Client
        Connected.

    Raises
    ------
    WorkflowError
        If nothing answers in time.
    """
    from distributed import Client

    try:
        return Client(address, timeout=timeout, set_as_default=False, name="snakemake")
    except (OSError, ValueError) as error:
        raise WorkflowError(
            f"No Dask scheduler answers at {address} (tried for {timeout:g} s). "
            "Is it running, and can this machine reach it?"
        ) from error


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
