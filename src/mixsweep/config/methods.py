"""The section methods: which optimisers, by label, with all their settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mixsweep.config.types import EXPONENT
from mixsweep.errors import MixsweepError, nearest
from mixsweep.methods import METHODS
from mixsweep.methods.settings import typed

__all__ = ["MethodSpec", "method_spec"]


@dataclass(frozen=True)
class MethodSpec:
    """A method with all its settings."""

    label: str
    method: str
    settings: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the mapping of the command line's ``--settings``."""
        return {"method": self.method, **self.settings}


def method_spec(label: str, settings: dict[str, Any], source: str) -> MethodSpec:
    """Return a method with all its settings, checked.

    Parameters
    ----------
    label : str
        What the config calls it.
    settings : dict
        Those given; ``method`` names the optimiser when the label does not.
    source : str
        What messages call the config.

    Raises
    ------
    MixsweepError
        Naming the source, the key, what was found and what was expected.
    """
    key = f"{source}: methods.{label}"
    method = settings.pop("method", label)
    if not isinstance(method, str) or method not in METHODS:
        raise MixsweepError(
            f"{key}: unknown method {method!r}{nearest(str(method), METHODS.names())} "
            f"(a label of your own needs the setting method, as in {{{label}: {{method: em}}}})"
        )
    cls = METHODS[method]
    fields = {field.name: field.default for field in dataclasses.fields(cls) if field.init}
    for name in settings:
        if name not in fields:
            rest = nearest(str(name), fields) if fields else "; it has no settings."
            raise MixsweepError(f"{key}: method {method!r} has no setting {name!r}{rest}")
    given = {name: _setting(value, fields[name], f"{key}.{name}") for name, value in settings.items()}
    try:
        made = cls(**given)
    except (MixsweepError, ValueError, TypeError) as error:
        raise MixsweepError(f"{key}: {error}") from None
    return MethodSpec(label, method, {name: getattr(made, name) for name in fields})


def _setting(value: Any, default: Any, key: str) -> Any:
    """Return a setting in the type of its default (see `typed`)."""
    number = isinstance(default, (int, float)) and not isinstance(default, bool)
    # YAML 1.1, by which Snakemake reads configs, takes 1e-3 for text
    if number and isinstance(value, str) and EXPONENT.fullmatch(value):
        value = float(value)
    return typed(value, default, key)
