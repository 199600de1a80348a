"""Which jobs may run inside a worker: one plain call of an allowed command.

A shell would be needed for anything that expands, chains or substitutes, so the
parser accepts only what is the same with and without one. When in doubt a
command is not plain; it then runs by a nested Snakemake, which is always right.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from snakemake_executor_plugin_dask import internals

__all__ = ["PlainCommand", "Redirect", "parse", "plain_command"]


@dataclass(frozen=True, slots=True)
class Redirect:
    """A file that one of the output streams goes to."""

    path: str
    append: bool = False


@dataclass(frozen=True, slots=True)
class PlainCommand:
    """A command line without anything that needs a shell.

    Attributes
    ----------
    argv
        The command and its arguments.
    stdout, stderr
        Where the streams go; `None` if the command line does not say.
    merged
        Whether stderr goes where stdout goes (``2>&1`` or ``&>``).
    """

    argv: tuple[str, ...]
    stdout: Redirect | None = None
    stderr: Redirect | None = None
    merged: bool = False


_TOKEN = re.compile(
    r"""
      (?P<blank>    (?: [ \t] | \\\n )+ )
    | (?P<merge>    2>&1 (?= [ \t\\] | $ ) )
    | (?P<redirect> (?: [12] | & )? >>? (?! [>&|(] ) )
    | (?P<word>     (?:
            '[^']*'                                   # nothing is special here
          | " (?: [^"\\$`] | \\. | \\\n )* "          # no expansion
          | \\ [^\n]
          | [^\s'"\\$`*?\[\]{}~#!;&|()<>]             # no globbing, no operators
      )+ )
    """,
    re.VERBOSE,
)
_WORD_PART = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.|\\\n)*)"|\\(.)|([^'"\\]+)""", re.DOTALL)
_ESCAPED = re.compile(r"""\\(?:\n|(["\\$`]))""")  # within double quotes


def _unquote(word: str) -> str:
    parts = []
    for single, double, escaped, bare in _WORD_PART.findall(word):
        parts.append(single + _ESCAPED.sub(r"\1", double) + escaped + bare)
    return "".join(parts)


def parse(command: str) -> PlainCommand | None:
    """Read a command line, if it is plain.

    Plain is a command with quoted or bare arguments, followed by at most one
    redirection of each stream: ``> file``, ``2> file``, ``&> file``, the same
    with ``>>``, and ``> file 2>&1``.

    Parameters
    ----------
    command
        What would be handed to the shell.

    Returns
    -------
    PlainCommand or None
        `None` if a shell is needed to run it.
    """
    command = command.strip()
    argv: list[str] = []
    targets: dict[str, Redirect] = {}
    merged = False
    waiting: str | None = None  # the redirection whose file name comes next
    separated = True
    position = 0
    while position < len(command):
        token = _TOKEN.match(command, position)
        if token is None:
            return None
        position = token.end()
        kind, text = token.lastgroup, token.group()
        if kind == "blank":
            separated = True
            continue
        if kind == "word":
            if waiting is not None:
                stream = "1" if waiting[0] in ">&" else waiting[0]
                targets[stream] = Redirect(_unquote(text), append=waiting.endswith(">>"))
                merged = merged or waiting.startswith("&")
                waiting = None
            elif targets or not separated:
                return None
            else:
                argv.append(_unquote(text))
        elif waiting is not None or merged or not separated:
            return None
        elif kind == "merge":
            # before stdout has its file, `2>&1` would mean the old stdout
            if "1" not in targets or "2" in targets:
                return None
            merged = True
        else:
            stream = "1" if text[0] in ">&" else text[0]
            if stream in targets or (text[0] == "&" and targets):
                return None
            waiting = text
        separated = False
    if waiting is not None or not argv:
        return None
    return PlainCommand(tuple(argv), targets.get("1"), targets.get("2"), merged)


def plain_command(job: Any, workflow: Any, allowed: Collection[str]) -> PlainCommand | None:
    """Return the command of a job that may run inside a worker.

    Parameters
    ----------
    job, workflow
        Snakemake's job and workflow.
    allowed
        Names of the commands that may run inside a worker.

    Returns
    -------
    PlainCommand or None
        `None` if the job has to run by a nested Snakemake.
    """
    if not allowed or internals.needs_snakemake(job, workflow):
        return None
    # BLAS and OpenMP read their thread count once, when the worker starts
    if job.threads > 1:
        return None
    command = parse(internals.shell_command(job))
    if command is None or command.argv[0] not in allowed:
        return None
    return command
