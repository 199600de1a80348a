"""``mixsweep gc``: shards that no config refers to."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["gc"]


@click.command("gc")
@click.argument("results", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--config",
    "configs",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="A config whose shards stay; give every one that uses this folder.",
)
@click.option("--delete", is_flag=True, help="Delete them; without it they are listed.")
def gc(results: Path, configs: tuple[Path, ...], delete: bool) -> None:
    """List the shards of the folder RESULTS that no config refers to, and what killed writes have left."""
    from mixsweep.garbage import find_garbage
    from mixsweep.locking import claim

    if delete:
        # what looks like a leftover may be a file that a run is writing
        claim(results)
    found = find_garbage(results, configs)
    for path in (*found.shards, *found.leftovers):
        click.echo(path)
    size = found.size / 1e6
    if delete:
        found.delete()
    told = "deleted" if delete else "to delete (--delete does it)"
    click.echo(
        f"{len(found.shards)} shards that no config refers to and {len(found.leftovers)} leftovers of killed "
        f"writes, {size:.1f} MB: {told}"
    )
