"""``mixsweep collect``: all cells in one file."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["collect"]


@click.command()
@click.option("--cells", required=True, type=click.Path(path_type=Path), help="Folder of the cells.")
@click.option("--plan", required=True, type=click.Path(path_type=Path), help="The plan, plan.json.")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="The sweep, sweep.nc.")
def collect(cells: Path, plan: Path, output: Path) -> None:
    """Put all cells of a plan into one DataTree."""
    from mixsweep.collect import collect as collect_cells
    from mixsweep.collect import write_sweep

    listed = json.loads(plan.read_text(encoding="utf-8"))["cells"]
    keys = [(str(cell["problem"]), str(cell["family"]), int(cell["n_components"])) for cell in listed]
    tree = collect_cells(cells, keys)
    write_sweep(tree, output)
    click.echo(f"{output}: {len(keys)} cells")
