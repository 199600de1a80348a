"""Defaults, and the default config."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import yaml
from tests.mixsweep.config.minimal import MINIMAL, parsed

from mixsweep.config import parse_config
from mixsweep.config.sweep import SweepConfig

ROOT = Path(__file__).parents[3]


def test_defaults() -> None:
    config = parsed()
    assert (config.seed, config.restarts, config.tol, config.max_passes) == (1, 100, 1e-8, 2000)
    assert config.covariance_floor == 1e-6
    assert config.families == ["gaussian-full"]
    assert not config.replace
    assert [entry.n_components for entry in config.entries] == [(3,)]


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


def test_other_mappings_are_fine() -> None:
    """Snakemake hands its config over as ordered dictionaries."""
    config = parse_config(OrderedDict(MINIMAL, problems=OrderedDict(iris=OrderedDict())), Path())
    assert config.entries[0].name == "iris"
