"""Where problems come from, and what they are called."""

from __future__ import annotations

from pathlib import Path

from tests.mixsweep.config.minimal import MINIMAL, parsed

from mixsweep.config import parse_config
from mixsweep.problems.sources import FileSource


def test_relative_paths_start_at_the_config(tmp_path: Path) -> None:
    config = parse_config(MINIMAL | {"problems": {"a": {"file": "data/a.csv"}}}, tmp_path)
    assert config.entries[0].source == FileSource(tmp_path / "data/a.csv", None)


def test_grid_names_do_not_depend_on_the_grid() -> None:
    small = {"n": 50, "d": 2, "k": 3, "separation": 2}
    large = {"n": [50, 60], "d": [2, 4], "k": [3, 5], "separation": [2, 0.5], "weights": ["equal", "unequal"]}
    names = [
        {entry.name for entry in parsed(problems={"a": {"simulate": grid}}).entries}
        for grid in (small, large)
    ]
    assert names[0] == {"a-n50-d2-k3-s2-r1"}
    assert names[0] < names[1]
    assert len(names[1]) == 32
    assert "a-n60-d4-k5-s0.5-unequal-r1" in names[1]


def test_truth_means_the_generating_number() -> None:
    grid = {"n": 50, "d": 2, "k": [3, 5], "separation": 2, "replicates": 2}
    config = parsed(problems={"iris": {}, "a": {"simulate": grid, "n_components": "truth"}})
    assert [entry.n_components for entry in config.entries] == [(3,), (3,), (3,), (5,), (5,)]
