"""What pydantic finds wrong in a config, in our words."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mixsweep.config.census import CensusSpec
from mixsweep.config.problems import ProblemSpec, SimulateSpec
from mixsweep.config.restarts import AdaptiveRestarts
from mixsweep.config.sweep import SweepConfig
from mixsweep.errors import MixsweepError, nearest

__all__ = ["translated"]

_AT_MOST = 5


def translated(error: ValidationError, source: str) -> MixsweepError:
    """Return what to tell the user.

    Parameters
    ----------
    error : pydantic.ValidationError
    source : str
        What messages call the config.
    """
    findings = error.errors(include_url=False)
    # a misspelt key is also a missing one; the first message should be the one that helps
    findings.sort(key=lambda finding: finding["type"] != "extra_forbidden")
    messages = [f"{source}: {_message(finding)}" for finding in findings[:_AT_MOST]]
    left = len(findings) - _AT_MOST
    return MixsweepError("\n".join(messages + ([f"(and {left} more)"] if left > 0 else [])))


def _message(finding: ErrorDetails) -> str:
    # without the tag of the kind of restarts, which is no key
    location = tuple(
        part for i, part in enumerate(finding["loc"]) if (finding["loc"][0], i) != ("restarts", 1)
    )
    key = ".".join(str(part) for part in location)
    if finding["type"] == "extra_forbidden":
        return f"unknown key {key!r}{nearest(str(location[-1]), _known_keys(location))}"
    if finding["type"] == "missing":
        return f"{key}: this key is missing; it has no default."
    expected = "a mapping" if finding["type"] == "model_type" else finding["msg"]
    return f"{key}: expected {expected}; found {_shown(finding['input'])}."


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    if len(location) == 1:
        return list(SweepConfig.model_fields)
    if location[0] == "census":
        return list(CensusSpec.model_fields)
    if location[0] == "restarts":
        return list(AdaptiveRestarts.model_fields)
    return list(SimulateSpec.model_fields if "simulate" in location[2:] else ProblemSpec.model_fields)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
