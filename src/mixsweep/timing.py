"""Seconds measured apart from the sweep: every fit alone, and all together in a batch.

In a sweep the fits of a batch share its time, and whatever else runs on the machine runs beside them. Here
one thread fits the same starts again, several times over, in a new random order each time, so that what slows
the machine down for a while slows all methods alike. Wall time and processor time are both kept: where they
differ much, something else was running, and the wall times say little.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.collect import CellKey
from mixsweep.endpoints import Endpoints, take
from mixsweep.errors import MixsweepError
from mixsweep.initializers import INITIALIZERS
from mixsweep.initializers.base import passes_per_start
from mixsweep.loop import run
from mixsweep.objective import Objective
from mixsweep.recorded import RecordedCell
from mixsweep.seeds import generator
from mixsweep.shard import make_method, make_seeds, make_starts
from mixsweep.status import FAILURES

if TYPE_CHECKING:
    import xarray as xr

    from mixsweep.methods.base import Method

__all__ = ["WAYS", "Measured", "measure", "summary"]

#: How fits are run.
WAYS = ("alone", "batched")
#: The number of a batch among the restarts of a method.
BATCH = -1
#: Wall time longer than this many times the processor time: something else was running.
BUSY = 1.1
#: With fewer repeats there is no 95 % interval of a median.
FEW_REPEATS = 6

#: A task: which method, and which restart, or `BATCH`.
Task = tuple[int, int]


@dataclass(frozen=True)
class Measured:
    """A cell as it is measured.

    Attributes
    ----------
    objective : Objective
        The likelihood surface.
    labels : tuple of str
        The methods.
    methods : tuple of Method
        The same with their settings.
    starts : dict of ndarray
        Restarts first; the same for every method.
    seeds : tuple of ndarray
        For the random numbers of each method's fits.
    tol : float
    max_passes : int
        Without what the starts take.
    """

    objective: Objective
    labels: tuple[str, ...]
    methods: tuple[Method, ...]
    starts: dict[str, np.ndarray]
    seeds: tuple[np.ndarray, ...]
    tol: float
    max_passes: int

    @property
    def restarts(self) -> int:
        """Number of starts."""
        return len(self.starts["weights"])

    @classmethod
    def of(
        cls, results: Path, key: CellKey, labels: Sequence[str], initializer: str, restarts: int
    ) -> Measured:
        """Return a cell of a results folder.

        Parameters
        ----------
        results : Path
            Results folder.
        key : (problem, family, n_components)
            The cell.
        labels : sequence of str
            Methods as in the config; all where it is empty.
        initializer : str
            Kind of start.
        restarts : int
            The first so many of the cell's starts.

        Raises
        ------
        MixsweepError
            If the folder has no such cell, method, initializer or restart, or was made by other numerical
            code.
        """
        cell = RecordedCell.read(results, key)
        spec, problem = cell.spec, cell.problem
        chosen = tuple(dict.fromkeys(labels)) or tuple(spec.methods)
        cell.check_names(chosen, initializer)
        if restarts > spec.restarts:
            raise MixsweepError(f"{restarts} restarts; expected at most the cell's {spec.restarts}")
        numbers = range(restarts)
        objective = Objective.of_problem(problem, spec.family, spec.n_components, spec.covariance_floor)
        shards = [spec.shard_spec(label, initializer, 0, restarts) for label in chosen]
        return cls(
            objective=objective,
            labels=chosen,
            methods=tuple(make_method(shard.settings) for shard in shards),
            starts=make_starts(objective, problem.name, initializer, numbers, spec.seed),
            seeds=tuple(make_seeds(objective, problem.name, shard, numbers) for shard in shards),
            tol=spec.tol,
            max_passes=spec.max_passes - passes_per_start(INITIALIZERS[initializer]),
        )

    def fit(self, task: Task) -> Endpoints:
        """Run the fits of a task."""
        method, restart = task
        chosen = np.arange(self.restarts) if restart == BATCH else np.array([restart])
        return run(
            self.objective,
            self.methods[method],
            take(self.starts, chosen),
            tol=self.tol,
            max_passes=self.max_passes,
            seeds=self.seeds[method][chosen],
        )


def measure(cell: Measured, repeats: int) -> xr.Dataset:
    """Run every fit of a cell alone, and each method's fits in a batch, several times over.

    Parameters
    ----------
    cell : Measured
        The cell.
    repeats : int
        How many times; before that, everything is run once unmeasured.

    Returns
    -------
    xarray.Dataset
        Over (method, restart, repeat): ``seconds_alone`` and ``processor_seconds_alone`` of each fit; over
        (method, repeat): ``seconds_batched`` and ``processor_seconds_batched``, of a batch over the number of
        its fits; over (method, restart): ``n_passes`` and ``n_passes_batched``, whose last bits and so whose
        numbers of passes may differ, and ``status``. Seconds to make the starts are not in it.
    """
    import xarray as xr

    n_methods, restarts = len(cell.labels), cell.restarts
    tasks = [(method, restart) for method in range(n_methods) for restart in (*range(restarts), BATCH)]
    passes = np.zeros((2, n_methods, restarts))
    status = np.zeros((n_methods, restarts), dtype=np.int8)
    for method, restart in tasks:
        ends = cell.fit((method, restart))
        if restart == BATCH:
            passes[1, method] = ends.n_passes
        else:
            passes[0, method, restart], status[method, restart] = ends.n_passes[0], ends.status[0]
    alone, batched = np.zeros((2, n_methods, restarts, repeats)), np.zeros((2, n_methods, repeats))
    for repeat in range(repeats):
        # of the order of the work alone, which decides no number of a fit
        for place in generator(0, "timing", repeat).permutation(len(tasks)):
            method, restart = tasks[place]
            took = _seconds(cell, (method, restart))
            if restart == BATCH:
                batched[:, method, repeat] = np.array(took) / restarts
            else:
                alone[:, method, restart, repeat] = took
    variables: dict[str, Any] = {
        "seconds_alone": (("method", "restart", "repeat"), alone[0]),
        "processor_seconds_alone": (("method", "restart", "repeat"), alone[1]),
        "seconds_batched": (("method", "repeat"), batched[0]),
        "processor_seconds_batched": (("method", "repeat"), batched[1]),
        "n_passes": (("method", "restart"), passes[0]),
        "n_passes_batched": (("method", "restart"), passes[1]),
        "status": (("method", "restart"), status),
    }
    return xr.Dataset(
        variables, {"method": list(cell.labels), "restart": np.arange(restarts)}, {"load": _load()}
    )


def _seconds(cell: Measured, task: Task) -> tuple[float, float]:
    """Return wall and processor seconds of a task."""
    worked, began = time.process_time(), time.perf_counter()
    cell.fit(task)
    return time.perf_counter() - began, time.process_time() - worked


def _load() -> float:
    """Return the machine's load average over a minute, NaN where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def summary(times: xr.Dataset) -> xr.Dataset:
    """Return medians over repeats with intervals.

    The intervals are about the measurement, for these starts: they do not tell how other starts differ.

    Parameters
    ----------
    times : xarray.Dataset
        As `measure` gives them.

    Returns
    -------
    xarray.Dataset
        Over (method, way), alone and batched: ``seconds_per_fit``, ``seconds_per_pass``,
        ``processor_seconds_per_fit`` and ``seconds_ratio`` (to the first method, both in the same repeat),
        medians over repeats with 95 % intervals from order statistics (NaN with fewer than 6 repeats);
        ``scatter``: interquartile range of the seconds over their median; ``busy``: wall over processor time;
        ``n_repeats``, ``n_measured`` fits, ``n_failed`` of these; ``reason``: why an interval is missing or
        the seconds are in doubt.
    """
    import xarray as xr

    from mixsweep.analysis.quantiles import median_interval, quantiles

    wall, processor = (
        np.stack([times[f"{kind}_alone"].mean("restart").values, times[f"{kind}_batched"].values], axis=1)
        for kind in ("seconds", "processor_seconds")
    )
    passes = np.stack(
        [times[name].mean("restart").values for name in ("n_passes", "n_passes_batched")], axis=1
    )
    with np.errstate(divide="ignore", invalid="ignore"):  # fits that failed without a pass
        each = {
            "seconds_per_fit": wall,
            "seconds_per_pass": wall / passes[..., None],
            "processor_seconds_per_fit": processor,
            "seconds_ratio": wall / wall[:1],
        }
        busy = np.median(wall, axis=-1) / np.median(processor, axis=-1)
    dims, repeats = ("method", "way"), times.sizes["repeat"]
    variables: dict[str, Any] = {}
    for name, values in each.items():
        low, high = median_interval(values)
        variables |= {name: (dims, np.median(values, axis=-1))}
        variables |= {f"{name}_low": (dims, low), f"{name}_high": (dims, high)}
    quarters = quantiles(wall, [0.25, 0.5, 0.75])
    variables["scatter"] = (dims, (quarters[..., 2] - quarters[..., 0]) / quarters[..., 1])
    variables["busy"] = (dims, busy)
    failed = np.isin(times["status"].values, FAILURES).sum(axis=1)
    variables["n_repeats"] = (dims, np.full(busy.shape, repeats))
    variables["n_measured"] = (dims, np.full(busy.shape, times.sizes["restart"]))
    variables["n_failed"] = (dims, np.repeat(failed[:, None], len(WAYS), axis=1))
    texts = [["; ".join(_doubts(repeats, float(value))) for value in row] for row in busy]
    variables["reason"] = (dims, np.array(texts, dtype=object))
    return xr.Dataset(variables, {"method": times["method"].values, "way": list(WAYS)})


def _doubts(repeats: int, busy: float) -> list[str]:
    """Return what speaks against the seconds, in words."""
    doubts = [] if repeats >= FEW_REPEATS else [f"no interval: fewer than {FEW_REPEATS} repeats"]
    if busy > BUSY:
        doubts.append(f"in doubt: the machine did something else in {1 - 1 / busy:.0%} of the time")
    return doubts
