"""``mixsweep refit``: one fit again."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["refit"]


@click.command("refit")
@click.argument("results", type=click.Path(path_type=Path, file_okay=False))
@click.option("--problem", required=True, help="The problem's name.")
@click.option("--family", default="gaussian-full", show_default=True, help="Component family.")
@click.option("--n-components", required=True, type=click.IntRange(1), help="Number of components K.")
@click.option("--method", required=True, help="The method's label.")
@click.option("--initializer", default="random-points", show_default=True, help="Kind of start.")
@click.option("--restart", required=True, type=click.IntRange(0), help="Restart number.")
@click.option("--output", type=click.Path(path_type=Path), help="File for the fit with its whole trace.")
def refit(
    results: Path,
    problem: str,
    family: str,
    n_components: int,
    method: str,
    initializer: str,
    restart: int,
    output: Path | None,
) -> None:
    """Run one fit of the results folder RESULTS again, and say whether it is the same to the bit.

    The exit code is 1 if it is not. With --output the fit is written with every pass of its trace.
    """
    from threadpoolctl import threadpool_limits

    from mixsweep.io import write_dataset
    from mixsweep.refit import refit as refit_one
    from mixsweep.status import Status

    with threadpool_limits(1):
        found = refit_one(results, (problem, family, n_components), method, initializer, restart)
    for name, fit in (("stored", found.stored), ("again", found.fit)):
        status = Status(int(fit["status"])).label
        click.echo(
            f"{name + ':':8} log-likelihood {float(fit['log_likelihood']):.10f}, {status} after "
            f"{float(fit['n_passes']):g} passes, EM decrement {float(fit['em_decrement']):.3g}"
        )
    if output is not None:
        write_dataset(found.fit, output)
        click.echo(f"{output}: the fit, with {found.fit.sizes['checkpoint']} passes of its trace")
    if found.differing:
        click.echo(f"The bits differ in {', '.join(found.differing)}.")
        raise click.exceptions.Exit(1)
    click.echo("The same to the bit.")
