"""``mixsweep cluster``: what a cluster's batch system would be given."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mixsweep.errors import MixsweepError, nearest

if TYPE_CHECKING:
    from snakemake_executor_plugin_dask import ExecutorSettings

__all__ = ["cluster"]

_PREFIX = "dask-"

_ALLOCATION = """\
#!/usr/bin/env bash
#SBATCH --job-name=mixsweep
#SBATCH --ntasks={tasks}
#SBATCH --cpus-per-task={threads}
#SBATCH --mem-per-cpu={memory_mib}M
#SBATCH --time={walltime}
{where}#SBATCH --output=mixsweep-%j.log
# Ctrl-C for Snakemake two minutes before the wall time: it ends what runs. The next job goes on from there.
#SBATCH --signal=B:INT@120
# What follows the script's name goes to mixsweep run: sbatch job.sh --config mine.yaml
exec {python} -m mixsweep.cli run --cores "$SLURM_NTASKS" "$@" --workflow-profile {profile}
"""


@click.group("cluster")
def cluster() -> None:
    """Show what a batch system would be given."""


@cluster.command("job-script")
@click.argument("profile", default="slurm")
@click.option(
    "--tasks", type=click.IntRange(1), default=32, show_default=True, help="Workers of an allocation."
)
@click.option("--memory", help="Memory of each worker.  [default: the profile's, or 2GiB in an allocation]")
@click.option("--walltime", help="Time limit, in Slurm's notation.  [default: the profile's]")
@click.option("--partition", help="Slurm's partition.  [default: the profile's]")
@click.option("--account", help="Slurm's account.  [default: the profile's]")
def job_script(
    profile: str,
    tasks: int,
    memory: str | None,
    walltime: str | None,
    partition: str | None,
    account: str | None,
) -> None:
    """Print the script that PROFILE, a name or a folder, has Slurm run.

    Of profile slurm, it is what the run itself submits for each worker, again and again. Of profile
    slurm-allocation, it is a script to keep and submit: mixsweep cluster job-script slurm-allocation > job.sh
    """
    from snakemake_executor_plugin_dask.options import ClusterError
    from snakemake_executor_plugin_dask.slurm import job_script as worker_script

    folder = _folder(profile)
    settings = _settings(folder)
    given = {"worker_memory": memory, "walltime": walltime, "partition": partition, "account": account}
    changes: dict[str, Any] = {key: value for key, value in given.items() if value}
    settings = dataclasses.replace(settings, **changes)
    try:
        if settings.cluster == "slurm":
            options = settings.options(settings.workers or 1, "snakemake-dask-RUN")
            tls = Path(settings.log_directory, "CREDENTIALS-OF-THE-RUN") if options.encrypted else None
            click.echo(worker_script(options, f"{'tls' if tls else 'tcp'}://SCHEDULER:PORT", tls), nl=False)
        elif settings.cluster == "allocation":
            click.echo(_allocation_script(settings, folder, tasks), nl=False)
        else:
            raise MixsweepError(f"the profile {folder} has no workers on Slurm, so it submits no job script")
    except ClusterError as error:
        raise MixsweepError(str(error)) from error


def _folder(profile: str) -> Path:
    """Return a profile's folder: one that is named by its path, or one that comes with mixsweep."""
    from mixsweep.cli.run import find_snakefile

    if (Path(profile) / "config.yaml").is_file():
        return Path(profile)
    shipped = find_snakefile().parent / "profiles"
    names = sorted(path.parent.name for path in shipped.glob("*/config.yaml"))
    if profile not in names:
        raise MixsweepError(
            f"there is no profile {profile}: neither a folder with a config.yaml, nor one that comes with "
            f"mixsweep{nearest(profile, names)}"
        )
    return shipped / profile


def _settings(folder: Path) -> ExecutorSettings:
    """Return the settings of the Dask executor in a profile."""
    import yaml

    from snakemake_executor_plugin_dask import ExecutorSettings

    content: dict[str, Any] = yaml.safe_load((folder / "config.yaml").read_text()) or {}
    executor = content.get("executor")
    if executor != "dask":
        raise MixsweepError(
            f"the profile {folder} runs jobs by the executor {executor}, which makes its submissions itself; "
            "snakemake -n shows the jobs"
        )
    names = {field.name for field in dataclasses.fields(ExecutorSettings)}
    given = {
        key.removeprefix(_PREFIX).replace("-", "_"): value
        for key, value in content.items()
        if key.startswith(_PREFIX)
    }
    if unknown := sorted(given.keys() - names):
        raise MixsweepError(f"the profile {folder} has settings that the executor does not know: {unknown}")
    return ExecutorSettings(**given)


def _allocation_script(settings: ExecutorSettings, folder: Path, tasks: int) -> str:
    from dask.utils import parse_bytes

    # the profile leaves the limit to the allocation, whose it is
    memory = "2GiB" if settings.worker_memory in ("0", "auto") else settings.worker_memory
    options = dataclasses.replace(settings, worker_memory=memory).options(tasks, "mixsweep")
    where = {"partition": options.partition, "account": options.account}
    return _ALLOCATION.format(
        tasks=tasks,
        threads=options.threads,
        memory_mib=-(-parse_bytes(options.memory) // (options.threads * 2**20)),
        walltime=options.walltime,
        where="".join(f"#SBATCH --{key}={value}\n" for key, value in where.items() if value),
        python=shlex.quote(sys.executable),
        profile=shlex.quote(str(folder.absolute())),
    )
