"""How each kind of cluster is started, in the cluster's own process."""

# mypy: allow-untyped-calls, disable-error-code="import-untyped"

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dask
import psutil
from distributed import LocalCluster
from distributed.deploy.adaptive import Adaptive
from distributed.utils import get_ip

from snakemake_executor_plugin_dask import config, credentials, slurm
from snakemake_executor_plugin_dask.options import ClusterError, Options, is_loopback

__all__ = ["Allocation", "Local", "SlurmJobs"]

_LOOPBACK = "127.0.0.1"

# Worker jobs that may end one after the other without a worker having come, and
# how often Slurm is asked.
_LOST_JOBS = 3
_SECONDS_BETWEEN_LOOKS = 15.0


class Local:
    """Worker processes on this machine, on its loopback interface."""

    def __init__(self, options: Options, tls: Path | None, scratch: str) -> None:
        dask.config.set(config.EVERYWHERE)
        self.cluster = LocalCluster(
            n_workers=options.workers,
            threads_per_worker=1,
            processes=True,
            host=_LOOPBACK,
            protocol="tcp" if tls is None else "tls",
            security=None if tls is None else credentials.security(tls),
            **_dashboard(options),
            local_directory=scratch,
            memory_limit=options.memory,
            silence_logs=30,
        )

    def look(self) -> None:
        """See whether the workers are well; Dask itself starts them anew."""

    def stop(self) -> None:
        """End what the cluster's process does not end by itself."""


class SlurmJobs:
    """Workers that are Slurm jobs, as many as there is work for."""

    def __init__(self, options: Options, tls: Path | None, scratch: str) -> None:
        from dask_jobqueue.slurm import SLURMCluster

        dask.config.set(config.ON_SLURM)
        self._options = options
        self._lost = 0
        self._next_look = time.monotonic() + _SECONDS_BETWEEN_LOOKS
        Path(options.logs).mkdir(parents=True, exist_ok=True)
        self.cluster = SLURMCluster(
            **slurm.job_settings(options),
            security=None if tls is None else credentials.security(tls),
            scheduler_options={
                "host": _host(options),
                "dashboard": options.dashboard_port is not None,
                "dashboard_address": f"{_LOOPBACK}:{options.dashboard_port or 0}",
            },
            silence_logs=30,
        )
        # The first jobs by hand: if Slurm refuses them, it is said at once.
        for _ in range(max(1, options.minimum)):
            self.cluster.worker_spec.update(self.cluster.new_worker_spec())
        try:
            self.cluster.sync(self._submitted)
        except (RuntimeError, OSError) as error:
            self.stop()
            raise ClusterError(f"Slurm refuses the workers: {slurm.reason_of_refusal(error)}") from error
        self.cluster.adapt(
            Adaptive=_Demand, minimum=options.minimum, maximum=options.workers, interval="2s", wait_count=15
        )

    async def _submitted(self) -> None:
        await self.cluster

    def look(self) -> None:
        """Ask Slurm now and then for jobs that ended before their worker came.

        Raises
        ------
        ClusterError
            If that happened several times, and no worker is there.
        """
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _SECONDS_BETWEEN_LOOKS
        try:
            alive = slurm.queued(self._options.name)
        except ClusterError as error:  # it may answer the next time
            print(error, file=sys.stderr)
            return
        if self.cluster.scheduler_info["workers"]:
            self._lost = 0
        for name, job in list(self.cluster.workers.items()):
            if name in self.cluster.observed or job.job_id in alive:
                continue
            print(f"Slurm job {job.job_id} ended before its worker came", file=sys.stderr)
            # forgotten here, it is asked for again while there is work
            self.cluster.workers.pop(name, None)
            self._lost += 1
        if self._lost >= _LOST_JOBS:
            raise ClusterError(
                f"{self._lost} Slurm jobs ended before their workers had connected; their logs are "
                f"{self._options.logs}/dask-worker-*.log"
            )

    def stop(self) -> None:
        """Cancel the run's jobs."""
        slurm.cancel(self._options.name)


class _Demand(Adaptive):
    """A worker for each job that has not ended.

    Dask's own rule divides the expected durations of the jobs by 5 s, which it
    does not know before the first ones have ended.
    """

    async def target(self) -> int:
        unfinished = ("waiting", "queued", "no-worker", "processing")
        scheduler: Any = self.cluster.scheduler  # type: ignore[attr-defined]  # in this process
        return sum(task.state in unfinished for task in scheduler.tasks.values())


class Allocation:
    """Workers that are tasks of the Slurm job which this process belongs to."""

    def __init__(self, options: Options, tls: Path | None, scratch: str) -> None:
        dask.config.set(config.ON_SLURM)
        host = _host(options)
        self.cluster = LocalCluster(
            n_workers=0,
            host=host,
            protocol="tcp" if tls is None else "tls",
            security=None if tls is None else credentials.security(tls),
            **_dashboard(options),
            silence_logs=30,
        )
        command = slurm.srun_command(
            options, self.cluster.scheduler_address, host if is_loopback(host) else None, tls
        )
        log = Path(options.logs, "dask-workers.log")
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log
        with open(log, "ab") as output:
            self._step = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(os.environ, **slurm.environment(options)),
            )

    def look(self) -> None:
        """See whether the workers' step still runs.

        Raises
        ------
        ClusterError
            If it does not.
        """
        if self._step.poll() is not None:
            said = self._log.read_text(errors="replace").strip().rpartition("\n")[2]
            raise ClusterError(f"srun has ended, and the workers with it: {said} (see {self._log})")

    def stop(self) -> None:
        """End the step: srun hands the signal on to its tasks."""
        if self._step.poll() is None:
            self._step.terminate()
            try:
                self._step.wait(5)
            except subprocess.TimeoutExpired:
                self._step.kill()


def _dashboard(options: Options) -> dict[str, Any]:
    port = options.dashboard_port
    return {
        "dashboard_address": None if port is None else f"{_LOOPBACK}:{port}",
        # A scheduler without a dashboard serves its health there; by default
        # on the port that somebody's dashboard may be using.
        "scheduler_kwargs": {"dashboard_address": f"{_LOOPBACK}:{port or 0}"},
    }


def _host(options: Options) -> str:
    """Return the address that the scheduler listens on, and nowhere else."""
    if options.interface is None:
        # all workers of an allocation of one node are on this machine
        return _LOOPBACK if slurm.on_one_node(options) else str(get_ip())
    interfaces = psutil.net_if_addrs()
    for address in interfaces.get(options.interface, ()):
        if address.family.name == "AF_INET":
            return str(address.address)
    raise ClusterError(
        f"This machine has no network interface {options.interface} with an IPv4 address; it has "
        f"{', '.join(sorted(interfaces))}."
    )
