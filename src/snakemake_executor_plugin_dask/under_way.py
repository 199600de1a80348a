"""The jobs that were handed to the cluster and have not ended, as several threads see them."""

import threading
from collections.abc import Collection
from typing import Any

__all__ = ["UnderWay"]


class UnderWay:
    """The futures of these jobs."""

    def __init__(self) -> None:
        self._futures: set[Any] = set()
        self._lock = threading.Lock()
        self._over = False

    @property
    def over(self) -> bool:
        """Whether nobody waits for any job any more."""
        return self._over

    def __contains__(self, future: Any) -> bool:
        """Tell whether somebody waits for this job."""
        with self._lock:
            return not self._over and future in self._futures

    def __bool__(self) -> bool:
        """Tell whether somebody waits for any job."""
        with self._lock:
            return not self._over and bool(self._futures)

    def add(self, future: Any) -> None:
        """Note a job that was handed on."""
        with self._lock:
            self._futures.add(future)

    def discard(self, future: Any) -> None:
        """Forget a job; harmless if it is not there."""
        with self._lock:
            self._futures.discard(future)

    def waiting(self, begun: Collection[Any]) -> set[Any]:
        """Return the jobs that have not ended, and whose keys are not among those that were begun."""
        with self._lock:
            return {future for future in self._futures if future.key not in begun and not future.done()}

    def give_up(self, futures: set[Any]) -> set[Any]:
        """Forget those of the jobs that have not ended meanwhile, and return them."""
        with self._lock:
            lost = {future for future in futures & self._futures if not future.done()}
            self._futures -= lost
        return lost

    def end(self) -> list[Any]:
        """Wait for no job any more, and return those that have not ended."""
        with self._lock:
            self._over = True
            left = list(self._futures)
            self._futures.clear()
        return left
