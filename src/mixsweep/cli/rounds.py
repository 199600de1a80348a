"""``mixsweep rounds``: how many restarts the cells of an adaptive sweep should have."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["rounds"]


@click.command()
@click.argument("sweep", type=click.Path(path_type=Path))
@click.option("--target", required=True, help="The config's restarts, a mapping of target and max, as JSON.")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="The restarts of all cells.")
def rounds(sweep: Path, target: str, output: Path) -> None:
    """Write how many restarts each cell of a SWEEP file should have, by its folder."""
    from mixsweep.analysis.adaptive import restarts_wanted
    from mixsweep.analysis.multimodality import best_known
    from mixsweep.analysis.tables import cell_datasets, cells_of
    from mixsweep.collect import cell_group, open_sweep
    from mixsweep.rounds import round_up, write_rounds

    asked = json.loads(target)
    wanted, growing = {}, 0
    with open_sweep(sweep) as tree:
        for key in cells_of(tree):
            fits, optima = cell_datasets(tree, key)
            n_rows = int(optima.attrs["n_rows"])
            found = restarts_wanted(fits, best_known(optima), n_rows, asked["target"], asked["max"])
            there, more = int(found["n_fits"]), int(found["wanted"])
            wanted[cell_group(key)] = max(there, round_up(more, asked["max"]))
            growing += more > there
    write_rounds(output, wanted)
    click.echo(f"{output}: {growing} of {len(wanted)} cells want more restarts")
