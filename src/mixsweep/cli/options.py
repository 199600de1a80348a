"""Checks of option values shared by the subcommands."""

from __future__ import annotations

from mixsweep import NUMERICS_VERSION
from mixsweep.errors import MixsweepError

__all__ = ["check_numerics", "restart_range"]


def restart_range(text: str) -> tuple[int, int]:
    """Return the numbers of ``START:STOP``."""
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and int(first) < int(last)):
        raise MixsweepError(
            f"--restarts is {text!r}; expected START:STOP with 0 <= START < STOP, such as 0:50"
        )
    return int(first), int(last)


def check_numerics(expected: str | None) -> None:
    """Refuse to work for a plan made by a version with other numbers."""
    if expected is not None and expected != NUMERICS_VERSION:
        raise MixsweepError(
            f"this is numerical version {NUMERICS_VERSION}, but the plan was made with {expected}: "
            "the workers run another version of mixsweep than Snakemake"
        )
