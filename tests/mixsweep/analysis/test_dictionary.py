from __future__ import annotations

from pathlib import Path

import pytest

from mixsweep.analysis.columns import COLUMNS, KEYS, ROWS, TEXT, TIMING, record
from mixsweep.analysis.dictionary import dictionary, list_of_tables
from mixsweep.analysis.metrics import METRICS
from mixsweep.analysis.metrics.by_table import BY_TABLE
from mixsweep.errors import MixsweepError

FOLDER = Path(__file__).parents[3] / "workflow"
#: Columns of which a function returns one thing, and tables hold more.
WIDER = {"method", "initializer", "restarts", "log_likelihood"}


def test_the_documentation_lists_every_table():
    text = (FOLDER / "documentation.md").read_text(encoding="utf-8")
    assert list_of_tables() in text, (
        "put mixsweep.analysis.dictionary.list_of_tables() into its section Tables"
    )
    assert set(ROWS) == set(COLUMNS)


def test_the_dictionary_of_columns_is_up_to_date():
    text = (FOLDER / "columns.md").read_text(encoding="utf-8")
    assert text == dictionary(), "run python -m mixsweep.analysis.dictionary > workflow/columns.md"


def test_every_column_is_described_once():
    columns = {name for own in (*COLUMNS.values(), TIMING) for name in own}
    for name in columns:
        assert record(name).meaning, name
    assert set(KEYS) <= columns
    assert set(KEYS) & set(METRICS) == WIDER
    lines = dictionary().split("\n## ")[2].splitlines()
    described = [line.split("`")[1] for line in lines if line.startswith("| `")]
    assert len(described) == len(set(described))
    ends = {f"{name}{end}" for name in described for end in ("_low", "_high")}
    assert columns - ends == set(described)


def test_ends_of_intervals_have_an_interval_in_their_record():
    for own in (*COLUMNS.values(), TIMING):
        for name in own:
            if name.endswith("_low"):
                plain = name.removesuffix("_low")
                assert {plain, f"{plain}_high"} <= set(own)
                # in advice, the restarts that it gives
                assert (METRICS.get(plain) or record(plain)).interval, plain


def test_what_a_column_means_in_one_table_is_said_there():
    for table, own in BY_TABLE.items():
        assert set(own) <= set(COLUMNS[table])
        for name in own:
            assert record(name, table) != record(name)
            assert record(f"{name}_low", table) == record(name, table)
    pooled = record("hit_rate", "verdicts")
    assert "all methods and initializers together" in pooled.meaning
    assert "method and initializer" not in pooled.denominator
    assert record("hit_rate", "hit_rates") == record("hit_rate") == METRICS["hit_rate"]
    assert "simultaneous" not in record("basin_share", "optima").interval
    last = dictionary().split("\n## ")[3]
    assert f"| `verdicts.csv` | `hit_rate` | {pooled.meaning} |" in last


def test_text_is_what_has_no_unit():
    assert {"problem", "method", "reason", "verdict", "kind"} <= TEXT
    assert not {"n_components", "hit_rate", "hit_rate_low", "optimum", "broken"} & TEXT


def test_an_unknown_column_is_told():
    with pytest.raises(MixsweepError, match="did you mean 'hit_rate'"):
        record("hit_rat")
