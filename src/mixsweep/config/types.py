"""The types of config values: each checks itself and says what it expected."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

__all__ = [
    "EXPONENT",
    "NAME_PATTERN",
    "Columns",
    "ComponentCounts",
    "Flag",
    "Fraction",
    "MethodTable",
    "Names",
    "NonNegative",
    "Numbers",
    "PathVars",
    "PositiveWhole",
    "ProblemTable",
    "Restarts",
    "Seed",
    "Text",
    "Weights",
    "Wholes",
    "wrong",
]

#: What may name a file on every system: no path parts, no spaces, no leading dot or dash.
NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._+-]*"
_NAME = re.compile(NAME_PATTERN)
#: Numbers such as 1e-8, which YAML 1.1 takes for text because they have no dot.
EXPONENT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+")
_LONGEST_NAME = 100
_MOST_RESTARTS = 10**8


def wrong(expected: str) -> PydanticCustomError:
    """Return the error of a value that is not what was expected."""
    return PydanticCustomError("expected", "{expected}", {"expected": expected})


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _no_repeats(values: Sequence[Any]) -> None:
    repeated = {value for value in values if list(values).count(value) > 1}
    if repeated:
        raise wrong(f"each entry once, but {', '.join(map(repr, sorted(repeated)))} is listed twice")


def _whole(value: Any, minimum: int, expected: str, maximum: int = 2**63 - 1) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
        raise wrong(expected)
    return value


def _number(value: Any, expected: str, accept: Callable[[float], bool]) -> float:
    # Snakemake reads configs by YAML 1.1, where 1e-8 is text.
    if isinstance(value, str) and EXPONENT.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(expected)
    number = float(value)
    if not math.isfinite(number) or not accept(number):
        raise wrong(expected)
    return number


def _wholes(value: Any) -> list[int]:
    expected = "a whole number of at least 1, or a list of them"
    values = [_whole(item, 1, expected) for item in _listed(value)]
    if not values:
        raise wrong(f"{expected}, not an empty list")
    _no_repeats(values)
    return values


def _numbers(value: Any) -> list[float]:
    expected = "a number of at least 0, or a list of them"
    values = [_number(item, expected, lambda number: number >= 0) for item in _listed(value)]
    if not values:
        raise wrong(f"{expected}, not an empty list")
    _no_repeats(values)
    return values


def _component_counts(value: Any) -> list[int] | str:
    if value == "truth":
        return "truth"
    expected = "a list of whole numbers of at least 1, such as [2, 3, 4], or the word truth"
    values = [_whole(item, 1, expected) for item in _listed(value)]
    if not values:
        raise wrong(f"{expected}, not an empty list")
    _no_repeats(values)
    return sorted(values)


def _weights(value: Any) -> list[str] | list[float]:
    expected = "equal, unequal, a list of these words, or a list of positive weights that sum to 1"
    values = _listed(value)
    if values and all(item in ("equal", "unequal") for item in values):
        _no_repeats(values)
        return values
    numbers = [_number(item, expected, lambda number: number > 0) for item in values]
    if not numbers or abs(math.fsum(numbers) - 1) > 1e-6:
        raise wrong(expected)
    return numbers


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise wrong("text")
    return value


def _columns(value: Any) -> list[str]:
    if not isinstance(value, (list, tuple)) or not value:
        raise wrong("a list of column names, such as [FL, RW]")
    for item in value:
        if not isinstance(item, str):
            raise wrong(f"column names as text (in quotes), but {item!r} is a {type(item).__name__}")
    _no_repeats(value)
    return list(value)


def _names(value: Any) -> list[str]:
    values = _listed(value)
    if not values or not all(isinstance(item, str) for item in values):
        raise wrong("a list with at least one name")
    _no_repeats(values)
    return values


def check_names(names: Sequence[str], what: str) -> None:
    """Refuse names which cannot be file names, or which some file systems cannot tell apart."""
    for name in names:
        if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
            raise wrong(
                f"{what} names that are safe as file names, but found {name!r}: letters, digits and . _ + - "
                f"only, beginning with a letter or digit, at most {_LONGEST_NAME} characters"
            )
    lowered: dict[str, str] = {}
    for name in names:
        other = lowered.setdefault(name.lower(), name)
        if other != name:
            raise wrong(
                f"{what} names that differ in more than upper and lower case, but found {other!r} and "
                f"{name!r}"
            )


def _methods(value: Any) -> dict[str, dict[str, Any]]:
    if isinstance(value, str):
        value = [value]
    if isinstance(value, (list, tuple)):
        if not all(isinstance(item, str) for item in value):
            raise wrong("a list of method names, such as [em, lbfgs], or a mapping from labels to settings")
        _no_repeats(value)
        value = {item: {} for item in value}
    if not isinstance(value, Mapping) or not value:
        raise wrong("a mapping from at least one label to settings, such as {em: {}, lbfgs: {memory: 10}}")
    check_names(list(value), "method")
    table: dict[str, dict[str, Any]] = {}
    for label, settings in value.items():
        if settings is not None and not isinstance(settings, Mapping):
            raise wrong(f"settings as a mapping (or {{}}), but {label!r} has {settings!r}")
        table[label] = dict(settings or {})
    return table


def _problems(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not value:
        raise wrong("a mapping from at least one problem name to its source, such as {faithful: {}}")
    check_names(list(value), "problem")
    return {name: {} if spec is None else spec for name, spec in value.items()}


def _pathvars(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(
        isinstance(item, str) for pair in value.items() for item in pair
    ):
        raise wrong("a mapping from path names to folders, such as {results: out}")
    return dict(value)


def _flag(value: Any) -> bool:
    # snakemake --config replace=true gives text
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise wrong("true or false")
    return value


_WHOLE: dict[str, Any] = {"type": "integer", "minimum": 1}
_EXPONENT_TEXT: dict[str, Any] = {"type": "string", "pattern": f"^{EXPONENT.pattern}$"}


def _number_schema(**limits: float) -> dict[str, Any]:
    return {"anyOf": [{"type": "number", **limits}, _EXPONENT_TEXT]}


def _one_or_list(item: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


_WORDS: dict[str, Any] = {"enum": ["equal", "unequal"]}
_STRINGS: dict[str, Any] = {"type": "array", "items": {"type": "string"}, "minItems": 1}

Restarts = Annotated[
    int,
    BeforeValidator(
        lambda value: _whole(
            value, 1, f"a whole number of at least 1 and at most {_MOST_RESTARTS:,}", _MOST_RESTARTS
        )
    ),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": _MOST_RESTARTS}),
]
PositiveWhole = Annotated[
    int,
    BeforeValidator(lambda value: _whole(value, 1, "a whole number of at least 1")),
    WithJsonSchema(_WHOLE),
]
Seed = Annotated[
    int,
    BeforeValidator(lambda value: _whole(value, 0, "a whole number of at least 0, below 2**63")),
    WithJsonSchema({"type": "integer", "minimum": 0}),
]
NonNegative = Annotated[
    float,
    BeforeValidator(lambda value: _number(value, "a number of at least 0", lambda number: number >= 0)),
    WithJsonSchema(_number_schema(minimum=0)),
]
Fraction = Annotated[
    float,
    BeforeValidator(lambda value: _number(value, "a number between 0 and 1", lambda number: 0 < number < 1)),
    WithJsonSchema(_number_schema(exclusiveMinimum=0, exclusiveMaximum=1)),
]
Wholes = Annotated[list[int], BeforeValidator(_wholes), WithJsonSchema(_one_or_list(_WHOLE))]
Numbers = Annotated[
    list[float], BeforeValidator(_numbers), WithJsonSchema(_one_or_list(_number_schema(minimum=0)))
]
ComponentCounts = Annotated[
    list[int] | str,
    BeforeValidator(_component_counts),
    WithJsonSchema({"anyOf": [*_one_or_list(_WHOLE)["anyOf"], {"const": "truth"}]}),
]
Weights = Annotated[
    list[str] | list[float],
    BeforeValidator(_weights),
    WithJsonSchema(
        {
            "anyOf": [
                *_one_or_list(_WORDS)["anyOf"],
                {"type": "array", "items": {"type": "number"}, "minItems": 1},
            ]
        }
    ),
]
Text = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": "string", "minLength": 1})]
Columns = Annotated[list[str], BeforeValidator(_columns), WithJsonSchema(_STRINGS)]
Names = Annotated[
    list[str],
    BeforeValidator(_names),
    WithJsonSchema({"anyOf": [{"type": "string"}, _STRINGS]}),
]
Flag = Annotated[
    bool,
    BeforeValidator(_flag),
    WithJsonSchema({"enum": [True, False, "true", "false", "True", "False"]}),
]
PathVars = Annotated[
    dict[str, str],
    BeforeValidator(_pathvars),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
]
MethodTable = Annotated[
    dict[str, dict[str, Any]],
    BeforeValidator(_methods),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                _STRINGS,
                {
                    "type": "object",
                    "minProperties": 1,
                    "propertyNames": {"pattern": f"^{NAME_PATTERN}$"},
                    "additionalProperties": {
                        "anyOf": [
                            {"type": "object", "properties": {"method": {"type": "string"}}},
                            {"type": "null"},
                        ]
                    },
                },
            ]
        }
    ),
]
ProblemTable = BeforeValidator(_problems)
