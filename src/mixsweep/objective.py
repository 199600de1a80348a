"""One likelihood surface: the rows in standardised units, a family, a number of components."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mixsweep.assignments import Assignment
from mixsweep.coordinates import Parametrisation
from mixsweep.families import FAMILIES
from mixsweep.families.base import Evaluation, Family
from mixsweep.linalg import flat, location_and_scale, weighted_covariance
from mixsweep.seeds import generator
from mixsweep.typing import BoolArray, FloatArray, Parameters

if TYPE_CHECKING:
    from mixsweep.problems import Problem

__all__ = ["Objective"]

DEFAULT = Parametrisation()
#: A component with a smaller expected number of rows is empty.
EMPTY_COUNT = 1e-8
#: Weights whose sum is off by less are off by rounding.
SUM_ROUNDING = 1e-9


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
    row_weights : ndarray, shape (n,), or None
        How many times each row counts; None for once.
    truth : dict of ndarray, or None
        ``weights`` (k,), ``means`` (k, d) and ``covariances`` (k, d, d) of the mixture that generated the
        data, if they were simulated; standardised units. Its k may differ from `n_components`.
    starts : tuple of dict of ndarray
        The user's starts with `n_components` components: the same arrays as of the truth; standardised units.
    parametrisation : Parametrisation
        The coordinates of `to_vector`, `from_vector` and `loss`.
    """

    family: Family
    n_components: int
    X: FloatArray
    location: FloatArray
    scale: FloatArray
    prepared: object
    smallest_data_eigenvalue: float
    eigenvalue_floor: float
    row_weights: FloatArray | None = None
    truth: Parameters | None = None
    starts: tuple[Parameters, ...] = ()
    parametrisation: Parametrisation = DEFAULT
    _mini_batches: dict[tuple[int, int], object] = dataclasses.field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def of(
        cls,
        X: FloatArray,
        family: str,
        n_components: int,
        covariance_floor: float,
        row_weights: FloatArray | None = None,
    ) -> Objective:
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
        row_weights : ndarray, shape (n,), or None
            How many times each row counts; positive.
        """
        location, scale = location_and_scale(X, row_weights)
        standardised = (X - location) / scale
        standardised.setflags(write=False)  # a method that wrote into it would change all other fits
        instance: Family = FAMILIES[family]()
        smallest = instance.smallest_data_eigenvalue(standardised, row_weights)
        return cls(
            family=instance,
            n_components=n_components,
            X=standardised,
            location=location,
            scale=scale,
            prepared=instance.prepare(standardised, row_weights),
            smallest_data_eigenvalue=smallest,
            eigenvalue_floor=covariance_floor * smallest,
            row_weights=row_weights,
        )

    @classmethod
    def of_problem(
        cls, problem: Problem, family: str, n_components: int, covariance_floor: float
    ) -> Objective:
        """Return the objective of a problem, with its row weights, truth and starts (see `of`)."""
        objective = cls.of(problem.X, family, n_components, covariance_floor, problem.row_weights)
        truth = None if problem.truth is None else objective._standardised(problem.truth)
        starts = []
        if problem.starts is not None:
            sizes = np.isfinite(problem.starts["weights"]).sum(axis=1)
            for number in np.flatnonzero(sizes == n_components):
                own = {key: values[number, :n_components] for key, values in problem.starts.items()}
                starts.append(objective._standardised(own))
        return dataclasses.replace(objective, truth=truth, starts=tuple(starts))

    def _standardised(self, moments: Parameters) -> Parameters:
        """Return weights, means and covariances in standardised units."""
        return {
            "weights": moments["weights"],
            "means": (moments["means"] - self.location) / self.scale,
            "covariances": moments["covariances"] / (self.scale[:, None] * self.scale),
        }

    @property
    def n_rows(self) -> int:
        """Number of rows n."""
        return len(self.X)

    @property
    def n_features(self) -> int:
        """Number of features d."""
        return int(self.X.shape[1])

    @property
    def total_weight(self) -> float:
        """Sum of the row weights; n without weights. What is said "per row" is divided by this."""
        return float(self.n_rows) if self.row_weights is None else float(self.row_weights.sum())

    @property
    def row_shares(self) -> FloatArray | None:
        """Row weights that sum to 1, for draws of rows; None without weights."""
        return None if self.row_weights is None else self.row_weights / self.row_weights.sum()

    @property
    def covariance(self) -> FloatArray:
        """Maximum-likelihood covariance of all rows, weighted, shape (d, d)."""
        return weighted_covariance(self.X, self.row_weights)

    @property
    def log_likelihood_offset(self) -> float:
        """What turns a total log-likelihood in standardised units into data units."""
        return -self.total_weight * float(np.log(self.scale).sum())

    def in_coordinates(self, parametrisation: Parametrisation) -> Objective:
        """Return the same surface seen in other coordinates."""
        return dataclasses.replace(self, parametrisation=parametrisation)

    def evaluate(self, parameters: Parameters, assignment: Assignment | None = None) -> Evaluation:
        """Take one pass at each of R parameter points.

        Overflow, singular covariances and empty components give infinities and NaN in the fits concerned, not
        warnings: they are outcomes, looked for by the caller.

        Parameters
        ----------
        parameters : dict of ndarray
            Restarts first.
        assignment : Assignment or None
            How rows are given to components; where it changes responsibilities the decrement is NaN.
        """
        with np.errstate(all="ignore"):
            evaluation = self.family.evaluate(self.prepared, parameters, assignment)
            if assignment is not None:
                evaluation.decrement[assignment.changed] = np.nan
            return evaluation

    def evaluate_mini_batch(self, parameters: Parameters, index: int, n_batches: int) -> Evaluation:
        """Take a pass over one of several nearly equal parts of the rows, weighted up to the whole.

        The rows are put in one random order, which depends on n and the number of parts alone, and cut. Log-
        likelihood, counts and gradient so estimate those of all rows.

        Parameters
        ----------
        parameters : dict of ndarray
            Restarts first.
        index, n_batches : int
            Which part, of how many.
        """
        key = (index, n_batches)
        if key not in self._mini_batches:
            rows = self.mini_batch_rows(index, n_batches)
            weights = np.ones(len(rows)) if self.row_weights is None else self.row_weights[rows]
            weights = weights * (self.total_weight / weights.sum())
            self._mini_batches[key] = self.family.prepare(self.X[rows], weights)
        with np.errstate(all="ignore"):
            return self.family.evaluate(self._mini_batches[key], parameters)

    def mini_batch_rows(self, index: int, n_batches: int) -> np.ndarray:
        """Return the row numbers of a mini-batch."""
        order = generator(0, "mini-batches", self.n_rows, n_batches).permutation(self.n_rows)
        return order[self.n_rows * index // n_batches : self.n_rows * (index + 1) // n_batches]

    def logits(self, parameters: Parameters) -> FloatArray:
        """Return log(weight x density) of each row under each component, shape (R, K, n)."""
        return self.family.logits(self.prepared, parameters)

    def log_density(self, parameters: Parameters) -> FloatArray:
        """Return the log-density of each row, shape (R, n)."""
        logits = self.logits(parameters)
        peak = logits.max(axis=1)
        result: FloatArray = peak + np.log(np.exp(logits - peak[:, None, :]).sum(axis=1))
        return result

    def to_vector(self, parameters: Parameters) -> FloatArray:
        """Return coordinates, shape (R, q)."""
        return self.parametrisation.to_vector(self.family, parameters)

    def from_vector(self, vector: FloatArray) -> Parameters:
        """Return parameters at coordinates, shape (R, q)."""
        with np.errstate(all="ignore"):
            return self.parametrisation.from_vector(self.family, vector, self.n_components, self.n_features)

    def loss(
        self, vector: FloatArray, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[FloatArray, FloatArray]:
        """Return what gradient methods minimise, the negative log-likelihood per row, and its gradient.

        Parameters
        ----------
        vector : ndarray, shape (R, q)
            Coordinates.
        parameters : dict of ndarray
            `from_vector` of them.
        evaluation : Evaluation
            What a pass found there.

        Returns
        -------
        value : ndarray, shape (R,)
        gradient : ndarray, shape (R, q)
        """
        with np.errstate(all="ignore"):
            own = self.family.gradient(parameters, evaluation)
            gradient = self.parametrisation.gradient(self.family, vector, parameters, own)
        return -evaluation.log_likelihood / self.total_weight, -gradient / self.total_weight

    def outside(self, parameters: Parameters) -> BoolArray:
        """Return which points break a constraint, shape (R,).

        A weight or a scale that is not positive, or weights that do not sum to one.
        """
        weights = parameters["weights"]
        broken: BoolArray = ~np.all(weights > 0, axis=-1)
        broken |= ~(np.abs(weights.sum(axis=-1) - 1.0) < SUM_ROUNDING)
        for name, kind in self.family.kinds.items():
            values = parameters[name]
            if kind == "cholesky":
                values = np.diagonal(values, axis1=-2, axis2=-1)
            if kind in ("cholesky", "deviation", "positive"):
                broken |= ~np.all(values > 0, axis=tuple(range(1, values.ndim)))
        return broken

    def collapsed(self, parameters: Parameters, evaluation: Evaluation) -> BoolArray:
        """Return which points have an empty component or an eigenvalue below the floor, shape (R,)."""
        empty: BoolArray = ~np.all(evaluation.counts > EMPTY_COUNT, axis=-1)
        result: BoolArray = empty | self.floored(parameters, evaluation, ~empty).any(axis=1)
        return result

    def floored(
        self, parameters: Parameters, evaluation: Evaluation, chosen: BoolArray | None = None
    ) -> BoolArray:
        """Return which components have a covariance eigenvalue below the floor, shape (R, K).

        Of the chosen points, shape (R,); none of the others. By default all are.
        """
        # the pass's bound spares most points the eigenvalues
        suspect = ~(evaluation.smallest_eigenvalue >= self.eigenvalue_floor)
        if chosen is not None:
            suspect &= chosen
        result = np.zeros(evaluation.counts.shape, dtype=bool)
        if suspect.any():
            part = {name: values[suspect] for name, values in parameters.items()}
            result[suspect] = self.family.smallest_eigenvalues(part) < self.eigenvalue_floor
        return result

    def coincident(self, parameters: Parameters) -> BoolArray:
        """Return which points have two components that are the same within rounding, shape (R,)."""
        components = self._components(parameters)
        result = np.zeros(len(components), dtype=bool)
        for k in range(1, self.n_components):
            result |= (_distances(components, k) < COINCIDENT).any(axis=1)
        return result

    def driven_apart(self, parameters: Parameters, maximised: Parameters) -> BoolArray:
        """Return which points have two nearly equal components that the M-step drives apart, shape (R,).

        EM multiplies the small difference of two components by an eigenvalue of its Jacobian where they are
        equal, I - Icom^-1 Iobs (Dempster, Laird and Rubin 1977, section 4): one above 1 means that the log-
        likelihood curves up along it. The point is beside such a saddle, however small a step EM takes there:
        the EM decrement falls with the square of the difference.

        Parameters
        ----------
        parameters : dict of ndarray
            Restarts first.
        maximised : dict of ndarray
            The M-step's parameters there.
        """
        before, after = self._components(parameters), self._components(maximised)
        deviation = np.sqrt(self.family.smallest_eigenvalues(parameters).min(axis=1, keepdims=True))
        near = NEARLY_COINCIDENT * np.minimum(deviation, 1.0)
        result = np.zeros(len(before), dtype=bool)
        for k in range(1, self.n_components):
            distance = _distances(before, k)
            grows = _distances(after, k) > (1.0 + GROWTH) * distance
            result |= ((distance < near) & grows).any(axis=1)
        return result

    def _components(self, parameters: Parameters) -> FloatArray:
        """Return the entries of the own arrays of each component, weights aside, shape (R, K, p)."""
        own = self.family.shapes(self.n_components, self.n_features)
        each = [
            flat(parameters[name]).reshape(len(parameters[name]), self.n_components, math.prod(shape[1:]))
            for name, shape in own.items()
            if name != "weights" and shape[:1] == (self.n_components,)
        ]
        return np.concatenate(each, axis=2)


def _distances(components: FloatArray, number: int) -> FloatArray:
    """Return how far one component is from each of those after it, shape (R, K - number)."""
    distances: FloatArray = np.abs(components[:, number:] - components[:, number - 1 : number]).max(axis=2)
    return distances


#: Components whose parameters differ by less (data of unit variance) are one: EM never separates them.
COINCIDENT = 1e-6
#: Components that differ by less, in standard deviations of the narrowest of the point, are nearly equal;
NEARLY_COINCIDENT = 3e-2
#: a difference grows when an M-step adds more than this share to it. Of 6217 converged fits of the built-in
#: data (EM and SQUAREM, five families, K = 2, 4, 6, tolerances 1e-8 and 1e-4) 171 had such components, those
#: equal within rounding aside: each rose by 0.2 nats or more when EM went on.
GROWTH = 1e-3
