"""A config with what has no default, and no more."""

from __future__ import annotations

from pathlib import Path

from mixsweep.config import parse_config
from mixsweep.config.sweep import SweepConfig

MINIMAL = {"problems": {"iris": {}}, "methods": ["em"], "n_components": 3}


def parsed(**changes: object) -> SweepConfig:
    return parse_config(MINIMAL | changes, Path("/base"))
