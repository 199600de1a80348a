"""Where the kernels' machine code comes from: a shared library that is kept between processes, or numba."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import importlib.metadata
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mixsweep.caches import cache_home
from mixsweep.kernels.processor import processor
from mixsweep.kernels.signatures import SIGNATURES

__all__ = ["NAME", "cache_folder", "functions", "linker", "numba_version"]

logger = logging.getLogger(__name__)

#: What holds machine code in memory that is called by its address.
_alive: list[Mapping[str, Any]] = []

#: File of the shared library.
NAME = "kernels.so"

_TYPES: dict[str, Any] = {
    "size": ctypes.c_int64,
    "number": ctypes.c_double,
    "numbers": ctypes.c_void_p,
    "integers": ctypes.c_void_p,
    "short integers": ctypes.c_void_p,
}


def numba_version() -> str:
    """Return the version of numba, without importing it."""
    return importlib.metadata.version("numba")


def cache_folder() -> Path:
    """Return where machine code is kept: one folder for each content of these files, numba and processor.

    So processes that compile at the same time write the same, each file by renaming, and a home folder that
    different machines share is no danger.
    """
    sources = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    digest = hashlib.sha256(sources + f"{numba_version()}\n{processor()}".encode()).hexdigest()[:16]
    return cache_home() / "kernels" / digest


@functools.cache
def linker() -> tuple[str, ...] | None:
    """Return the command that makes a shared library of an object file, or None where there is none."""
    for name in ("cc", "gcc", "clang", "ld", "ld.lld"):
        path = shutil.which(name)
        if path is not None:
            start_files = () if name.startswith("ld") else ("-nostdlib",)
            dynamic = ("-undefined", "dynamic_lookup") if sys.platform == "darwin" else ()
            return path, "-shared", *start_files, *dynamic
    return None


def functions() -> Mapping[str, Callable[..., None]]:
    """Return the functions of `mixsweep.kernels.signatures.SIGNATURES`, which take addresses and sizes.

    Where there is a linker they are a shared library's, which a process of its own makes once for all on this
    machine; elsewhere numba compiles them in this process, or loads what it has kept.
    """
    path = cache_folder() / NAME
    if not path.exists():
        _make(path)
    if path.exists():
        try:
            library = ctypes.CDLL(str(path))
            return {name: _typed(library[name], kinds) for name, kinds in SIGNATURES.items()}
        except (OSError, AttributeError) as error:
            logger.info("%s cannot be used: %s", path, error)
    return _by_numba()


def _typed(function: Any, kinds: tuple[str, ...]) -> Callable[..., None]:
    function.argtypes, function.restype = [_TYPES[kind] for kind in kinds], None
    return function  # type: ignore[no-any-return]


def _make(path: Path) -> None:
    """Make the library if that can be done; a failure is noted, so that not every process tries it."""
    failed = path.with_suffix(".failed")
    if linker() is None or failed.exists():
        return
    command = [sys.executable, "-m", "mixsweep.kernels.build", str(path)]
    same_modules = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.with_suffix(".lock")):
            if not (path.exists() or failed.exists()):
                _build(command, same_modules, failed)
    except OSError as error:  # no folder that can be written
        logger.info("%s could not be made: %s", path, error)


def _build(command: list[str], environment: dict[str, str], failed: Path) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode > 0:  # not where a signal ended it
        failed.write_text(done.stderr, encoding="utf-8")
        logger.info("The library of kernels could not be made; see %s, and delete it to try again.", failed)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Have other processes wait at this lock, be they a whole cluster's, where the file system has locks."""
    with path.open("a", encoding="utf-8") as file:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _by_numba() -> Mapping[str, Callable[..., None]]:
    """Return the functions compiled by numba in this process, from its cache if that can be used."""
    from mixsweep.kernels.entries import entries

    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        with _cached_in(folder):
            compiled = entries(cache=True)
    except Exception:  # no folder that can be written, or one with a damaged file
        compiled = entries()
    _alive.append(compiled)
    return {
        name: ctypes.CFUNCTYPE(None, *(_TYPES[kind] for kind in kinds))(compiled[name].address)
        for name, kinds in SIGNATURES.items()
    }


@contextlib.contextmanager
def _cached_in(folder: Path) -> Iterator[None]:
    """Let numba keep machine code in a folder; one that the user gave it (``NUMBA_CACHE_DIR``) stays."""
    import numba

    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = before or str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before
