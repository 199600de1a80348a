"""How many files a sweep leaves: shared disks are slow at many, and may limit them."""

from __future__ import annotations

from collections import Counter
from typing import Any

CELL_FOLDERS = ("cells", "cell", "optima", "landscape")


def test_a_block_of_fits_is_three_files_and_snakemake_s_records_are_one(whole: Any) -> None:
    sweep, _ = whole
    files = [path.relative_to(sweep.directory) for path in sweep.directory.rglob("*") if path.is_file()]
    shards = len(sweep.shards())
    # fits, times and log: 30 files for a thousand fits in blocks of a hundred
    assert Counter(path.parts[1] for path in files if path.parts[0] == "logs")["shard"] == shards
    assert Counter(path.parts[1] for path in files if path.parts[0] == "results")["shards"] == 2 * shards
    # the database and its journal, and logs of the run
    own = [path for path in files if path.parts[0] == ".snakemake"]
    assert len(own) <= 6, own
    # a cell: fits, times, optima, landscape, and three logs
    cells = [path for path in files if len(path.parts) > 1 and path.parts[1] in CELL_FOLDERS]
    assert len(cells) == 7 * 3
