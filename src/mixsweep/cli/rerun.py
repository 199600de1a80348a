"""``mixsweep rerun``: failed fits again, with other settings."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["rerun"]


@click.command("rerun")
@click.argument("results", type=click.Path(path_type=Path, file_okay=False))
@click.option("--failed", is_flag=True, help="Fits that collapsed, diverged, stalled or raised an error.")
@click.option("--status", "labels", multiple=True, help="Fits with this status, more than once.")
@click.option("--floor", type=click.FloatRange(0, 1, min_open=True, max_open=True), help="Covariance floor.")
@click.option("--tol", type=click.FloatRange(0), help="EM decrement per row at which a fit has converged.")
@click.option("--max-passes", type=click.IntRange(1), help="Pass budget of a fit.")
@click.option("--cell", "chosen", multiple=True, help="Only this cell, such as iris/gaussian-full/K3.")
def rerun(
    results: Path,
    failed: bool,
    labels: tuple[str, ...],
    floor: float | None,
    tol: float | None,
    max_passes: int | None,
    chosen: tuple[str, ...],
) -> None:
    """Run fits of the results folder RESULTS again by their status, from the same starts.

    They are recorded in retries.nc beside fits.nc, with how the first attempt ended and what is different
    now. The first attempt stays what all tables and reports are made from.
    """
    from threadpoolctl import threadpool_limits

    from mixsweep.cell import recorded_spec
    from mixsweep.errors import MixsweepError, nearest
    from mixsweep.io import read_dataset
    from mixsweep.locking import claim
    from mixsweep.problems import read_problem
    from mixsweep.provenance import read_plan_file
    from mixsweep.retries import FILE, Changes, retry_cell
    from mixsweep.status import FAILURES, Status

    for label in labels:
        if label not in Status.labels():
            raise MixsweepError(f"--status: found {label!r}{nearest(label, Status.labels())}")
    statuses = {Status.from_label(label) for label in labels} | set(FAILURES if failed else ())
    if not statuses:
        raise click.UsageError("say which fits: --failed, or --status with one of the words in the tables")
    cells = read_plan_file(results / "plan.json")["cells"]
    folders = {f"{cell['problem']}/{cell['family']}/K{cell['n_components']}": cell for cell in cells}
    for name in chosen:
        if name not in folders:
            raise MixsweepError(f"--cell: found {name!r}{nearest(name, folders)}")
    claim(results)
    changes = Changes(floor, tol, max_passes)
    for name in chosen or folders:
        folder = results / "cells" / name
        if not (folder / "fits.nc").is_file():
            click.echo(f"{name}: not there yet")
            continue
        spec = recorded_spec(folder / "fits.nc", read_dataset(folder / "fits.nc"))
        problem = read_problem(results / "problems" / f"{folders[name]['problem']}.nc")
        with threadpool_limits(1):
            new = retry_cell(problem, spec, folder, statuses, changes)
        if new is None:
            click.echo(f"{name}: nothing to run again")
            continue
        ended = new["status"].values
        counts = [f"{int((ended == one).sum())} {Status(one).label}" for one in sorted(set(ended.tolist()))]
        click.echo(f"{folder / FILE}: {len(ended)} fits again: {', '.join(counts)}")
