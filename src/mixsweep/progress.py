"""How far a sweep has come, from the files of its results folder alone."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixsweep.plan import Cell, Shard, cell_shards
from mixsweep.provenance import read_plan_file

__all__ = ["ShardState", "planned_shards", "rerun_command", "shard_states"]

_LAST_LINES = 3


@dataclass(frozen=True)
class ShardState:
    """A shard's file with its state: done, missing, failed, or damaged."""

    path: Path
    state: str
    cause: str
    log: Path
    rerun: str


def rerun_command(path: Path, *, damaged: bool = False) -> str:
    """Return the command that makes one shard anew; a damaged one is there, so it needs force."""
    return f"snakemake --cores 1 {'--forcerun shard -- ' if damaged else ''}{shlex.quote(str(path))}"


def planned_shards(plan: dict[str, Any]) -> Iterator[Shard]:
    """Return the shards of a ``plan.json``, as read by `mixsweep.provenance.read_plan_file`."""
    config = plan["config"]
    methods = {label: settings["method"] for label, settings in config["methods"].items()}
    keys = ("problem", "family", "n_components", "n_rows", "n_features")
    for entry in plan["cells"]:
        cell = Cell(**{key: entry[key] for key in keys})
        yield from cell_shards(cell, methods, config["initializers"], entry["restarts"], config["max_passes"])


def _last_lines(log: Path) -> str:
    if not log.is_file():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([line for line in lines if line.strip()][-_LAST_LINES:])


def shard_states(results: Path, logs: Path, *, check: bool = False) -> list[ShardState]:
    """Return the state of every shard that the plan of a results folder names.

    Parameters
    ----------
    results, logs : pathlib.Path
    check : bool
        Read every shard and verify its checksum.

    Returns
    -------
    list of ShardState
        A missing shard with something in its log has failed; the cause is what the log ends with.

    Raises
    ------
    MixsweepError
        If the folder has no readable plan.
    """
    states = []
    for shard in planned_shards(read_plan_file(results / "plan.json")):
        path, log = results / shard.path, logs / shard.log
        if path.is_file() and path.stat().st_size > 0:
            cause = _damage(path) if check else ""
            state = "damaged" if cause else "done"
        else:
            cause = _last_lines(log)
            state = "failed" if cause else "missing"
        # snakemake is called in the folder that holds the results, which need not be this one
        target = Path(os.path.relpath(path, results.absolute().parent))
        states.append(ShardState(path, state, cause, log, rerun_command(target, damaged=state == "damaged")))
    return states


def _damage(path: Path) -> str:
    from mixsweep.io import IncompleteFileError, read_dataset

    try:
        read_dataset(path)
    except IncompleteFileError as error:
        return str(error)
    return ""
