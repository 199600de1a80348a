"""What is used of Snakemake beyond its documented interface is there, and is what it is taken for."""

import sys
import threading
from types import SimpleNamespace

import pytest
from snakemake.cli import get_argument_parser
from snakemake.scheduling.job_scheduler import JobRateLimiter
from snakemake.settings.types import MaxJobsPerTimespan

from snakemake_executor_plugin_dask import internals


def limited(given: list[str]) -> SimpleNamespace:
    """Return a scheduler that has just used up all but three jobs of the limit of a command line."""
    text = get_argument_parser().parse_args(given).max_jobs_per_timespan
    limit = MaxJobsPerTimespan.parse_choice(text) if isinstance(text, str) else text
    return SimpleNamespace(
        job_rate_limiter=JobRateLimiter(limit),
        resources={"_job_count": 3, "_cores": 1},
        global_resources={"_job_count": sys.maxsize, "_cores": 2},
        _open_jobs=threading.Semaphore(0),
    )


def test_snakemake_s_default_rate_limit_is_lifted() -> None:
    scheduler = limited([])
    for _ in range(2):
        internals.lift_rate_limit(SimpleNamespace(scheduler=scheduler))
        assert scheduler.job_rate_limiter is None
        assert scheduler.resources == {"_job_count": sys.maxsize, "_cores": 1}
    # what the limit has held back is looked at, once, and does not wait for the end of a job
    assert scheduler._open_jobs.acquire(blocking=False)
    assert not scheduler._open_jobs.acquire(blocking=False)


@pytest.mark.parametrize("limit", ["7/1s", "100/1m"])
def test_the_user_s_rate_limit_stays(limit: str) -> None:
    scheduler = limited(["--max-jobs-per-timespan", limit])
    internals.lift_rate_limit(SimpleNamespace(scheduler=scheduler))
    assert scheduler.job_rate_limiter is not None
    assert scheduler.resources["_job_count"] == 3
    assert not scheduler._open_jobs.acquire(blocking=False)
