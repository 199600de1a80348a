"""The connection to the run's cluster, and calls that do not wait for ever when it is lost."""

# mypy: allow-untyped-calls, disable-error-code="import-untyped"

import itertools
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_dask import credentials
from snakemake_executor_plugin_dask.greeting import greet, nobody
from snakemake_executor_plugin_dask.handle import EmbeddedCluster
from snakemake_executor_plugin_dask.nested import abort

__all__ = ["Connection", "bounded", "connect"]

_PATIENCE_SECONDS = 5.0
_Answer = TypeVar("_Answer")


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

    greet(address, timeout, tls)
    security = None if tls is None else credentials.security(tls)
    # The loss of a connection is reported by the jobs that it costs.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        return Client(address, timeout=timeout, set_as_default=False, name="snakemake", security=security)
    except (OSError, ValueError) as error:
        raise WorkflowError(nobody(address, timeout)) from error


@dataclass(frozen=True)
class Connection:
    """A run's connection to its cluster.

    Attributes
    ----------
    client
        A ``distributed.Client``.
    cluster
        The run's own cluster; `None` for one that others have started.
    here
        Whether all workers are started by this process, and belong to it.
    """

    client: Any
    cluster: EmbeddedCluster | None = None
    here: bool = False

    def check(self) -> None:
        """See whether the cluster is still there.

        Raises
        ------
        WorkflowError
            If it is not.
        """
        if self.cluster is not None and not self.cluster.alive:
            raise WorkflowError(
                f"The embedded Dask cluster ended unexpectedly: {self.cluster.last_words} "
                f"(see {self.cluster.log})."
            )
        if self.client.status != "running":
            raise WorkflowError(
                "The Dask scheduler is gone. What is finished stays; call snakemake again for the rest."
            )

    def workers(self) -> str:
        """Return what to say of the workers where their number changes, empty where it does not."""
        if self.here:
            return ""
        count = len(self.client.nthreads()) if self.client.status == "running" else 0
        queue = "" if self.cluster is None else self.cluster.queue()
        return f"{count} worker{'' if count == 1 else 's'}" + (f", {queue}" if queue else "")

    def begun(self) -> set[Any] | None:
        """Return the keys of the jobs that workers run; `None` if they cannot be found out."""
        # A worker that is too busy to answer has the jobs that the scheduler gave to it, more than it runs.
        for ask in (self.client.call_stack, self.client.processing):
            jobs = bounded(ask)
            if jobs is not None:
                return set(itertools.chain.from_iterable(jobs.values()))
        return None

    def withdraw(self, futures: Iterable[Any]) -> None:
        """Take jobs back that the scheduler has been given."""
        bounded(partial(self.client.cancel, list(futures), force=True))

    def abort(self, run: str) -> None:
        """End the nested Snakemakes of a run on all workers that do not end with this process."""
        if not self.here:
            bounded(partial(self.client.run, abort, run, on_error="ignore"))

    def close(self, orderly: bool) -> None:
        """Close the connection, and the cluster if it is the run's own."""
        bounded(partial(self.client.close, timeout=2))
        if self.cluster is not None:
            self.cluster.close(orderly=orderly)


def bounded(function: Callable[[], _Answer]) -> _Answer | None:
    """Call a function that a lost connection may keep waiting; return `None` if it takes too long."""
    answers: list[_Answer] = []
    thread = threading.Thread(target=lambda: answers.append(function()), daemon=True)
    thread.start()
    thread.join(_PATIENCE_SECONDS)
    return answers[0] if answers else None
