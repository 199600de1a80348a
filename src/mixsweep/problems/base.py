"""The problem: a data matrix with its provenance, and the truth when it was simulated."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mixsweep.errors import MixsweepError
from mixsweep.typing import FloatArray

__all__ = ["Problem", "check_matrix", "check_row_weights"]

_FEW = 5


@dataclass(frozen=True)
class Problem:
    """A data matrix to which mixtures are fitted.

    Parameters
    ----------
    name : str
        Its name in the sweep.
    X : ndarray, shape (row, feature)
        The data, in the user's units.
    features : tuple of str
        The names of the columns.
    truth : dict of str to ndarray, or None
        ``weights`` (component,), ``means`` (component, feature) and ``covariances``
        (component, feature, feature) of the generating mixture, when the problem was simulated.
    provenance : dict of str to str
        Where the data came from, in words.
    row_weights : ndarray, shape (row,), or None
        How many times each row counts; None for once.
    starts : dict of str to ndarray, or None
        Starts of the user's, in the user's units: ``weights`` (start, component), ``means`` (start,
        component, feature) and ``covariances`` (start, component, feature, feature); NaN beyond a start's
        components.
    """

    name: str
    X: FloatArray
    features: tuple[str, ...]
    truth: dict[str, FloatArray] | None = None
    provenance: dict[str, str] = field(default_factory=dict)
    row_weights: FloatArray | None = None
    starts: dict[str, FloatArray] | None = None

    @property
    def n_rows(self) -> int:
        """How many rows."""
        return int(self.X.shape[0])

    @property
    def n_features(self) -> int:
        """How many features."""
        return int(self.X.shape[1])

    @property
    def true_k(self) -> int | None:
        """The generating number of components, where there is one."""
        return None if self.truth is None else len(self.truth["weights"])

    @property
    def checksum(self) -> str:
        """SHA-256 of what fits depend on: data, row weights and starts (row order, little-endian float64)."""
        arrays = [self.X]
        if self.row_weights is not None:
            arrays.append(self.row_weights)
        if self.starts is not None:
            arrays.extend(self.starts[name] for name in ("weights", "means", "covariances"))
        digest = hashlib.sha256()
        for array in arrays:
            digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return digest.hexdigest()


def few(items: Sequence[object]) -> str:
    """Return the first few items in words, with the number of those left out."""
    shown = ", ".join(str(item) for item in items[:_FEW])
    return f"{shown} and {len(items) - _FEW} more" if len(items) > _FEW else shown


def rows_in_words(rows: Sequence[int], lines: Sequence[int] | None = None) -> str:
    """Return row numbers (1-based) in words, with the lines of the file where these are known."""
    word = "row" if len(rows) == 1 else "rows"
    text = f"{word} {few(rows)}"
    if lines is not None:
        text += f" ({'line' if len(rows) == 1 else 'lines'} {few(lines)})"
    return text


def check_row_weights(
    weights: FloatArray, n_rows: int, where: str, lines: Sequence[int] | None = None
) -> None:
    """Refuse row weights that are not as many positive finite numbers as rows.

    Parameters
    ----------
    weights : ndarray
    n_rows : int
    where : str
        What the message begins with: the file and the column, or the argument.
    lines : sequence of int, optional
        The line of the file that each row came from.
    """
    if weights.shape != (n_rows,):
        raise MixsweepError(
            f"{where}: row weights of shape {weights.shape}; expected one for each of {n_rows} rows."
        )
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights > 0)))
    if bad.size:
        at = None if lines is None else [lines[int(i)] for i in bad]
        raise MixsweepError(
            f"{where}: {bad.size} row {'weight is' if bad.size == 1 else 'weights are'} not a positive "
            f"number, in {rows_in_words([int(i) + 1 for i in bad], at)}; expected how many times each row "
            "counts. Leave out rows that do not count."
        )


def check_matrix(
    X: FloatArray, features: Sequence[str], where: str, lines: Sequence[int] | None = None
) -> None:
    """Refuse data to which no mixture can be fitted.

    Parameters
    ----------
    X : ndarray, shape (row, feature)
    features : sequence of str
    where : str
        What the messages begin with: the file, or the problem.
    lines : sequence of int, optional
        The line of the file that each row came from.

    Raises
    ------
    MixsweepError
        If a value is not finite, a column is constant, or there are fewer rows than d + 1.
    """
    n, d = X.shape
    if d == 0:
        raise MixsweepError(f"{where}: no columns; expected at least one column of numbers.")
    if n < d + 1:
        raise MixsweepError(
            f"{where}: {n} {'row' if n == 1 else 'rows'} for {d} {'feature' if d == 1 else 'features'}; "
            f"expected at least {d + 1}, one more than features, or every covariance is singular. Give more "
            "rows or fewer columns."
        )
    for j, feature in enumerate(features):
        bad = np.flatnonzero(~np.isfinite(X[:, j]))
        if bad.size:
            at = None if lines is None else [lines[int(i)] for i in bad]
            raise MixsweepError(
                f"{where}: column {feature!r} has {bad.size} "
                f"{'value that is' if bad.size == 1 else 'values that are'} missing or infinite, in "
                f"{rows_in_words([int(i) + 1 for i in bad], at)}; expected finite numbers. Remove or impute "
                "these rows; missing data is not supported yet."
            )
        column = X[:, j]
        if np.all(column == column[0]):
            raise MixsweepError(
                f"{where}: column {feature!r} is constant (every value is {column[0]:g}); expected columns "
                "that vary. Leave it out by listing the others under columns."
            )
        with np.errstate(over="ignore", invalid="ignore"):
            spread = float(np.std(column))
        if not np.isfinite(spread) or spread <= 8 * np.finfo(np.float64).eps * float(np.max(np.abs(column))):
            raise MixsweepError(
                f"{where}: column {feature!r} cannot be scaled in double precision (standard deviation "
                f"{spread:g}, largest value {np.max(np.abs(column)):g}); expected values that vary by more "
                "than rounding. Subtract the column's mean or change its unit."
            )
