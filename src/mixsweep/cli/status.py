"""``mixsweep status``: which shards of a results folder are there, and what went wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mixsweep.progress import JobState

__all__ = ["status"]

_SHOWN = 20


@click.command("status")
@click.argument("results", type=click.Path(path_type=Path, file_okay=False), default=Path("results"))
@click.option(
    "--logs",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of logs.  [default: logs beside RESULTS]",
)
@click.option("--check", is_flag=True, help="Read every shard and verify its checksum (some 10 ms each).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of the table.")
def status(results: Path, logs: Path | None, check: bool, as_json: bool) -> None:
    """Say which shards of the results folder RESULTS are done, missing or failed, and how to rerun these.

    Cells and analyses that failed are listed too, with the end of their logs, and every method of which all
    fits of a cell have failed in the same way.
    """
    from mixsweep.locking import holder
    from mixsweep.partial import cells_left_out, partial_cells
    from mixsweep.progress import job_states, planned_shards, shard_states, uniform_failures
    from mixsweep.provenance import read_plan_file

    logs = logs or results.absolute().parent / "logs"
    states = shard_states(results, logs, check=check)
    jobs = job_states(results, logs)
    troubled = [state for state in (*states, *jobs) if state.state in ("failed", "damaged")]
    shards = list(planned_shards(read_plan_file(results / "plan.json")))
    # only a cell that lacks shards can be partial, and reading them all would take long
    lacking = [one.cell.folder for one, state in zip(shards, states, strict=True) if state.state != "done"]
    partial = partial_cells(results, dict.fromkeys(lacking))
    partial += [f"sweep.nc was made without {folder}" for folder in cells_left_out(results / "sweep.nc")]
    warnings = uniform_failures(shards, logs)
    words = ("done", "missing", "failed", "damaged")
    counts = {word: sum(state.state == word for state in states) for word in words}
    if as_json:
        told = {
            "counts": counts,
            "running": holder(results),
            "partial": partial,
            "warnings": warnings,
            "shards": [_record(state, "shard") for state in troubled if state in states],
            "jobs": [_record(state, "file") for state in troubled if state in jobs],
        }
        click.echo(json.dumps(told, indent=1))
        return
    click.echo(f"{len(states)} shards: " + ", ".join(f"{count} {word}" for word, count in counts.items()))
    for name in ("sweep.nc", "verdicts.csv", "report/index.html"):
        click.echo(f"{name}: {'there' if (results / name).is_file() else 'missing'}")
    if running := holder(results):
        click.echo(f"A run is going on: {running}")
    for line in partial:
        click.echo(f"Partial: {line}")
    for line in warnings:
        click.echo(f"Warning: {line}")
    _show(troubled)
    if counts["missing"] or troubled:
        click.echo(
            "\nThe same call as before makes whatever is missing. To rerun a single job, add the "
            "--configfile of that call, if it had one."
        )


def _show(troubled: Sequence[JobState]) -> None:
    for state in troubled[:_SHOWN]:
        click.echo(f"\n{state.state}: {state.path}")
        for line in state.cause.splitlines():
            click.echo(f"    {line}")
        click.echo(f"  log:   {state.log}\n  rerun: {state.rerun}")
    if len(troubled) > _SHOWN:
        click.echo(f"\n... and {len(troubled) - _SHOWN} more (--json lists all)")


def _record(state: JobState, what: str) -> dict[str, str]:
    record = {name: str(value) for name, value in asdict(state).items()}
    return {what: record.pop("path"), **record}
