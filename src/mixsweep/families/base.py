"""What a component family must offer; everything that differs between families is behind this protocol."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from mixsweep.assignments import Assignment
from mixsweep.typing import FloatArray, Parameters

__all__ = ["CompleteDataFamily", "ConditionalFamily", "Evaluation", "Family", "MeanParameterFamily"]


@dataclass(frozen=True)
class Evaluation:
    """What one pass gives at a batch of R parameter points.

    Attributes
    ----------
    log_likelihood : ndarray, shape (R,)
        Totals over the rows, weighted, standardised units.
    maximised : dict of ndarray
        The M-step's parameters, from the pass's expected sufficient statistics.
    decrement : ndarray, shape (R,)
        EM decrement: gain of the expected complete-data log-likelihood by the M-step, per unit of row weight.
    counts : ndarray, shape (R, K)
        Expected number of rows of each component, weighted.
    smallest_eigenvalue : ndarray, shape (R,)
        A lower bound, tight to a factor d, of the smallest covariance eigenvalue over the components.
    statistics : dict of ndarray
        What else of the expected sufficient statistics `Family.gradient` and the optional protocols below
        need; the family's own.
    """

    log_likelihood: FloatArray
    maximised: Parameters
    decrement: FloatArray
    counts: FloatArray
    smallest_eigenvalue: FloatArray
    statistics: Parameters

    def take(self, index: NDArray[Any]) -> Evaluation:
        """Return what the pass found at the chosen points."""
        return Evaluation(*(_taken(getattr(self, field.name), index) for field in dataclasses.fields(self)))

    @staticmethod
    def scattered(parts: list[tuple[NDArray[Any], Evaluation]]) -> Evaluation:
        """Return evaluations of parts of a batch, each with its indices, as one of the whole batch."""
        order = np.argsort(np.concatenate([index for index, _ in parts]))
        columns = [
            [getattr(evaluation, field.name) for _, evaluation in parts]
            for field in dataclasses.fields(Evaluation)
        ]
        return Evaluation(*(_taken(_concatenated(values), order) for values in columns))


def _taken(values: Any, index: NDArray[Any]) -> Any:
    if isinstance(values, dict):
        return {name: array[index] for name, array in values.items()}
    return values[index]


def _concatenated(values: list[Any]) -> Any:
    if isinstance(values[0], dict):
        return {name: np.concatenate([each[name] for each in values]) for name in values[0]}
    return np.concatenate(values)


class Family(Protocol):
    """A component family with its covariance structure.

    Inside the engine parameters are dictionaries of arrays, restarts first, in standardised units and in the
    family's own coordinates (Cholesky factors, say). `to_reported` and `from_reported` translate to the
    names, shapes and units of the files.

    A family whose likelihood with one component has a single stationary point, in closed form, has a class
    attribute ``one_maximum_alone`` that is true: nothing can be missed there, and verdicts say so.
    """

    name: ClassVar[str]
    #: Own arrays in the order of the coordinates, and what each is: ``simplex`` (weights), ``real``,
    #: ``cholesky`` (lower factors), ``deviation`` (standard deviations) or ``positive``.
    kinds: ClassVar[dict[str, str]]
    #: Names of the arrays that `to_reported` gives besides weights; declared in `mixsweep.schema`.
    reported: ClassVar[tuple[str, ...]]

    def prepare(self, X: FloatArray, row_weights: FloatArray | None = None) -> object:
        """Return whatever of the data every pass needs, once (features of the rows).

        Row weights, shape (n,), say how many times each row counts; None for once.
        """
        ...

    def evaluate(
        self, prepared: object, parameters: Parameters, assignment: Assignment | None = None
    ) -> Evaluation:
        """Take one pass over all rows at a batch of parameters.

        Where an assignment changes the responsibilities, the M-step and the counts are the variant's, and the
        decrement means nothing.
        """
        ...

    def logits(self, prepared: object, parameters: Parameters) -> FloatArray:
        """Return log(weight x density) of each row under each component, shape (R, K, n)."""
        ...

    def smallest_eigenvalues(self, parameters: Parameters) -> FloatArray:
        """Return the smallest covariance eigenvalue of each component, shape (R, K), exactly."""
        ...

    def smallest_data_eigenvalue(self, X: FloatArray, row_weights: FloatArray | None = None) -> float:
        """Return the same for the covariance of all rows: the reference of the eigenvalue floor."""
        ...

    def from_moments(self, weights: FloatArray, means: FloatArray, covariances: FloatArray) -> Parameters:
        """Return start parameters from weights (R, K), means (R, K, d) and covariances (R, K, d, d)."""
        ...

    def to_reported(self, parameters: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Return the parameters as users know them, in data units."""
        ...

    def from_reported(self, reported: Parameters, location: FloatArray, scale: FloatArray) -> Parameters:
        """Invert `to_reported`."""
        ...

    def shapes(self, n_components: int, n_features: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the own arrays, restarts aside."""
        ...

    def gradient(self, parameters: Parameters, evaluation: Evaluation) -> Parameters:
        """Return the derivatives of the total log-likelihood in the entries of the own arrays.

        Weights as if they need not sum to 1; of a Cholesky factor only the lower triangle counts. By Fisher's
        identity they are those of the expected complete-data log-likelihood at the same point, so they need
        no further pass.
        """
        ...


class MeanParameterFamily(Family, Protocol):
    """A family whose complete data are an exponential family; optional, for steps in its means."""

    def moment_step(self, parameters: Parameters, evaluation: Evaluation, rate: FloatArray) -> Parameters:
        """Return the point whose mean parameters are mu + rate (mu+ - mu), new arrays.

        mu are the mean parameters (expected sufficient statistics of the complete data of a row) of the
        point, mu+ those that the pass found there; rates have shape (R,). Where the family is curved, so that
        not every mean has a point, it is the one that the M-step makes of them. They need no M-step of their
        own: a mini-batch
        may leave a component without rows (its parameters but the weight stay as they are) or with so few
        that their covariance is singular. Beyond rate 1 the result may lie outside the domain.
        """
        ...


class CompleteDataFamily(Family, Protocol):
    """A family that knows the expected complete-data log-likelihood Q away from the pass; optional."""

    def complete_gradient(self, parameters: Parameters, evaluation: Evaluation) -> Parameters:
        """Return the derivatives of Q(parameters | the point of the evaluation) in the own arrays.

        Q is a total over the rows, with the expected sufficient statistics that the pass found where it was
        taken; entries as in `gradient`, which this equals there (Fisher's identity). Away from there it
        needs no further pass. It vanishes at the evaluation's M-step where that maximises Q.
        """
        ...


class ConditionalFamily(Family, Protocol):
    """A family whose M-step can be taken block by block; optional, for conditional maximisation."""

    #: Into how many blocks the own arrays fall; every array belongs to exactly one.
    n_cycles: ClassVar[int]

    def conditional_step(self, parameters: Parameters, evaluation: Evaluation, cycle: int) -> Parameters:
        """Return the point with block number `cycle` maximised and the others as they are.

        Parameters
        ----------
        parameters : dict of ndarray
            The point where the pass was taken.
        evaluation : Evaluation
            What it found there.
        cycle : int
            From 0 to ``n_cycles - 1``. Q(. | parameters) is maximised over the block's arrays given the
            others: location before scale (weights and means first, then covariances about the means as they
            are now), further parameters last.
        """
        ...
