"""A shard: one block of restarts of one method on one cell, from seeds to a dataset."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep import NUMERICS_VERSION, kernels
from mixsweep.contents import Contents, StoredArray
from mixsweep.endpoints import CHECKPOINTS, Endpoints
from mixsweep.errors import MixsweepError, nearest
from mixsweep.initializers import INITIALIZERS
from mixsweep.initializers.base import Initializer, passes_per_start
from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.methods.base import Method
from mixsweep.methods.settings import typed
from mixsweep.objective import Objective
from mixsweep.problems.base import Problem
from mixsweep.schema import VARIABLES
from mixsweep.seeds import generator, seed_sequence

if TYPE_CHECKING:
    import xarray as xr

#: Fields of `Endpoints` that are written as they are.
PLAIN = (
    "status",
    "em_decrement",
    "gradient_norm",
    "n_passes",
    "n_iterations",
    "n_function_values",
    "n_trial_passes",
    "n_decreases",
    "largest_decrease",
    "n_constraint_violations",
    "n_floored_components",
    "n_vanishing_components",
)

__all__ = ["PLAIN", "ShardSpec", "fit_shard", "make_method", "make_starts", "shard_contents"]


@dataclass(frozen=True)
class ShardSpec:
    """All that a shard's numbers depend on, besides the data."""

    family: str
    n_components: int
    method: str
    """The method's label in the config."""
    settings: Mapping[str, Any]
    """Settings of the method, with the optimiser's name under ``method``."""
    initializer: str
    start: int
    """First restart number."""
    stop: int
    """One past the last restart number."""
    seed: int
    tol: float
    max_passes: int
    covariance_floor: float

    def attributes(self, problem: Problem) -> dict[str, Any]:
        """Return how and from what the shard is made: written into the file, compared when it is read."""
        record = dataclasses.asdict(self)
        record["settings"] = json.dumps(dict(self.settings), sort_keys=True)
        return {
            **record,
            "problem": problem.name,
            "data_checksum": problem.checksum,
            "numerics_version": NUMERICS_VERSION,
        }


def make_method(settings: Mapping[str, Any]) -> Method:
    """Return the optimiser of a settings mapping, whose key ``method`` names it.

    Raises
    ------
    MixsweepError
        For an unknown method or setting, with the nearest valid name, or a setting out of range.
    """
    name = str(settings["method"])
    cls = METHODS[name]
    defaults = {field.name: field.default for field in dataclasses.fields(cls)}
    given = {}
    for key, value in settings.items():
        if key == "method":
            continue
        if key not in defaults:
            raise MixsweepError(f"method {name}: unknown setting {key!r}{nearest(key, list(defaults))}")
        given[key] = typed(value, defaults[key], f"method {name}: {key}")
    try:
        method: Method = cls(**given)
    except (TypeError, ValueError) as error:  # of a setting whose default, None, says nothing of its type
        raise MixsweepError(f"method {name}: {error}") from None
    return method


def make_starts(
    objective: Objective, problem: str, initializer: str, restarts: range, seed: int
) -> dict[str, np.ndarray]:
    """Return the starts of a block of restarts; they depend on nothing else of the sweep.

    Raises
    ------
    MixsweepError
        If the initializer cannot start this cell, such as `truth` where the data were not simulated.
    """
    kind: Initializer = INITIALIZERS[initializer]()
    key = (problem, objective.family.name, objective.n_components, initializer)
    generators = [generator(seed, "start", *key, restart) for restart in restarts]
    try:
        return kind.start(objective, generators, restarts)
    except MixsweepError as error:
        raise MixsweepError(f"problem {problem}: initializer {error}") from None


def make_seeds(objective: Objective, problem: str, spec: ShardSpec, restarts: range) -> np.ndarray:
    """Return a seed for each fit of a stochastic method, from the fit's own key."""
    key = (problem, objective.family.name, objective.n_components, spec.method, spec.initializer)
    words = [seed_sequence(spec.seed, "method", *key, restart).generate_state(1) for restart in restarts]
    return np.concatenate(words).astype(np.int64)


def _passes_of_starts(spec: ShardSpec) -> int:
    """Return what each start takes from the pass budget."""
    passes = passes_per_start(INITIALIZERS[spec.initializer])
    if passes >= spec.max_passes:
        raise MixsweepError(
            f"initializer {spec.initializer} takes {passes} passes for a start; expected max_passes above "
            f"that, found {spec.max_passes}"
        )
    return passes


def _with_starts(ends: Endpoints, passes: int, seconds: float) -> Endpoints:
    """Return endpoints with what each start took added to the cost of its fit."""
    return dataclasses.replace(
        ends,
        n_passes=ends.n_passes + passes,
        trace_passes=ends.trace_passes + passes,
        seconds=ends.seconds + seconds,
    )


def fit_shard(
    problem: Problem, spec: ShardSpec, checkpoints: int = CHECKPOINTS
) -> tuple[xr.Dataset, xr.Dataset]:
    """Run the fits of a shard.

    Passes and seconds that an initializer's starts take (see `mixsweep.initializers.base.Initializer`) are
    part of each fit's cost and of its budget.

    Parameters
    ----------
    problem : Problem
        The data.
    spec : ShardSpec
        What to fit and how.
    checkpoints : int
        Length of a trace.

    Returns
    -------
    fits : xarray.Dataset
        Over ``restart``: the same to the byte whenever and wherever it is made.
    timing : xarray.Dataset
        ``seconds`` over ``restart``.
    """
    fits, timing = shard_contents(problem, spec, checkpoints)
    return fits.dataset(), timing.dataset()


def shard_contents(
    problem: Problem, spec: ShardSpec, checkpoints: int = CHECKPOINTS
) -> tuple[Contents, Contents]:
    """Run the fits of a shard as `fit_shard` does, and return what its two files hold."""
    objective = Objective.of_problem(problem, spec.family, spec.n_components, spec.covariance_floor)
    restarts = range(spec.start, spec.stop)
    spent = _passes_of_starts(spec)
    began = time.perf_counter()
    starts = make_starts(objective, problem.name, spec.initializer, restarts, spec.seed)
    seconds = (time.perf_counter() - began) / len(restarts)
    seeds = make_seeds(objective, problem.name, spec, restarts)
    ends = run(
        objective,
        make_method(spec.settings),
        starts,
        tol=spec.tol,
        max_passes=spec.max_passes - spent,
        checkpoints=checkpoints,
        seeds=seeds,
    )
    if spent:
        ends = _with_starts(ends, spent, seconds)
    restart = StoredArray(("restart",), np.arange(spec.start, spec.stop))
    timing = {"seconds": StoredArray(("restart",), ends.seconds), "restart": restart}
    # which code took the passes: the last bits depend on it, as on the machine
    attributes = spec.attributes(problem) | {"kernels": kernels.in_use()}
    return (
        Contents({**_variables(objective, ends, problem.features), "restart": restart}, attributes),
        Contents(timing, {}),
    )


def _variables(objective: Objective, ends: Endpoints, features: tuple[str, ...]) -> dict[str, StoredArray]:
    """Return endpoints over ``restart``, in data units."""
    offset = objective.log_likelihood_offset
    reported = objective.family.to_reported(ends.parameters, objective.location, objective.scale)
    variables = {
        "log_likelihood": StoredArray(("restart",), ends.log_likelihood + offset),
        **{name: StoredArray(("restart",), getattr(ends, name)) for name in PLAIN},
        "trace_passes": StoredArray(("restart", "checkpoint"), ends.trace_passes),
        "trace_log_likelihood": StoredArray(("restart", "checkpoint"), ends.trace_log_likelihood + offset),
        **{
            name: StoredArray(("restart", *VARIABLES[name].dims), values) for name, values in reported.items()
        },
    }
    used = {dim for stored in variables.values() for dim in stored.dims}
    names = np.array(features, dtype=str)
    return variables | {dim: StoredArray((dim,), names) for dim in ("feature", "feature_") if dim in used}
