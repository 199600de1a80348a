"""Limited-memory BFGS on the manifold of covariance matrices (Hosseini and Sra 2015, 2020), batched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixsweep.coordinates.frames import Frames, Point, why_without_frames
from mixsweep.families.base import Evaluation, Family
from mixsweep.methods import line_search
from mixsweep.methods.base import Request, Seeds, State, Step
from mixsweep.methods.lbfgs import CURVATURE, check_memory, empty_memory, proceed
from mixsweep.methods.line_search import Trial
from mixsweep.objective import Objective
from mixsweep.typing import FloatArray, Parameters

__all__ = ["RiemannianLBFGS"]


@dataclass(frozen=True)
class RiemannianLBFGS:
    """Minimise the negative log-likelihood per row along geodesics of covariance matrices.

    The recursion and the line search are those of `lbfgs`. Steps, changes of the gradient and directions are
    in the moving frames of `mixsweep.coordinates.frames`: a line search goes along a curve on which the slope
    is the gradient's product with the direction everywhere, and the memory is carried to the next point as it
    is. So its curvature is positive wherever the Wolfe conditions hold, as in a vector space (Huang, Gallivan
    and Absil 2015).

    In the affine-invariant metric the path does not depend on the units of the features, nor on any other
    affine map of the rows, as that of EM does not. Hosseini and Sra have this for covariances and lift the
    means into matrices of one more row, whose last entry is free on the way; here every point is a mixture.

    Parameters
    ----------
    memory : int
        Number of correction pairs.

    References
    ----------
    Hosseini, R. and Sra, S. (2015). Matrix manifold optimization for Gaussian mixtures. Advances in Neural
    Information Processing Systems 28, 910-918.
    Hosseini, R. and Sra, S. (2020). An alternative to EM for Gaussian mixture models: batch and stochastic
    Riemannian optimization. Mathematical Programming 181, 187-223.
    Huang, W., Gallivan, K. A. and Absil, P.-A. (2015). A Broyden class of quasi-Newton methods for Riemannian
    optimization. SIAM Journal on Optimization 25, 1660-1685.
    """

    memory: int = 10

    name: ClassVar[str] = "riemannian-lbfgs"
    expected_passes: ClassVar[float] = 60

    def __post_init__(self) -> None:
        check_memory(self.name, self.memory)

    def unable(self, family: Family | type[Family]) -> str:
        """Return why it cannot fit a family, nothing if it can."""
        return why_without_frames(family)

    def start(self, objective: Objective, parameters: Parameters, seeds: Seeds) -> State:
        """Return the starts' frames with an empty memory; the first pass evaluates the start itself."""
        frames, count = _frames(objective), len(seeds)
        point = frames.at(parameters)
        return {
            **line_search.unaimed(count, frames.size),
            **empty_memory(count, frames.size, self.memory),
            **_entered("point", point),
            **_entered("trial", {name: values.copy() for name, values in point.items()}),
        }

    def ask(self, objective: Objective, state: State) -> Request:
        """Return the parameters at the trial points."""
        return Request(_frames(objective).parameters(_point("trial", state)))

    def tell(
        self, objective: Objective, state: State, parameters: Parameters, evaluation: Evaluation
    ) -> tuple[State, Step]:
        """Accept the trial point and choose a new direction, or choose another trial."""
        frames = _frames(objective)
        with np.errstate(all="ignore"):  # overflow and singular covariances are seen by the search
            own = objective.family.gradient(parameters, evaluation)
            gradient = -frames.gradient(_point("trial", state), parameters, own) / objective.total_weight
        loss = -evaluation.log_likelihood / objective.total_weight
        state, trial = line_search.weigh(state, loss, gradient, CURVATURE)
        state, step = proceed(state, trial, _move, _first_step)
        with np.errstate(all="ignore"):
            moved = frames.along(_point("point", state), state["step"][:, None] * state["direction"])
        return {**state, **_entered("trial", moved)}, step


def _frames(objective: Objective) -> Frames:
    return Frames(objective.family, objective.n_components, objective.n_features)


def _entered(place: str, point: Point) -> State:
    """Return a point as part of a state."""
    return {f"{place} {name}": values for name, values in point.items()}


def _point(place: str, state: State) -> Point:
    """Invert `_entered`."""
    prefix = f"{place} "
    return {name.removeprefix(prefix): state[name] for name in state if name.startswith(prefix)}


def _move(state: State, trial: Trial) -> None:
    """Make the accepted trial points the current points, in place."""
    line_search.settle(state, trial)
    moved = _point("trial", state)
    for name, values in _point("point", state).items():
        values[trial.accepted] = moved[name][trial.accepted]


def _first_step(gradient: FloatArray) -> FloatArray:
    """Return first trials along the gradient of length at most 1, in the metric: no rotation changes them."""
    length = np.sqrt(np.square(gradient).sum(axis=1))
    step: FloatArray = 1.0 / np.maximum(1.0, length)
    return step
