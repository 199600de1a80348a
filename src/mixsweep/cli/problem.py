"""``mixsweep problem``: one problem's file."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["problem"]


@click.command("problem")
@click.argument("name")
@click.option(
    "--spec",
    required=True,
    help='The source as JSON, such as \'{"builtin": "iris"}\' or \'{"file": "a.csv", "columns": ["x"]}\'.',
)
@click.option("--seed", type=click.IntRange(min=0), required=True, help="The sweep's seed.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The netCDF file to write.",
)
def problem(name: str, spec: str, seed: int, output: Path) -> None:
    """Write the problem NAME: its data, how these are standardised, and the truth when they are simulated."""
    from mixsweep.problems import source_from_spec, write_problem

    try:
        mapping = json.loads(spec)
    except json.JSONDecodeError as error:
        raise click.BadParameter(f"not JSON ({error})", param_hint="--spec") from None
    if not isinstance(mapping, dict):
        raise click.BadParameter("expected a JSON object", param_hint="--spec")
    made = source_from_spec(mapping).load(name, seed)
    write_problem(made, output, seed)
    click.echo(f"{output}: {made.n_rows} rows, {made.n_features} features")
