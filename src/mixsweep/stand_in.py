"""An empty file in the place of a landscape that could not be made, until its run ends.

Snakemake runs no job of which an input is missing, and a report should be made without the landscapes that
failed. So the job that has failed as often as it may is run once more, computes nothing, and leaves an empty
file. When the run ends it takes such files away and counts as failed: whoever looks later finds a file
missing, and the next run makes it. Snakemake deletes a job's log before each attempt; what went wrong is
handed on in a note beside the file, so that the log of the last attempt holds it.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

from mixsweep.errors import MixsweepError
from mixsweep.io import write_text

__all__ = ["ATTEMPTS", "leave_stand_in", "noted", "stands_in", "take_back"]

#: How often a landscape is computed before an empty file takes its place.
ATTEMPTS = 2
SILENT = "Error: no attempt has left a word of what went wrong\n"


def _note(path: Path) -> Path:
    return path.with_name(f".{path.name}.failed")


@contextlib.contextmanager
def noted(path: Path) -> Iterator[None]:
    """Leave a note of what goes wrong while a file is made, and none if nothing does.

    Parameters
    ----------
    path : Path
        The file that is made.
    """
    # who is killed can write nothing
    _write(path, "Error: killed, as when memory or time run out\n")
    try:
        yield
    except Exception as error:
        _write(path, f"Error: {error}\n" if isinstance(error, MixsweepError) else traceback.format_exc())
        raise
    _note(path).unlink(missing_ok=True)


def _write(path: Path, told: str) -> None:
    # on a full disk, or in a folder that cannot be written, the file's own error is what matters
    with contextlib.suppress(OSError):
        _note(path).write_text(told, encoding="utf-8")


def leave_stand_in(path: Path) -> str:
    """Put an empty file in the place of one that could not be made, and return the note of why."""
    write_text(path, "")
    note = _note(path)
    told = note.read_text(encoding="utf-8") if note.is_file() else SILENT
    note.unlink(missing_ok=True)
    return told


def stands_in(path: Path) -> bool:
    """Return whether a file is there and is a stand-in."""
    return path.is_file() and path.stat().st_size == 0


def take_back(paths: Iterable[Path]) -> list[Path]:
    """Delete those of the files that are stand-ins, and return them."""
    found = [path for path in paths if stands_in(path)]
    for path in found:
        path.unlink(missing_ok=True)
    return found
