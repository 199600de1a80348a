"""A job's folder in its worker: what the job printed, and the counts that its command reported."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["COUNTS_VARIABLE", "read_counts", "scratch", "tail"]

COUNTS_VARIABLE = "DASK_EXECUTOR_COUNTS"

_TAIL_BYTES = 8000
_TAIL_LINES = 30


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Make a folder that lives as long as the job, in the worker's own folder if there is one."""
    from distributed import get_worker

    try:
        base = get_worker().local_directory
    except ValueError:  # not in a worker
        base = None
    with tempfile.TemporaryDirectory(prefix="job-", dir=base) as folder:
        yield Path(folder)


def tail(path: str | Path, start: int = 0) -> str:
    """Return the last lines of a file, of what follows the first `start` bytes."""
    with open(path, "rb") as file:
        if not file.seekable():  # /dev/null and the like
            return ""
        end = file.seek(0, os.SEEK_END)
        begin = max(start, end - _TAIL_BYTES)
        file.seek(begin)
        lines = file.read().decode(errors="replace").splitlines()
    if begin > start:
        lines = lines[1:]  # may start in the middle
    return "\n".join(lines[-_TAIL_LINES:]).strip()


def read_counts(path: Path) -> tuple[dict[str, int], str]:
    """Sum the JSON objects of integers, one a line, that a command wrote."""
    counts: dict[str, int] = {}
    if not path.exists():
        return counts, ""
    for line in path.read_text().splitlines():
        try:
            entries = {str(key): int(value) for key, value in json.loads(line).items()}
        except (ValueError, TypeError, AttributeError):
            return (
                counts,
                f"a line in the file of {COUNTS_VARIABLE} is not a JSON object of integers: {line!r}",
            )
        for key, value in entries.items():
            counts[key] = counts.get(key, 0) + value
    return counts, ""
