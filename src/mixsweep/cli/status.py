"""``mixsweep status``: which shards of a results folder are there."""

from __future__ import annotations

import json
from pathlib import Path

import click

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
    """Say which shards of the results folder RESULTS are done, missing or failed, and how to rerun these."""
    from mixsweep.progress import shard_states

    states = shard_states(results, logs or results.absolute().parent / "logs", check=check)
    counts = {
        word: sum(state.state == word for state in states)
        for word in ("done", "missing", "failed", "damaged")
    }
    troubled = [state for state in states if state.state in ("failed", "damaged")]
    if as_json:
        shards = [
            {
                "shard": str(state.path),
                "state": state.state,
                "cause": state.cause,
                "log": str(state.log),
                "rerun": state.rerun,
            }
            for state in troubled
        ]
        click.echo(json.dumps({"counts": counts, "shards": shards}, indent=1))
        return
    click.echo(f"{len(states)} shards: " + ", ".join(f"{count} {word}" for word, count in counts.items()))
    for name in ("sweep.nc", "verdicts.csv", "report/index.html"):
        click.echo(f"{name}: {'there' if (results / name).is_file() else 'missing'}")
    for state in troubled[:_SHOWN]:
        click.echo(f"\n{state.state}: {state.path}")
        for line in state.cause.splitlines():
            click.echo(f"    {line}")
        click.echo(f"  log:   {state.log}\n  rerun: {state.rerun}")
    if len(troubled) > _SHOWN:
        click.echo(f"\n... and {len(troubled) - _SHOWN} more (--json lists all)")
    if counts["missing"] or troubled:
        click.echo(
            "\nThe same call as before makes whatever is missing. To rerun a single shard, add the "
            "--configfile of that call, if it had one."
        )
