"""``mixsweep landscape``: paths and barriers between the leading maxima of a cell."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["landscape"]


@click.command()
@click.argument("problem", type=click.Path(path_type=Path))
@click.argument("optima", type=click.Path(path_type=Path))
@click.option("--output", required=True, type=click.Path(path_type=Path), help="File of the landscape.")
@click.option("--numerics", help="Version of the numerical code that is expected.")
def landscape(problem: Path, optima: Path, output: Path, numerics: str | None) -> None:
    """Find paths and barriers between the leading maxima among the OPTIMA of a PROBLEM's cell."""
    from threadpoolctl import threadpool_limits

    from mixsweep.analysis.landscape import landscape as shape
    from mixsweep.cli.options import check_numerics
    from mixsweep.io import read_dataset, write_dataset
    from mixsweep.problems import read_problem

    check_numerics(numerics)
    with threadpool_limits(1):
        found = shape(read_problem(problem), read_dataset(optima))
    write_dataset(found, output)
    told = found.attrs["reason"] or f"{found.sizes['pair']} paths between {found.sizes['leading']} maxima"
    click.echo(f"{output}: {told}")
