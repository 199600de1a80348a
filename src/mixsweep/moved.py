"""Working folders that have been moved or copied: what Snakemake knows of their files goes with them.

With ``persistence-backend: db`` Snakemake files its records under the folder's absolute path, though they lie
in that very folder. Moved elsewhere it would know of no file how it was made, and so make none anew when
parameters change.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from mixsweep.errors import MixsweepError

__all__ = ["adopt_records"]

_RECORDS = "snakemake_metadata"
_LOCKS = "snakemake_locks"
_SETTINGS = "snakemake_persistence_db_settings"


def adopt_records(folder: Path) -> None:
    """Make the records that another path left in a working folder this path's.

    Nothing is changed if there are records of this path, or of several others, or if the database cannot be
    written.

    Parameters
    ----------
    folder : Path
        The working folder, absolute, as Snakemake sees it.

    Raises
    ------
    MixsweepError
        If the database is damaged.
    """
    database = folder / ".snakemake" / "metadata.db"
    if not database.is_file():
        return
    here = str(database.parent)
    try:
        with contextlib.closing(sqlite3.connect(database)) as connection, connection:
            rows = connection.execute(f"SELECT DISTINCT namespace FROM {_RECORDS}").fetchall()
            others = {str(row[0]) for row in rows}
            if len(others) != 1 or here in others:
                return
            for table in (_RECORDS, _LOCKS):
                connection.execute(f"UPDATE {table} SET namespace = ?", (here,))
            # the disk may be of another kind: Snakemake looks again, where it looks at all
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (_SETTINGS,)).fetchone():
                connection.execute(f"DELETE FROM {_SETTINGS}")
    except sqlite3.OperationalError:
        # in use, not writable, or not laid out yet: Snakemake says what there is to say
        return
    except sqlite3.DatabaseError as error:
        raise MixsweepError(
            f"{database}: found no readable database ({error}); expected Snakemake's records of which file "
            "was made from what. Delete the file: what is finished stays, but changed parameters remake only "
            "what is made after that."
        ) from None
