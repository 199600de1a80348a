"""What the tables hold, in words: the data dictionary that the documentation shows."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from mixsweep.analysis.columns import COLUMNS, ROWS, TIMING, record
from mixsweep.analysis.metrics import Metric
from mixsweep.analysis.metrics.by_table import BY_TABLE

__all__ = ["dictionary", "list_of_tables"]

TIMING_FILE = "timing/<problem>/<family>/K<k>.csv"
_ENDS = ("_low", "_high")


def list_of_tables() -> str:
    """Return a Markdown table of all csv files: what a row of each is, and what it is about."""
    lines = ["| file in `results/` | a row for each | what it says |", "|---|---|---|"]
    for name, (row, about) in ROWS.items():
        lines.append(f"| `{_file(name)}` | {row} | {about} |")
    row, about = "method and way of running fits", "seconds measured by `mixsweep timing`"
    lines.append(f"| `{TIMING_FILE}` | {row} | {about} |")
    return "\n".join(lines) + "\n"


def dictionary() -> str:
    """Return the columns of all csv files in Markdown: by table, and what each means."""
    tables = {_file(name): columns for name, columns in COLUMNS.items()} | {TIMING_FILE: TIMING}
    parts = [
        "# Columns of the tables",
        "Made from the records that the report uses too: "
        "`python -m mixsweep.analysis.dictionary > workflow/columns.md`.",
        "What the tables are about is in [the documentation](documentation.md#tables). Columns with (±) have "
        "two more, NAME_low and NAME_high, the ends of a 95 % interval. Numbers are empty where nothing can "
        "be said, and `inf` where something never happened or what is measured has no bound; `reason` says "
        "why.",
        "## By table",
        _table(
            ("file in `results/`", "columns"), [(f"`{file}`", _names(own)) for file, own in tables.items()]
        ),
        "## What they mean",
        _table(
            ("column", "meaning", "unit", "share or mean of", "interval", "source"),
            [_described(name) for name in _distinct(tables.values())],
        ),
        "## What they mean in one table",
        "More exactly, or otherwise, than elsewhere:",
        _table(
            ("file in `results/`", "column", "meaning", "unit", "share or mean of", "interval", "source"),
            [
                (f"`{_file(table)}`", *_described(name, table))
                for table, own in BY_TABLE.items()
                for name in sorted(own)
            ],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _file(table: str) -> str:
    return "verdicts.csv" if table == "verdicts" else f"tables/{table}.csv"


def _is_end(name: str, columns: tuple[str, ...]) -> bool:
    return name.endswith(_ENDS) and name.removesuffix("_low").removesuffix("_high") in columns


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(
        f"`{name}`" + (" (±)" if f"{name}_low" in columns else "")
        for name in columns
        if not _is_end(name, columns)
    )


def _distinct(tables: Iterable[tuple[str, ...]]) -> list[str]:
    names = {name for columns in tables for name in columns if not _is_end(name, columns)}
    return sorted(names)


def _described(name: str, table: str = "") -> tuple[str, ...]:
    own: Metric = record(name, table)
    unit = {"1": "", "": "text"}.get(own.unit, own.unit)
    return (f"`{name}`", own.meaning, unit, own.denominator, own.interval, own.source)


def _table(heading: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(dictionary())
