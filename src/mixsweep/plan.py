"""The plan: every cell and shard of a sweep, known before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

from mixsweep.applicable import check_families, check_initializers, check_methods, start_sizes
from mixsweep.config.problems import ProblemEntry
from mixsweep.config.sweep import SweepConfig
from mixsweep.cost import block_cap, memory_mb, seconds_per_fit, seconds_per_pass
from mixsweep.errors import MixsweepError
from mixsweep.initializers import INITIALIZERS
from mixsweep.initializers.base import passes_per_start
from mixsweep.problems.base import Problem
from mixsweep.problems.sources import FileSource, SimulatedSource

__all__ = ["MANY_SHARDS", "Cell", "Plan", "ShapedProblem", "Shard", "blocks", "cell_shards", "make_plan"]

#: Snakemake's own work grows with the number of jobs; the plan warns above this.
MANY_SHARDS = 2000

# Blocks end at multiples of 100 up to 1000, of 1000 up to 10000, then of 10000, for any number of restarts.
_STEPS = ((1000, 100), (10000, 1000), (None, 10000))


@dataclass(frozen=True)
class ShapedProblem:
    """A problem with its shape, and the checksum of the data when these come from a file."""

    entry: ProblemEntry
    n_rows: int
    n_features: int
    checksum: str | None = None
    start_sizes: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        """The problem's name."""
        return self.entry.name


@dataclass(frozen=True)
class Cell:
    """One likelihood surface: a problem, a family and a number of components."""

    problem: str
    family: str
    n_components: int
    n_rows: int
    n_features: int

    @property
    def folder(self) -> str:
        """The cell's place below ``results/cells`` and ``results/shards``."""
        return f"{self.problem}/{self.family}/K{self.n_components}"


@dataclass(frozen=True)
class Shard:
    """A block of restarts, `start` to `stop` (exclusive), of one cell, method and initializer."""

    cell: Cell
    method: str
    initializer: str
    start: int
    stop: int

    @property
    def path(self) -> str:
        """The shard's file, below the results folder."""
        block = f"{self.initializer}-{self.start:06d}-{self.stop:06d}"
        return f"shards/{self.cell.folder}/{self.method}/{block}.nc"

    @property
    def log(self) -> str:
        """The shard's log, below the folder of logs."""
        return f"shard/{self.path.removeprefix('shards/').removesuffix('.nc')}.log"

    @property
    def n_fits(self) -> int:
        """How many fits."""
        return self.stop - self.start


def _edges(cap: int) -> Iterator[int]:
    edge = 0
    for end, length in _STEPS:
        step = min(length, cap)
        while end is None or edge < end:
            yield edge
            edge += step


def blocks(restarts: int, cap: int) -> list[tuple[int, int]]:
    """Divide restarts into blocks whose edges do not depend on how many restarts there are.

    Parameters
    ----------
    restarts : int
        How many; only the last block is cut short by it.
    cap : int
        One of `mixsweep.cost.CAPS`: how many restarts a block may have at most.

    Returns
    -------
    list of (int, int)
        First restart, and the one after the last, of each block.
    """
    cuts = []
    for edge in _edges(cap):
        cuts.append(min(edge, restarts))
        if edge >= restarts:
            break
    return list(pairwise(cuts))


def _seconds(cell: Cell, method: str, initializer: str, max_passes: int) -> float:
    """Return the expected core-seconds of one fit with its start."""
    shape = (cell.n_rows, cell.n_features, cell.n_components)
    passes = passes_per_start(INITIALIZERS[initializer])
    fit = seconds_per_fit(cell.family, method, *shape, max(max_passes - passes, 1))
    return fit + passes * seconds_per_pass(cell.family, *shape)


def cell_shards(
    cell: Cell, methods: Mapping[str, str], initializers: Sequence[str], restarts: int, max_passes: int
) -> list[Shard]:
    """Return the shards of a cell, by method, initializer and block.

    Parameters
    ----------
    cell : Cell
    methods : mapping of str to str
        Label to optimiser.
    initializers : sequence of str
    restarts, max_passes : int

    Returns
    -------
    list of Shard
    """
    shards: list[Shard] = []
    for label, method in methods.items():
        for initializer in initializers:
            cuts = blocks(restarts, block_cap(_seconds(cell, method, initializer, max_passes)))
            shards.extend(Shard(cell, label, initializer, start, stop) for start, stop in cuts)
    return shards


@dataclass(frozen=True)
class Plan:
    """Everything a sweep will compute.

    Parameters
    ----------
    config : SweepConfig
    problems : tuple of ShapedProblem
    cells : tuple of Cell
    rounds : mapping of str to int
        Restarts of cells by their folder, where they have more than at first (see `mixsweep.rounds`).
    """

    config: SweepConfig
    problems: tuple[ShapedProblem, ...]
    cells: tuple[Cell, ...]
    rounds: Mapping[str, int] = field(default_factory=dict)

    def seconds_per_fit(self, cell: Cell, label: str, initializer: str) -> float:
        """Return the expected core-seconds of one fit of a cell by that method's label, with its start."""
        method = self.config.method_specs[label].method
        return _seconds(cell, method, initializer, self.config.max_passes)

    def shards_of(self, cell: Cell, restarts: int | None = None) -> list[Shard]:
        """Return the shards of a cell, by method, initializer and block; all restarts unless told."""
        config = self.config
        methods = {label: spec.method for label, spec in config.method_specs.items()}
        restarts = self.restarts_of(cell) if restarts is None else restarts
        return cell_shards(cell, methods, config.initializers, restarts, config.max_passes)

    def restarts_of(self, cell: Cell) -> int:
        """Return how many restarts a cell has for each method and initializer."""
        return max(self.config.first_restarts, self.rounds.get(cell.folder, 0))

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """All shards, cell after cell."""
        return tuple(shard for cell in self.cells for shard in self.shards_of(cell))

    @cached_property
    def cell_by_folder(self) -> dict[str, Cell]:
        """The cells by their folder."""
        return {cell.folder: cell for cell in self.cells}

    def n_fits_of(self, cell: Cell) -> int:
        """Return how many fits a cell has."""
        config = self.config
        return len(config.method_specs) * len(config.initializers) * self.restarts_of(cell)

    @property
    def n_fits(self) -> int:
        """How many fits the sweep has."""
        return sum(self.n_fits_of(cell) for cell in self.cells)

    def core_seconds(self, cell: Cell) -> float:
        """Return the expected core-seconds of a cell's fits."""
        config = self.config
        per_start = sum(
            self.seconds_per_fit(cell, label, initializer)
            for label in config.method_specs
            for initializer in config.initializers
        )
        return per_start * self.restarts_of(cell)

    def memory_mb(self, cell: Cell, n_fits: int) -> int:
        """Return the memory that a block of a cell's fits needs, in MB."""
        return memory_mb(cell.family, cell.n_rows, cell.n_features, cell.n_components, n_fits)

    @property
    def warnings(self) -> list[str]:
        """What the user should know before starting."""
        if len(self.shards) <= MANY_SHARDS:
            return []
        return [
            f"{len(self.shards)} shards: above {MANY_SHARDS}, Snakemake's own planning takes minutes (about "
            "0.1 s for each shard and run). Fewer problems, methods or component counts in one sweep make "
            "fewer shards; more restarts beyond 500 hardly add any."
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the cells with their counts and expected core-seconds."""
        return {
            "cells": [
                {
                    "problem": cell.problem,
                    "family": cell.family,
                    "n_components": cell.n_components,
                    "n_rows": cell.n_rows,
                    "n_features": cell.n_features,
                    "shards": len(self.shards_of(cell)),
                    "restarts": self.restarts_of(cell),
                    "fits": self.n_fits_of(cell),
                    "core_seconds": round(self.core_seconds(cell), 3),
                }
                for cell in self.cells
            ],
            "n_cells": len(self.cells),
            "n_shards": len(self.shards),
            "n_fits": self.n_fits,
            "core_seconds": round(sum(self.core_seconds(cell) for cell in self.cells), 3),
            "warnings": self.warnings,
        }


def _shaped(entry: ProblemEntry, config: SweepConfig) -> ShapedProblem:
    """Return a problem with its shape; files are read and checked whole, so errors come before any fit."""
    source = entry.source
    if isinstance(source, SimulatedSource):
        return ShapedProblem(entry, source.n, source.d)
    try:
        problem: Problem = source.load(entry.name, config.seed)
        check_families(problem, config.families, f"problem {entry.name!r}")
    except MixsweepError as error:
        raise MixsweepError(f"{config.source}: problems.{entry.key}: {error}") from None
    checksum = problem.checksum if isinstance(source, FileSource) else None
    return ShapedProblem(entry, problem.n_rows, problem.n_features, checksum, start_sizes(problem))


def make_plan(config: SweepConfig, rounds: Mapping[str, int] | None = None) -> Plan:
    """Lay out a sweep.

    Parameters
    ----------
    config : SweepConfig
    rounds : mapping of str to int, optional
        Restarts that cells have by now, by their folder.

    Returns
    -------
    Plan

    Raises
    ------
    MixsweepError
        If a data file cannot be used, a family cannot be fitted to it, more components are asked for than
        there are rows, or an initializer cannot start a cell.
    """
    check_methods(config)
    problems = tuple(_shaped(entry, config) for entry in config.entries)
    for problem in problems:
        for k in problem.entry.n_components:
            if k > problem.n_rows:
                own = config.problems[problem.entry.key].n_components is not None
                key = f"problems.{problem.entry.key}.n_components" if own else "n_components"
                raise MixsweepError(
                    f"{config.source}: {key}: found {k}, but problem {problem.name!r} has {problem.n_rows} "
                    "rows; expected no more components than rows."
                )
            true_k = problem.entry.source.true_k
            check_initializers(config, problem.name, k, true_k, problem.start_sizes)
    cells = tuple(
        Cell(problem.name, family, k, problem.n_rows, problem.n_features)
        for problem in problems
        for family in config.families
        for k in problem.entry.n_components
    )
    return Plan(config, problems, cells, rounds or {})
