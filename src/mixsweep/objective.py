"""One likelihood surface: the rows in standardised units, a family, a number of components."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mixsweep.families import FAMILIES
from mixsweep.families.base import Evaluation, Family
from mixsweep.typing import BoolArray, FloatArray, Parameters

if TYPE_CHECKING:
    from mixsweep.problems import Problem

__all__ = ["Objective"]


@dataclass(frozen=True)
class Objective:
    """The log-likelihood of a cell as the methods see it.

    Attributes
    ----------
    family : Family
        The component family.
    n_components : int
        Number of components K.
    X : ndarray, shape (n, d)
        Rows, each feature centred and divided by its standard deviation.
    location, scale : ndarray, shape (d,)
        What was subtracted and divided by.
    prepared : object
        `Family.prepare` of the rows.
    smallest_data_eigenvalue : float
        Of the covariance of all rows; standardised units.
    eigenvalue_floor : float
        A covariance eigenvalue below this is a collapse; standardised units.
    truth : dict of ndarray, or None
        ``weights`` (k,), ``means`` (k, d) and ``covariances`` (k, d, d) of the mixture that generated the
        data, if they were simulated; standardised units. Its k may differ from `n_components`.
    """

    family: Family
    n_components: int
    X: FloatArray
    location: FloatArray
    scale: FloatArray
    prepared: object
    smallest_data_eigenvalue: float
    eigenvalue_floor: float
    truth: Parameters | None = None

    @classmethod
    def of(cls, X: FloatArray, family: str, n_components: int, covariance_floor: float) -> Objective:
        """Return the objective of a data matrix in data units.

        Parameters
        ----------
        X : ndarray, shape (n, d)
            Rows in data units, no constant column.
        family : str
            A name in the registry of families.
        n_components : int
            Number of components K.
        covariance_floor : float
            Eigenvalue floor relative to the smallest eigenvalue of the data covariance.
        """
        location, scale = X.mean(axis=0), X.std(axis=0)
        standardised = (X - location) / scale
        instance: Family = FAMILIES[family]()
        smallest = instance.smallest_data_eigenvalue(standardised)
        return cls(
            family=instance,
            n_components=n_components,
            X=standardised,
            location=location,
            scale=scale,
            prepared=instance.prepare(standardised),
            smallest_data_eigenvalue=smallest,
            eigenvalue_floor=covariance_floor * smallest,
        )

    @classmethod
    def of_problem(
        cls, problem: Problem, family: str, n_components: int, covariance_floor: float
    ) -> Objective:
        """Return the objective of a problem, with its truth (see `of`)."""
        objective = cls.of(problem.X, family, n_components, covariance_floor)
        if problem.truth is None:
            return objective
        scale = objective.scale
        truth = {
            "weights": problem.truth["weights"],
            "means": (problem.truth["means"] - objective.location) / scale,
            "covariances": problem.truth["covariances"] / (scale[:, None] * scale),
        }
        return dataclasses.replace(objective, truth=truth)

    @property
    def n_rows(self) -> int:
        """Number of rows n."""
        return len(self.X)

    @property
    def n_features(self) -> int:
        """Number of features d."""
        return int(self.X.shape[1])

    @property
    def log_likelihood_offset(self) -> float:
        """What turns a total log-likelihood in standardised units into data units."""
        return -self.n_rows * float(np.log(self.scale).sum())

    def evaluate(self, parameters: Parameters) -> Evaluation:
        """Take one pass at each of R parameter points.

        Overflow, singular covariances and empty components give infinities and NaN in the fits concerned, not
        warnings: they are outcomes, looked for by the caller.
        """
        with np.errstate(all="ignore"):
            return self.family.evaluate(self.prepared, parameters)

    def from_vector(self, vector: FloatArray) -> Parameters:
        """Return parameters at unconstrained coordinates, shape (R, q)."""
        return self.family.from_vector(vector, self.n_components, self.n_features)

    def loss(self, parameters: Parameters, evaluation: Evaluation) -> tuple[FloatArray, FloatArray]:
        """Return what gradient methods minimise, the negative log-likelihood per row, and its gradient.

        Returns
        -------
        value : ndarray, shape (R,)
        gradient : ndarray, shape (R, q)
        """
        gradient = self.family.gradient(parameters, evaluation)
        return -evaluation.log_likelihood / self.n_rows, -gradient / self.n_rows

    def collapsed(self, parameters: Parameters, evaluation: Evaluation) -> BoolArray:
        """Return which points have an empty component or an eigenvalue below the floor, shape (R,)."""
        empty: BoolArray = ~np.all(evaluation.counts > EMPTY_COUNT, axis=-1)
        suspect = ~(evaluation.smallest_eigenvalue >= self.eigenvalue_floor) & ~empty
        result = empty.copy()
        if suspect.any():
            part = {name: values[suspect] for name, values in parameters.items()}
            result[suspect] = self.family.smallest_eigenvalue(part) < self.eigenvalue_floor
        return result


#: A component with a smaller expected number of rows is empty.
EMPTY_COUNT = 1e-8
