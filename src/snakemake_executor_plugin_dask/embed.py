"""Starting a cluster of the run's own: how large, with which log, and what is said of it."""

# mypy: disable-error-code="import-untyped"

import os
import time
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_dask import internals, slurm
from snakemake_executor_plugin_dask.connection import Connection, connect
from snakemake_executor_plugin_dask.handle import EmbeddedCluster
from snakemake_executor_plugin_dask.leftovers import remove_leftovers, sign
from snakemake_executor_plugin_dask.options import Options
from snakemake_executor_plugin_dask.settings import ExecutorSettings

__all__ = ["embed", "sensible_workers"]


def embed(settings: ExecutorSettings, name: str, workflow: Any, logger: Any) -> Connection:
    """Start a cluster and connect to it.

    Parameters
    ----------
    settings
        What the user wants.
    name
        Of the Slurm jobs; no other run has the same.
    workflow, logger
        Snakemake's.

    Raises
    ------
    ClusterError
        If it does not start.
    OSError
        If a folder cannot be written to, for example.
    """
    if settings.cluster != "local":
        slurm.check_commands(settings.cluster)
    options = settings.options(settings.workers or sensible_workers(settings.cluster, workflow), name)
    cluster = EmbeddedCluster(options, _log(settings))
    try:
        report = _report(cluster, settings.connect_timeout)
        if workflow.resource_settings.nodes is not None:
            logger.info("Dask: --jobs lifts the limit that --cores is; leave it out, also of profiles.")
        link = f", dashboard at {report['dashboard']}" if report["dashboard"] else ""
        logger.info(f"Dask: {_what_was_started(options)}{link}.")
        client = connect(report["address"], settings.connect_timeout, cluster.credentials)
    except BaseException:  # an interrupt too
        cluster.close(orderly=False)
        raise
    return Connection(client, cluster, here=options.kind == "local")


def sensible_workers(kind: str, workflow: Any) -> int:
    """Return the number of workers for a workflow, where the user gives none."""
    cores: int = workflow.resource_settings.cores
    if kind == "allocation":
        # a worker a task: with --cores above that, jobs wait in Dask
        return int(os.environ.get("SLURM_NTASKS", cores))
    if internals.has_checkpoints(workflow):
        return cores
    return max(1, min(cores, internals.expected_jobs(workflow)))


def _log(settings: ExecutorSettings) -> Path:
    """Return the file for what the cluster prints, one for each run."""
    name = f"{time.strftime('%Y-%m-%dT%H%M%S')}.{os.getpid()}.dask.log"
    return Path(settings.log_directory, name).absolute()


def _report(cluster: EmbeddedCluster, timeout: float) -> dict[str, Any]:
    """Wait until the cluster is up, and return what it says of itself."""
    if cluster.credentials is not None:
        sign(cluster.credentials.parent)
        remove_leftovers(cluster.credentials.parent.parent)
    # worth a second, which the cluster's process needs for the same
    import distributed  # noqa: F401

    return cluster.wait(timeout)


def _what_was_started(options: Options) -> str:
    workers = f"{options.workers} worker{'s' if options.workers > 1 else ''}"
    if options.kind == "local":
        return f"started {workers} on this machine"
    each = f"{options.threads} CPU{'s' if options.threads > 1 else ''}, {options.memory}"
    if options.kind == "allocation":
        return f"started {workers} ({each}) in this Slurm allocation; their log is in {options.logs}"
    return (
        f"asks Slurm for {options.minimum} to {options.workers} workers ({each}, {options.walltime}), jobs "
        f"named {options.name}; their logs are in {options.logs}"
    )
