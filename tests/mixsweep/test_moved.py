"""Snakemake's records follow a moved folder, and only then."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from snakemake.persistence import MetadataRecord
from snakemake.persistence.db import DbPersistence

from mixsweep.errors import MixsweepError
from mixsweep.moved import adopt_records


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], DbPersistence]:
    """Return a function that gives Snakemake's own view of a folder's records."""

    def view(folder: Path) -> DbPersistence:
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        return DbPersistence()

    return view


def written(records: Callable[[Path], DbPersistence], folder: Path, code: str) -> None:
    persistence = records(folder)
    persistence._write_record("fits.nc", MetadataRecord(rule="cell", code=code, record_format_version=6))
    persistence._write_locks("output", ["fits.nc"])
    persistence.engine.dispose()


def code_of(records: Callable[[Path], DbPersistence], folder: Path) -> str | None:
    persistence = records(folder)
    record = persistence._read_record("fits.nc")
    persistence.engine.dispose()
    return record and record.code


def test_a_moved_folder_keeps_its_records(records: Callable[[Path], DbPersistence], tmp_path: Path) -> None:
    written(records, tmp_path / "old", "as it was")
    moved = (tmp_path / "old").rename(tmp_path / "new")
    assert code_of(records, moved) is None
    adopt_records(moved)
    assert code_of(records, moved) == "as it was"
    # locked it was, locked it is
    persistence = records(moved)
    assert list(persistence._read_locks()) == [("output", "fits.nc")]
    persistence.engine.dispose()
    adopt_records(moved)
    assert code_of(records, moved) == "as it was"


def test_a_database_of_an_older_snakemake(records: Callable[[Path], DbPersistence], tmp_path: Path) -> None:
    """Version 9.19 has no table of settings."""
    written(records, tmp_path / "old", "as it was")
    with sqlite3.connect(tmp_path / "old/.snakemake/metadata.db") as connection:
        connection.execute("DROP TABLE snakemake_persistence_db_settings")
    connection.close()
    moved = (tmp_path / "old").rename(tmp_path / "new")
    adopt_records(moved)
    assert code_of(records, moved) == "as it was"


def test_records_of_this_path_are_left_as_they_are(
    records: Callable[[Path], DbPersistence], tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    written(records, folder, "ours")
    with sqlite3.connect(folder / ".snakemake/metadata.db") as connection:
        connection.execute(
            "INSERT INTO snakemake_metadata (namespace, target, record_format_version, code) "
            "VALUES ('/elsewhere', 'fits.nc', 6, 'theirs')"
        )
    connection.close()
    before = (folder / ".snakemake/metadata.db").read_bytes()
    adopt_records(folder)
    assert (folder / ".snakemake/metadata.db").read_bytes() == before
    assert code_of(records, folder) == "ours"


def test_a_database_in_use_or_without_tables_is_left_to_snakemake(
    records: Callable[[Path], DbPersistence], tmp_path: Path
) -> None:
    adopt_records(tmp_path)
    (tmp_path / ".snakemake").mkdir()
    sqlite3.connect(tmp_path / ".snakemake/metadata.db").close()
    adopt_records(tmp_path)
    assert code_of(records, tmp_path) is None


def test_a_damaged_database_is_named(records: Callable[[Path], DbPersistence], tmp_path: Path) -> None:
    written(records, tmp_path / "folder", "as it was")
    database = tmp_path / "folder/.snakemake/metadata.db"
    with open(database, "r+b") as stream:
        stream.write(os.urandom(1000))
    with pytest.raises(MixsweepError, match=r"metadata\.db: found no readable database .* Delete the file"):
        adopt_records(tmp_path / "folder")
