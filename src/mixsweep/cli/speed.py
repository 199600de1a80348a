"""``mixsweep speed``: how fast the methods converge."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["speed"]


@click.command()
@click.argument("sweep", type=click.Path(path_type=Path))
@click.option("--tables", required=True, type=click.Path(path_type=Path), help="Folder of the tables.")
def speed(sweep: Path, tables: Path) -> None:
    """Write the tables of convergence speed of a SWEEP file.

    EM's theoretical rates need the data, from the folder problems beside it.
    """
    from mixsweep.analysis.tables import analyse_speed, write_tables
    from mixsweep.collect import open_sweep

    with open_sweep(sweep) as tree:
        found = analyse_speed(tree, sweep.parent / "problems")
    write_tables(found, tables)
    click.echo(f"{tables}: {', '.join(found)}")
