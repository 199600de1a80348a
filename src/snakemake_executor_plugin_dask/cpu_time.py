"""CPU time, of which the end of a run tells what went into the jobs' commands."""

import resource

__all__ = ["cpu_seconds"]


def cpu_seconds() -> float:
    """Return the CPU time of this process and of all that it started and waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
