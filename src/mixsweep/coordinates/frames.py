"""Moving frames: coordinates of steps between mixtures that no affine map of the rows changes.

A component with mean m and covariance F F' is the image of the standard one under x -> F x + m. A step of it
has a vector v for the mean and a symmetric matrix S for the covariance, both in the frame F, and goes along

    F(t) = F exp(t S / 2),    m(t) = m + (integral of F(s) from 0 to t) v.

So the mean's velocity is F(t) v and the covariance's F(t) S F(t)' all along: in the frame F(t) they have the
same coordinates everywhere. The slope at t is their product with the gradient in that frame, and what is
known of earlier points (steps, changes of the gradient) is carried along by keeping its numbers. F(t) F(t)'
is the geodesic of the affine-invariant metric, and the frame its parallel transport (Bhatia 2007, chapter 6);
with the mean, x -> F(t) x + m(t) is a one-parameter group of affine maps followed by the first of them. An
affine map of the rows multiplies F from the left and leaves v and S as they are. Another square root of the
same covariance is F with a rotation, which turns v and S.

Coordinates are orthonormal in the Fisher information of one component, |v|^2 + |S|^2 / 2 (Skovgaard 1984):
v, the entries of S below the diagonal, and those on it divided by the root of 2. Weights are moved in softmax
coordinates, other arrays as in `Parametrisation`.

References
----------
Bhatia, R. (2007). Positive Definite Matrices. Princeton University Press.
Skovgaard, L. T. (1984). A Riemannian geometry of the multivariate normal model. Scandinavian Journal of
Statistics 11, 211-223.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mixsweep.coordinates.base import Chart, Parametrisation
from mixsweep.coordinates.covariance import factor_of_square, whitened_derivative
from mixsweep.linalg import flat, lower_indices, transpose, triangular_inverse
from mixsweep.typing import BoolArray, FloatArray, Parameters

if TYPE_CHECKING:
    from mixsweep.families.base import Family

__all__ = ["Frames", "Point", "why_without_frames"]

#: A mixture by the names of a family's own arrays: frames for scales, free coordinates for what has charts.
Point = dict[str, FloatArray]


def why_without_frames(family: Family | type[Family]) -> str:
    """Return why a family's steps have no coordinates in frames, nothing if they have."""
    scales = [name for name, kind in family.kinds.items() if kind in FRAMES]
    if family.kinds.get("means") == "real" and len(scales) == 1:
        return ""
    return f"it must have means and one array of scales for frames (Family.kinds: {family.kinds})"


@dataclass(frozen=True)
class Frames:
    """The coordinates of steps in the frames of a family's components.

    Attributes
    ----------
    family : Family
        One that `why_without_frames` finds nothing against.
    n_components, n_features : int
    """

    family: Family
    n_components: int
    n_features: int

    @property
    def size(self) -> int:
        """Number of coordinates q of a step."""
        return sum(size for _, size in self._sizes())

    def at(self, parameters: Parameters) -> Point:
        """Return the points of parameters, restarts first, new memory; Cholesky factors are frames."""
        charts = self._charts()
        return {
            name: charts[name].to_free(values) if name in charts else values.copy()
            for name, values in parameters.items()
        }

    def along(self, point: Point, step: FloatArray) -> Point:
        """Return the ends of steps, shape (R, q), from points; not finite where they overflow."""
        pieces = self._pieces(step)
        name, frame = self._scale
        velocity = pieces["means"].reshape(point["means"].shape)
        moved, shift = frame.along(point[name], pieces[name], velocity)
        charts = {other: point[other] + pieces[other] for other in self._charts()}
        return {"means": point["means"] + shift, name: moved, **charts}

    def parameters(self, point: Point) -> Parameters:
        """Return the family's own arrays."""
        shapes, charts = self._shapes(), self._charts()
        name, frame = self._scale
        own = {"means": point["means"].copy(), name: frame.values(point[name])}
        own |= {other: chart.from_free(point[other], shapes[other]) for other, chart in charts.items()}
        return {each: own[each] for each in self.family.kinds}

    def gradient(self, point: Point, parameters: Parameters, own: Parameters) -> FloatArray:
        """Return a gradient in the coordinates of steps from points, shape (R, q).

        Parameters
        ----------
        point : dict of ndarray
        parameters : dict of ndarray
            `parameters` of it.
        own : dict of ndarray
            Derivatives in the entries of the parameters (see `Chart.pull_back`).
        """
        name, frame = self._scale
        found = {
            other: chart.pull_back(point[other], parameters[other], own[other])
            for other, chart in self._charts().items()
        }
        found["means"] = flat(frame.in_frame(point[name], own["means"]))
        found[name] = frame.pull_back(point[name], parameters[name], own[name])
        return np.concatenate([found[each] for each in self.family.kinds], axis=1)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return self.family.shapes(self.n_components, self.n_features)

    @property
    def _scale(self) -> tuple[str, Frame]:
        """The name of the array of scales and its kind of frames."""
        name, kind = next((name, kind) for name, kind in self.family.kinds.items() if kind in FRAMES)
        return name, FRAMES[kind](self._shapes()[name], self.n_features)

    def _charts(self) -> dict[str, Chart]:
        """Return the charts of the arrays that are moved in free coordinates."""
        charts = Parametrisation().charts(self.family)
        return {name: chart for name, chart in charts.items() if name not in ("means", self._scale[0])}

    def _sizes(self) -> list[tuple[str, int]]:
        """Return how many coordinates each array has, in their order."""
        shapes, (scale, frame), charts = self._shapes(), self._scale, self._charts()
        sizes = {"means": math.prod(shapes["means"]), scale: frame.size}
        sizes |= {name: chart.size(shapes[name]) for name, chart in charts.items()}
        return [(name, sizes[name]) for name in self.family.kinds]

    def _pieces(self, step: FloatArray) -> dict[str, FloatArray]:
        pieces, place = {}, 0
        for name, size in self._sizes():
            pieces[name] = step[:, place : place + size]
            place += size
        return pieces


class Frame(ABC):
    """Frames of one kind of scales. All arrays have the restarts first.

    Parameters
    ----------
    shape : tuple of int
        Of the family's own array.
    n_features : int
        Number of features d.
    """

    def __init__(self, shape: tuple[int, ...], n_features: int) -> None:
        self.shape = shape
        self.n_features = n_features

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of coordinates of S."""

    @abstractmethod
    def along(
        self, frames: FloatArray, free: FloatArray, velocity: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return F(1) and m(1) - m.

        Parameters
        ----------
        frames : ndarray, shape (R, *shape)
            F.
        free : ndarray, shape (R, size)
            Coordinates of S.
        velocity : ndarray, shape (R, K, d)
            v.
        """

    @abstractmethod
    def values(self, frames: FloatArray) -> FloatArray:
        """Return the family's own array, new memory."""

    @abstractmethod
    def in_frame(self, frames: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return the gradient in v, shape (R, K, d), from that in the means."""

    @abstractmethod
    def pull_back(self, frames: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return the gradient in the coordinates of S, from that in the own array."""


class MatrixFrame(Frame):
    """Of covariance matrices: F is any square root, which need not be triangular."""

    @property
    def size(self) -> int:
        """Return d (d + 1) / 2 a matrix."""
        return math.prod(self.shape[:-2]) * len(lower_indices(self.n_features)[0])

    @staticmethod
    def _lengths(d: int) -> FloatArray:
        """Return the entries of S where the coordinates are 1, by the rows of the lower triangle."""
        row, column = lower_indices(d)
        return np.where(row == column, math.sqrt(2.0), 1.0)

    def along(
        self, frames: FloatArray, free: FloatArray, velocity: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return F exp(S / 2) and F (exp(S / 2) - I) (S / 2)^-1 v, by the eigenvectors of S."""
        d = self.n_features
        row, column = lower_indices(d)
        half = np.zeros(frames.shape)
        # eigenvalues are computed of finite matrices only
        finite: BoolArray = np.all(np.isfinite(free), axis=1)
        entries = 0.5 * self._lengths(d) * np.where(finite[:, None], free, 0.0).reshape(*half.shape[:-2], -1)
        half[..., row, column] = half[..., column, row] = entries
        values, vectors = np.linalg.eigh(half)
        values[~finite] = np.nan
        turned = np.matmul(frames, vectors)
        moved = np.matmul(turned * np.exp(values)[..., None, :], transpose(vectors))
        in_vectors = np.matmul(transpose(vectors), velocity[..., None])
        shift = np.matmul(turned, _mean_exponential(values)[..., None] * in_vectors)
        return moved, shift[..., 0]

    def values(self, frames: FloatArray) -> FloatArray:
        """Return the Cholesky factors of F F'."""
        return factor_of_square(transpose(frames))

    def in_frame(self, frames: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return F' g."""
        result: FloatArray = np.matmul(transpose(frames), gradient[..., None])[..., 0]
        return result

    def pull_back(self, frames: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return the derivative in S, which is that in Sigma as F' . F; by the rotation L^-1 F."""
        rotation = np.matmul(triangular_inverse(values), frames)
        inner = np.matmul(np.matmul(transpose(rotation), whitened_derivative(values, gradient)), rotation)
        row, column = lower_indices(self.n_features)
        # an entry off the diagonal stands twice in S
        weight = self._lengths(self.n_features) * np.where(row == column, 1.0, 2.0)
        return flat(weight * inner[..., row, column])


class DeviationFrame(Frame):
    """Of standard deviations: F is diagonal, with one deviation for each feature or for all d of them."""

    @property
    def size(self) -> int:
        """Return the number of entries."""
        return math.prod(self.shape)

    @property
    def _length(self) -> float:
        """The length of a coordinate direction, as an entry of log F.

        The information of log F is twice the number of features that share the deviation.
        """
        return 1.0 / math.sqrt(2.0 * self.n_features / math.prod(self.shape[1:]))

    def _by_feature(self, entries: FloatArray) -> FloatArray:
        """Return entries with a last axis of the features, or of length 1, shape (R, components, ...)."""
        return entries.reshape(len(entries), self.shape[0], math.prod(self.shape[1:]))

    def along(
        self, frames: FloatArray, free: FloatArray, velocity: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return F exp(S / 2) and F (exp(S / 2) - I) (S / 2)^-1 v."""
        half = self._length * free.reshape(frames.shape)
        shift = self._by_feature(frames * _mean_exponential(half)) * velocity
        return frames * np.exp(half), shift

    def values(self, frames: FloatArray) -> FloatArray:
        """Return the deviations."""
        return frames.copy()

    def in_frame(self, frames: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return F g."""
        return self._by_feature(frames) * gradient

    def pull_back(self, frames: FloatArray, values: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return the derivative in log F by the length of the coordinate."""
        result: FloatArray = self._length * flat(gradient * values)
        return result


#: By the kind of the family's own array.
FRAMES: dict[str, type[Frame]] = {"cholesky": MatrixFrame, "deviation": DeviationFrame}


def _mean_exponential(values: FloatArray) -> FloatArray:
    """Return the mean of exp(s x) over s from 0 to 1."""
    zero = values == 0
    result: FloatArray = np.where(zero, 1.0, np.expm1(values) / np.where(zero, 1.0, values))
    return result
