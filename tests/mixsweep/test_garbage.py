from __future__ import annotations

import pytest
from click.testing import CliRunner

from mixsweep.cli import main
from mixsweep.config import load_config
from mixsweep.garbage import find_garbage
from mixsweep.plan import make_plan
from mixsweep.shard_file import timing_path

CONFIG = "problems: {iris: {}}\nn_components: [2, 3]\nmethods: [em, lbfgs]\nrestarts: 200\n"


@pytest.fixture
def sweep(tmp_path):
    """Return a results folder with a file for every shard of a config, and the config."""
    config = tmp_path / "sweep.yaml"
    config.write_text(CONFIG)
    results = tmp_path / "results"
    for shard in make_plan(load_config(config)).shards:
        path = results / shard.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("fits")
        timing_path(path).write_text("times")
    return results, config


def test_nothing_goes_while_a_config_refers_to_it(sweep):
    results, config = sweep
    assert find_garbage(results, [config]).files == []


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        (("n_components: [2, 3]", "n_components: 2"), 4),
        (("[em, lbfgs]", "[em]"), 4),
        (("restarts: 200", "restarts: 100"), 4),
        (("restarts: 200", "restarts: 150"), 4),
        (("iris", "wine"), 8),
    ],
)
def test_what_no_config_refers_to_is_found(sweep, tmp_path, change, gone):
    results, config = sweep
    smaller = tmp_path / "smaller.yaml"
    smaller.write_text(CONFIG.replace(*change))
    found = find_garbage(results, [smaller])
    assert len(found.shards) == gone
    assert len(found.files) == 2 * gone
    assert find_garbage(results, [smaller, config]).shards == ()


def test_files_of_killed_writes_are_found(sweep):
    results, config = sweep
    left = results / "shards/iris/gaussian-full/K2/em/.random-points-000000-000100.nc.x1y2.tmp"
    left.write_text("half")
    (results / ".running").write_text("process 1")
    assert find_garbage(results, [config]).leftovers == (left,)


def test_the_command_lists_and_deletes(sweep):
    results, config = sweep
    config.write_text(CONFIG.replace("[em, lbfgs]", "[em]"))
    arguments = ["gc", str(results), "--config", str(config)]
    listed = CliRunner().invoke(main, arguments)
    assert listed.exit_code == 0
    assert "lbfgs/random-points-000100-000200.nc" in listed.output
    assert "4 shards that no config refers to and 0 leftovers" in listed.output
    assert len(list(results.rglob("*.nc"))) == 16
    deleted = CliRunner().invoke(main, [*arguments, "--delete"])
    assert "deleted" in deleted.output
    assert len(list(results.rglob("*.nc"))) == 8
    assert not list(results.rglob("lbfgs"))
    assert "0 shards" in CliRunner().invoke(main, arguments).output


def test_a_folder_that_is_none_is_told(tmp_path):
    (tmp_path / "sweep.yaml").write_text(CONFIG)
    arguments = ["gc", str(tmp_path / "none"), "--config", str(tmp_path / "sweep.yaml")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert "expected the results folder of a sweep" in done.output
