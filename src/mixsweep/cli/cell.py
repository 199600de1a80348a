"""``mixsweep cell``: put a cell's shards together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

__all__ = ["cell"]


@click.command()
@click.argument("problem", type=click.Path(path_type=Path))
@click.option("--shards", required=True, type=click.Path(path_type=Path), help="The cell's folder of shards.")
@click.option("--fits", required=True, type=click.Path(path_type=Path), help="Output: all fits of the cell.")
@click.option("--timing", required=True, type=click.Path(path_type=Path), help="Output: their wall times.")
@click.option("--family", required=True, help="Component family.")
@click.option("--n-components", required=True, type=click.IntRange(1), help="Number of components K.")
@click.option("--methods", required=True, help="JSON object: settings by label.")
@click.option("--initializers", required=True, help="JSON list.")
@click.option(
    "--restarts", required=True, type=click.IntRange(1), help="Restarts of each method and initializer."
)
@click.option(
    "--planned-restarts", type=click.IntRange(1), help="Restarts planned; with fewer the cell is partial."
)
@click.option(
    "--restarts-there", help="JSON object: how many restarts are there by label, which a partial cell tells."
)
@click.option("--seed", required=True, type=click.IntRange(0), help="The sweep's seed.")
@click.option("--tol", required=True, type=float, help="EM decrement per row at which a fit has converged.")
@click.option("--max-passes", required=True, type=click.IntRange(1), help="Pass budget of a fit.")
@click.option("--covariance-floor", required=True, type=float, help="Eigenvalue floor relative to the data.")
@click.option("--numerics", help="Version of the numerical code that is expected.")
def cell(
    problem: Path,
    shards: Path,
    fits: Path,
    timing: Path,
    methods: str,
    initializers: str,
    planned_restarts: int | None,
    restarts_there: str | None,
    numerics: str | None,
    **rest: Any,
) -> None:
    """Put the shards of a cell of a PROBLEM file together."""
    from threadpoolctl import threadpool_limits

    from mixsweep.cell import CellSpec, assemble
    from mixsweep.cli.options import check_numerics
    from mixsweep.io import write_dataset
    from mixsweep.problems import read_problem

    check_numerics(numerics)
    spec = CellSpec(methods=json.loads(methods), initializers=tuple(json.loads(initializers)), **rest)
    with threadpool_limits(1):
        all_fits, times = assemble(read_problem(problem), spec, shards)
    if planned_restarts is not None and planned_restarts > spec.restarts:
        all_fits.attrs["planned_restarts"] = planned_restarts
    if restarts_there is not None and json.loads(restarts_there) != dict.fromkeys(
        spec.methods, spec.restarts
    ):
        all_fits.attrs["restarts_there"] = restarts_there
    write_dataset(times, timing)
    write_dataset(all_fits, fits, compress=True)
    click.echo(f"{fits}: {all_fits['status'].size} fits")
