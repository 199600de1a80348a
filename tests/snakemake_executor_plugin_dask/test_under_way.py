from dataclasses import dataclass

from snakemake_executor_plugin_dask.under_way import UnderWay


@dataclass(eq=False)
class Future:
    key: str
    ended: bool = False

    def done(self) -> bool:
        return self.ended


def test_only_jobs_that_neither_began_nor_ended_wait() -> None:
    jobs, futures = UnderWay(), [Future("begun"), Future("waits"), Future("ended", True)]
    for future in futures:
        jobs.add(future)
    assert jobs.waiting({"begun", "somebody else's"}) == {futures[1]}


def test_a_job_that_ends_meanwhile_is_not_given_up() -> None:
    jobs, waits, ends, gone = UnderWay(), Future("waits"), Future("ends"), Future("gone")
    for future in (waits, ends, gone):
        jobs.add(future)
    waiting = jobs.waiting(())
    ends.ended = True
    jobs.discard(gone)
    assert jobs.give_up(waiting) == {waits}
    assert waits not in jobs
    assert ends in jobs


def test_after_the_end_nobody_waits_for_a_job() -> None:
    jobs, future = UnderWay(), Future("one")
    assert not jobs
    jobs.add(future)
    assert jobs
    assert not jobs.over
    assert jobs.end() == [future]
    assert jobs.over
    assert future not in jobs
    jobs.add(future)  # handed on at that very moment
    assert not jobs
    assert future not in jobs
