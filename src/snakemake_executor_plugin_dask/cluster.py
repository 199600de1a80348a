"""The embedded cluster's process: a fresh interpreter that holds a Dask cluster.

Started from within Snakemake, each worker would first import Snakemake's main
module. The process ends when its standard input ends, that is, also when
Snakemake is killed, and takes all that it started with it.
"""

# mypy: allow-untyped-calls, disable-error-code="import-untyped"
# (psutil and distributed are not typed)

import argparse
import contextlib
import ctypes
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, NoReturn

import psutil

from snakemake_executor_plugin_dask.handle import CLOSE, ORDERLY_SECONDS, kill
from snakemake_executor_plugin_dask.options import ClusterError, Options

__all__ = ["main"]


class _Guest:
    """The cluster inside its process, and how it ends."""

    def __init__(self, options: Options, tls: Path | None) -> None:
        self._options = options
        self._tls = tls
        self._scratch = tempfile.mkdtemp(prefix="snakemake-dask-", dir=options.directory)
        self._kind: Any = None
        self._cluster: Any = None
        self._close = threading.Event()
        self._ending = threading.Lock()

    def run(self, parent: int, report: int) -> NoReturn:
        threading.Thread(target=self._watch, args=(parent,), daemon=True).start()
        try:
            self._start()
            dashboard = self._cluster.dashboard_link if self._options.dashboard_port is not None else None
            self._report(
                report,
                {
                    "address": self._cluster.scheduler_address,
                    "dashboard": dashboard,
                    "scratch": self._scratch,
                },
            )
            while not self._close.wait(2.0):
                _kill_orphans()
                self._kind.look()
        except ClusterError as error:
            print(error, file=sys.stderr)
            self.end(1)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            self.end(1)
        # A daemon thread, as closing waits for workers that may be stuck.
        closing = threading.Thread(target=self._cluster.close, daemon=True)
        closing.start()
        closing.join(ORDERLY_SECONDS)
        self.end(0)

    def _watch(self, parent: int) -> None:
        said = b""
        while piece := os.read(parent, 64):
            said += piece
        if said == CLOSE and self._cluster is not None:
            self._close.set()
        else:
            self.end(0)

    def _start(self) -> None:
        from snakemake_executor_plugin_dask.kinds import Allocation, Local, SlurmJobs

        kind = {"local": Local, "slurm": SlurmJobs, "allocation": Allocation}[self._options.kind]
        self._kind = kind(self._options, self._tls, self._scratch)
        self._cluster = self._kind.cluster

    @staticmethod
    def _report(descriptor: int, content: dict[str, Any]) -> None:
        with open(descriptor, "w") as stream:
            stream.write(json.dumps(content) + "\n")

    def end_soon(self) -> None:
        # a signal handler must not wait for a lock that its own thread may hold
        threading.Thread(target=self.end, args=(0,), daemon=True).start()

    def end(self, code: int) -> NoReturn:
        """Kill all that was started, remove the scratch folder, and exit."""
        self._ending.acquire()  # never released: one thread ends, any other waits for it
        if self._kind is not None:
            self._kind.stop()
        if self._cluster is not None:
            from distributed import Status

            for nanny in list(self._cluster.workers.values()):
                nanny.status = Status.closing  # so that it does not start its worker anew
        for _ in range(5):  # one more in case something was started meanwhile
            # The tracker removes the semaphores of the others and ends with this process.
            children = [
                child
                for child in psutil.Process().children(recursive=True)
                if not _is_resource_tracker(child)
            ]
            if not children:
                break
            kill(children)
        shutil.rmtree(self._scratch, ignore_errors=True)
        if self._tls is not None:
            shutil.rmtree(self._tls.parent, ignore_errors=True)
        os._exit(code)


def _is_resource_tracker(process: psutil.Process) -> bool:
    try:
        return any("multiprocessing.resource_tracker" in part for part in process.cmdline())
    except psutil.Error:  # it has ended
        return False


def _kill_orphans() -> None:
    """End jobs whose worker has died.

    Dask runs such a job again on another worker, so the old one must not go on
    writing. As this process adopts orphans, they are its children, but each in a
    session of its own.
    """
    session = os.getsid(0)
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getsid(child.pid) != session:
                kill([*child.children(recursive=True), child])


def _adopt_orphans() -> None:
    """Become the parent of processes whose parent dies, where the system allows it."""
    if sys.platform == "linux":
        pr_set_child_subreaper = 36
        ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def main() -> NoReturn:
    """Hold a cluster until the standard input ends."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("options", help="what the cluster consists of, in JSON")
    parser.add_argument("credentials", nargs="?", type=Path, help="folder of the run's credentials")
    arguments = parser.parse_args()
    # Workers and jobs must neither read the parent's pipe nor write to it.
    parent, report = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as null:
        os.dup2(null.fileno(), 0)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _adopt_orphans()
    guest = _Guest(Options.from_json(arguments.options), arguments.credentials)
    signal.signal(signal.SIGTERM, lambda *_: guest.end_soon())
    guest.run(parent, report)


if __name__ == "__main__":
    main()
