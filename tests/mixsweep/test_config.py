"""What a good config means."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path

import jsonschema
import pytest
import yaml

from mixsweep.analysis.thresholds import Thresholds
from mixsweep.config import SweepConfig, load_config, parse_config, schema_text
from mixsweep.errors import MixsweepError
from mixsweep.problems.sources import FileSource

ROOT = Path(__file__).parents[2]
MINIMAL = {"problems": {"iris": {}}, "methods": ["em"], "n_components": 3}


def parsed(**changes: object) -> SweepConfig:
    return parse_config(MINIMAL | changes, Path("/base"))


def test_defaults() -> None:
    config = parsed()
    assert (config.seed, config.restarts, config.tol, config.max_passes) == (1, 100, 1e-8, 2000)
    assert config.covariance_floor == 1e-6
    assert config.families == ["gaussian-full"]
    assert not config.replace
    assert [entry.n_components for entry in config.entries] == [(3,)]


def test_schema_file_matches_the_models() -> None:
    assert (ROOT / "workflow/schemas/config.schema.yaml").read_text() == schema_text(), (
        "run python -m mixsweep.config > workflow/schemas/config.schema.yaml"
    )


@pytest.mark.parametrize(
    "path",
    [ROOT / "config.yaml", *sorted((ROOT / "workflow/examples").glob("*.yaml"))],
    ids=lambda path: path.name,
)
def test_shipped_configs_satisfy_models_and_schema(path: Path) -> None:
    assert load_config(path).entries
    validator = jsonschema.Draft202012Validator(yaml.safe_load(schema_text()))
    assert list(validator.iter_errors(yaml.safe_load(path.read_text()))) == []


def test_default_config_comments_every_key() -> None:
    lines = (ROOT / "config.yaml").read_text().splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if line and not line.startswith((" ", "#")):
            assert before.startswith("#"), line
    assert set(yaml.safe_load("\n".join(lines))) == set(SweepConfig.model_fields) - {
        "replace",
        "partial",
        "pathvars",
    }


def test_default_config_is_the_experiment_only() -> None:
    text = "\n".join(line.partition("#")[0] for line in (ROOT / "config.yaml").read_text().splitlines())
    for word in ("cores", "threads", "partition", "outdir", "mem_mb"):
        assert word not in text


def test_scalars_mean_lists() -> None:
    config = parsed(families="gaussian-diag", initializers="kmeans++", methods="lbfgs", n_components=2)
    assert config.families == ["gaussian-diag"]
    assert config.initializers == ["kmeans++"]
    assert list(config.method_specs) == ["lbfgs"]


def test_a_label_names_its_optimiser() -> None:
    config = parsed(methods={"adam": None, "adam-slow": {"method": "adam", "learning_rate": 0.005}})
    slow = config.method_specs["adam-slow"]
    assert (slow.method, slow.settings["learning_rate"]) == ("adam", 0.005)
    assert config.method_specs["adam"].as_json()["method"] == "adam"


def test_settings_are_complete_so_that_writing_a_default_out_changes_nothing() -> None:
    given = parsed(methods={"lbfgs": {"memory": 10}}).method_specs["lbfgs"].as_json()
    assert given == parsed(methods=["lbfgs"]).method_specs["lbfgs"].as_json()


def test_numbers_are_as_the_setting_has_them() -> None:
    settings = parsed(methods={"adam": {"learning_rate": 1}}).method_specs["adam"].as_json()
    assert json.dumps(settings["learning_rate"]) == "1.0"


@pytest.mark.parametrize("tol", [1e-9, "1e-9", 0])
def test_exponents_without_a_dot_are_numbers(tol: object) -> None:
    assert parsed(tol=tol).tol == float(tol)  # type: ignore[arg-type]
    assert (
        parsed(methods={"adam": {"learning_rate": "1e-3"}}).method_specs["adam"].settings["learning_rate"]
        == 1e-3
    )


def test_exponents_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("{problems: {iris: {}}, methods: [em], n_components: 2, tol: 1e-9}")
    assert load_config(path).tol == 1e-9


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


def test_other_mappings_are_fine() -> None:
    """Snakemake hands its config over as ordered dictionaries."""
    config = parse_config(OrderedDict(MINIMAL, problems=OrderedDict(iris=OrderedDict())), Path())
    assert config.entries[0].name == "iris"


def test_the_census_of_a_config_has_the_thresholds_of_the_census(tmp_path: Path) -> None:
    plain = parse_config({"problems": {"iris": {}}, "n_components": [3]}, tmp_path)
    assert Thresholds(**plain.census.model_dump()) == Thresholds()
    given = {"problems": {"iris": {}}, "n_components": [3], "census": {"ended_within": "1e-3"}}
    assert parse_config(given, tmp_path).census.ended_within == 1e-3
    with pytest.raises(MixsweepError, match=r"census.ended_with.*ended_within"):
        parse_config(given | {"census": {"ended_with": 1}}, tmp_path)
