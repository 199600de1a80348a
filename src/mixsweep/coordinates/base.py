"""What a chart is, and how the charts of a family's arrays make one vector of coordinates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mixsweep.errors import MixsweepError, nearest
from mixsweep.linalg import flat
from mixsweep.typing import FloatArray, Parameters

if TYPE_CHECKING:
    from mixsweep.families.base import Family

__all__ = ["Chart", "Parametrisation"]


class Chart(ABC):
    """Free coordinates of one of a family's arrays. All arrays have the restarts first."""

    @abstractmethod
    def size(self, shape: tuple[int, ...]) -> int:
        """Return the number of coordinates of an array of that shape (restarts aside)."""

    @abstractmethod
    def to_free(self, values: FloatArray) -> FloatArray:
        """Return coordinates, shape (R, size)."""

    @abstractmethod
    def from_free(self, free: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return the array at coordinates, shape (R, *shape), new memory."""

    @abstractmethod
    def pull_back(self, free: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return the gradient in the coordinates, shape (R, size).

        Parameters
        ----------
        free : ndarray, shape (R, size)
            The coordinates.
        values : ndarray, shape (R, *shape)
            `from_free` of them.
        gradient : ndarray, shape (R, *shape)
            Derivatives in the array's entries, each by itself (weights as if they need not sum to 1); the
            lower triangle of a Cholesky factor.
        """


@dataclass(frozen=True)
class Parametrisation:
    """The coordinates of a method: a chart for the weights and one for covariances and other scales.

    Attributes
    ----------
    weights : str
        A name in `mixsweep.coordinates.WEIGHT_CHARTS`.
    covariances : str
        A name in `mixsweep.coordinates.COVARIANCE_CHARTS`.
    """

    weights: str = "softmax"
    covariances: str = "log-cholesky"

    def __post_init__(self) -> None:
        from mixsweep.coordinates.covariance import COVARIANCE_CHARTS
        from mixsweep.coordinates.simplex import WEIGHT_CHARTS

        for setting, known in (("weights", WEIGHT_CHARTS), ("covariances", COVARIANCE_CHARTS)):
            name = getattr(self, setting)
            if name not in known:
                raise MixsweepError(
                    f"parametrisation {setting}: unknown {name!r}{nearest(str(name), list(known))}"
                )

    def charts(self, family: Family) -> dict[str, Chart]:
        """Return the chart of each of a family's arrays, in the order of the coordinates."""
        from mixsweep.coordinates.covariance import COVARIANCE_CHARTS, Logarithm
        from mixsweep.coordinates.simplex import WEIGHT_CHARTS

        covariances = COVARIANCE_CHARTS[self.covariances]
        by_kind = {
            "simplex": WEIGHT_CHARTS[self.weights],
            "real": REAL,
            "cholesky": covariances.matrix,
            "deviation": covariances.deviation,
            "positive": Logarithm(1.0),
        }
        return {name: by_kind[kind] for name, kind in family.kinds.items()}

    def to_vector(self, family: Family, parameters: Parameters) -> FloatArray:
        """Return coordinates, shape (R, q)."""
        return np.concatenate(
            [chart.to_free(parameters[name]) for name, chart in self.charts(family).items()], axis=1
        )

    def _pieces(
        self, family: Family, vector: FloatArray, n_components: int, n_features: int
    ) -> dict[str, tuple[Chart, tuple[int, ...], FloatArray]]:
        shapes = family.shapes(n_components, n_features)
        pieces, place = {}, 0
        for name, chart in self.charts(family).items():
            stop = place + chart.size(shapes[name])
            pieces[name] = (chart, shapes[name], vector[:, place:stop])
            place = stop
        return pieces

    def from_vector(
        self, family: Family, vector: FloatArray, n_components: int, n_features: int
    ) -> Parameters:
        """Invert `to_vector`."""
        pieces = self._pieces(family, vector, n_components, n_features)
        return {name: chart.from_free(free, shape) for name, (chart, shape, free) in pieces.items()}

    def gradient(
        self, family: Family, vector: FloatArray, parameters: Parameters, own: Parameters
    ) -> FloatArray:
        """Return a gradient in the coordinates, shape (R, q), from that in the family's own arrays.

        Parameters
        ----------
        family : Family
        vector : ndarray, shape (R, q)
            The coordinates.
        parameters : dict of ndarray
            `from_vector` of them.
        own : dict of ndarray
            Derivatives in the entries of the parameters (see `Chart.pull_back`).
        """
        n_components, n_features = parameters["means"].shape[1:]
        pieces = self._pieces(family, vector, n_components, n_features)
        return np.concatenate(
            [chart.pull_back(free, parameters[name], own[name]) for name, (chart, _, free) in pieces.items()],
            axis=1,
        )


class Real(Chart):
    """Entries that need no constraint: their own coordinates."""

    def size(self, shape: tuple[int, ...]) -> int:
        """Return the number of entries."""
        return int(np.prod(shape))

    def to_free(self, values: FloatArray) -> FloatArray:
        """Return the entries in a row."""
        return flat(values).copy()

    def from_free(self, free: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return the array."""
        return free.reshape(len(free), *shape).copy()

    def pull_back(self, free: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return the gradient in a row."""
        return flat(gradient)


REAL = Real()
