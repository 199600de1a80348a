"""``mixsweep barriers``: the table of barriers between the leading maxima of all cells."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["barriers"]


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--without", default="[]", help="JSON list: folders of cells that a partial sweep leaves out.")
@click.option(
    "--logs",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of logs, which tell why a landscape is missing.  [default: logs beside RESULTS]",
)
@click.option("--output", required=True, type=click.Path(path_type=Path), help="The table, barriers.csv.")
def barriers(results: Path, without: str, logs: Path | None, output: Path) -> None:
    """Write the barriers of the landscapes of a results folder RESULTS, a row a pair of maxima and cell."""
    from mixsweep.analysis.barrier_table import barrier_table
    from mixsweep.analysis.tables import write_table

    table = barrier_table(results, logs or results.absolute().parent / "logs", json.loads(without))
    write_table(table, output)
    missing = table.loc[table["reason"] != "", "reason"]
    click.echo(f"{output}: {len(table) - len(missing)} pairs of maxima, {len(missing)} cells without")
