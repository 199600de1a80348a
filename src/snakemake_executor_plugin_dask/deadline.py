"""The time limit of a job, its rule's `runtime`, on workers that no batch system watches job by job."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Deadline"]


@dataclass(frozen=True)
class Deadline:
    """How long a job may run, wherever it runs.

    Attributes
    ----------
    seconds
        From its start.
    marker
        A file on the disk that all workers share, which says that the job had its time.
    """

    seconds: float
    marker: str

    @property
    def message(self) -> str:
        """What the user is told of a job that had its time."""
        return f"was ended after {self.seconds / 60:g} minutes, the time limit that its rule sets (runtime)"

    def had_its_time(self) -> bool:
        """Tell whether the job had its time on another worker; the next time it is a new job.

        Dask runs a job anew whose worker has ended, as it cannot know why it did.
        """
        try:
            os.unlink(self.marker)
        except FileNotFoundError:
            return False
        return True

    @contextmanager
    def ends_process(self) -> Iterator[None]:
        """Have this process ended, and the message on its standard error, if the block takes longer.

        A thread can be stopped in no other way that is sure to work, and to leave nothing half changed for
        the next job.
        """
        timer = threading.Timer(self.seconds, self._end_process)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end_process(self) -> None:
        marker = Path(self.marker)
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
        # not by way of Python's buffers, whose locks the job may hold
        os.write(2, f"The job {self.message}.\n".encode())
        os._exit(1)
