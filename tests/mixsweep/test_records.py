from __future__ import annotations

from pathlib import Path

import pytest
from snakemake.persistence import MetadataRecord
from snakemake.persistence.db import DbPersistence
from snakemake.persistence.file import FilePersistence
from sqlalchemy import text

from mixsweep.records import do_not_wait_for_disk


def synchronous(persistence: DbPersistence) -> int:
    with persistence.engine.connect() as connection:
        return int(connection.execute(text("PRAGMA synchronous")).scalar_one())


def test_sqlite_does_not_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    persistence = DbPersistence()
    assert synchronous(persistence) > 0
    persistence._write_record("a.nc", MetadataRecord(rule="cell", record_format_version=6))
    do_not_wait_for_disk(persistence)
    assert synchronous(persistence) == 0
    persistence._write_record("b.nc", MetadataRecord(rule="shard", record_format_version=6))
    persistence.engine.dispose()
    again = DbPersistence()
    for name, rule in (("a.nc", "cell"), ("b.nc", "shard")):
        record = again._read_record(name)
        assert record is not None
        assert record.rule == rule
    again.engine.dispose()


def test_records_in_files_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    persistence = FilePersistence()
    before = dict(vars(persistence))
    do_not_wait_for_disk(persistence)
    assert vars(persistence) == before
