"""``mixsweep audit``: fits that are proven not to be at the maximum."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["audit"]


@click.command("audit")
@click.argument("fits", type=click.Path(path_type=Path))
@click.option(
    "--tolerance",
    type=click.FloatRange(0),
    help="Nats by which a fit may fall short.  [default: 0.0001 for a results folder, 0.01 for a csv file]",
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="csv file for all cells.")
def audit(fits: Path, tolerance: float | None, output: Path | None) -> None:
    """Find fits that are proven not to be at the maximum, without knowing the maximum.

    The maximised log-likelihood cannot fall when the number of components grows or when a constraint is
    lifted. FITS is a results folder, whose proper optima are audited, or a csv file of fits by any program,
    with the columns problem, family, n_components and log_likelihood (total, natural logarithm, the same rows
    in the same units). Families: gaussian-spherical, gaussian-diag, gaussian-tied, gaussian-full, student-t
    (free degrees of freedom), or names such as EII and VVV; others are compared over n_components alone.
    Degenerate fits must be left out.

    The exit code is 1 if there is a fit below its bound.
    """
    from mixsweep.analysis.fits_file import read_fits
    from mixsweep.analysis.nesting import (
        OWN_TOLERANCE,
        TOLERANCE,
        audit_in_words,
        audit_summary,
        best_proper,
        nesting_audit,
    )
    from mixsweep.collect import open_sweep
    from mixsweep.io import write_text

    if fits.is_dir():
        with open_sweep(fits / "sweep.nc") as tree:
            values = best_proper(tree)
        limit = OWN_TOLERANCE if tolerance is None else tolerance
    else:
        values = read_fits(fits)
        limit = TOLERANCE if tolerance is None else tolerance
    found = nesting_audit(values, limit)
    summary = {str(name): value.item() for name, value in audit_summary(found).data_vars.items()}
    for sentence in audit_in_words(found):
        click.echo(sentence)
    if output is not None:
        write_text(output, found.to_dataframe().to_csv(index=False, lineterminator="\n"))
    click.echo(_in_words(summary, limit))
    if summary["n_broken"]:
        raise click.exceptions.Exit(1)


def _in_words(summary: dict[str, float], tolerance: float) -> str:
    n_cells, n_audited, n_broken = (int(summary[name]) for name in ("n_cells", "n_audited", "n_broken"))
    if not n_audited:
        return f"{n_cells} cells: none can be audited, as no two of them are nested and have values."
    low, high = summary["share_broken_low"], summary["share_broken_high"]
    return (
        f"{n_cells} cells, {n_audited} audited: {n_broken} more than {tolerance:g} nats below a nested one "
        f"({n_broken / n_audited:.1%}, 95 % interval {low:.1%} to {high:.1%})."
    )
