"""``mixsweep figures``: the report's figures as files."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["figures"]


@click.command("figures")
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write to.  [default: RESULTS/report/figures]",
)
def figures(results: Path, output: Path | None) -> None:
    """Write every figure of the report of RESULTS as svg, its rows as csv and its specification as json."""
    from mixsweep.report import write_figures

    folder = output if output is not None else results / "report" / "figures"
    write_figures(results, folder)
    click.echo(f"figures: {len(list(folder.glob('*.svg')))} in {folder}")
