"""The two files of a shard, and whether those that are there are the ones to be made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mixsweep.contents import Contents
from mixsweep.io import IncompleteFileError, read_contents
from mixsweep.problems.base import Problem
from mixsweep.shard import ShardSpec

__all__ = ["differences", "finished", "timing_path"]


def timing_path(path: Path) -> Path:
    """Return the file of wall times beside a file of fits."""
    return path.with_name(path.stem + ".timing.nc")


def differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, value and expected value of what a file says otherwise than expected, or does not say."""
    for name, value in expected.items():
        own = found.get(name)
        own = own.item() if isinstance(own, np.generic) else own
        if own != value:
            yield name, own, value


def finished(problem: Problem, spec: ShardSpec, path: Path, timing: Path) -> Contents | None:
    """Return a shard's fits if its files are there, whole, and made from the same things.

    A run that was killed may have written a shard and not noted it; fitting it again would give the same
    bytes.

    Parameters
    ----------
    problem : Problem
    spec : ShardSpec
        What the shard should be made from.
    path, timing : Path
        Its file of fits, and the one of wall times.
    """
    try:
        fits, _ = read_contents(path), read_contents(timing)
    except IncompleteFileError:
        return None
    return None if any(differences(fits.attrs, spec.attributes(problem))) else fits
