"""Where the output of a command goes that runs in a worker, also that of compiled code."""

import contextlib
import ctypes
import functools
import io
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_dask.plain import Redirect

__all__ = ["opened", "redirected"]


def opened(redirect: Redirect | None, default: Path) -> io.BufferedWriter:
    """Open the file that a command line names for a stream, or another one if it names none."""
    if redirect is None:
        return open(default, "wb")
    return open(redirect.path, "ab" if redirect.append else "wb")


@functools.cache
def _streams() -> tuple[io.TextIOWrapper, io.TextIOWrapper]:
    """Return text streams on descriptors 1 and 2, the same in every call.

    A command may keep them, as logging does, so they must outlive it.
    """
    stdout = open(1, "w", encoding="utf-8", closefd=False)
    stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    return stdout, stderr


@functools.cache
def _keep_messages_apart() -> None:
    """Let what is logged on stderr already, such as Dask's messages, not end up in a job's log."""
    loggers = [logging.getLogger(), *logging.root.manager.loggerDict.values()]
    handlers = {handler for logger in loggers for handler in getattr(logger, "handlers", ())}
    to_stderr = [
        handler
        for handler in handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.__stderr__
    ]
    if to_stderr:
        stream = open(os.dup(2), "w", errors="backslashreplace", buffering=1)  # as long as the worker
        for handler in to_stderr:
            handler.setStream(stream)


@functools.cache
def _c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _flush(*streams: Any) -> None:
    for stream in streams:
        if stream is not None:
            stream.flush()
    _c_library().fflush(None)


@contextlib.contextmanager
def redirected(stdout: int, stderr: int) -> Iterator[None]:
    """Send descriptors 1 and 2 elsewhere, so that output of compiled code goes there too."""
    _keep_messages_apart()
    ours = _streams()
    _flush(sys.stdout, sys.stderr, *ours)
    saved = os.dup(1), os.dup(2)
    try:
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        with contextlib.redirect_stdout(ours[0]), contextlib.redirect_stderr(ours[1]):
            yield
    finally:
        _flush(*ours, sys.stdout, sys.stderr)
        for descriptor, old in enumerate(saved, start=1):
            os.dup2(old, descriptor)
            os.close(old)
