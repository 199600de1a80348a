"""How far a sweep has come, from the files of its results folder and the logs of its jobs alone."""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixsweep.plan import Cell, Shard, cell_shards
from mixsweep.provenance import read_plan_file
from mixsweep.status import FAILURES

__all__ = ["JobState", "job_states", "planned_shards", "rerun_command", "shard_states", "uniform_failures"]

_LAST_LINES = 3
# what `mixsweep shard` says at its end
_COUNTS = re.compile(r": (\d+) fits: (.+)$")


@dataclass(frozen=True)
class JobState:
    """A job's file with its state: done, missing, failed, or damaged."""

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


def _planned_jobs(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield output and log of the jobs that are no shards, in the order in which they run."""
    for name in plan["config"]["problems"]:
        yield f"problems/{name}.nc", f"problem/{name}.log"
    for entry in plan["cells"]:
        folder = f"{entry['problem']}/{entry['family']}/K{entry['n_components']}"
        yield f"cells/{folder}/fits.nc", f"cell/{folder}.log"
        yield f"cells/{folder}/optima.nc", f"optima/{folder}.log"
        yield f"cells/{folder}/landscape.nc", f"landscape/{folder}.log"
    yield "sweep.nc", "collect.log"
    yield "verdicts.csv", "analyse.log"
    yield "tables/convergence.csv", "speed.log"
    yield "tables/barriers.csv", "barriers.log"
    if isinstance(plan["config"]["restarts"], dict):
        yield "restarts.json", "rounds.log"
    yield "report/index.html", "report.log"
    yield "report/figures/optima.svg", "figures.log"


def _last_lines(log: Path) -> list[str]:
    if not log.is_file():
        return []
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if line.strip()][-_LAST_LINES:]


def _state(path: Path, log: Path, results: Path, *, check: bool) -> JobState:
    # snakemake is called in the folder that holds the results, which need not be this one
    target = Path(os.path.relpath(path, results.absolute().parent))
    cause = ""
    if path.is_file() and path.stat().st_size > 0:
        cause = _damage(path) if check else ""
        state = "damaged" if cause else "done"
    else:
        lines = _last_lines(log)
        # a job that came to its end names its file last: the file was there, and is gone
        finished = bool(lines) and str(target) in lines[-1] and not lines[-1].startswith("Error")
        state = "failed" if lines and not finished else "missing"
        cause = "\n".join(lines) if state == "failed" else ""
    return JobState(path, state, cause, log, rerun_command(target, damaged=state == "damaged"))


def shard_states(results: Path, logs: Path, *, check: bool = False) -> list[JobState]:
    """Return the state of every shard that the plan of a results folder names.

    Parameters
    ----------
    results, logs : pathlib.Path
    check : bool
        Read every shard and verify its checksum.

    Returns
    -------
    list of JobState
        A missing shard with something in its log has failed; the cause is what the log ends with.

    Raises
    ------
    MixsweepError
        If the folder has no readable plan.
    """
    shards = planned_shards(read_plan_file(results / "plan.json"))
    return [_state(results / shard.path, logs / shard.log, results, check=check) for shard in shards]


def job_states(results: Path, logs: Path) -> list[JobState]:
    """Return the state of the jobs that are no shards: problems, cells, optima and what is made from them.

    Parameters
    ----------
    results, logs : pathlib.Path

    Returns
    -------
    list of JobState

    Raises
    ------
    MixsweepError
        If the folder has no readable plan.
    """
    planned = _planned_jobs(read_plan_file(results / "plan.json"))
    return [_state(results / output, logs / log, results, check=False) for output, log in planned]


def _counts(log: Path) -> Counter[str]:
    """Return the statuses of a shard's fits, as its log tells them; empty where it does not."""
    lines = _last_lines(log)
    found = _COUNTS.search(lines[-1]) if lines else None
    counts: Counter[str] = Counter()
    for part in found[2].split(", ") if found else ():
        count, _, label = part.partition(" ")
        if count.isdecimal():
            counts[label] += int(count)
    return counts


def uniform_failures(shards: Iterable[Shard], logs: Path) -> list[str]:
    """Return a warning for every cell and method of which all fits so far have failed in the same way.

    Parameters
    ----------
    shards : iterable of Shard
        Those to look at.
    logs : pathlib.Path
        The folder of logs; only these are read, so that it is quick while a sweep is running.

    Returns
    -------
    list of str
    """
    arms: dict[tuple[str, str], Counter[str]] = {}
    for shard in shards:
        arms.setdefault((shard.cell.folder, shard.method), Counter()).update(_counts(logs / shard.log))
    failed = {status.label for status in FAILURES}
    return [
        f"all {counts.total()} fits of {method} on {folder} so far are {next(iter(counts))}"
        for (folder, method), counts in arms.items()
        if len(counts) == 1 and failed.issuperset(counts)
    ]


def _damage(path: Path) -> str:
    from mixsweep.io import IncompleteFileError, read_dataset

    try:
        read_dataset(path)
    except IncompleteFileError as error:
        return str(error)
    return ""
