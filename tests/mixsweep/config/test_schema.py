"""The schema and the models agree."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from mixsweep.config import load_config
from mixsweep.config.schema import schema_text

ROOT = Path(__file__).parents[3]


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
