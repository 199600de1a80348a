"""The handle on a cluster of our own, in Snakemake's process."""

# mypy: disable-error-code="import-untyped"
# (psutil is not typed)

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

import psutil

from snakemake_executor_plugin_dask import credentials, slurm
from snakemake_executor_plugin_dask.options import ClusterError, Options
from snakemake_executor_plugin_dask.threads import thread_limits

__all__ = ["CLOSE", "ORDERLY_SECONDS", "EmbeddedCluster", "kill"]

# What the cluster's process reads before the end of its input, if it is to close
# the cluster and not to kill it, and how long that may take.
CLOSE = b"close\n"
ORDERLY_SECONDS = 8.0

_MODULE = "snakemake_executor_plugin_dask.cluster"


class EmbeddedCluster:
    """Handle on the cluster's process, in Snakemake's.

    Parameters
    ----------
    options
        What to start.
    log
        File for what the scheduler and the workers print.
    """

    def __init__(self, options: Options, log: Path) -> None:
        self.log = log
        self._options = options
        self._scratch: str | None = None
        self.credentials: Path | None = None
        log.parent.mkdir(parents=True, exist_ok=True)
        arguments = [options.to_json()]
        if options.encrypted:
            # Workers on other machines read them too, so they lie where the log is, on a shared disk.
            shared = log.parent if options.kind != "local" else options.directory
            self.credentials = Path(tempfile.mkdtemp(prefix="dask-credentials-", dir=shared), "tls")
            credentials.make(self.credentials)
            arguments.append(str(self.credentials))
        with open(log, "wb") as stderr:
            self._process = subprocess.Popen(
                # -P: modules in the run's folder must not shadow installed ones
                [sys.executable, "-P", "-m", _MODULE, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=os.environ | thread_limits(1),
                start_new_session=True,  # the terminal's Ctrl-C is Snakemake's business
            )

    @property
    def last_words(self) -> str:
        """The last line of the log."""
        return self.log.read_text(errors="replace").strip().rpartition("\n")[2]

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def queue(self) -> str:
        """Return how many workers wait in Slurm's queue, and why, for the user; empty if none does."""
        return slurm.waiting(self._options.name)

    def wait(self, timeout: float) -> dict[str, Any]:
        """Wait until the scheduler and the workers are up.

        Parameters
        ----------
        timeout
            Seconds to wait.

        Returns
        -------
        dict
            ``address`` of the scheduler and ``dashboard``, its link or `None`.

        Raises
        ------
        ClusterError
            If it did not come up in time.
        """
        stdout: IO[bytes] | None = self._process.stdout
        assert stdout is not None
        deadline = time.monotonic() + timeout
        line = b""
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not readable:
                raise ClusterError(
                    f"the embedded Dask cluster was not up after {timeout:g} s (see {self.log})"
                )
            piece = os.read(stdout.fileno(), 4096)
            if not piece:
                raise ClusterError(
                    f"the embedded Dask cluster could not be started: {self.last_words} (see {self.log})"
                )
            line += piece
        stdout.close()
        report: dict[str, Any] = json.loads(line)
        self._scratch = report["scratch"]
        return report

    def close(self, orderly: bool = True) -> None:
        """End the process and all that it started; harmless if it has ended.

        Parameters
        ----------
        orderly
            Whether to close the cluster first, rather than to kill it.
        """
        process = self._process
        if process.stdin is not None and not process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):  # it has ended
                if orderly:
                    process.stdin.write(CLOSE)
                process.stdin.close()
        try:
            process.wait(ORDERLY_SECONDS + 4 if orderly else 6)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(psutil.NoSuchProcess):
                kill(psutil.Process(process.pid).children(recursive=True))
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        # left behind only if the process was killed from outside
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
        if self._options.kind == "slurm":
            slurm.cancel(self._options.name)
        if self.credentials is not None:
            shutil.rmtree(self.credentials.parent, ignore_errors=True)
        if self.log.exists() and self.log.stat().st_size == 0:
            self.log.unlink()


def kill(processes: list[psutil.Process]) -> None:
    """Kill processes, some of which may have ended, and wait until they are gone."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=2)
