"""How far the run is, in one line now and then."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

__all__ = ["Tally", "Ticker"]


class Tally:
    """Counts of jobs, and of what the jobs' commands reported.

    Parameters
    ----------
    clock
        Seconds since any moment.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._start = clock()
        self._submitted = 0
        self._done = 0
        self._failed = 0
        self._counts: Counter[str] = Counter()
        self._cpu_seconds = 0.0

    def submitted(self) -> None:
        """Note that a job was handed to the cluster."""
        with self._lock:
            self._submitted += 1

    def ended(self, success: bool, counts: Mapping[str, int], cpu_seconds: float = 0.0) -> None:
        """Note how a job ended, and what CPU time its command took."""
        with self._lock:
            if success:
                self._done += 1
            else:
                self._failed += 1
            self._counts.update(counts)
            self._cpu_seconds += cpu_seconds

    def line(self, total: int, workers: str = "") -> str:
        """Return a line for the user.

        Parameters
        ----------
        total
            Number of jobs the run is expected to have.
        workers
            What to say of them, where their number changes during the run.
        """
        with self._lock:
            seconds = max(self._clock() - self._start, 1e-9)
            done, failed = self._done, self._failed
            running = self._submitted - done - failed
            counts = dict(self._counts)
        parts = [f"{done} of {total} jobs done, {running} running, {failed} failed"]
        if workers:
            parts.append(workers)
        left = total - done - failed
        if done and left > 0:
            parts.append(f"{_rate(done / seconds)} jobs/s, about {_duration(left * seconds / done)} left")
        if counts:
            parts.append(", ".join(f"{name} {n} ({_rate(n / seconds)}/s)" for name, n in counts.items()))
        return "Dask: " + "; ".join(parts)

    def cpu_line(self, own: float, embedded: bool) -> str:
        """Return a line that compares the commands' CPU time with that of all around them.

        Parameters
        ----------
        own
            CPU seconds of this process and of all that it started.
        embedded
            Whether the workers are among these.
        """
        with self._lock:
            commands = self._cpu_seconds
        if not embedded:
            return f"Dask: worker computation {commands:.1f} s CPU, Snakemake on this machine {own:.1f} s CPU"
        rest = max(own - commands, 0.0)
        share = rest / max(own, 1e-9)
        return (
            f"Dask: worker computation {commands:.1f} s CPU, everything else {rest:.1f} s CPU ({share:.0%})"
        )


class Ticker:
    """A thread that calls a function every so many seconds until it is stopped."""

    def __init__(self, interval: float, function: Callable[[], None]) -> None:
        self._interval = interval
        self._function = function
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dask-progress", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            self._function()

    def stop(self) -> None:
        """End the thread; harmless if it has ended."""
        self._stop.set()
        self._thread.join(timeout=1)


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _rate(per_second: float) -> str:
    return f"{per_second:.0f}" if per_second >= 10 else f"{per_second:.2g}"
