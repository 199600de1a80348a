"""Rounds of an adaptive sweep: how many restarts each cell has by now, kept beside its results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mixsweep.errors import MixsweepError
from mixsweep.io import write_text

__all__ = ["FILE", "read_rounds", "round_up", "write_rounds"]

#: The file's name in the results folder.
FILE = "restarts.json"


def round_up(wanted: int, maximum: int) -> int:
    """Return the next end of a block of restarts, at most the maximum.

    A block that is cut short would be fitted anew when it grows; up to the maximum none is.
    """
    length = 100 if wanted <= 1000 else 1000 if wanted <= 10000 else 10000
    return min(-(-wanted // length) * length, maximum)


def read_rounds(path: Path) -> dict[str, int]:
    """Return the restarts of the cells by their folder; nothing before the first round has ended.

    Raises
    ------
    MixsweepError
        If the file holds something else.
    """
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not all(type(value) is int for value in found.values()):
            raise ValueError("expected numbers of restarts by cell")
    except ValueError as error:
        raise MixsweepError(
            f"{path}: not readable as the restarts of an adaptive sweep ({error}). Delete it: the rounds "
            "begin anew, with the fits that are there."
        ) from None
    return found


def write_rounds(path: Path, restarts: Mapping[str, int]) -> None:
    """Write the restarts of the cells."""
    write_text(path, json.dumps(dict(sorted(restarts.items())), indent=1) + "\n")
