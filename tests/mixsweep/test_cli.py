"""The command line: quick help, messages without tracebacks, tables and states."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mixsweep.cli import COMMANDS, main
from mixsweep.cli.run import find_snakefile

ROOT = Path(__file__).parents[2]
CONFIG = "problems: {iris: {}}\nmethods: [em, lbfgs]\nn_components: [2, 3]\nrestarts: 200\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


def call(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, result.output
    return result.output


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from mixsweep.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'scipy', 'xarray', 'pandas', 'pydantic', 'snakemake', 'dask'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    assert "Usage: main" in call(name, "--help")


def test_unknown_command() -> None:
    assert "No such command" in call("plam", code=2)


def test_plan_table(folder: Path) -> None:
    output = call("plan")
    assert re.search(r"iris +gaussian-full +3 +150 +4 +4 +400 ", output)
    assert re.search(r"total +8 +800 ", output)
    assert "2 cells x methods (em, lbfgs) x initializers (random-points) x 200 restarts" in output


def test_plan_json(folder: Path) -> None:
    plan = json.loads(call("plan", "config.yaml", "--json"))
    assert (plan["n_cells"], plan["n_shards"], plan["n_fits"]) == (2, 8, 800)
    assert plan["core_seconds"] > 0


def test_plan_warns_of_many_shards(folder: Path) -> None:
    (folder / "config.yaml").write_text(
        "problems: {a: {simulate: {n: 50, d: 2, k: 2, separation: 2, replicates: 1200}}}\n"
        "methods: [em, lbfgs]\nn_components: truth\n"
    )
    assert "Warning: 2400 shards: above 2000" in call("plan")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("plan", "missing.yaml"), "missing.yaml: no such config file"),
        (("plan", "--json-config", "{"), "not JSON"),
        (("plan", "config.yaml", "--json-config", "{}"), "not both"),
        (("plan", "--json-config", "{}", "--numerics", "0"), "--numerics: found '0'"),
        (("problem", "a", "--spec", "{", "--seed", "1", "--output", "a.nc"), "not JSON"),
        (("problem", "a", "--spec", "[]", "--seed", "1", "--output", "a.nc"), "JSON object"),
        (
            ("problem", "a", "--spec", '{"builtin": "irs"}', "--seed", "1", "--output", "a.nc"),
            "did you mean 'iris'",
        ),
        (("problem", "a", "--spec", '{"builtin": "iris"}', "--seed", "-1", "--output", "a.nc"), "--seed"),
        (("status", "nowhere"), "plan.json: no such file"),
        (("run", "--config", "missing.yaml"), "missing.yaml: no such config file"),
    ],
)
def test_mistakes_end_with_code_2_and_a_message(folder: Path, arguments: tuple[str, ...], told: str) -> None:
    output = call(*arguments, code=2)
    assert "Error: " in output
    assert told in output
    assert "Traceback" not in output


def test_problem_writes_its_file(folder: Path) -> None:
    output = call("problem", "a", "--spec", '{"builtin": "iris"}', "--seed", "1", "--output", "sub/a.nc")
    assert "150 rows, 4 features" in output
    assert (folder / "sub/a.nc").is_file()


def test_plan_refuses_the_folder_of_another_config(folder: Path) -> None:
    call("plan", "--output", "results/plan.json")
    shard = folder / "results/shards/iris/gaussian-full/K2/em/random-points-000000-000100.nc"
    shard.parent.mkdir(parents=True)
    shard.write_text("made")
    (folder / "config.yaml").write_text(CONFIG + "seed: 2\n")
    output = call("plan", "--output", "results/plan.json", code=2)
    assert "seed was 1, is now 2" in output
    assert "replace 1 finished shard " in output


def test_status(folder: Path) -> None:
    call("plan", "--output", "results/plan.json")
    shards = folder / "results/shards/iris/gaussian-full/K2/em"
    shards.mkdir(parents=True)
    call(
        "problem",
        "a",
        "--spec",
        '{"builtin": "iris"}',
        "--seed",
        "1",
        "--output",
        str(shards / "random-points-000000-000100.nc"),
    )
    (shards / "random-points-000100-000200.nc").write_text("cut off")
    log = folder / "logs/shard/iris/gaussian-full/K2/lbfgs/random-points-000000-000100.log"
    log.parent.mkdir(parents=True)
    log.write_text("starting\nMemoryError: no more\n\n")
    output = call("status")
    assert "8 shards: 2 done, 5 missing, 1 failed, 0 damaged" in output
    assert "MemoryError: no more" in output
    path = "results/shards/iris/gaussian-full/K2/lbfgs/random-points-000000-000100.nc"
    assert f"rerun: snakemake --cores 1 {path}" in output
    checked = json.loads(call("status", "results", "--check", "--json"))
    assert checked["counts"] == {"done": 1, "missing": 5, "failed": 1, "damaged": 1}
    assert {shard["state"] for shard in checked["shards"]} == {"failed", "damaged"}


def test_run_finds_the_workflow_of_the_checkout() -> None:
    assert find_snakefile() == ROOT / "Snakefile"


def test_run_passes_everything_on(folder: Path) -> None:
    command = [sys.executable, "-m", "mixsweep.cli", "run", "--config", "config.yaml", "--cores", "1", "-n"]
    command += ["-e", "local", "results/problems/iris.nc"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^problem +1$", done.stdout, re.MULTILINE)
    assert not (folder / "results").exists()
