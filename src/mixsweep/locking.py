"""One run at a time on a results folder, whatever working folders the runs have."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from datetime import datetime
from pathlib import Path

from mixsweep.errors import MixsweepError

__all__ = ["FILE", "claim", "holder"]

#: The file's name in the results folder.
FILE = ".running"

_held: dict[Path, int] = {}


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # a file system without locks: Snakemake's own lock, of the working folder, is what is left
        return True
    return True


def claim(results: Path) -> None:
    """Hold a results folder until this process ends, however it ends.

    Snakemake locks its working folder; this is for runs in two working folders that share a results folder,
    and for a folder that was unlocked while its run was going on.

    Parameters
    ----------
    results : Path
        The folder, which is made.

    Raises
    ------
    MixsweepError
        If another process holds it, or it cannot be written.
    """
    path = (results / FILE).resolve()
    if path in _held:
        return
    try:
        results.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise MixsweepError(
            f"{results}: this results folder cannot be written ({error.strerror}); expected a folder that is "
            "yours, on a disk with room. Another one: --directory."
        ) from None
    if not _locked(descriptor):
        who = _read(descriptor)
        os.close(descriptor)
        raise MixsweepError(
            f"{results}: another run is using this results folder ({who}). Wait for its end, or use another "
            "folder (--directory)."
        )
    since = datetime.now().astimezone().isoformat(" ", "seconds")
    text = f"process {os.getpid()} on {socket.gethostname()} since {since}\n"
    # on a full disk the lock is held all the same
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)
    _held[path] = descriptor


def holder(results: Path) -> str:
    """Return which process is using a results folder; empty if none is."""
    try:
        descriptor = os.open(results / FILE, os.O_RDWR)
    except OSError:
        return ""
    try:
        return "" if _locked(descriptor) else _read(descriptor)
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> str:
    return os.pread(descriptor, 400, 0).decode(errors="replace").strip() or "an unknown process"
