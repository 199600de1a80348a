"""The problem's file: data in the user's units, how it is standardised, and the truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mixsweep.errors import MixsweepError
from mixsweep.linalg import location_and_scale
from mixsweep.problems.base import Problem

__all__ = ["read_problem", "write_problem"]

_START_DIMS = {
    "weights": ("start", "start_component"),
    "means": ("start", "start_component", "feature"),
    "covariances": ("start", "start_component", "feature", "feature_"),
}


def write_problem(problem: Problem, path: Path, seed: int = 0) -> None:
    """Write a problem as netCDF.

    Parameters
    ----------
    problem : Problem
    path : pathlib.Path
    seed : int
        The sweep's seed, noted in the file.
    """
    from mixsweep.contents import Contents, StoredArray
    from mixsweep.io import write_contents

    names = np.array(problem.features, dtype=str)
    location, scale = location_and_scale(problem.X, problem.row_weights)
    variables: dict[str, tuple[tuple[str, ...], np.ndarray[Any, Any]]] = {
        "X": (("row", "feature"), problem.X),
        "location": (("feature",), location),
        "scale": (("feature",), scale),
    }
    if problem.row_weights is not None:
        variables["row_weights"] = (("row",), problem.row_weights)
    if problem.starts is not None:
        for key, dims in _START_DIMS.items():
            variables[f"start_{key}"] = (dims, problem.starts[key])
    if problem.truth is not None:
        variables["truth_weights"] = (("component",), problem.truth["weights"])
        variables["truth_means"] = (("component", "feature"), problem.truth["means"])
        variables["truth_covariances"] = (("component", "feature", "feature_"), problem.truth["covariances"])
    variables["feature"] = (("feature",), names)
    if problem.truth is not None or problem.starts is not None:
        variables["feature_"] = (("feature_",), names)
    attributes = {
        "name": problem.name,
        "provenance": json.dumps(problem.provenance, sort_keys=True),
        "seed": seed,
        "checksum": problem.checksum,
    }
    write_contents(
        Contents({name: StoredArray(*given) for name, given in variables.items()}, attributes), path
    )


def read_problem(path: Path) -> Problem:
    """Read a problem written by `write_problem`.

    Raises
    ------
    MixsweepError
        If the file is missing, damaged, or holds no problem.
    """
    from mixsweep.io import read_contents

    contents = read_contents(path)
    if "X" not in contents or "name" not in contents.attrs:
        raise MixsweepError(f"{path}: holds no problem; expected a file written by `mixsweep problem`.")
    X = np.ascontiguousarray(contents["X"], dtype=np.float64)
    truth = None
    if "truth_weights" in contents:
        truth = {
            key: np.ascontiguousarray(contents[f"truth_{key}"], dtype=np.float64)
            for key in ("weights", "means", "covariances")
        }
    starts = None
    if "start_weights" in contents:
        starts = {
            key: np.ascontiguousarray(contents[f"start_{key}"], dtype=np.float64) for key in _START_DIMS
        }
    return Problem(
        str(contents.attrs["name"]),
        X,
        tuple(str(feature) for feature in contents["feature"]),
        truth,
        json.loads(contents.attrs["provenance"]),
        np.asarray(contents["row_weights"], dtype=np.float64) if "row_weights" in contents else None,
        starts,
    )
