"""``mixsweep plan``: what a sweep will compute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mixsweep.plan import Plan

__all__ = ["plan"]


@click.command("plan")
@click.argument("config", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of the table.")
@click.option("--json-config", help="The config itself, as JSON (what the workflow passes).")
@click.option(
    "--base",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Where relative data paths start, with --json-config.",
)
@click.option("--numerics", help="Refuse to go on unless this is the version of the numerical code.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the plan with versions to this file.",
)
@click.option("--rounds", default="{}", hidden=True, help="Restarts of an adaptive sweep's cells, as JSON.")
def plan(
    config: Path | None,
    as_json: bool,
    json_config: str | None,
    base: Path,
    numerics: str | None,
    output: Path | None,
    rounds: str,
) -> None:
    """Say what the sweep CONFIG (config.yaml by default) will compute: cells, shards, fits, core-seconds.

    Nothing is run; data files are read and checked.
    """
    from mixsweep import NUMERICS_VERSION
    from mixsweep.config import load_config, parse_config
    from mixsweep.errors import MixsweepError
    from mixsweep.plan import make_plan
    from mixsweep.provenance import check_results, write_plan_file

    if config is not None and json_config is not None:
        raise click.UsageError("give CONFIG or --json-config, not both")
    if numerics is not None and numerics != NUMERICS_VERSION:
        raise MixsweepError(
            f"--numerics: found {numerics!r}; the installed mixsweep has {NUMERICS_VERSION!r}. "
            "The workflow and the package are of different versions: install them together."
        )
    if json_config is None:
        made = make_plan(load_config(config or Path("config.yaml")), json.loads(rounds))
    else:
        try:
            mapping = json.loads(json_config)
        except json.JSONDecodeError as error:
            raise click.BadParameter(f"not JSON ({error})", param_hint="--json-config") from None
        made = make_plan(parse_config(mapping, base, "config"), json.loads(rounds))
    if output is not None:
        check_results(made, output.parent, Path.cwd())
        write_plan_file(made, output)
    click.echo(json.dumps(made.as_json(), indent=1) if as_json else _table(made))
    for warning in made.warnings:
        click.echo(f"Warning: {warning}", err=True)


def _table(plan: Plan) -> str:
    counts = plan.as_json()
    header = ("problem", "family", "K", "rows", "features", "shards", "fits", "core-seconds")
    keys = ("problem", "family", "n_components", "n_rows", "n_features", "shards", "fits", "core_seconds")
    rows = [tuple(_shown(cell[key]) for key in keys) for cell in counts["cells"]]
    total = (
        "total",
        "",
        "",
        "",
        "",
        *(_shown(counts[key]) for key in ("n_shards", "n_fits", "core_seconds")),
    )
    widths = [max(len(row[i]) for row in (header, *rows, total)) for i in range(len(header))]
    lines = [
        "  ".join(
            text.ljust(width) if i < 2 else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (header, *rows, total)
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    lines.insert(-1, lines[1])
    methods = ", ".join(plan.config.method_specs)
    lines.append("")
    lines.append(
        f"{counts['n_cells']} cells x methods ({methods}) x initializers "
        f"({', '.join(plan.config.initializers)}) x {_restarts(plan)}. Core-seconds are estimates for fits "
        "alone."
    )
    return "\n".join(lines)


def _restarts(plan: Plan) -> str:
    numbers = sorted({plan.restarts_of(cell) for cell in plan.cells})
    found = f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    rounds = plan.config.restarts
    later = "" if isinstance(rounds, int) else f", at most {rounds.max} in later rounds"
    return f"{found} restarts{later}"


def _shown(value: object) -> str:
    return (
        f"{value:,.1f}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )
