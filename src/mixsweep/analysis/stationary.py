"""Stationary points: second-order refinement, and the curvature that tells maxima from saddles."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.linalg.lapack import dpotrf, dpotrs, dsytrd

from mixsweep.analysis.information import ROUNDING as LOST
from mixsweep.analysis.information import gaussian_hessians, knows
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.endpoints import concatenated, take
from mixsweep.objective import Objective
from mixsweep.typing import BoolArray, FloatArray, IntArray, Parameters

__all__ = [
    "Curvature",
    "StationaryPoints",
    "climb",
    "coordinates",
    "curvature",
    "gradients",
    "hessians",
    "refine",
    "smallest_eigenvalue",
    "spectra",
]

#: Newton steps at most; each is checked, and most points need two or three.
NEWTON_STEPS = 40
#: Gradients per row below this are rounding error.
ROUNDING = 1e-14
#: Rounding error of a gradient per row, and the step of the differences: 1e-10 are left in the Hessian.
GRADIENT_ROUNDING, DIFFERENCE = 1e-15, 1e-5
#: In components narrower than this the step of the differences shrinks with their width.
WIDE = 0.03
#: Parameter points evaluated in one batch have at most so many columns (points x components).
BATCH_COLUMNS = 1024
#: Longest change of a coordinate in one step of `refine` and of `climb`.
LONGEST_STEP, CLIMB_STEP = 0.1, 0.5
#: Steps of `climb`, and the smallest share of a step that it tries.
CLIMB_STEPS, SHORTEST_SHARE = 20, 1e-3


@dataclass(frozen=True)
class Curvature:
    """Second derivatives of the log-likelihood per row at P points.

    Attributes
    ----------
    largest : ndarray, shape (P,)
        Largest eigenvalue of the Hessian, without the direction that changes nothing.
    relative : ndarray, shape (P,)
        Largest curvature relative to those of the single coordinates: the largest eigenvalue once every
        coordinate is scaled to curvature one, so that neither a narrow nor a light component hides it. Where
        the log-likelihood clearly curves down in every direction, only an upper bound.
    error : ndarray, shape (P,)
        Accuracy of the same, from rounding or the asymmetry of the differences.
    direction : ndarray, shape (P, q)
        Unit vector along which the log-likelihood curves up most, NaN where it does nowhere.
    n_positive : ndarray of int, shape (P,)
        Number of directions that curve up by more than the accuracy.
    """

    largest: FloatArray
    relative: FloatArray
    error: FloatArray
    direction: FloatArray
    n_positive: IntArray


@dataclass(frozen=True)
class StationaryPoints:
    """P points where the log-likelihood is stationary, or as near as the steps came; standardised units.

    Attributes
    ----------
    parameters : dict of ndarray
        Points first.
    vectors : ndarray, shape (P, q)
        The same in unconstrained coordinates.
    log_likelihood, gradient_norm, smallest_eigenvalue : ndarray, shape (P,)
        Total; Euclidean norm of the gradient per row in unconstrained coordinates; of the covariances.
    largest_curvature, relative_curvature, curvature_error : ndarray, shape (P,)
        See `Curvature`.
    ascent : ndarray, shape (P, q)
        The direction of `Curvature`.
    n_ascending : ndarray of int, shape (P,)
        Number of directions that lead up.
    """

    parameters: Parameters
    vectors: FloatArray
    log_likelihood: FloatArray
    gradient_norm: FloatArray
    smallest_eigenvalue: FloatArray
    largest_curvature: FloatArray
    relative_curvature: FloatArray
    curvature_error: FloatArray
    ascent: FloatArray
    n_ascending: IntArray

    def stationary(self, thresholds: Thresholds) -> BoolArray:
        """Whether the gradient is zero within the threshold, shape (P,)."""
        return self.gradient_norm <= thresholds.stationary_gradient

    def ascending(self, thresholds: Thresholds) -> BoolArray:
        """Whether some direction leads up, shape (P,)."""
        return self.relative_curvature > self._flatness(thresholds)

    def flat(self, thresholds: Thresholds) -> BoolArray:
        """Whether the largest curvature is zero within its accuracy, shape (P,)."""
        return np.abs(self.relative_curvature) <= self._flatness(thresholds)

    def _flatness(self, thresholds: Thresholds) -> FloatArray:
        return np.maximum(thresholds.flat_curvature, self.curvature_error)

    def take(self, index: np.ndarray) -> StationaryPoints:
        """Return the chosen points."""
        chosen: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            chosen[field.name] = take(value, index) if isinstance(value, dict) else value[index]
        return StationaryPoints(**chosen)

    @classmethod
    def joined(cls, first: StationaryPoints, second: StationaryPoints) -> StationaryPoints:
        """Return the points of two collections one after the other."""
        both: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            a, b = getattr(first, field.name), getattr(second, field.name)
            both[field.name] = concatenated(a, b) if isinstance(a, dict) else np.concatenate([a, b])
        return cls(**both)


def smallest_eigenvalue(objective: Objective, parameters: Parameters) -> FloatArray:
    """Return the smallest covariance eigenvalue over the components, shape (P,)."""
    smallest: FloatArray = objective.family.smallest_eigenvalues(parameters).min(axis=1, initial=np.inf)
    return smallest


def coordinates(objective: Objective, parameters: Parameters) -> FloatArray:
    """Return unconstrained coordinates of P points, none included, shape (P, q)."""
    if len(parameters["weights"]):
        return objective.to_vector(parameters)
    # the number of coordinates does not depend on the point
    K, d = objective.n_components, objective.n_features
    unit = np.broadcast_to(np.eye(d), (1, K, d, d)).copy()
    return objective.to_vector(
        objective.family.from_moments(np.full((1, K), 1 / K), np.zeros((1, K, d)), unit)
    )[:0]


def gradients(objective: Objective, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return loss (negative log-likelihood per row) and gradient of any number of points, in batches."""
    chunk = max(1, BATCH_COLUMNS // objective.n_components)
    losses, found = [np.zeros(0)], [np.zeros((0, vectors.shape[1]))]
    for start in range(0, len(vectors), chunk):
        part = vectors[start : start + chunk]
        parameters = objective.from_vector(part)
        loss, gradient = objective.loss(part, parameters, objective.evaluate(parameters))
        losses.append(loss)
        found.append(gradient)
    return np.concatenate(losses), np.concatenate(found)


def hessians(objective: Objective, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return Hessians of the loss (negative log-likelihood per row), exact or by differences of the gradient.

    Parameters
    ----------
    objective : Objective
        The cell.
    vectors : ndarray, shape (P, q)
        Unconstrained coordinates.

    Returns
    -------
    hessian : ndarray, shape (P, q, q)
        Symmetric.
    error : ndarray, shape (P,)
        Its accuracy, Frobenius norm, once every coordinate is scaled to curvature one.
    """
    if knows(objective):
        hessian, information = gaussian_hessians(objective, vectors)
        return hessian, LOST * (information * np.square(_scales(hessian))).sum(axis=1)
    lengths = np.broadcast_to(_lengths(objective, vectors)[:, None], vectors.shape)
    return _differences(objective, vectors, lengths, SECOND_ORDER)


def _lengths(objective: Objective, vectors: FloatArray) -> FloatArray:
    """Return the steps of the differences at P points, shape (P,)."""
    width = np.sqrt(smallest_eigenvalue(objective, objective.from_vector(vectors)))
    lengths: FloatArray = DIFFERENCE * np.clip(width / WIDE, 1e-3, 1.0)
    return lengths


#: Offsets and weights of central differences of second and of fourth order.
SECOND_ORDER = ((1.0, 0.5),)
FOURTH_ORDER = ((1.0, 2 / 3), (2.0, -1 / 12))


def _differences(
    objective: Objective, vectors: FloatArray, lengths: FloatArray, stencil: tuple[tuple[float, float], ...]
) -> tuple[FloatArray, FloatArray]:
    """Return what `hessians` does by differences of the gradient over steps of shape (P, q)."""
    count, size = vectors.shape
    rows = np.zeros((count, size, size))
    chunk = max(1, BATCH_COLUMNS // (2 * size * objective.n_components))
    for start in range(0, count, chunk):
        part = slice(start, start + chunk)
        for offset, weight in stencil:
            steps = offset * lengths[part, :, None] * np.eye(size)
            around = np.concatenate([vectors[part, None] + steps, vectors[part, None] - steps], axis=1)
            _, gradient = gradients(objective, around.reshape(-1, size))
            up, down = np.split(gradient.reshape(around.shape), 2, axis=1)
            rows[part] += weight * (up - down) / lengths[part, :, None]
    across = rows.swapaxes(1, 2)
    hessian = 0.5 * (rows + across)
    # entries on the diagonal have no transpose to differ from
    rounding = GRADIENT_ROUNDING / lengths[:, :, None]
    scale = _scales(hessian)
    error = (0.5 * np.abs(rows - across) + rounding) * scale[:, :, None] * scale[:, None, :]
    return hessian, np.sqrt(np.square(error).sum(axis=(1, 2)))


def _scales(hessian: FloatArray) -> FloatArray:
    """Return the units in which every coordinate has curvature one, shape (P, q)."""
    diagonal = np.abs(np.diagonal(hessian, axis1=1, axis2=2))
    scale: FloatArray = 1 / np.sqrt(np.maximum(diagonal, LEAST_CURVATURE))
    return scale


#: Curvatures of single coordinates below this stretch them no further: it is well above rounding.
LEAST_CURVATURE = 1e-6


def _sharpened(
    objective: Objective, vectors: FloatArray, hessian: FloatArray, error: FloatArray, flat: float
) -> Curvature:
    """Return the curvature, measured again where a measurement by differences leaves its sign open.

    Then each coordinate has a step of its own, a share of what its curvature makes a long one, and the
    differences are of fourth order.
    """
    found = curvature(objective, hessian, error, flat)
    doubtful = np.flatnonzero(np.abs(found.relative) < DOUBTFUL * found.error)
    if knows(objective) or not len(doubtful):
        return found
    diagonal = np.abs(np.diagonal(hessian[doubtful], axis1=1, axis2=2))
    lengths = SCALED_DIFFERENCE / np.sqrt(np.maximum(diagonal, SCALED_DIFFERENCE))
    hessian[doubtful], error[doubtful] = _differences(objective, vectors[doubtful], lengths, FOURTH_ORDER)
    return curvature(objective, hessian, error, flat)


#: Curvatures closer to zero than so many times their accuracy are measured again, over steps that are this
#: share of the length over which a coordinate changes the loss by order one, and at most its root.
DOUBTFUL, SCALED_DIFFERENCE = 10.0, 1e-3


def _gauge(objective: Objective, size: int) -> FloatArray:
    """Return the one direction that changes nothing: equal shifts of all weight logits, shape (q,)."""
    direction = np.zeros(size)
    direction[: objective.n_components] = 1 / np.sqrt(objective.n_components)
    return direction


def _without_gauge(objective: Objective, hessian: FloatArray) -> FloatArray:
    """Return Hessians of the loss in which the direction that changes nothing curves most."""
    size = hessian.shape[-1]
    gauge = _gauge(objective, size)
    top = 1 + 2 * np.abs(hessian).max(axis=(1, 2), initial=0.0) * size
    fixed: FloatArray = hessian + top[:, None, None] * np.outer(gauge, gauge)
    return fixed


def spectra(objective: Objective, vectors: FloatArray) -> FloatArray:
    """Return the eigenvalues of the Hessians of the log-likelihood per row, largest first.

    Parameters
    ----------
    objective : Objective
        The cell.
    vectors : ndarray, shape (P, q)
        Unconstrained coordinates.

    Returns
    -------
    ndarray, shape (P, q - 1)
        Without the direction that changes nothing.
    """
    hessian, _ = hessians(objective, vectors)
    # the gauge direction is at the top and is cut off, so that the rest belong to real ones
    eigenvalues: FloatArray = np.asarray(np.linalg.eigvalsh(_without_gauge(objective, hessian)), float)
    return -eigenvalues[:, :-1]


def _lowest(matrices: FloatArray) -> FloatArray:
    """Return the smallest eigenvalue of each symmetric matrix, shape (P,)."""
    lowest = np.empty(len(matrices))
    if matrices.shape[1] < LARGE:
        lowest[:] = np.linalg.eigvalsh(matrices)[:, 0]
        return lowest
    for place, matrix in enumerate(matrices):
        # the transpose has the memory order of LAPACK
        _, diagonal, beside, _, _ = dsytrd(matrix.T, lower=1, lwork=32 * len(matrix))
        lowest[place] = eigh_tridiagonal(
            diagonal, beside, eigvals_only=True, select="i", select_range=(0, 0), lapack_driver="stebz"
        )[0]
    return lowest


#: For matrices from this size on one eigenvalue takes less time than all of them.
LARGE = 64


def curvature(objective: Objective, hessian: FloatArray, error: FloatArray, flat: float) -> Curvature:
    """Return the curvature from the Hessians of the loss.

    Parameters
    ----------
    objective : Objective
        The cell.
    hessian, error : ndarray, shape (P, q, q) and (P,)
        As `hessians` gives them.
    flat : float
        Relative curvatures of this size matter: what is not clearly below minus it is found exactly.
    """
    count, size = hessian.shape[:2]
    lowest = _lowest(_without_gauge(objective, hessian))
    scale = _scales(hessian)
    # scaling lowers an eigenvalue by the square of the smallest scale at most
    relative = lowest * np.square(scale).min(axis=1, initial=np.inf)
    direction, n_positive = np.full((count, size), np.nan), np.zeros(count, dtype=np.int64)
    unclear = np.flatnonzero(~(relative > CLEAR * np.maximum(flat, error)))
    own = scale[unclear]
    hidden = _gauge(objective, size) / own
    hidden /= np.linalg.norm(hidden, axis=1, keepdims=True)
    scaled = hessian[unclear] * (own[:, :, None] * own[:, None, :])
    scaled += 2 * size * hidden[:, :, None] * hidden[:, None, :]
    values = np.linalg.eigvalsh(scaled)
    relative[unclear] = values[:, 0]
    n_positive[unclear] = (values < -error[unclear, None]).sum(axis=1)
    upwards = values[:, 0] < 0
    _, axes = np.linalg.eigh(scaled[upwards])
    along = axes[:, :, 0] * own[upwards]
    direction[unclear[upwards]] = along / np.linalg.norm(along, axis=1, keepdims=True)
    return Curvature(-lowest, -relative, error, direction, n_positive)


#: Relative curvatures so many times below what matters are clear.
CLEAR = 10.0


def climb(
    objective: Objective, parameters: Parameters, thresholds: Thresholds
) -> tuple[Parameters, BoolArray]:
    """Go up by saddle-free Newton steps from points where a first-order method made no progress.

    Each step is Newton's with the absolute curvatures (Dauphin et al. 2014), so that it leads up wherever
    it starts; it is limited, quartered until the log-likelihood does not fall, and given up below a share.

    Parameters
    ----------
    objective : Objective
        The cell.
    parameters : dict of ndarray
        P points.
    thresholds : Thresholds
        When a point is stationary.

    Returns
    -------
    parameters : dict of ndarray
    sound : ndarray of bool, shape (P,)
        False where the way led to a collapse, or was not finished.
    """
    vectors = coordinates(objective, parameters)
    loss, gradient = gradients(objective, vectors)
    sound: BoolArray = np.isfinite(loss)
    for _ in range(CLIMB_STEPS):
        going = np.flatnonzero(sound & (np.linalg.norm(gradient, axis=1) > thresholds.stationary_gradient))
        if not len(going):
            break
        hessian, _ = hessians(objective, vectors[going])
        step = -_solved(objective, hessian, gradient[going], absolute=True, longest=CLIMB_STEP)
        untried, share = going, 1.0
        while len(untried) and share >= SHORTEST_SHARE:
            trial = vectors[untried] + share * step[np.searchsorted(going, untried)]
            trial_loss, trial_gradient = gradients(objective, trial)
            good = trial_loss <= loss[untried]
            taken = untried[good]
            vectors[taken], loss[taken], gradient[taken] = trial[good], trial_loss[good], trial_gradient[good]
            untried = untried[~good]
            share /= 4
        floor = objective.eigenvalue_floor
        sound[going] = smallest_eigenvalue(objective, objective.from_vector(vectors[going])) >= floor
        if len(untried) == len(going):
            break
    return objective.from_vector(vectors), sound & (np.linalg.norm(gradient, axis=1) < ARRIVED)


#: A climb that ends at a larger gradient per row has not arrived.
ARRIVED = 1e-4


def _solved(
    objective: Objective, hessian: FloatArray, gradient: FloatArray, *, absolute: bool, longest: float
) -> FloatArray:
    """Return the inverse Hessian times the gradient, no coordinate longer than a limit.

    Flat directions are left alone; with `absolute` all curvatures count as positive.
    """
    size = hessian.shape[-1]
    gauge = _gauge(objective, size)
    fixed = hessian + np.outer(gauge, gauge)
    step = np.full(gradient.shape, np.inf)
    if not absolute:
        with contextlib.suppress(np.linalg.LinAlgError):
            step = np.linalg.solve(fixed, gradient[..., None])[..., 0]
    # a long step tells of a direction that is flat, or nearly so
    doubtful = ~(np.abs(step).max(axis=1) < longest)
    values, axes = np.linalg.eigh(fixed[doubtful])
    if absolute:
        values = np.abs(values)
    flat = np.abs(values) < FLAT_STEP * np.abs(values).max(axis=1, keepdims=True)
    inverse = np.where(flat, 0.0, 1 / np.where(flat, 1.0, values))
    along = np.matmul(axes.swapaxes(1, 2), gradient[doubtful, :, None])[..., 0]
    limited = np.matmul(axes, (inverse * along)[..., None])[..., 0]
    length = np.maximum(np.abs(limited).max(axis=1), 1e-300)
    step[doubtful] = limited * np.minimum(1.0, longest / length)[:, None]
    return step


#: Curvatures below this share of the largest are left out of a step.
FLAT_STEP = 1e-12


class _Measured:
    """Hessians of the loss at P points, and the Newton steps that they give."""

    def __init__(self, objective: Objective, vectors: FloatArray) -> None:
        self.objective = objective
        self.at = vectors.copy()
        self.hessian, self.error = hessians(objective, vectors)
        self._factors: dict[int, FloatArray | None] = {}

    def stale(self, vectors: FloatArray) -> BoolArray:
        """Return which points have moved further than differences look, shape (P,)."""
        stale: BoolArray = np.abs(vectors - self.at).max(axis=1) > DIFFERENCE
        return stale

    def again(self, vectors: FloatArray, chosen: IntArray) -> None:
        """Measure the Hessians of the chosen points where these are now."""
        if not len(chosen):
            return
        self.hessian[chosen], self.error[chosen] = hessians(self.objective, vectors[chosen])
        self.at[chosen] = vectors[chosen]
        for point in chosen:
            self._factors.pop(int(point), None)

    def steps(self, gradient: FloatArray, chosen: IntArray) -> FloatArray:
        """Return Newton steps of the chosen points from their gradients, shape (C, q)."""
        step = np.full(gradient.shape, np.inf)
        for place, point in enumerate(chosen.tolist()):
            factor = self._factor(point)
            if factor is not None:
                step[place] = -dpotrs(factor, gradient[place], lower=1)[0]
        doubtful = np.flatnonzero(~(np.abs(step).max(axis=1, initial=0.0) < LONGEST_STEP))
        step[doubtful] = -_solved(
            self.objective,
            self.hessian[chosen[doubtful]],
            gradient[doubtful],
            absolute=False,
            longest=LONGEST_STEP,
        )
        return step

    def _factor(self, point: int) -> FloatArray | None:
        """Return the Cholesky factor of a Hessian, None where it is not positive definite."""
        if point not in self._factors:
            gauge = _gauge(self.objective, self.hessian.shape[1])
            factor, failed = dpotrf((self.hessian[point] + np.outer(gauge, gauge)).T, lower=1, overwrite_a=1)
            self._factors[point] = None if failed else factor
        return self._factors[point]


def refine(objective: Objective, parameters: Parameters, thresholds: Thresholds) -> StationaryPoints:
    """Take Newton steps while they reduce the gradient, and measure the curvature where they end.

    A step that does not reduce the gradient is tried at a quarter of its length, twice. A Hessian serves as
    long as the steps that it gives converge fast; at the end it is measured again if the point has moved
    further than differences look, so the curvature is always that of the final point.

    Parameters
    ----------
    objective : Objective
        The cell.
    parameters : dict of ndarray
        P nearly stationary points.
    thresholds : Thresholds
        Which curvatures matter.
    """
    vectors = coordinates(objective, parameters)
    # Hessians are held for a part of the points, so that they stay in cache
    chunk = max(1, HELD_ELEMENTS // vectors.shape[1] ** 2)
    refined = _refined(objective, vectors[:chunk], thresholds)
    for start in range(chunk, len(vectors), chunk):
        part = _refined(objective, vectors[start : start + chunk], thresholds)
        refined = StationaryPoints.joined(refined, part)
    return refined


#: Entries of Hessians held at one time.
HELD_ELEMENTS = 2**20


def _refined(objective: Objective, vectors: FloatArray, thresholds: Thresholds) -> StationaryPoints:
    vectors = vectors.copy()
    measured = _Measured(objective, vectors)
    loss, gradient = gradients(objective, vectors)
    going = np.linalg.norm(gradient, axis=1) > ROUNDING
    for _ in range(NEWTON_STEPS):
        chosen = np.flatnonzero(going)
        if not len(chosen):
            break
        step = measured.steps(gradient[chosen], chosen)
        before = np.linalg.norm(gradient[chosen], axis=1)
        untried = chosen
        for share in STEP_SHARES:
            trial = vectors[untried] + share * step[np.searchsorted(chosen, untried)]
            trial_loss, trial_gradient = gradients(objective, trial)
            norm = np.linalg.norm(gradient[untried], axis=1)
            better = np.linalg.norm(trial_gradient, axis=1) < norm
            taken = untried[better]
            vectors[taken], loss[taken], gradient[taken] = (
                trial[better],
                trial_loss[better],
                trial_gradient[better],
            )
            untried = untried[~better & (norm > SETTLED)]
            if not len(untried):
                break
        norm = np.linalg.norm(gradient[chosen], axis=1)
        stale = measured.stale(vectors)[chosen]
        # where the Hessian is singular every step gains a share; at rounding error the next gains nothing
        gained = norm < np.where(norm > SETTLED, 0.95, 0.5) * before
        going[chosen] = gained | (stale & (norm > ENOUGH))
        measured.again(vectors, chosen[going[chosen] & stale & (norm > FAST * before)])
    measured.again(vectors, np.flatnonzero(measured.stale(vectors)))
    parameters = objective.from_vector(vectors)
    found = _sharpened(objective, vectors, measured.hessian, measured.error, thresholds.flat_curvature)
    return StationaryPoints(
        parameters=parameters,
        vectors=vectors,
        log_likelihood=-loss * objective.total_weight,
        gradient_norm=np.linalg.norm(gradient, axis=1),
        smallest_eigenvalue=objective.family.smallest_eigenvalues(parameters).min(axis=1),
        largest_curvature=found.largest,
        relative_curvature=found.relative,
        curvature_error=found.error,
        ascent=found.direction,
        n_ascending=found.n_positive,
    )


#: Shares of a Newton step that are tried in turn, and the gradient below which only the first is.
STEP_SHARES, SETTLED = (1.0, 0.25, 0.0625), 1e-9
#: A step that leaves more than this share of the gradient asks for a new Hessian, if the point has moved; a
#: gradient per row below the second is small enough.
FAST, ENOUGH = 0.1, 1e-12
