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
from typing import Any, NoReturn

import psutil

from snakemake_executor_plugin_dask.handle import CLOSE, ORDERLY_SECONDS, Options, kill

__all__ = ["main"]


class _Guest:
    """The cluster inside its process, and how it ends."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._scratch = tempfile.mkdtemp(prefix="snakemake-dask-", dir=options.directory)
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
        import dask
        from distributed import LocalCluster

        options = self._options
        dask.config.set(
            {
                # 0 would blame jobs that only waited on a worker that died
                "distributed.scheduler.allowed-failures": 3,
                # Dask holds nothing but exit codes, so it could not free memory:
                # a paused worker would only stay paused.
                "distributed.worker.memory.target": False,
                "distributed.worker.memory.spill": False,
                "distributed.worker.memory.pause": False,
                # A command may keep the interpreter's lock for minutes, so silence
                # is no sign of death; a closed connection is.
                "distributed.scheduler.worker-ttl": None,
                # Daemons may not start processes, commands may.
                "distributed.worker.daemon": False,
                # Dask has freed memory given back to the system at once, for workers that
                # hold data. A numerical command would then fetch each temporary array of
                # 128 kB or more page by page again, which took a third of its time.
                "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 2**27,
                "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 2**25,
            }
        )
        port = options.dashboard_port
        self._cluster = LocalCluster(
            n_workers=options.workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            protocol="tcp",
            dashboard_address=None if port is None else f"127.0.0.1:{port}",
            # A scheduler without a dashboard serves its health there; by default
            # on the port that somebody's dashboard may be using.
            scheduler_kwargs={"dashboard_address": f"127.0.0.1:{port or 0}"},
            local_directory=self._scratch,
            memory_limit=options.memory,
            silence_logs=30,
        )

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
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--memory", default="auto")
    parser.add_argument("--directory")
    parser.add_argument("--dashboard-port", type=int)
    arguments = parser.parse_args()
    # Workers and jobs must neither read the parent's pipe nor write to it.
    parent, report = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as null:
        os.dup2(null.fileno(), 0)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _adopt_orphans()
    guest = _Guest(
        Options(arguments.workers, arguments.memory, arguments.directory, arguments.dashboard_port)
    )
    signal.signal(signal.SIGTERM, lambda *_: guest.end_soon())
    guest.run(parent, report)


if __name__ == "__main__":
    main()
