"""What a job may ask of workers, and what each of them offers, in the units of Snakemake's resources."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from snakemake_interface_common.exceptions import WorkflowError

__all__ = ["Advertised", "required_resources", "worker_resources"]

_ADVERTISED_SECONDS = 5.0


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


class Advertised:
    """What each worker of a cluster offers that others have started, or did a moment ago.

    Parameters
    ----------
    client
        A ``distributed.Client``.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._resources: list[dict[str, float]] = []
        self._until = -1.0

    def resources(self) -> list[dict[str, float]]:
        """Return the resources of each worker."""
        # for each job anew, two hundred workers would take 16 ms
        if time.monotonic() > self._until:
            workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
            self._resources = [worker["resources"] for worker in workers]
            self._until = time.monotonic() + _ADVERTISED_SECONDS
        return self._resources
