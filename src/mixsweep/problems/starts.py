"""Starts of the user's: a table with one row for each component of each start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mixsweep.errors import MixsweepError
from mixsweep.linalg import weighted_covariance
from mixsweep.problems.base import Problem
from mixsweep.problems.files import matrix, read_table
from mixsweep.typing import FloatArray

__all__ = ["load_starts"]

#: Weights of a start must sum to 1 within this; tables are often written with a few digits.
SUM_WITHIN = 1e-3


def load_starts(path: Path, problem: Problem) -> dict[str, FloatArray]:
    """Read starts for a problem.

    Parameters
    ----------
    path : pathlib.Path
        A table with the column ``start`` (a number, the same for the components of a start), a column of
        means for each feature, and optionally ``weight`` (else all equal) and covariances: a column ``a*b``
        for each pair of features with a before b or a = b (else every component has the covariance of all
        rows). Starts may have different numbers of components.
    problem : Problem
        The data.

    Returns
    -------
    dict of str to ndarray
        As `Problem.starts`, in the order of their first rows.

    Raises
    ------
    MixsweepError
        Naming the file and the column or start.
    """
    features = problem.features
    table = read_table(path, f"starts of problem {problem.name!r}")
    pairs = [(a, b) for a in range(len(features)) for b in range(a, len(features))]
    names = [f"{features[a]}*{features[b]}" for a, b in pairs]
    _check_columns(table.names, ["start", *features], ["component", "weight", *names], path)
    numbers = matrix(table, path, ["start"])[0][:, 0]
    all_means = matrix(table, path, features)[0]
    with_covariances = any(name in table.names for name in names)
    entries = matrix(table, path, names)[0] if with_covariances else None
    all_weights = matrix(table, path, ["weight"])[0][:, 0] if "weight" in table.names else None
    for what, values in (
        ("start", numbers),
        ("means", all_means),
        ("covariances", entries),
        ("weight", all_weights),
    ):
        if values is not None and not np.isfinite(values).all():
            row = int(np.argwhere(~np.isfinite(values))[0, 0])
            raise MixsweepError(f"{path}: {what}: row {row + 1} has a value that is missing or infinite.")
    labels, first, sizes = np.unique(numbers, return_index=True, return_counts=True)
    d, largest = len(features), int(sizes.max())
    weights = np.full((len(labels), largest), np.nan)
    means = np.full((len(labels), largest, d), np.nan)
    covariances = np.full((len(labels), largest, d, d), np.nan)
    pooled = weighted_covariance(problem.X, problem.row_weights)
    for place, number in enumerate(labels[np.argsort(first)]):
        rows = np.flatnonzero(numbers == number)
        size = len(rows)
        weights[place, :size] = 1.0 / size if all_weights is None else all_weights[rows]
        means[place, :size] = all_means[rows]
        covariances[place, :size] = pooled
        if entries is not None:
            for column, (a, b) in enumerate(pairs):
                covariances[place, :size, a, b] = covariances[place, :size, b, a] = entries[rows, column]
        _check_start(path, number, weights[place, :size], covariances[place, :size])
        weights[place, :size] /= weights[place, :size].sum()
    return {"weights": weights, "means": means, "covariances": covariances}


def _check_columns(found: Sequence[str], needed: Sequence[str], known: Sequence[str], path: Path) -> None:
    missing = [name for name in needed if name not in found]
    if missing:
        raise MixsweepError(
            f"{path}: no column {missing[0]!r}; expected a table of starts with the columns "
            f"{', '.join(needed)}, and optionally {', '.join(known)}. Found {', '.join(found)}."
        )


def _check_start(path: Path, number: float, weights: FloatArray, covariances: FloatArray) -> None:
    if not (weights > 0).all() or abs(weights.sum() - 1) > SUM_WITHIN:
        raise MixsweepError(
            f"{path}: start {number:g} has the weights {', '.join(f'{weight:g}' for weight in weights)}; "
            "expected positive numbers that sum to 1."
        )
    smallest = np.linalg.eigvalsh(covariances)[:, 0]
    if not (smallest > 0).all():
        component = int(np.argmin(smallest))
        raise MixsweepError(
            f"{path}: start {number:g}: the covariance of its component {component + 1} is not positive "
            f"definite (smallest eigenvalue {smallest[component]:g})."
        )
