"""Turn the JSON files of a folder of benchmark results into one markdown table, for README.

Usage: python benchmarks/table.py [FOLDER] [--all]

Rows with a target only; `--all` takes the others too. The lines below the table say on what machine it was.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import common
from common import Row

RESULTS = Path(__file__).parent / "results"


def load(folder: Path) -> list[tuple[dict[str, object], list[Row]]]:
    """Return machine and rows of each file, the title before the rows' names."""
    results = []
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = [Row(**{**row, "name": f"{content['title']}: {row['name']}"}) for row in content["rows"]]
        results.append((content["machine"], rows))
    return results


def as_markdown(results: list[tuple[dict[str, object], list[Row]]], everything: bool) -> str:
    """Return the table and, below it, what it was measured on."""
    rows = [row for _, rows in results for row in rows if everything or row.target]
    cells = [[row.name, row.text, _spread(row), row.target, row.verdict] for row in rows]
    loads = [float(str(machine["load"])) for machine, _ in results]
    last = results[-1][0]
    note = (
        f"{last['processor']}, {last['cores']} cores, Python {last['python']}, NumPy {last['numpy']}; "
        f"load of the machine {min(loads):.1f} to {max(loads):.1f}."
    )
    header = ["measured", "value", "range or interval", "target", "reached"]
    return f"{common.table(header, cells)}\n\n{note}"


def _spread(row: Row) -> str:
    """Return the 95 % interval of a rate, or the range of repeated measurements; empty without either."""
    return row.details.get("95 % interval") or row.details.get("range", "")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=RESULTS)
    parser.add_argument("--all", action="store_true", help="also rows without a target")
    arguments = parser.parse_args(argv)
    results = load(arguments.folder)
    if not results:
        parser.error(f"there is no JSON file in {arguments.folder}")
    print(as_markdown(results, arguments.all))


if __name__ == "__main__":
    main()
