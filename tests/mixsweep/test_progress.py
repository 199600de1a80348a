from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from mixsweep.cli import main
from mixsweep.progress import job_states, planned_shards, shard_states, uniform_failures
from mixsweep.provenance import read_plan_file

CELL = "iris/gaussian-full/K2"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder with the plan of a sweep that has not begun."""
    monkeypatch.chdir(tmp_path)
    config = "problems: {iris: {}}\nn_components: 2\nmethods: [em, gd]\nrestarts: 200\n"
    (tmp_path / "config.yaml").write_text(config)
    done = CliRunner().invoke(main, ["plan", "--output", "results/plan.json"])
    assert done.exit_code == 0
    return tmp_path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def log_of(folder, method, block):
    return folder / f"logs/shard/{CELL}/{method}/random-points-{block}.log"


def test_failed_cells_and_analyses_are_listed_with_cause_and_command(folder):
    results, logs = folder / "results", folder / "logs"
    write(results / "problems/iris.nc", "data")
    write(logs / f"cell/{CELL}.log", "Traceback ...\nMemoryError: no more\n")
    write(logs / "collect.log", "")
    states = {str(job.path.relative_to(results)): job for job in job_states(results, logs)}
    assert [job.state for job in states.values()] == ["done", "failed", *["missing"] * 8]
    failed = states[f"cells/{CELL}/fits.nc"]
    assert failed.cause.splitlines()[-1] == "MemoryError: no more"
    assert failed.rerun == f"snakemake --cores 1 results/cells/{CELL}/fits.nc"
    output = CliRunner().invoke(main, ["status"]).output
    assert f"failed: results/cells/{CELL}/fits.nc" in output
    assert "MemoryError: no more" in output
    told = json.loads(CliRunner().invoke(main, ["status", "--json"]).output)
    assert [job["file"] for job in told["jobs"]] == [f"results/cells/{CELL}/fits.nc"]


def test_a_finished_file_that_was_deleted_is_missing_and_has_not_failed(folder):
    block = "000000-000100"
    write(
        log_of(folder, "em", block),
        f"results/shards/{CELL}/em/random-points-{block}.nc: 100 fits: 100 converged\n",
    )
    states = shard_states(folder / "results", folder / "logs")
    assert {state.state for state in states} == {"missing"}


@pytest.mark.parametrize(
    ("ends", "warned"),
    [
        (("100 diverged", "100 diverged"), "all 200 fits of gd on iris/gaussian-full/K2 so far are diverged"),
        (("100 error",), "all 100 fits of gd on iris/gaussian-full/K2 so far are error"),
        (("100 collapsed, kept as a run before this one wrote them",), "all 100 fits"),
        (("100 diverged", "1 converged, 99 diverged"), ""),
        (("100 diverged", "100 collapsed"), ""),
        (("100 converged",), ""),
        (("100 budget",), ""),
        ((), ""),
    ],
)
def test_a_method_that_always_fails_in_the_same_way_is_warned_of(folder, ends, warned):
    for end, block in zip(ends, ("000000-000100", "000100-000200"), strict=False):
        write(log_of(folder, "gd", block), f"some line\nx.nc: 100 fits: {end}\n")
    write(log_of(folder, "em", "000000-000100"), "x.nc: 100 fits: 98 converged, 2 collapsed\n")
    shards = planned_shards(read_plan_file(folder / "results/plan.json"))
    warnings = uniform_failures(shards, folder / "logs")
    assert len(warnings) == bool(warned)
    assert all(warned in line for line in warnings)
    output = CliRunner().invoke(main, ["status"]).output
    assert ("Warning: " in output) == bool(warned)
