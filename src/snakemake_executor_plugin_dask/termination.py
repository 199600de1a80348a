"""What asks a run to end, SIGTERM, and what follows from it here.

Snakemake then starts no new job and waits for those that it has handed on. For one that no worker has taken
this may be for ever: nobody starts workers any more, or a batch system keeps them queued.
"""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from snakemake_executor_plugin_dask.connection import Connection
from snakemake_executor_plugin_dask.under_way import UnderWay

__all__ = ["Termination", "wait_for_begun"]

_LOOK_SECONDS = 0.5


class Termination:
    """Takes the place of Snakemake's handler of SIGTERM, and calls it.

    Parameters
    ----------
    wind_down
        Called once, in a thread of its own, after Snakemake's handler.
    """

    def __init__(self, wind_down: Callable[[], None]) -> None:
        self._wind_down = wind_down
        self._connected = False
        self._asked = False
        self._before: Any = None

    def watch(self) -> None:
        """Begin; of use only in the main thread, as others do not get signals."""
        if threading.current_thread() is threading.main_thread() and self._before is None:
            self._before = signal.signal(signal.SIGTERM, self._handle)

    def connected(self) -> None:
        """Note that from now on the main thread waits for nothing but the end of jobs."""
        self._connected = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._connected:
            # out of the wait for the cluster, as an interrupt would
            raise SystemExit(1)
        if not self._asked:
            self._asked = True
            threading.Thread(target=self._end, args=(number,), daemon=True).start()

    def _end(self, number: int) -> None:
        # not in the main thread, which may hold the very lock that Snakemake's handler takes
        if callable(self._before):
            self._before(number, None)
        self._wind_down()


def wait_for_begun(jobs: UnderWay, connection: Connection) -> int:
    """Wait for the jobs that workers have begun, and give up the others.

    Returns
    -------
    int
        How many were given up.
    """
    given_up = 0
    before: set[Any] = set()
    while jobs:
        begun = connection.begun()
        waiting = set() if begun is None else jobs.waiting(begun)
        # at the next look: a job may be on its way to a worker, or back
        lost = jobs.give_up(waiting & before)
        if lost:
            given_up += len(lost)
            connection.withdraw(lost)
        before = waiting
        time.sleep(_LOOK_SECONDS)
    return given_up
