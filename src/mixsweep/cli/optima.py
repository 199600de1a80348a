"""``mixsweep optima``: the census of a cell."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["optima"]


@click.command()
@click.argument("problem", type=click.Path(path_type=Path))
@click.argument("fits", type=click.Path(path_type=Path))
@click.option("--output", required=True, type=click.Path(path_type=Path), help="File of the optima.")
@click.option("--thresholds", default="{}", help="Thresholds of the census as JSON, where not the defaults.")
@click.option("--numerics", help="Version of the numerical code that is expected.")
def optima(problem: Path, fits: Path, output: Path, thresholds: str, numerics: str | None) -> None:
    """Find the distinct optima in which the FITS of a PROBLEM ended."""
    from threadpoolctl import threadpool_limits

    from mixsweep.analysis.census import census
    from mixsweep.analysis.thresholds import Thresholds
    from mixsweep.cli.options import check_numerics
    from mixsweep.io import read_dataset, write_dataset
    from mixsweep.problems import read_problem

    check_numerics(numerics)
    with threadpool_limits(1):
        read = read_dataset(fits)
        found = census(read_problem(problem), read, Thresholds(**json.loads(thresholds)))
    # how a partial cell is told
    found.attrs |= {name: read.attrs[name] for name in ("planned_restarts",) if name in read.attrs}
    write_dataset(found, output)
    click.echo(f"{output}: {found.sizes['optimum']} distinct optima")
