"""``mixsweep analyse``: verdicts, what the optima are, and how often the best is found."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["analyse"]


@click.command()
@click.argument("sweep", type=click.Path(path_type=Path))
@click.option("--tables", required=True, type=click.Path(path_type=Path), help="Folder of the tables.")
@click.option(
    "--verdicts", required=True, type=click.Path(path_type=Path), help="The verdicts, a row a cell."
)
def analyse(sweep: Path, tables: Path, verdicts: Path) -> None:
    """Write the verdicts of a SWEEP file, and its tables but those of `mixsweep speed`.

    The problems' files are looked for in the folder problems beside it; what needs the data is left out where
    they are missing.
    """
    from mixsweep.analysis.tables import analyse as analyse_sweep
    from mixsweep.analysis.tables import write_table, write_tables
    from mixsweep.collect import open_sweep
    from mixsweep.partial import mark_verdicts

    with open_sweep(sweep) as tree:
        found = analyse_sweep(tree, sweep.parent / "problems")
        mark_verdicts(found["verdicts"], tree.attrs)
    rows = found.pop("verdicts")
    write_table(rows, verdicts)
    write_tables(found, tables)
    click.echo(f"{verdicts}: {len(rows)} cells")
