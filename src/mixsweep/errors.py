"""Errors that a user can act on, and how their messages name the nearest valid choice."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["MixsweepError", "nearest"]


class MixsweepError(Exception):
    """A mistake in the input, told in one message: what was found, where, what was expected.

    The command line prints the message without a traceback and ends with exit code 2.
    """


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return the end of a message that suggests the nearest valid name.

    Parameters
    ----------
    name : str
        What was given.
    choices : iterable of str
        What would have been valid.

    Returns
    -------
    str
        ``"; did you mean 'x'? Valid: a, b, x"``, without the question when nothing is near.
    """
    valid = sorted(str(choice) for choice in choices)
    close = difflib.get_close_matches(str(name), valid, n=1, cutoff=0.5)
    question = f"; did you mean {close[0]!r}?" if close else "."
    return f"{question} Valid: {', '.join(valid)}" if valid else question
