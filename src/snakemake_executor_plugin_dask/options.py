"""What a cluster of our own consists of: checked settings, without Snakemake or Dask."""

import json
import re
from dataclasses import asdict, dataclass
from typing import Literal, get_args

__all__ = ["KINDS", "ClusterError", "Kind", "Options", "is_loopback", "seconds"]

Kind = Literal["local", "slurm", "allocation"]
KINDS: tuple[str, ...] = get_args(Kind)

_MEMORY = re.compile(r"auto|[0-9.]+ *([kmgtp]i?)?b?", re.IGNORECASE)
# Slurm's forms of a time: minutes, minutes:seconds, hours:minutes:seconds, and the same after days-
_DURATION = re.compile(r"(?:(?P<days>\d+)-)?(?P<clock>\d+(?::\d+){0,2})")


class ClusterError(RuntimeError):
    """A cluster cannot be started, or has ended; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a cluster of our own consists of.

    Attributes
    ----------
    workers
        Worker processes at most, each running one job at a time.
    memory
        Limit for each, as Dask understands it.
    directory
        Folder for scratch folders; `None` for the system's.
    dashboard_port
        Port of 127.0.0.1; `None` for no dashboard.
    kind
        Where workers run: ``local`` processes of this machine, ``slurm`` jobs, or
        ``allocation``, the tasks of the Slurm job that this process belongs to.
    minimum
        Slurm jobs that are kept although there is nothing to do.
    threads
        CPUs of each worker.
    walltime
        Time limit of a Slurm job, in Slurm's notation.
    retire_before
        Seconds before the wall time from which on a worker takes no new job.
    partition, account
        Of Slurm; `None` for the user's default.
    directives
        More options of ``sbatch``.
    interface
        Network interface that scheduler and workers listen on; `None` for the
        address of the default route.
    encrypted
        Whether connections need the run's credentials.
    logs
        Folder for the workers' logs.
    name
        Name of the Slurm jobs, unique to the run.
    """

    workers: int
    memory: str = "auto"
    directory: str | None = None
    dashboard_port: int | None = None
    kind: Kind = "local"
    minimum: int = 1
    threads: int = 1
    walltime: str = "01:00:00"
    retire_before: int = 300
    partition: str | None = None
    account: str | None = None
    directives: tuple[str, ...] = ()
    interface: str | None = None
    encrypted: bool = False
    logs: str = ".snakemake/log"
    name: str = "snakemake-dask"

    def __post_init__(self) -> None:
        """Check what can be checked without asking anybody.

        Raises
        ------
        ClusterError
            Naming the option and what was found.
        """
        if self.kind not in KINDS:
            raise ClusterError(f"--dask-cluster has to be one of {', '.join(KINDS)}; found {self.kind!r}.")
        if self.workers < 1 or self.threads < 1:
            raise ClusterError("--dask-workers and --dask-worker-threads have to be at least 1.")
        if not _MEMORY.fullmatch(self.memory):
            raise ClusterError(
                f"--dask-worker-memory has to be a size such as 2GiB, or auto; found {self.memory!r}."
            )
        if self.kind != "slurm":
            return
        if self.memory in ("auto", "0"):
            raise ClusterError(
                "Slurm jobs need a memory limit of their own: give --dask-worker-memory, such as 2GiB."
            )
        if not 0 <= self.minimum <= self.workers:
            raise ClusterError(
                f"--dask-minimum-workers is {self.minimum}; it has to be from 0 to --dask-workers, "
                f"{self.workers}."
            )
        if self.retire_after <= 0:
            raise ClusterError(
                f"--dask-retire-before is {self.retire_before} s, which leaves nothing of the wall time "
                f"{self.walltime}. Ask for more time, or let workers retire later."
            )

    @property
    def retire_after(self) -> float:
        """Seconds after which a worker takes no new job."""
        return seconds(self.walltime) - self.retire_before

    def to_json(self) -> str:
        """Return the options for the command line of the cluster's process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Options":
        """Read what `to_json` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "directives": tuple(fields["directives"])})


def seconds(duration: str) -> int:
    """Return a duration in Slurm's notation in seconds.

    Parameters
    ----------
    duration
        Such as ``30`` (minutes), ``30:00``, ``01:30:00`` or ``2-00:00:00``.

    Raises
    ------
    ClusterError
        If it is in no such form.
    """
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ClusterError(
            f"--dask-walltime has to be a time as Slurm writes it, such as 01:30:00; found {duration!r}."
        )
    parts = [int(part) for part in match["clock"].split(":")]
    if match["days"] is not None:
        hours, minutes, rest = [*parts, 0, 0][:3]
    elif len(parts) == 3:
        hours, minutes, rest = parts
    else:
        hours, (minutes, rest) = 0, [*parts, 0][:2]
    return ((int(match["days"] or 0) * 24 + hours) * 60 + minutes) * 60 + rest


def is_loopback(host: str) -> bool:
    """Tell whether a host can be reached from this machine alone."""
    return host in ("localhost", "::1") or host.startswith("127.")
