"""The workflow files are as Snakemake's own linter, the formatter and our conventions want them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "workflow/rules").glob("*.smk"))
BIN = Path(sys.executable).parent


def passes(*command: str) -> None:
    """Assert that a command finds nothing to say about the workflow."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_snakemake_lint() -> None:
    passes(sys.executable, "-m", "snakemake", "--lint", "-e", "local")


def test_snakefmt() -> None:
    passes(str(BIN / "snakefmt"), "--check", *map(str, [ROOT / "Snakefile", *RULES]))


def test_snakefile_is_short_and_has_no_functions() -> None:
    text = (ROOT / "Snakefile").read_text()
    assert len(text.splitlines()) < 80
    assert not re.search(r"^\s*def |lambda", text, re.MULTILINE)
    assert 'min_version("9.19")' in text


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_rules_are_one_plain_command(path: Path) -> None:
    text = path.read_text()
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for word in ("run:", "script:", "checkpoint ", "service(", "group:", "lambda", "def "):
        assert word not in code
    assert re.findall(r"^rule (\w+):", text, re.MULTILINE) == [path.stem]
    assert text.count("shell:") == 1
    assert f'"mixsweep {path.stem} ' in text
    for needed in ("log:", "conda:", "threads: 1", "mem_mb=", "runtime=", "retries:"):
        assert needed in text
    # an empty landscape stands for one that could not be made
    assert ("non_empty=True" in text) == (path.stem != "landscape")
    assert "> {log:q} 2>&1" in text
    for literal in ("results/", "logs/"):
        assert literal not in text.replace("<results>/", "").replace("<logs>/", "")


def test_every_rule_of_the_design_is_there() -> None:
    names = {path.stem for path in RULES}
    assert names == {
        "plan",
        "problem",
        "shard",
        "cell",
        "optima",
        "landscape",
        "barriers",
        "collect",
        "rounds",
        "analyse",
        "speed",
        "report",
        "figures",
    }


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_named_files_exist(path: Path) -> None:
    for name in re.findall(r'"(\.\./[^"]+)"', path.read_text()):
        assert (path.parent / name).is_file()


def test_default_profile_gives_a_reason_for_every_line() -> None:
    lines = (ROOT / "profiles/default/config.yaml").read_text().splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if line and not line.startswith(("#", " ")):
            assert before.startswith("#"), line
    profile = yaml.safe_load("\n".join(lines))
    assert profile["executor"] == "dask"
    assert profile["scheduler"] == "greedy"
    assert profile["keep-going"] is True
    assert profile["rerun-incomplete"] is True


def test_what_others_wait_for_comes_first_and_landscapes_fill_idle_cores() -> None:
    found = {path.stem: re.search(r"^    priority: (\d+)$", path.read_text(), re.MULTILINE) for path in RULES}
    priority = {name: int(match[1]) if match else 0 for name, match in found.items()}
    order = ("plan", "problem", "collect", "optima", "shard", "landscape")
    assert sorted(order, key=lambda name: -priority[name]) == list(order)
    assert len({priority[name] for name in order}) == len(order)
