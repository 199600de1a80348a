"""``mixsweep report``: the page of a results folder."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["report"]


@click.command("report")
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The page to write.  [default: RESULTS/report/index.html]",
)
def report(results: Path, output: Path | None) -> None:
    """Write the report of the results folder RESULTS: one HTML file that opens from disk without a network.

    `mixsweep figures` writes its figures as files beside it.
    """
    from mixsweep.report import write_report

    page = output if output is not None else results / "report" / "index.html"
    write_report(results, page)
    click.echo(f"report: {page} ({page.stat().st_size / 1e6:.1f} MB)")
