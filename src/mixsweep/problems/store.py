"""The problem's file: data in the user's units, how it is standardised, and the truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mixsweep.errors import MixsweepError
from mixsweep.problems.base import Problem, data_checksum

__all__ = ["read_problem", "write_problem"]


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
    variables: dict[str, tuple[tuple[str, ...], np.ndarray[tuple[int, ...], np.dtype[np.float64]]]] = {
        "X": (("row", "feature"), problem.X),
        "location": (("feature",), problem.X.mean(axis=0)),
        "scale": (("feature",), problem.X.std(axis=0)),
    }
    if problem.truth is not None:
        variables["truth_weights"] = (("component",), problem.truth["weights"])
        variables["truth_means"] = (("component", "feature"), problem.truth["means"])
        variables["truth_covariances"] = (("component", "feature", "feature_"), problem.truth["covariances"])
    coords: dict[str, tuple[str, np.ndarray[tuple[int], np.dtype[np.object_]]]] = {
        "feature": ("feature", names)
    }
    if problem.truth is not None:
        coords["feature_"] = ("feature_", names)
    attributes = {
        "name": problem.name,
        "provenance": json.dumps(problem.provenance, sort_keys=True),
        "seed": seed,
        "checksum": data_checksum(problem.X),
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
    return Problem(
        str(dataset.attrs["name"]),
        X,
        tuple(str(feature) for feature in dataset["feature"].values),
        truth,
        json.loads(dataset.attrs["provenance"]),
    )
