"""A job that runs by a Snakemake of its own, started by a worker."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator

from snakemake_executor_plugin_dask.deadline import Deadline
from snakemake_executor_plugin_dask.outcome import Outcome
from snakemake_executor_plugin_dask.scratch import COUNTS_VARIABLE, read_counts, scratch, tail
from snakemake_executor_plugin_dask.threads import thread_limits

__all__ = ["abort", "run_nested"]

_nested: dict[str, set[int]] = {}


def run_nested(
    script: str, workdir: str, threads: int, run: str, deadline: Deadline | None = None
) -> Outcome:
    """Run a shell script that calls Snakemake for one job.

    Parameters
    ----------
    script
        The script, as Snakemake made it.
    workdir
        Folder to run it in.
    threads
        Threads the job may use.
    run
        Name of the Snakemake run that `abort` ends.
    deadline
        When the job is to be ended.

    Returns
    -------
    Outcome
        The message has the end of what the nested Snakemake printed.
    """
    with (
        scratch() as folder,
        open(folder / "stdout", "wb") as stdout,
        open(folder / "stderr", "wb") as stderr,
    ):
        environ = os.environ | thread_limits(threads) | {COUNTS_VARIABLE: str(folder / "counts")}
        process = subprocess.Popen(
            script,
            shell=True,
            cwd=workdir,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,  # so that abort reaches all it starts
        )
        _nested.setdefault(run, set()).add(process.pid)
        try:
            with _ends_with_worker(process.pid):
                code = process.wait(None if deadline is None else deadline.seconds)
        except subprocess.TimeoutExpired:
            assert deadline is not None
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return Outcome(1, f"the job {deadline.message}.")
        finally:
            _nested[run].discard(process.pid)
        counts, warning = read_counts(folder / "counts")
        errors = tail(folder / "stderr")
        message = f"the job's own Snakemake ended with exit code {code}:\n{errors}" if code else ""
        return Outcome(code, message, tail(folder / "stdout"), "" if code else errors, counts, warning)


@contextlib.contextmanager
def _ends_with_worker(group: int) -> Iterator[None]:
    """Have a process group killed if this process dies meanwhile, by whatever hand.

    A batch system that ends a worker may know only the worker's own process group.
    """
    read, write = os.pipe()
    watch = subprocess.Popen(
        ["/bin/sh", "-c", f"read line; kill -KILL -{group}"],  # reads the end of what nobody writes
        stdin=read,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(read)
    try:
        yield
    finally:
        watch.kill()  # before it can read
        watch.wait()
        os.close(write)


def abort(run: str) -> int:
    """End the nested Snakemakes of a run on this worker, with all they started.

    Returns
    -------
    int
        How many were ended.
    """
    groups = list(_nested.get(run, ()))
    for group in groups:
        with contextlib.suppress(ProcessLookupError):  # ended by itself meanwhile
            os.killpg(group, signal.SIGKILL)
    return len(groups)
