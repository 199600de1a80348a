"""Workers on Slurm: what is asked for, checked and cancelled. Imports neither Dask nor Snakemake."""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_dask.config import ON_WORKERS, variables
from snakemake_executor_plugin_dask.options import ClusterError, Options
from snakemake_executor_plugin_dask.threads import thread_limits
from snakemake_executor_plugin_dask.worker import RETIRE_VARIABLE

__all__ = [
    "cancel",
    "check_commands",
    "environment",
    "job_script",
    "job_settings",
    "on_one_node",
    "queued",
    "reason_of_refusal",
    "srun_command",
    "waiting",
]

_COMMANDS = {"slurm": ("sbatch", "scancel", "squeue"), "allocation": ("srun",)}

# Seconds after which a worker that finds no scheduler ends its Slurm job.
_DEATH_TIMEOUT = 60

_SECONDS_BETWEEN_CANCELS = 0.2


def check_commands(kind: str, environ: Mapping[str, str] = os.environ) -> None:
    """Refuse a kind of cluster that this machine cannot start.

    Parameters
    ----------
    kind
        ``slurm`` or ``allocation``.
    environ
        The environment.

    Raises
    ------
    ClusterError
        If a command of Slurm is missing, or there is no allocation to use.
    """
    missing = [name for name in _COMMANDS[kind] if shutil.which(name, path=environ.get("PATH")) is None]
    if missing:
        raise ClusterError(
            f"--dask-cluster {kind} needs Slurm's {', '.join(missing)}, not found on this machine's PATH. "
            "Run on a machine of the Slurm cluster, or leave the option out for workers on this machine."
        )
    if kind == "allocation" and "SLURM_JOB_ID" not in environ:
        raise ClusterError(
            "--dask-cluster allocation uses the Slurm job that Snakemake runs in, but SLURM_JOB_ID is not "
            "set: this is not inside one. Submit a script that calls snakemake (sbatch), or use "
            "--dask-cluster slurm, which submits jobs itself."
        )


def on_one_node(options: Options, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether all workers run on this machine."""
    return options.kind == "allocation" and environ.get("SLURM_JOB_NUM_NODES", "1") == "1"


def _worker_arguments(options: Options, host: str | None) -> list[str]:
    """Return the arguments of ``dask worker`` beside address, name, threads and memory."""
    arguments = ["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    if options.directory is not None:
        arguments += ["--local-directory", options.directory]
    if host is not None:
        arguments += ["--host", host]
    return arguments


def environment(options: Options) -> dict[str, str]:
    """Return the variables that workers on other machines need."""
    retirement = {RETIRE_VARIABLE: f"{options.retire_after:.0f}"}
    return thread_limits(options.threads) | variables(ON_WORKERS) | retirement


def job_settings(options: Options) -> dict[str, Any]:
    """Return the arguments of ``dask_jobqueue.SLURMCluster`` for one worker a job."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in environment(options).items()]
    extra = _worker_arguments(options, None)
    extra += ["--preload", "snakemake_executor_plugin_dask.worker"]
    log = Path(options.logs).absolute() / "dask-worker-%j.log"
    return {
        "cores": 1,  # jobs that a worker runs at a time
        "processes": 1,
        "job_cpu": options.threads,
        "memory": options.memory,
        "walltime": options.walltime,
        "queue": options.partition,
        "account": options.account,
        "interface": options.interface,
        "job_name": options.name,
        "job_extra_directives": [f'--output="{log}"', "--open-mode=append", *options.directives],
        "job_script_prologue": exports,
        "worker_extra_args": [shlex.quote(argument) for argument in extra],
        # -P: modules in the run's folder must not shadow installed ones
        "python": f"{shlex.quote(sys.executable)} -P",
        "death_timeout": _DEATH_TIMEOUT,
    }


def job_script(options: Options, address: str, credentials: Path | None) -> str:
    """Return the script that is submitted for each worker.

    Parameters
    ----------
    options
        What the cluster consists of.
    address
        Of the scheduler, or what to say instead.
    credentials
        Folder of the run's credentials, or what to say instead.

    Raises
    ------
    ClusterError
        If dask-jobqueue is not installed.
    """
    from snakemake_executor_plugin_dask.credentials import security

    job_class = _jobqueue().slurm.SLURMJob
    settings = job_settings(options)
    if credentials is not None:
        settings |= {"security": security(credentials), "protocol": "tls://"}
    return str(job_class(address, name="dask-worker", **settings).job_script())


def _jobqueue() -> Any:
    try:
        import dask_jobqueue
    except ImportError as error:
        raise ClusterError(
            "--dask-cluster slurm needs the package dask-jobqueue (pip install dask-jobqueue)."
        ) from error
    return dask_jobqueue


def srun_command(options: Options, address: str, host: str | None, credentials: Path | None) -> list[str]:
    """Return the command that starts one worker for each task of the allocation."""
    command = ["srun", f"--ntasks={options.workers}", f"--cpus-per-task={options.threads}"]
    # the other workers go on when one has ended; beside the step of whoever calls srun
    command += ["--kill-on-bad-exit=0", "--wait=0", "--overlap", "--unbuffered"]
    command += [sys.executable, "-P", "-m", "distributed.cli.dask_worker", address, "--nthreads", "1"]
    command += ["--memory-limit", options.memory, "--death-timeout", str(_DEATH_TIMEOUT)]
    command += _worker_arguments(options, host)
    if credentials is not None:
        for option, file in (("ca-file", "ca.pem"), ("cert", "cert.pem"), ("key", "key.pem")):
            command += [f"--tls-{option}", str(credentials / file)]
    return command


def reason_of_refusal(error: BaseException) -> str:
    """Return what ``sbatch`` said, of the error that dask-jobqueue makes of it."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line.removeprefix("sbatch: error: ") for line in lines if line.startswith("sbatch: error:")]
    return "; ".join(said) or f"{type(error).__name__}: {error}"


def queued(name: str) -> dict[str, str]:
    """Return the state of each of the run's jobs that Slurm still has plans for.

    Parameters
    ----------
    name
        Of the run's jobs.

    Returns
    -------
    dict
        Job numbers, with states such as ``PENDING``.

    Raises
    ------
    ClusterError
        If Slurm does not answer.
    """
    try:
        listing = subprocess.run(
            ["squeue", "--noheader", f"--name={name}", "--format=%A %T"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise ClusterError(f"squeue does not answer: {error}") from error
    return dict(line.split(maxsplit=1) for line in listing.splitlines() if line)


def waiting(name: str) -> str:
    """Return how many of the run's jobs wait in the queue, and why, for the user; empty if none does."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        reasons = subprocess.run(
            ["squeue", "--noheader", f"--name={name}", "--states=PENDING", "--format=%r"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.split("\n")
        counts = Counter(reason.strip() for reason in reasons if reason.strip())
        return ", ".join(f"{count} waiting ({reason})" for reason, count in counts.items())
    return ""


def cancel(name: str, seconds: float = 5.0) -> None:
    """Cancel the run's jobs; harmless if there are none, or no Slurm.

    Parameters
    ----------
    name
        Of the run's jobs.
    seconds
        How long to go on while there are any: a job whose submission was on its way reaches the queue only
        after the first ``scancel``. What is left then is named on the standard error.
    """
    if shutil.which("scancel") is None:
        return
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                ["scancel", f"--name={name}"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=10,
                check=False,
            )
        try:
            left = [number for number, state in queued(name).items() if state != "COMPLETING"]
        except ClusterError as error:
            print(error, file=sys.stderr)
            return
        if not left:
            return
        if time.monotonic() > deadline:
            print(
                f"Slurm jobs {', '.join(left)} are still there; end them with: scancel --name={name}",
                file=sys.stderr,
            )
            return
        time.sleep(_SECONDS_BETWEEN_CANCELS)
