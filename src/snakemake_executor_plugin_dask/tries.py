"""How often workers have begun a job.

Dask counts the death of a worker against every job that was assigned to it, also those that only waited
there, and gives a job up after a few. So a job that kills its worker each time could take others with it.
"""

# mypy: allow-untyped-calls, disable-error-code="import-untyped"

from collections.abc import Callable
from functools import partial
from typing import Any

from snakemake_executor_plugin_dask.connection import bounded
from snakemake_executor_plugin_dask.outcome import Outcome

__all__ = ["MOST_ROUNDS", "begin", "only_waited"]

#: How many times a job is handed on at most, whatever is known of its tries.
MOST_ROUNDS = 5


def begin(topic: str, job: str, function: Callable[..., Outcome], *arguments: Any, **options: Any) -> Outcome:
    """Run a job in a worker, which first tells the scheduler that it does."""
    from distributed import get_worker

    get_worker().log_event(topic, job)
    return function(*arguments, **options)


def only_waited(future: Any, topic: str, job: str) -> bool:
    """Tell whether Dask gave up a job that workers have begun no more often than it allows workers to die."""
    from distributed import KilledWorker

    if future.status != "error" or not isinstance(error := future.exception(), KilledWorker):
        return False
    events = bounded(partial(future.client.get_events, topic))
    return events is not None and sum(name == job for _, name in events) <= error.allowed_failures
