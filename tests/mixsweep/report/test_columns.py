from __future__ import annotations

from collections import Counter
from pathlib import Path

from mixsweep.report import columns
from mixsweep.report.columns import TABLE_COLUMNS
from mixsweep.report.material import Material


def test_every_column_has_one_heading_and_is_shown() -> None:
    headings = Counter(name for names in columns._HEADINGS.values() for name in names)
    assert set(headings.values()) == {1}
    shown = {column["name"] for own in TABLE_COLUMNS.values() for column in own}
    assert set(headings) == shown
    assert set(columns._EMPTY) | set(columns._NOTES) <= shown


def test_headings_have_notes() -> None:
    for own in TABLE_COLUMNS.values():
        for column in own:
            assert column["note"], column["name"]
        labels = [column["label"] for column in own]
        assert len(labels) == len(set(labels)), labels


def test_every_shown_column_is_in_its_frame(results: Path) -> None:
    frames = Material.of(results).frames
    for table, own in TABLE_COLUMNS.items():
        for column in own:
            assert column["name"] in frames[table], (table, column["name"])
            if column["format"] == "interval":
                assert {f"{column['name']}_low", f"{column['name']}_high"} <= set(frames[table]), table


def test_what_cannot_be_said_is_not_shown_as_infinite() -> None:
    empty = {
        table: {column["name"]: column["empty"] for column in own}.get("restarts_95")
        for table, own in TABLE_COLUMNS.items()
    }
    assert empty["verdicts"] == empty["advice"] == "\N{EN DASH}"
    # without a hit the number is known to have no bound: the file says inf
    assert empty["hit_rates"] == "∞"
