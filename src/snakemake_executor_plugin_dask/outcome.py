"""What travels back from a worker: how a job ended."""

from dataclasses import dataclass, field

__all__ = ["Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended.

    Attributes
    ----------
    returncode
        0 if it succeeded.
    message
        Why it failed, for the user.
    stdout, stderr
        The end of what it printed and its command line did not redirect.
    counts
        What the command reported to have done.
    warning
        Something about the job that is wrong without making it fail.
    cpu_seconds
        CPU time of the worker, and of what it started and waited for, during the
        call of an in-worker command; 0 for other jobs.
    """

    returncode: int
    message: str = ""
    stdout: str = ""
    stderr: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    warning: str = ""
    cpu_seconds: float = field(default=0.0, compare=False)
