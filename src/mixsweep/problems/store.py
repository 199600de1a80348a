"""The problem's file: data in the user's units, how it is standardised, and the truth."""

from __future__ import annotations

import json
from pathlib import Path

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
    import xarray as xr

    from mixsweep.io import write_dataset

    names = np.array(problem.features, dtype=object)
    location, scale = location_and_scale(problem.X, problem.row_weights)
    variables: dict[str, tuple[tuple[str, ...], np.ndarray[tuple[int, ...], np.dtype[np.float64]]]] = {
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
    coords: dict[str, tuple[str, np.ndarray[tuple[int], np.dtype[np.object_]]]] = {
        "feature": ("feature", names)
    }
    if problem.truth is not None or problem.starts is not None:
        coords["feature_"] = ("feature_", names)
    attributes = {
        "name": problem.name,
        "provenance": json.dumps(problem.provenance, sort_keys=True),
        "seed": seed,
        "checksum": problem.checksum,
    }
    write_dataset(xr.Dataset(variables, coords, attributes), path)


def read_problem(path: Path) -> Problem:
    """Read a problem written by `write_problem`.

    Raises
    ------
    MixsweepError
        If the file is missing, damaged, or holds no problem.
    """
    from mixsweep.io import read_dataset

    dataset = read_dataset(path)
    if "X" not in dataset or "name" not in dataset.attrs:
        raise MixsweepError(f"{path}: holds no problem; expected a file written by `mixsweep problem`.")
    X = np.ascontiguousarray(dataset["X"].values, dtype=np.float64)
    truth = None
    if "truth_weights" in dataset:
        truth = {
            key: np.ascontiguousarray(dataset[f"truth_{key}"].values, dtype=np.float64)
            for key in ("weights", "means", "covariances")
        }
    starts = None
    if "start_weights" in dataset:
        starts = {
            key: np.ascontiguousarray(dataset[f"start_{key}"].values, dtype=np.float64) for key in _START_DIMS
        }
    return Problem(
        str(dataset.attrs["name"]),
        X,
        tuple(str(feature) for feature in dataset["feature"].values),
        truth,
        json.loads(dataset.attrs["provenance"]),
        np.asarray(dataset["row_weights"].values, dtype=np.float64) if "row_weights" in dataset else None,
        starts,
    )
