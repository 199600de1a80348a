"""The settings of the executor, as Snakemake reads them from its command line and from profiles."""

# mypy: disable-error-code="import-untyped", allow-subclassing-any
# (Snakemake's interface packages have annotations, but no py.typed)

import shlex
from dataclasses import dataclass, field
from typing import cast

from snakemake_interface_executor_plugins.settings import ExecutorSettingsBase

from snakemake_executor_plugin_dask.options import KINDS, Kind, Options

__all__ = ["ExecutorSettings"]


@dataclass
class ExecutorSettings(ExecutorSettingsBase):
    """Settings of the executor; each is a command line option with the prefix ``--dask-``."""

    cluster: str = field(
        default="local",
        metadata={
            "help": "Where workers run: local (processes on this machine), slurm (each worker a Slurm job, "
            "as many as there is work for), allocation (the tasks of the Slurm job that Snakemake runs in). "
            "Ignored with --dask-scheduler-address or --dask-scheduler-file.",
            "type": str,
            "choices": list(KINDS),
        },
    )
    scheduler_address: str | None = field(
        default=None,
        metadata={
            "help": "Use the running Dask cluster whose scheduler has this address, such as "
            "tls://10.0.0.1:8786, instead of starting one. Nothing is started if it cannot be reached.",
            "type": str,
        },
    )
    scheduler_file: str | None = field(
        default=None,
        metadata={
            "help": "Use the running Dask cluster that wrote this scheduler file, instead of starting one. "
            "The file may appear up to --dask-connect-timeout seconds late.",
            "type": str,
        },
    )
    tls_directory: str | None = field(
        default=None,
        metadata={
            "help": "Folder with ca.pem, cert.pem and key.pem, the credentials that the running Dask cluster "
            "asks for. A cluster of our own makes its own, for each run.",
            "type": str,
        },
    )
    unencrypted: bool = field(
        default=False,
        metadata={
            "help": "Do without credentials and encryption, on the network too: whoever can reach the "
            "cluster's ports may then run anything in your name.",
            "type": bool,
        },
    )
    in_worker_commands: str = field(
        default="",
        metadata={
            "help": "Console commands, separated by commas or blanks, that may run inside a worker process: "
            "a shell rule that is one plain call of such a command costs milliseconds instead of a new "
            "interpreter. They have to be Python console scripts that can be called again and again in one "
            "process.",
            "type": str,
        },
    )
    workers: int | None = field(
        default=None,
        metadata={
            "help": "Worker processes at most, each running one job at a time (default: one for each of "
            "--cores, but no more than there are jobs; in an allocation, one for each of its tasks).",
            "type": int,
        },
    )
    minimum_workers: int = field(
        default=1,
        metadata={
            "help": "Slurm jobs that are kept although there is no work for them. As many as --dask-workers "
            "for a fixed number.",
            "type": int,
        },
    )
    worker_threads: int = field(
        default=1,
        metadata={
            "help": "CPUs of each worker on Slurm. A rule with more threads is refused.",
            "type": int,
        },
    )
    worker_memory: str = field(
        default="auto",
        metadata={
            "help": "Memory at which a worker is ended and its job tried again, such as 2GiB; 0 for no "
            "limit, auto for an equal share of the machine's memory. Slurm jobs ask for as much. A rule "
            "that asks for more mem_mb on Slurm is refused.",
            "type": str,
        },
    )
    walltime: str = field(
        default="01:00:00",
        metadata={
            "help": "Time limit of a worker's Slurm job, in Slurm's notation. The next one is asked for "
            "while there is work.",
            "type": str,
        },
    )
    retire_before: int = field(
        default=300,
        metadata={
            "help": "Seconds before the wall time from which on a worker takes no new job and leaves after "
            "the one it has. Not less than the longest job takes, or its work is done twice.",
            "type": int,
        },
    )
    partition: str | None = field(
        default=None,
        metadata={"help": "Slurm's partition for the workers (default: Slurm's).", "type": str},
    )
    account: str | None = field(
        default=None,
        metadata={"help": "Slurm's account for the workers (default: Slurm's).", "type": str},
    )
    sbatch_options: str = field(
        default="",
        metadata={
            "help": 'More options of sbatch for the workers, as in a shell: "--qos=long --constraint=intel".',
            "type": str,
        },
    )
    interface: str | None = field(
        default=None,
        metadata={
            "help": "Network interface that scheduler and workers on Slurm listen on, such as ib0 (default: "
            "the address of the default route; loopback in an allocation of one machine).",
            "type": str,
        },
    )
    log_directory: str = field(
        default=".snakemake/log",
        metadata={
            "help": "Folder for what the scheduler and the workers print, if they do.",
            "type": str,
        },
    )
    local_directory: str | None = field(
        default=None,
        metadata={
            "help": "Folder in which workers make their scratch folders, removed when they end (default: the "
            "system's folder for temporary files).",
            "type": str,
        },
    )
    dashboard_port: int | None = field(
        default=None,
        metadata={
            "help": "Serve the dashboard of a cluster of our own on this port of 127.0.0.1; 0 for any free "
            "one (default: no dashboard).",
            "type": int,
        },
    )
    connect_timeout: int = field(
        default=60,
        metadata={
            "help": "Seconds to wait for the scheduler, and for a scheduler file, before giving up.",
            "type": int,
        },
    )
    progress_interval: int = field(
        default=30,
        metadata={
            "help": "Seconds between two lines that tell how far the run is; 0 for none.",
            "type": int,
        },
    )

    @property
    def attaches(self) -> bool:
        """Whether a running cluster is used."""
        return bool(self.scheduler_address or self.scheduler_file)

    def options(self, workers: int, name: str) -> Options:
        """Return what a cluster of our own consists of.

        Parameters
        ----------
        workers
            Worker processes at most.
        name
            Of the Slurm jobs; no other run has the same.

        Raises
        ------
        ClusterError
            If the settings make no sense together.
        """
        return Options(
            workers=workers,
            memory=self.worker_memory,
            directory=self.local_directory,
            dashboard_port=self.dashboard_port,
            kind=cast(Kind, self.cluster),
            minimum=min(self.minimum_workers, workers),
            threads=self.worker_threads,
            walltime=self.walltime,
            retire_before=self.retire_before,
            partition=self.partition,
            account=self.account,
            directives=tuple(shlex.split(self.sbatch_options)),
            interface=self.interface,
            encrypted=not self.unencrypted,
            logs=self.log_directory,
            name=name,
        )
