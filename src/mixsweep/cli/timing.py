"""``mixsweep timing``: seconds measured apart from the sweep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

__all__ = ["timing"]


@click.command("timing")
@click.argument("results", type=click.Path(path_type=Path, file_okay=False))
@click.option("--problem", required=True, help="The problem's name.")
@click.option("--family", default="gaussian-full", show_default=True, help="Component family.")
@click.option("--n-components", required=True, type=click.IntRange(1), help="Number of components K.")
@click.option("--method", "methods", multiple=True, help="A method's label; repeat for more.  [default: all]")
@click.option("--initializer", default="random-points", show_default=True, help="Kind of start.")
@click.option("--restarts", default=10, show_default=True, type=click.IntRange(1), help="How many starts.")
@click.option("--repeats", default=9, show_default=True, type=click.IntRange(1), help="How many times over.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="File of all measurements; the summary goes beside it as csv.  "
    "[default: RESULTS/timing/PROBLEM/FAMILY/K<K>.nc]",
)
def timing(
    results: Path,
    problem: str,
    family: str,
    n_components: int,
    methods: tuple[str, ...],
    initializer: str,
    restarts: int,
    repeats: int,
    output: Path | None,
) -> None:
    """Measure how long the fits of one cell of the results folder RESULTS take.

    One thread runs the cell's starts again, each fit alone and all in one batch, in random order and several
    times over. Leave the machine alone meanwhile; the summary says where something else was running.
    """
    from threadpoolctl import threadpool_limits

    from mixsweep.collect import cell_group
    from mixsweep.io import write_dataset, write_text
    from mixsweep.timing import Measured, measure, summary

    key = (problem, family, n_components)
    with threadpool_limits(1):
        times = measure(Measured.of(results, key, methods, initializer, restarts), repeats)
    found = summary(times)
    path = output or results / "timing" / f"{cell_group(key)}.nc"
    write_dataset(times, path)
    frame = found.to_dataframe().reset_index()
    write_text(path.with_suffix(".csv"), frame.to_csv(index=False, lineterminator="\n"))
    for row in frame.to_dict("records"):
        click.echo(_line({str(name): value for name, value in row.items()}, str(frame["method"][0])))
    click.echo(f"{path}: {times.sizes['repeat']} repeats; {path.with_suffix('.csv')}: the summary")


def _line(row: Mapping[str, Any], first: str) -> str:
    """Return a row of the summary in words."""
    line = (
        f"{row['method'] + ', ' + row['way'] + ':':28} {_milliseconds(row, 'fit')} a fit, "
        f"{_milliseconds(row, 'pass')} a pass, {row['seconds_ratio']:.3g} times {first}"
    )
    return f"{line}; {row['reason']}" if row["reason"] else line


def _milliseconds(row: Mapping[str, Any], what: str) -> str:
    """Return a median with its interval, where there is one, in milliseconds."""
    middle, low, high = (1e3 * row[f"seconds_per_{what}{end}"] for end in ("", "_low", "_high"))
    return f"{middle:.3g} ms" + ("" if math.isnan(low) else f" ({low:.3g} to {high:.3g})")
