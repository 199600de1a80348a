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
        return yaml.load(text, Loader=_StrictLoader)
    except _DuplicateKey as error:
        raise MixsweepError(f"{path}: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}:" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error)
        raise MixsweepError(
            f"{path}:{where} not valid YAML ({problem}); expected `key: value` lines, indented with spaces."
        ) from None
