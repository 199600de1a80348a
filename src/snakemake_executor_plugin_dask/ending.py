"""How the end of a job is told: from Dask to Snakemake, and to the user."""

# mypy: disable-error-code="import-untyped"

import sys
import traceback
from typing import Any

from snakemake_executor_plugin_dask.handle import EmbeddedCluster
from snakemake_executor_plugin_dask.outcome import Outcome

__all__ = ["echo", "failure", "outcome_of"]


def outcome_of(future: Any, cluster: EmbeddedCluster | None) -> Outcome:
    """Return how a job ended, whatever happened to its worker or to the cluster."""
    from distributed import KilledWorker

    if future.status == "finished":
        outcome: Outcome = future.result()
        return outcome
    if future.status == "error":
        error = future.exception()
        if isinstance(error, KilledWorker):
            return Outcome(
                1,
                "The worker process died each time the job was tried, the last time on "
                f"{error.last_worker.address}. Either the job needs more memory than a worker has, or "
                "its command ends or crashes the process"
                + (f" (see {cluster.log})." if cluster is not None else "."),
            )
        lines = "".join(traceback.format_exception(type(error), error, future.traceback())).strip()
        return Outcome(1, f"The worker could not run the job:\n{lines}")
    reason = ""
    if cluster is not None and not cluster.alive:
        reason = f" {cluster.last_words} (see {cluster.log})."
    return Outcome(1, "The connection to the Dask scheduler was lost while the job ran." + reason)


def failure(job: Any, message: str) -> str:
    """Return what to say about a failed job where Snakemake says nothing."""
    files = [
        f"    {kind}: {', '.join(map(str, names))}"
        for kind, names in (("output", job.output), ("log", job.log))
        if names
    ]
    return "\n".join([f"Error in rule {job.name}, jobid {job.jobid}: {message}", *files])


def echo(outcome: Outcome) -> None:
    """Show what a job printed where a job of the local executor would have shown it."""
    for text, stream in ((outcome.stdout, sys.stdout), (outcome.stderr, sys.stderr)):
        if text:
            print(text, file=stream, flush=True)
