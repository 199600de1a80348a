"""The census of a cell: its distinct optima, what kind each is, and how often fits ended in it.

Endpoints are polished to stationary points, grouped by a label-free distance (so permuted components count
once), refined by Newton steps and classified by the Hessian of the log-likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.stationary import StationaryPoints, refine
from mixsweep.loop import run, take
from mixsweep.methods.lbfgs import LBFGS
from mixsweep.objective import Objective
from mixsweep.schema import KINDS, VARIABLES
from mixsweep.seeds import generator
from mixsweep.status import Status
from mixsweep.typing import BoolArray, FloatArray, IntArray, Parameters

if TYPE_CHECKING:
    import xarray as xr

    from mixsweep.problems.base import Problem

__all__ = ["Thresholds", "census"]

#: Endpoints are polished until the EM decrement per row is below the first; resolved below the second.
POLISH_TOL, RESOLVED_TOL = 1e-14, 1e-10
POLISH_PASSES = 1000
#: Two stationary points are one optimum if their log-likelihoods differ by less than the first (nats) and the
#: log-densities of the rows, root mean square, by less than the second. Polished copies of one optimum differ
#: by 1e-11 and 1e-6; the closest different optima seen on the built-in data by 1e-3 and 1e-1.
SAME_VALUE, SAME_DENSITY = 1e-4, 1e-3
#: Random projections that stand for the n log-densities of a mixture in distances.
SKETCH_LENGTH = 32
#: Statuses whose endpoints are polished; collapsed and diverged fits have no optimum.
POLISHED = (Status.CONVERGED, Status.BUDGET, Status.STALLED)


@dataclass(frozen=True)
class Thresholds:
    """What makes an optimum something other than a proper maximum.

    Attributes
    ----------
    ended_within : float
        A fit ended in an optimum if its endpoint is at most so many nats below it.
    spurious_eigenvalue_ratio : float
        Spurious: a covariance eigenvalue below this share of the smallest one of the data covariance, or a
        component on no more than d + 1 rows.
    boundary_rows : float
        Boundary: a component with a smaller expected number of rows.
    """

    ended_within: float = 0.1
    spurious_eigenvalue_ratio: float = 1e-4
    boundary_rows: float = 0.5


def census(problem: Problem, fits: xr.Dataset, thresholds: Thresholds) -> xr.Dataset:
    """Return the optima of a cell, best first.

    Parameters
    ----------
    problem : Problem
        The data, and the truth if they were simulated.
    fits : xarray.Dataset
        All fits of the cell over (method, initializer, restart), as `mixsweep.cell.assemble` gives them.
    thresholds : Thresholds
        Limits between the kinds.

    Returns
    -------
    xarray.Dataset
        Over ``optimum``: ``log_likelihood``, ``kind``, ``n_fits``, ``basin_share`` (of all fits of the cell,
        failures included), parameters and evidence; over (method, initializer, restart): ``fit_optimum`` and
        ``polished_log_likelihood``. Attribute ``truth_optimum``: where the generating parameters lead, -1
        without truth.
    """
    objective = Objective.of_problem(
        problem,
        str(fits.attrs["family"]),
        int(fits.attrs["n_components"]),
        float(fits.attrs["covariance_floor"]),
    )
    shape = fits["status"].shape
    status = fits["status"].values.ravel()
    candidates = np.flatnonzero(np.isin(status, POLISHED))
    reported = {
        name: _flat(fits[name].values, 3)[candidates] for name in ("weights", *objective.family.reported)
    }
    starts = objective.family.from_reported(reported, objective.location, objective.scale)
    truth = truth_start(objective)
    if truth is not None:
        starts = {name: np.concatenate([values, truth[name]]) for name, values in starts.items()}
    points, group = _stationary_points(objective, starts)
    order = np.argsort(-points.log_likelihood, kind="stable")
    points = points.take(order)
    group = np.append(np.argsort(order), -1)[group]

    reached = group[: len(candidates)]
    polished = np.full(status.shape, np.nan)
    polished[candidates[reached >= 0]] = (points.log_likelihood + objective.log_likelihood_offset)[
        reached[reached >= 0]
    ]
    gap = polished - fits["log_likelihood"].values.ravel()
    ended = np.full(status.shape, -1)
    ended[candidates] = reached
    ended[~(gap <= thresholds.ended_within)] = -1
    n_fits = np.bincount(ended[ended >= 0], minlength=len(order))
    variables = _variables(objective, points, thresholds)
    variables |= {
        "n_fits": ("optimum", n_fits),
        "basin_share": ("optimum", n_fits / status.size),
        "fit_optimum": (fits["status"].dims, ended.reshape(shape)),
        "polished_log_likelihood": (fits["status"].dims, polished.reshape(shape)),
    }
    return _dataset(problem, fits, variables, int(group[-1]) if truth is not None else -1, thresholds)


def _flat(values: FloatArray, n_sample_dims: int) -> FloatArray:
    return values.reshape(-1, *values.shape[n_sample_dims:])


def truth_start(objective: Objective) -> Parameters | None:
    """Return the generating parameters as one start, None unless the cell has their number of components."""
    truth = objective.truth
    if truth is None or len(truth["weights"]) != objective.n_components:
        return None
    return objective.family.from_moments(**{name: values[None] for name, values in truth.items()})


def _stationary_points(objective: Objective, starts: Parameters) -> tuple[StationaryPoints, IntArray]:
    """Polish all starts; return the distinct stationary points, and which one each start led to (or -1)."""
    if not len(starts["weights"]):
        return refine(objective, starts), np.zeros(0, dtype=np.int64)
    ends = run(objective, LBFGS(), starts, tol=POLISH_TOL, max_passes=POLISH_PASSES)
    resolved = np.isin(ends.status, POLISHED) & (ends.em_decrement < RESOLVED_TOL)
    group = np.full(len(resolved), -1)
    group[resolved] = same_density_groups(
        ends.log_likelihood[resolved], density_sketch(objective, take(ends.parameters, resolved))
    )
    # the member nearest to stationarity represents its group
    count = int(group.max(initial=-1)) + 1
    by_decrement = np.argsort(ends.em_decrement, kind="stable")
    by_decrement = by_decrement[group[by_decrement] >= 0]
    _, first = np.unique(group[by_decrement], return_index=True)
    points = refine(objective, take(ends.parameters, by_decrement[first]))
    if not count:
        return points, group
    # Newton steps may carry two representatives into one point
    merged = same_density_groups(points.log_likelihood, density_sketch(objective, points.parameters))
    _, keep = np.unique(merged, return_index=True)
    group[group >= 0] = merged[group[group >= 0]]
    return points.take(keep), group


def density_sketch(objective: Objective, parameters: Parameters) -> FloatArray:
    """Return random projections of the rows' log-densities, shape (R, `SKETCH_LENGTH`).

    The mean square difference of two sketches estimates that of the log-densities (Johnson and
    Lindenstrauss).
    """
    n_rows, count = objective.n_rows, len(parameters["weights"])
    projection = generator(0, "density sketch", n_rows).standard_normal((n_rows, SKETCH_LENGTH))
    projection /= np.sqrt(n_rows)
    chunk = max(1, 2**22 // (n_rows * objective.n_components))
    parts = [
        objective.family.log_density(objective.prepared, take(parameters, slice(start, start + chunk)))
        @ projection
        for start in range(0, count, chunk)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, SKETCH_LENGTH))


def same_density_groups(log_likelihood: FloatArray, sketch: FloatArray) -> IntArray:
    """Return group numbers, 0 for the highest: equal in value and in density at the rows."""
    group = np.full(len(log_likelihood), -1)
    order = np.argsort(-log_likelihood, kind="stable")
    number = 0
    for i in order:
        if group[i] >= 0:
            continue
        near: BoolArray = (group < 0) & (np.abs(log_likelihood - log_likelihood[i]) < SAME_VALUE)
        candidates = np.flatnonzero(near)
        distance = np.sqrt(np.square(sketch[candidates] - sketch[i]).mean(axis=1))
        group[candidates[distance < SAME_DENSITY]] = number
        group[i] = number
        number += 1
    return group


def _variables(objective: Objective, points: StationaryPoints, thresholds: Thresholds) -> dict[str, Any]:
    smallest = points.smallest_eigenvalue / objective.smallest_data_eigenvalue
    weight = points.parameters["weights"].min(axis=1, initial=np.inf)
    kind = np.full(len(weight), KINDS.index("proper"), dtype=np.int8)
    kind[points.flat] = KINDS.index("plateau")
    kind[points.ascending] = KINDS.index("saddle")
    # d + 1 rows are the fewest that have a covariance; expected numbers of rows may be slightly above
    few = weight * objective.n_rows < objective.n_features + 1.5
    kind[(smallest < thresholds.spurious_eigenvalue_ratio) | few] = KINDS.index("spurious")
    kind[weight * objective.n_rows < thresholds.boundary_rows] = KINDS.index("boundary")
    kind[points.smallest_eigenvalue < objective.eigenvalue_floor] = KINDS.index("degenerate")
    kind[~points.stationary] = KINDS.index("unresolved")
    reported = objective.family.to_reported(points.parameters, objective.location, objective.scale)
    variables: dict[str, Any] = {
        name: (("optimum", *VARIABLES[name].dims), values) for name, values in reported.items()
    }
    return variables | {
        "log_likelihood": ("optimum", points.log_likelihood + objective.log_likelihood_offset),
        "kind": ("optimum", kind),
        "gradient_norm": ("optimum", points.gradient_norm),
        "largest_curvature": ("optimum", points.largest_curvature),
        "smallest_weight": ("optimum", weight),
        "smallest_eigenvalue_ratio": ("optimum", smallest),
    }


def _dataset(
    problem: Problem, fits: xr.Dataset, variables: dict[str, Any], truth_optimum: int, thresholds: Thresholds
) -> xr.Dataset:
    import xarray as xr

    coordinates: dict[str, Any] = {
        name: fits[name].values for name in ("method", "initializer", "restart", "feature")
    }
    if "feature_" in fits.coords:
        coordinates["feature_"] = fits["feature_"].values
    coordinates["optimum"] = np.arange(len(variables["kind"][1]))
    attributes = {
        name: fits.attrs[name] for name in ("problem", "family", "n_components", "covariance_floor")
    }
    attributes |= {
        "truth_optimum": truth_optimum,
        "n_rows": problem.n_rows,
        "n_features": problem.n_features,
        **{name: getattr(thresholds, name) for name in thresholds.__dataclass_fields__},
    }
    return xr.Dataset(variables, coordinates, attributes)
