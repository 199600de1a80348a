"""The config: what a sweep's YAML file may say, checked; messages name file, key and what was expected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mixsweep.config.messages import translated
from mixsweep.config.methods import method_spec
from mixsweep.config.problems import expanded
from mixsweep.config.restarts import AdaptiveRestarts, check_rounds
from mixsweep.config.strict_yaml import read_yaml
from mixsweep.config.sweep import SweepConfig
from mixsweep.errors import MixsweepError, nearest
from mixsweep.families import FAMILIES
from mixsweep.initializers import INITIALIZERS

__all__ = ["load_config", "parse_config"]


def load_config(path: str | Path) -> SweepConfig:
    """Read and check a config file.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    SweepConfig

    Raises
    ------
    MixsweepError
        Naming the file, the key, what was found and what was expected.
    """
    path = Path(path)
    return parse_config(read_yaml(path), path.absolute().parent, str(path))


def parse_config(mapping: Any, base: Path, source: str = "config") -> SweepConfig:
    """Check a config that is already a mapping.

    Parameters
    ----------
    mapping : mapping
    base : pathlib.Path
        The folder at which relative data paths start.
    source : str
        What messages call the config.

    Returns
    -------
    SweepConfig

    Raises
    ------
    MixsweepError
        Naming the source, the key, what was found and what was expected.
    """
    if not isinstance(mapping, Mapping):
        found = "nothing" if mapping is None else f"a {type(mapping).__name__}"
        raise MixsweepError(f"{source}: found {found}; expected keys and values, at least problems:.")
    try:
        config = SweepConfig.model_validate(_plain(mapping, source))
    except ValidationError as error:
        raise translated(error, source) from None
    config._base, config._source = base, source
    _check_names(config)
    if isinstance(config.restarts, AdaptiveRestarts):
        check_rounds(config.restarts, source)
    config._methods = {label: method_spec(label, dict(raw), source) for label, raw in config.methods.items()}
    config._entries = expanded(config.problems, config.n_components, base, source)
    return config


def _check_names(config: SweepConfig) -> None:
    for key, registry in (("families", FAMILIES), ("initializers", INITIALIZERS)):
        for name in getattr(config, key):
            if name not in registry:
                raise MixsweepError(
                    f"{config.source}: {key}: unknown {registry.kind} {name!r}"
                    f"{nearest(name, registry.names())}"
                )


def _plain(value: Any, source: str, path: str = "") -> Any:
    """Return ordered and other mappings as plain ones, at every level, refusing keys that are not text."""
    if isinstance(value, (list, tuple)):
        return [_plain(item, source, path) for item in value]
    if not isinstance(value, Mapping):
        return value
    for key in value:
        if not isinstance(key, str):
            where = f"{source}: {path}" if path else source
            raise MixsweepError(
                f"{where}: found the key {key!r}, a {type(key).__name__}; expected text. Names such as 1 or "
                "no mean something else in YAML: put them in quotes."
            )
    return {key: _plain(item, source, f"{path}.{key}" if path else key) for key, item in value.items()}
