"""The census of a cell: its distinct optima, what kind each is, and how often fits ended in it.

Endpoints are clustered and polished to stationary points (`polish`), told apart without regard to the order
of components (`identify`), refined by second-order steps with the curvature measured where they end
(`stationary`), and classified (`classify`); saddles are left uphill (`escape`), and what lies there is
counted in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.agreement import (
    adjusted_rand,
    classification_entropy,
    clusterings,
    density_distances,
)
from mixsweep.analysis.classify import Evidence, classify
from mixsweep.analysis.curvature import spectra
from mixsweep.analysis.escape import SIDES, escape
from mixsweep.analysis.identify import describe, leaders, log_densities
from mixsweep.analysis.polish import POLISHED, Polished, distinct_points, held_at_saddles
from mixsweep.analysis.stability import stability
from mixsweep.analysis.stationary import StationaryPoints, refine
from mixsweep.analysis.symmetry import symmetric_copies
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.endpoints import take
from mixsweep.objective import Objective
from mixsweep.schema import KINDS, VARIABLES
from mixsweep.status import Status
from mixsweep.typing import FloatArray, IntArray, Parameters

if TYPE_CHECKING:
    import xarray as xr

    from mixsweep.problems.base import Problem

__all__ = ["LEADING", "Thresholds", "census"]

#: Hessian eigenvalues and agreement between optima are kept for so many of the highest.
LEADING = 12


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
        failures included), parameters and evidence; over ``leading``, the highest optima: Hessian eigenvalues
        and how far clusterings and densities agree; over (method, initializer, restart): ``fit_optimum`` and
        ``polished_log_likelihood``, beside which the fits keep the raw one. Attribute ``truth_optimum``:
        where the generating parameters lead, -1 without truth; ``total_weight``: how many rows the criteria
        count, the sum of the row weights.
    """
    objective = Objective.of_problem(
        problem,
        str(fits.attrs["family"]),
        int(fits.attrs["n_components"]),
        float(fits.attrs["covariance_floor"]),
    )
    status = fits["status"].values.ravel()
    raw = fits["log_likelihood"].values.ravel()
    candidates = np.flatnonzero(np.isin(status, POLISHED))
    starts = _endpoints(objective, fits, candidates)
    truth = truth_start(objective)
    if truth is not None:
        starts = {name: np.concatenate([values, truth[name]]) for name, values in starts.items()}
    surface = distinct_points(objective, starts, thresholds)
    surface = _with_saddles(objective, surface, starts, status[candidates], raw[candidates], thresholds)
    surface, escapes = _with_escapes(objective, surface, thresholds)

    reached = surface.group[: len(candidates)]
    polished = np.full(status.shape, np.nan)
    polished[candidates[reached >= 0]] = (
        surface.points.log_likelihood[reached[reached >= 0]] + objective.log_likelihood_offset
    )
    ended = np.full(status.shape, -1)
    ended[candidates] = reached
    ended[~(polished - raw <= thresholds.ended_within)] = -1
    n_fits = np.bincount(ended[ended >= 0], minlength=len(surface.points.log_likelihood))
    variables = _variables(objective, surface.points, escapes, thresholds)
    shape = fits["status"].shape
    variables |= {
        "n_fits": ("optimum", n_fits),
        "basin_share": ("optimum", n_fits / status.size),
        "fit_optimum": (fits["status"].dims, ended.reshape(shape)),
        "polished_log_likelihood": (fits["status"].dims, polished.reshape(shape)),
    }
    attributes = {
        "truth_optimum": int(surface.group[-1]) if truth is not None else -1,
        # the logits of the weights have one coordinate to spare
        "n_parameters": surface.points.vectors.shape[1] - 1,
        "total_weight": objective.total_weight,
    }
    return _dataset(problem, fits, variables, attributes, thresholds)


def _endpoints(objective: Objective, fits: xr.Dataset, chosen: IntArray) -> Parameters:
    reported = {}
    for name in ("weights", *objective.family.reported):
        values = fits[name].values
        reported[name] = values.reshape(-1, *values.shape[3:])[chosen]
    return objective.family.from_reported(reported, objective.location, objective.scale)


def truth_start(objective: Objective) -> Parameters | None:
    """Return the generating parameters as one start, None unless the cell has their number of components."""
    truth = objective.truth
    if truth is None or len(truth["weights"]) != objective.n_components:
        return None
    return objective.family.from_moments(**{name: values[None] for name, values in truth.items()})


def _with_saddles(
    objective: Objective,
    surface: Polished,
    starts: Parameters,
    status: IntArray,
    raw: FloatArray,
    thresholds: Thresholds,
) -> Polished:
    """Add stationary points beside converged endpoints that polishing carried far up."""
    group = surface.group[: len(status)]
    value = np.append(surface.points.log_likelihood + objective.log_likelihood_offset, np.inf)[group]
    carried = np.flatnonzero((status == Status.CONVERGED) & ~(value - raw <= thresholds.ended_within))
    found, held = held_at_saddles(objective, starts, carried, thresholds)
    _, where, surface = _added(objective, surface, found, thresholds)
    group = surface.group.copy()
    group[carried[held >= 0]] = where[held[held >= 0]]
    return Polished(surface.points, group)


def _with_escapes(
    objective: Objective, surface: Polished, thresholds: Thresholds
) -> tuple[Polished, IntArray]:
    """Leave every saddle to both sides; return where that led, shape (P, 2), and the optima it added."""
    saddles = np.flatnonzero(surface.points.ascending(thresholds) & surface.points.stationary(thresholds))
    ends, sound = escape(objective, surface.points.take(saddles), thresholds)
    found = refine(objective, take(ends, np.flatnonzero(sound)), thresholds)
    number, where, surface = _added(objective, surface, found, thresholds)
    led = np.full(len(SIDES) * len(saddles), -1)
    led[sound] = where
    escapes = np.full((len(surface.points.log_likelihood), len(SIDES)), -1)
    escapes[number[saddles]] = led.reshape(len(SIDES), -1).T
    return surface, escapes


def _added(
    objective: Objective, surface: Polished, found: StationaryPoints, thresholds: Thresholds
) -> tuple[IntArray, IntArray, Polished]:
    """Return the optima with the points that are new among them, and before these the new numbers of both."""
    count = len(surface.points.log_likelihood)
    if not len(found.log_likelihood):
        return np.arange(count), np.zeros(0, dtype=np.int64), surface
    joined = StationaryPoints.joined(surface.points, found)
    leader = leaders(describe(objective, joined.parameters), thresholds)
    # what is known stays, whichever copy of it is higher
    known = np.full(len(leader), -1)
    known[leader[:count][::-1]] = np.arange(count)[::-1]
    heads = np.where(known[leader] >= 0, known[leader], leader)
    heads[:count] = np.arange(count)
    kept = np.unique(heads)
    order = np.argsort(-joined.log_likelihood[kept], kind="stable")
    number = np.full(len(leader) + 1, -1)
    number[kept[order]] = np.arange(len(kept))
    return (
        number[heads[:count]],
        number[heads[count:]],
        Polished(joined.take(kept[order]), number[surface.group]),
    )


def _variables(
    objective: Objective, points: StationaryPoints, escapes: IntArray, thresholds: Thresholds
) -> dict[str, Any]:
    description = describe(objective, points.parameters)
    evidence: Evidence = classify(objective, points, description, thresholds)
    reported = objective.family.to_reported(points.parameters, objective.location, objective.scale)
    variables: dict[str, Any] = {
        name: (("optimum", *VARIABLES[name].dims), values) for name, values in reported.items()
    }
    ascending = evidence.kind == KINDS.index("saddle")
    eigenvalues = spectra(objective, points.vectors[:LEADING])
    largest = points.largest_curvature.copy()
    largest[:LEADING] = eigenvalues[:, 0]
    variables |= {
        "log_likelihood": ("optimum", points.log_likelihood + objective.log_likelihood_offset),
        "kind": ("optimum", evidence.kind),
        "gradient_norm": ("optimum", points.gradient_norm),
        "largest_curvature": ("optimum", largest),
        "n_ascending": ("optimum", np.where(points.ascending(thresholds), points.n_ascending, 0)),
        "ascent_direction": (
            ("optimum", "coordinate"),
            np.where(ascending[:, None], points.ascent, np.nan),
        ),
        "escape_optimum": (("optimum", "side"), escapes),
        "smallest_weight": ("optimum", evidence.smallest_weight),
        "smallest_eigenvalue_ratio": ("optimum", evidence.smallest_eigenvalue_ratio),
        "closest_components": ("optimum", evidence.closest_components),
        "n_copies": (
            "optimum",
            symmetric_copies(description.weights, description.components, thresholds.coincident_components),
        ),
        "classification_entropy": ("optimum", classification_entropy(objective, points.parameters)),
    }
    without = stability(objective, points.parameters, evidence.kind)
    for name in ("row", "gain", "moved"):
        variables[f"leave_one_out_{name}"] = ("optimum", getattr(without, name))
    variables["hessian_eigenvalues"] = (("leading", "curvature"), eigenvalues)
    return variables | _leading(objective, points)


def _leading(objective: Objective, points: StationaryPoints) -> dict[str, Any]:
    """Return how far clusterings and densities of the highest optima agree."""
    highest = take(points.parameters, slice(0, LEADING))
    labels = clusterings(objective, highest)
    count = len(labels)
    rand = np.eye(count)
    for i in range(count):
        for j in range(i):
            rand[i, j] = rand[j, i] = adjusted_rand(labels[i], labels[j], objective.row_weights)
    densities = log_densities(objective, highest)
    return {
        "adjusted_rand": (("leading", "leading_"), rand),
        "density_distance": (("leading", "leading_"), density_distances(densities, objective.row_weights)),
    }


def _dataset(
    problem: Problem,
    fits: xr.Dataset,
    variables: dict[str, Any],
    found: dict[str, Any],
    thresholds: Thresholds,
) -> xr.Dataset:
    import xarray as xr

    coordinates: dict[str, Any] = {
        name: fits[name].values for name in ("method", "initializer", "restart", "feature")
    }
    if "feature_" in fits.coords:
        coordinates["feature_"] = fits["feature_"].values
    coordinates["optimum"] = np.arange(len(variables["kind"][1]))
    coordinates["leading"] = coordinates["leading_"] = coordinates["optimum"][:LEADING]
    attributes = {
        name: fits.attrs[name] for name in ("problem", "family", "n_components", "covariance_floor")
    }
    attributes |= found | {
        "n_rows": problem.n_rows,
        "n_features": problem.n_features,
        **{name: getattr(thresholds, name) for name in thresholds.__dataclass_fields__},
    }
    return xr.Dataset(variables, coordinates, attributes)
