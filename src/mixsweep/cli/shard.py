"""``mixsweep shard``: fit one block of restarts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mixsweep.contents import Contents

__all__ = ["shard"]


@click.command()
@click.argument("problem", type=click.Path(path_type=Path))
@click.option("--output", required=True, type=click.Path(path_type=Path), help="File of the fits.")
@click.option("--timing", required=True, type=click.Path(path_type=Path), help="File of their wall times.")
@click.option("--family", required=True, help="Component family.")
@click.option("--n-components", required=True, type=click.IntRange(1), help="Number of components K.")
@click.option("--method", required=True, help="The method's label.")
@click.option(
    "--settings", required=True, help="The method's settings as JSON, the optimiser under 'method'."
)
@click.option("--initializer", required=True, help="Kind of start.")
@click.option("--restarts", required=True, help="Restart numbers START:STOP, STOP exclusive.")
@click.option("--seed", required=True, type=click.IntRange(0), help="The sweep's seed.")
@click.option("--tol", required=True, type=float, help="EM decrement per row at which a fit has converged.")
@click.option("--max-passes", required=True, type=click.IntRange(1), help="Pass budget of a fit.")
@click.option("--covariance-floor", required=True, type=float, help="Eigenvalue floor relative to the data.")
@click.option("--numerics", help="Version of the numerical code that is expected.")
def shard(
    problem: Path, output: Path, timing: Path, settings: str, restarts: str, numerics: str | None, **rest: Any
) -> None:
    """Fit one block of restarts of one method on the cell of a PROBLEM file.

    What a run that was killed had finished is checked and kept.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    from mixsweep.cli.options import check_numerics, restart_range
    from mixsweep.io import write_contents
    from mixsweep.problems import read_problem
    from mixsweep.shard import ShardSpec, shard_contents
    from mixsweep.shard_file import finished
    from mixsweep.status import FAILURES

    check_numerics(numerics)
    start, stop = restart_range(restarts)
    spec = ShardSpec(settings=json.loads(settings), start=start, stop=stop, **rest)
    data = read_problem(problem)
    if (there := finished(data, spec, output, timing)) is not None:
        click.echo(f"{output}: {stop - start} fits: {_told(there)}, kept as a run before this one wrote them")
        return
    with threadpool_limits(1):
        fits, times = shard_contents(data, spec)
    write_contents(times, timing)
    write_contents(fits, output)
    click.echo(f"{output}: {stop - start} fits: {_told(fits)}")
    _report_counts(stop - start, int(np.isin(fits["status"], FAILURES).sum()))


def _told(fits: Contents) -> str:
    from mixsweep.status import Status

    status = fits["status"].tolist()
    return ", ".join(f"{status.count(value)} {Status(value).label}" for value in sorted(set(status)))


def _report_counts(fits: int, failures: int) -> None:
    """Tell the executor, where it asks, for its progress line."""
    target = os.environ.get("DASK_EXECUTOR_COUNTS")
    if target:
        with open(target, "a", encoding="utf-8") as stream:
            stream.write(json.dumps({"fits": fits, "failures": failures}) + "\n")
