"""Waiting for what other processes do, and finding the processes that a test has started."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

__all__ = ["marked", "wait_for"]


def wait_for(
    condition: Callable[[], bool], seconds: float, explain: Callable[[], str] = lambda: "not in time"
) -> None:
    """Wait until a condition holds; fail with an explanation if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.02)


def marked(variable: str, marker: str) -> list[psutil.Process]:
    """Return the live processes in whose environment the variable is the marker."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(variable) == marker and process.status() != "zombie":
                found.append(process)
        except psutil.Error:
            continue
    return found
