"""Credentials that a killed run has left, removed by the next run.

A run removes its own credentials when it ends, and the cluster's process does when Snakemake is killed. Where
both are killed, a key stays on the disk.
"""

# mypy: disable-error-code="import-untyped"
# (psutil is not typed)

import contextlib
import json
import shutil
import socket
from pathlib import Path

import psutil

__all__ = ["OWNER", "remove_leftovers", "sign"]

#: The file in a folder of credentials that says whose it is.
OWNER = "owner.json"


def sign(folder: Path) -> None:
    """Note that a folder is this process's.

    Parameters
    ----------
    folder
        Which the process removes when it ends, if it can.
    """
    owner = {"host": socket.gethostname(), "process": _identity(psutil.Process())}
    (folder / OWNER).write_text(json.dumps(owner))


def remove_leftovers(parent: Path) -> list[Path]:
    """Remove the folders of credentials whose process was on this machine and is gone.

    Parameters
    ----------
    parent
        Where to look.

    Returns
    -------
    list of Path
        What was removed.
    """
    found = [path.parent for path in parent.glob(f"dask-credentials-*/{OWNER}") if not _is_alive(path)]
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    return [folder for folder in found if not folder.exists()]


def _identity(process: psutil.Process) -> list[float]:
    # numbers of processes are used again, but not with the same time of birth
    return [process.pid, process.create_time()]


def _is_alive(owner: Path) -> bool:
    """Tell whether the owner of a folder may still need it; of one on another machine nothing is known."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(owner.read_text())
        if found["host"] != socket.gethostname():
            return True
        pid, born = found["process"]
        try:
            return bool(abs(psutil.Process(pid).create_time() - float(born)) < 1)
        except psutil.NoSuchProcess:
            return False
    return True
