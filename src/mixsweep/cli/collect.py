"""``mixsweep collect``: all cells in one file."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["collect"]


@click.command()
@click.option("--cells", required=True, type=click.Path(path_type=Path), help="Folder of the cells.")
@click.option("--plan", required=True, type=click.Path(path_type=Path), help="The plan, plan.json.")
@click.option("--without", default="[]", help="JSON list: folders of cells that a partial sweep leaves out.")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="The sweep, sweep.nc.")
def collect(cells: Path, plan: Path, without: str, output: Path) -> None:
    """Put all cells of a plan into one DataTree."""
    from mixsweep.collect import cell_group, write_sweep
    from mixsweep.collect import collect as collect_cells

    listed = json.loads(plan.read_text(encoding="utf-8"))["cells"]
    keys = [(str(cell["problem"]), str(cell["family"]), int(cell["n_components"])) for cell in listed]
    left_out = json.loads(without)
    keys = [key for key in keys if cell_group(key) not in left_out]
    tree = collect_cells(cells, keys)
    if left_out:
        tree.attrs["cells_left_out"] = json.dumps(left_out)
    write_sweep(tree, output)
    click.echo(f"{output}: {len(keys)} cells")
