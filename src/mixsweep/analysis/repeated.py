"""Kinds of start whose restarts are copies of one start, so that they count as one."""

from __future__ import annotations

from collections.abc import Iterable

from mixsweep.initializers.agglomerative import MAX_ROWS

__all__ = ["copies_in_words", "repeats"]


def repeats(initializer: str, n_rows: int) -> bool:
    """Return whether all restarts of an initializer are equal on so many rows."""
    return initializer == "truth" or (initializer == "agglomerative" and n_rows <= MAX_ROWS)


def copies_in_words(initializers: Iterable[str], n_rows: int) -> str:
    """Return a warning about those whose restarts are copies, or that come again; empty without any."""
    given = list(initializers)
    repeated = [name for name in given if repeats(name, n_rows)]
    parts = []
    if repeated:
        parts.append(
            f"all restarts of {' and of '.join(repeated)} are copies of one start: they say where that start "
            "leads, and their rates and intervals nothing about others"
        )
    if "user-starts" in given:
        parts.append(
            "the starts of user-starts were chosen, not drawn, and come again after the last: their "
            "intervals hold only if they were drawn at random"
        )
    return "; ".join(parts)
