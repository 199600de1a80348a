"""Every benchmark runs, at a tiny size, and writes rows that say what they should.

Seconds are not looked at; that both sides of a comparison have the same likelihoods is.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
#: Arguments that make a benchmark quick, and the packages it needs beside those of the project.
TINY = {
    "em_against_scikit_learn": (["200,2,2", "--repeats", "1", "--restarts", "2"], ["sklearn"]),
    "em_against_gmmx": (["200,2,2", "--repeats", "1", "--restarts", "2"], ["gmmx", "jax"]),
    "lbfgs_against_mixture_models": (
        ["faithful, K=2", "--restarts", "2", "--fits", "1", "--seconds", "5"],
        ["Mixture_Models"],
    ),
    "pass_against_limit": (["200,2,2", "200,16,2", "--repeats", "1", "--restarts", "2"], []),
    "cost_curve": (["--doublings", "1", "--repeats", "1"], []),
    "memory": (["200,2,2,2,em"], []),
    "start_up": (["--repeats", "1"], []),
    "large_plan": (["--shards", "8"], []),
    "census_at_scale": (["--problem", "faithful", "--n-components", "2", "--endpoints", "300"], []),
    "sweep_at_scale": (["--cells", "5", "--restarts", "5"], []),
    "plugin_scaling": (
        ["--shards", "--workers", "2", "--rounds", "1", "--seconds", "0.1"],
        [],
    ),
    "squarem_on_faithful": (["--restarts", "10"], []),
    "em_rates": (["--part", "population"], []),
    "restart_rates": (["iris, K=4", "--restarts", "100"], []),
    "known_variances": (["--data-sets", "2", "--starts", "8", "--part", "line", "pair"], []),
    "same_start_comparison": (["faithful, K=2, raw units", "--restarts", "5"], []),
}


#: Largest relative difference of log-likelihoods, where not 1e-9: gmmx works in single precision.
SAME = {"em_against_gmmx": 1e-6}


@pytest.fixture
def load(monkeypatch):
    """Import a module as if its folder were the script's; leave modules and environment as they were."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.mark.parametrize("name", TINY)
def test_benchmark_writes_its_rows(name, tmp_path):
    arguments, packages = TINY[name]
    for package in packages:
        pytest.importorskip(package)
    path = tmp_path / "results" / f"{name}.json"
    command = [sys.executable, str(FOLDER / f"{name}.py"), *arguments, "--json", str(path)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert rows
    for row in rows:
        assert f"| {row['name']} " in result.stdout
        assert math.isfinite(row["value"])
        # a share of few fits may be none of them
        assert row["value"] > 0 or row["name"].startswith("slope") or (row["value"], row["unit"]) == (0, "%")
        assert (row["reached"] is None) == (row["target"] == "")
        assert float(row["details"].get("largest relative difference", 0)) < SAME.get(name, 1e-9)


def test_all_benchmarks_that_write_rows_are_run(load):
    files = {path.stem for path in FOLDER.glob("*.py") if "common.report(" in path.read_text("utf-8")}
    assert set(load("run_all").BENCHMARKS) == files == set(TINY)


def test_the_readme_has_a_line_for_every_benchmark(load):
    text = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    assert [name for name in load("run_all").BENCHMARKS if f"\n| `{name}`" not in text] == []


def test_targets_are_judged(load):
    common = load("common")
    assert common.at_least("speed", 3, "times", 2).reached
    assert not common.at_least("speed", 1, "times", 2).reached
    assert common.at_most("memory", 1, "MB", 2).reached
    assert not common.at_most("memory", 3, "MB", 2).reached
    assert common.between("rate", 30, "%", 20, 40).reached
    assert not common.between("rate", 50, "%", 20, 40).reached
    assert common.Row("size", 3, "MB").reached is None


def test_a_target_is_not_reached_where_its_condition_fails(load):
    common = load("common")
    row = common.at_least("speed", 3, "times", 2)
    assert common.provided(row, True).reached
    assert common.provided(row, False).reached is False
    assert common.provided(common.Row("size", 3, "MB"), False).reached is None


def test_every_size_has_a_target_against_scikit_learn(load):
    pytest.importorskip("sklearn")
    assert set(load("em_against_scikit_learn").TARGETS) == set(load("common").SIZES)


@pytest.mark.parametrize(("known", "trials"), [(0, 300), (1, 2000), (275, 1000), (997, 500), (1000, 1000)])
def test_rates_are_compared_at_three_standard_errors(load, known, trials):
    ends = load("restart_rates").three_standard_errors(known, trials)
    for end, clipped in zip(ends, (0, 1), strict=True):
        pooled = (known + trials * end) / (1000 + trials)
        error = math.sqrt(pooled * (1 - pooled) * (1 / 1000 + 1 / trials))
        difference = abs(end - known / 1000)
        assert difference == pytest.approx(3 * error) or (end == clipped and difference <= 3 * error)


def test_pairs_run_in_turn(load):
    calls = []
    pairs = load("common").in_pairs(lambda: calls.append("a"), lambda: calls.append("b"), repeats=3)
    assert calls == ["a", "b"] * 3
    assert len(pairs.first) == len(pairs.second) == 3


def test_ratio_is_the_median_of_the_pairs(load):
    pairs = load("common").Pairs([2.0, 6.0, 40.0], [1.0, 2.0, 4.0], (None, None))
    ratio = pairs.ratios(scale=10)
    assert (ratio.median, ratio.low, ratio.high) == (30, 20, 100)


def test_table_keeps_the_rows_with_targets(load, tmp_path, capsys):
    common, table = load("common"), load("table")
    rows = [common.at_most("wait", 1.5, "s", 2, range="1 to 2"), common.Row("length", 7, "m")]
    common.report("How long", rows, tmp_path / "one.json")
    capsys.readouterr()
    table.main([str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert [cell.strip() for cell in lines[2].strip("|").split("|")] == [
        "How long: wait",
        "1.5 s",
        "1 to 2",
        "<= 2",
        "yes",
    ]
    assert not any("length" in line for line in lines)
    table.main([str(tmp_path), "--all"])
    assert "How long: length" in capsys.readouterr().out


def test_table_of_nothing_says_so(load, tmp_path, capsys):
    with pytest.raises(SystemExit):
        load("table").main([str(tmp_path)])
    assert f"no JSON file in {tmp_path}" in capsys.readouterr().err


def test_absent_packages_are_skipped(load, tmp_path, capsys, monkeypatch):
    run_all = load("run_all")
    monkeypatch.setitem(run_all.BENCHMARKS, "em_against_gmmx", ("no_such_package",))
    run_all.main(["em_against_gmmx", "--folder", str(tmp_path)])
    assert "em_against_gmmx: skipped, as no_such_package is not installed" in capsys.readouterr().out


def test_unknown_benchmark_is_named(load, capsys):
    with pytest.raises(SystemExit):
        load("run_all").main(["speed"])
    assert "no benchmark 'speed'" in capsys.readouterr().err
