"""YAML as people expect it: a key given twice is an error, and 1e-8 is a number."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from mixsweep.errors import MixsweepError

__all__ = ["read_yaml"]


class _DuplicateKey(Exception):
    """A key given twice in one mapping."""


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, with duplicate keys refused.

    PyYAML keeps the last of two equal keys without a word, which loses half of what was asked for.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping, refusing a key that appears twice."""
        seen: dict[tuple[str, str], int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag.endswith(":merge"):
                continue
            key, line = (key_node.tag, key_node.value), key_node.start_mark.line + 1
            if key in seen:
                raise _DuplicateKey(
                    f"the key {key_node.value!r} is given twice, in lines {seen[key]} and {line}; "
                    "expected each key once (YAML would silently keep the last)."
                )
            seen[key] = line
        return super().construct_mapping(node, deep)


# YAML 1.1, which PyYAML follows, takes 1e-8 for text because it has no dot; YAML 1.2 takes it for a number.
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9][0-9_]*)(?:\.[0-9_]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


#: A config of more values is a mistake, or an attempt to use up the memory by references to references.
_MOST_VALUES = 100_000


def read_yaml(path: Path) -> Any:
    """Read a YAML (or JSON) file.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    object
        Whatever the file holds; ``None`` when it is empty.

    Raises
    ------
    MixsweepError
        If the file is missing, not readable, not YAML, or gives a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MixsweepError(f"{path}: no such config file; expected a YAML file.") from None
    except IsADirectoryError:
        raise MixsweepError(f"{path}: this is a folder; expected a YAML file.") from None
    except PermissionError:
        raise MixsweepError(f"{path}: not allowed to read this config file.") from None
    except UnicodeDecodeError as error:
        raise MixsweepError(
            f"{path}: expected YAML as UTF-8 text, found a byte that is not ({error})."
        ) from None
    try:
        value = yaml.load(text, Loader=_StrictLoader)
        n_values = _n_values(value, {})
    except _DuplicateKey as error:
        raise MixsweepError(f"{path}: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}:" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error)
        raise MixsweepError(
            f"{path}:{where} not valid YAML ({problem}); expected `key: value` lines, indented with spaces."
        ) from None
    except ValueError as error:
        # such as the 31st of February, which looks like a date
        raise MixsweepError(f"{path}: holds a value that is none ({error}); expected it in quotes.") from None
    except RecursionError:
        raise MixsweepError(
            f"{path}: values inside values without end, or hundreds deep; expected a few levels."
        ) from None
    if n_values > _MOST_VALUES:
        raise MixsweepError(
            f"{path}: {n_values:,} values, most by references (*name); expected at most {_MOST_VALUES:,}."
        )
    return value


def _n_values(value: Any, known: dict[int, int]) -> int:
    """Return how many values there are when every reference is written out."""
    if not isinstance(value, (dict, list)):
        return 1
    if known.get(id(value)) == 0:
        raise RecursionError
    if id(value) not in known:
        known[id(value)] = 0
        inner = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_n_values(item, known) for item in inner)
    return known[id(value)]
