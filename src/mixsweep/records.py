"""How Snakemake writes its records of which file was made from what, where these are an SQLite database."""

from __future__ import annotations

from typing import Any

__all__ = ["do_not_wait_for_disk"]


def do_not_wait_for_disk(persistence: Any) -> None:
    """Let the database leave it to the system when records reach the disk.

    On a local disk Snakemake makes SQLite wait for it at each of the six transactions of a shard: 3 ms on a
    quiet machine and many times that on a busy disk, in the one process that hands on all jobs. The records
    survive the death of any process without that. Should the machine lose power and the database be damaged,
    no result is lost with it: these are synced to disk by their own commands.

    Parameters
    ----------
    persistence
        Snakemake's; other than an SQLite database it is left as it is.
    """
    engine = getattr(persistence, "engine", None)
    if engine is None or engine.dialect.name != "sqlite":
        return
    from sqlalchemy import event

    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    # what is connected by now goes on as before
    engine.dispose()
