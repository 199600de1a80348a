"""Which arms of a sweep are one method with different values of a setting."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mixsweep.methods import METHODS
from mixsweep.shard import make_method

__all__ = ["Variants", "labels_of", "variants"]


@dataclass(frozen=True)
class Variants:
    """Arms of one method that differ in the settings asked for, and in nothing else.

    Attributes
    ----------
    method : str
        The optimiser's name.
    labels : tuple of str
        The arms.
    values : tuple of tuple
        The settings asked for of each arm, defaults included.
    """

    method: str
    labels: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]


def labels_of(methods: Mapping[str, Mapping[str, Any]], name: str) -> list[str]:
    """Return the labels of all arms of an optimiser."""
    return [label for label, settings in methods.items() if settings["method"] == name]


def variants(methods: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> list[Variants]:
    """Return the groups of two or more arms that differ in the named settings alone.

    Parameters
    ----------
    methods : mapping
        Settings of every arm by its label, the optimiser's name under ``method``.
    names : sequence of str
        The settings, such as ``learning_rate``; a method that has none of them is in no group.

    Returns
    -------
    list of Variants
        Arms in the order of their values.
    """
    groups: dict[tuple[Any, ...], list[tuple[tuple[Any, ...], str]]] = {}
    for label, settings in methods.items():
        name = str(settings["method"])
        own = {field.name for field in dataclasses.fields(METHODS[name])}
        if not own & set(names):
            continue
        method = make_method(settings)
        values = tuple(getattr(method, setting) for setting in names if setting in own)
        rest = tuple((setting, repr(getattr(method, setting))) for setting in sorted(own - set(names)))
        groups.setdefault((name, rest), []).append((values, label))
    found = []
    for (name, _), members in groups.items():
        if len({values for values, _ in members}) > 1:
            ordered = sorted(members, key=lambda member: member[0])
            values, labels = zip(*ordered, strict=True)
            found.append(Variants(name, labels, values))
    return found
