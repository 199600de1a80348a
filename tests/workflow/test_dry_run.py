"""What Snakemake would do, from any folder: counts of jobs, additions, refusals."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
BASE: dict[str, Any] = {
    "problems": {"mine": {"file": "data/mine.csv"}},
    "n_components": [1, 2],
    "methods": {"em": {}},
    "restarts": 200,
}
ADDITIONS: list[tuple[str, dict[str, Any], int]] = [
    ("method", {"methods": {"em": {}, "lbfgs": {}}}, 4),
    ("component count", {"n_components": [1, 2, 3]}, 2),
    ("50 restarts", {"restarts": 250}, 2),
    ("initializer", {"initializers": ["random-points", "kmeans++"]}, 4),
]


def make_project(folder: Path) -> Path:
    (folder / "data").mkdir()
    (folder / "elsewhere").mkdir()
    rows = "".join(f"{i},{(i * i) % 7}\n" for i in range(30))
    (folder / "data/mine.csv").write_text("a,b\n" + rows)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path)


@pytest.fixture(scope="module")
def finished_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("finished"))
    finish(folder)
    return folder


@pytest.fixture
def finished(finished_once: Path, tmp_path: Path) -> Path:
    """Return a copy of a finished sweep, as good as the original because its paths are relative."""
    return Path(shutil.copytree(finished_once, tmp_path / "copy"))


def write_config(project: Path, **changes: Any) -> Path:
    path = project / "sweep.yaml"
    path.write_text(yaml.safe_dump(BASE | changes, sort_keys=False))
    return path


def snakemake(project: Path, *arguments: str, tools: Path = BIN) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "-e", "local"]
    command += ["--directory", str(project / "elsewhere"), *arguments]
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        command,
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


def jobs(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Return how many jobs of each rule a dry run announces."""
    assert done.returncode == 0, done.stdout
    table = done.stdout.rpartition("Job stats:")[2].partition("Reasons:")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)$", table, re.MULTILINE)}


# Makes the files that the real command would make, with nothing in them; the rules name many of them.
STAND_IN = """\
import re
import sys
from pathlib import Path

command, *rest = sys.argv[1:]
if command == "plan":
    from mixsweep.cli import main

    main([command, *rest])
given = {key: Path(value) for key, value in zip(rest, rest[1:]) if key.startswith("--")}
made = [given[key] for key in ("--output", "--fits", "--timing", "--verdicts") if key in given]
if command == "figures":
    made = []
if command in ("analyse", "speed", "figures"):
    rule = Path(RULES, f"{command}.smk").read_text()
    folder = given["--output" if command == "figures" else "--tables"]
    made += [folder / name for name in re.findall(r"(?:tables|figures)/(\\w+\\.(?:csv|svg))", rule)]
for path in made:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("made")
"""


def finish(project: Path) -> None:
    """Run a whole sweep with a stand-in for the command, so that Snakemake knows what it made and how."""
    tools = project / "tools"
    tools.mkdir()
    rules = f"RULES = {str(ROOT / 'workflow/rules')!r}"
    (tools / "mixsweep").write_text(f"#!{sys.executable}\n{rules}\n{STAND_IN}")
    (tools / "mixsweep").chmod(0o755)
    config = write_config(project)
    done = snakemake(project, "--configfile", str(config), "--cores", "2", tools=tools)
    assert done.returncode == 0, done.stdout


def test_counts_of_a_sweep_of_own_data(project: Path) -> None:
    config = write_config(project)
    assert jobs(snakemake(project, "-n", "--configfile", str(config))) == {
        "plan": 1, "problem": 1, "shard": 4, "cell": 2, "optima": 2, "landscape": 2,
        "collect": 1, "analyse": 1, "speed": 1, "barriers": 1, "report": 1, "figures": 1,
        "all": 1, "total": 19,
    }  # fmt: skip


def test_no_landscapes_where_the_config_asks_for_none(project: Path) -> None:
    config = write_config(project, landscape=False)
    assert "landscape" not in jobs(snakemake(project, "-n", "--configfile", str(config)))


def test_default_config_is_quick_and_the_same_from_elsewhere(project: Path) -> None:
    begin = time.perf_counter()
    counts = jobs(snakemake(project, "-n"))
    assert time.perf_counter() - begin < 10
    assert (counts["cell"], counts["problem"]) == (21, 11)


def test_config_of_the_working_folder_comes_first(project: Path) -> None:
    text = yaml.safe_dump(BASE | {"problems": {"iris": {}}})
    (project / "elsewhere/config.yaml").write_text(text)
    assert jobs(snakemake(project, "-n"))["cell"] == 2


def test_target_by_path_and_pathvars(project: Path) -> None:
    config = write_config(project, pathvars={"results": "out"})
    done = snakemake(project, "out/cells/mine/gaussian-full/K2/fits.nc", "-n", "--configfile", str(config))
    assert jobs(done) == {"problem": 1, "shard": 2, "cell": 1, "total": 4}


def test_command_line_changes_a_key(project: Path) -> None:
    config = write_config(project)
    done = snakemake(project, "-n", "--configfile", str(config), "--config", "restarts=100", "tol=1e-6")
    assert jobs(done)["shard"] == 2


def test_finished_sweep_has_nothing_to_do(finished: Path) -> None:
    done = snakemake(finished, "-n", "--configfile", "sweep.yaml")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout


def test_moved_data_keep_their_results(finished: Path) -> None:
    """The copy of a finished project lies elsewhere, and nothing in it is made again."""
    finished.rename(finished.with_name("moved"))
    done = snakemake(finished.with_name("moved"), "-n", "--configfile", "sweep.yaml")
    assert "Nothing to be done" in done.stdout


@pytest.mark.parametrize(("change", "new"), [row[1:] for row in ADDITIONS], ids=[row[0] for row in ADDITIONS])
def test_additions_make_only_what_is_new(finished: Path, change: dict[str, Any], new: int) -> None:
    counts = jobs(snakemake(finished, "-n", "--configfile", str(write_config(finished, **change))))
    assert counts["shard"] == new
    assert "problem" not in counts


def test_other_config_is_refused_and_replaces_when_told_to(finished: Path) -> None:
    config = write_config(finished, seed=2)
    refused = snakemake(finished, "-n", "--configfile", str(config))
    assert refused.returncode == 1
    for part in ("seed was 1, is now 2", "would replace 4 finished shards", "--config replace=true"):
        assert part in refused.stdout
    assert "File " not in refused.stdout
    assert (
        jobs(snakemake(finished, "-n", "--configfile", str(config), "--config", "replace=true"))["shard"] == 4
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("problems: {iris: {}}\nmethods: [em]\nn_component: 2\n", "did you mean 'n_components'"),
        (
            "problems: {iris: {}}\nmethods: [em]\nmethods: [gd]\nn_components: 2\n",
            "given twice, in lines 2 and 3",
        ),
        ("problems: {a: {file: no.csv}}\nmethods: [em]\nn_components: 2\n", "no such data file"),
    ],
)
def test_bad_config_is_told_without_a_traceback(project: Path, text: str, told: str) -> None:
    path = project / "bad.yaml"
    path.write_text(text)
    done = snakemake(project, "-n", "--configfile", str(path))
    assert done.returncode == 1
    assert told in done.stdout
    assert "bad.yaml" in done.stdout
    assert "Traceback" not in done.stdout
    assert "File " not in done.stdout


def test_plan_and_problem_really_run(project: Path) -> None:
    config = write_config(project)
    done = snakemake(
        project, "results/plan.json", "results/problems/mine.nc", "--configfile", str(config), "--cores", "1"
    )
    assert done.returncode == 0, done.stdout
    contents = json.loads((project / "elsewhere/results/plan.json").read_text())
    assert (contents["n_cells"], contents["n_shards"], contents["n_fits"]) == (2, 4, 400)
    assert contents["config"]["problems"]["mine"]["spec"] == {"file": "../data/mine.csv"}
    assert (project / "elsewhere/results/problems/mine.nc").is_file()
