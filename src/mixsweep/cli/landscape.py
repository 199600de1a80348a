"""``mixsweep landscape``: paths and barriers between the leading maxima of a cell."""

from __future__ import annotations

from pathlib import Path

import click

from mixsweep.stand_in import ATTEMPTS, leave_stand_in, noted

__all__ = ["landscape"]


@click.command()
@click.argument("problem", type=click.Path(path_type=Path))
@click.argument("optima", type=click.Path(path_type=Path))
@click.option("--output", required=True, type=click.Path(path_type=Path), help="File of the landscape.")
@click.option("--numerics", help="Version of the numerical code that is expected.")
@click.option(
    "--attempt",
    type=click.IntRange(min=1),
    default=1,
    help=f"Which attempt this is; any after the first {ATTEMPTS} computes nothing and leaves an empty file.",
)
def landscape(problem: Path, optima: Path, output: Path, numerics: str | None, attempt: int) -> None:
    """Find paths and barriers between the leading maxima among the OPTIMA of a PROBLEM's cell."""
    if attempt > ATTEMPTS:
        click.echo(leave_stand_in(output), nl=False)
        return
    from threadpoolctl import threadpool_limits

    from mixsweep.analysis.landscape import landscape as shape
    from mixsweep.cli.options import check_numerics
    from mixsweep.io import read_dataset, write_dataset
    from mixsweep.problems import read_problem

    with noted(output):
        check_numerics(numerics)
        with threadpool_limits(1):
            found = shape(read_problem(problem), read_dataset(optima))
        write_dataset(found, output)
    told = found.attrs["reason"] or f"{found.sizes['pair']} paths between {found.sizes['leading']} maxima"
    click.echo(f"{output}: {told}")
