"""What the Snakefile asks for: targets, inputs and parameters, as methods of one small object."""

from __future__ import annotations

import json
import math
import os
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil  # type: ignore[import-untyped]
from snakemake_interface_common.exceptions import WorkflowError

from mixsweep import NUMERICS_VERSION
from mixsweep.config import parse_config
from mixsweep.config.problems import ProblemEntry
from mixsweep.config.strict_yaml import read_yaml
from mixsweep.config.sweep import SweepConfig
from mixsweep.errors import MixsweepError, nearest
from mixsweep.locking import claim, holder
from mixsweep.moved import adopt_records
from mixsweep.partial import Part, part_of
from mixsweep.plan import Cell, Plan, Shard, make_plan
from mixsweep.problems.sources import FileSource
from mixsweep.progress import uniform_failures
from mixsweep.provenance import canonical, check_results
from mixsweep.records import do_not_wait_for_disk
from mixsweep.rounds import FILE as ROUNDS_FILE
from mixsweep.rounds import read_rounds
from mixsweep.stand_in import ATTEMPTS, take_back

__all__ = ["SweepWorkflow", "default_config"]

T = TypeVar("T")

# The cost model is for a quiet machine; a cluster's limit should stop only what hangs.
_RUNTIME_MARGIN = 20

# Seconds as a rule; here too the limit is to stop only what hangs.
_CELL_MINUTES = 120
_FITS_A_MINUTE = 1000

_STAND_IN_MB, _STAND_IN_MINUTES = 500, 10

_MOST_WARNINGS = 5


class _PlainError(WorkflowError):
    """An error of which the message is all that helps.

    Snakemake prints the places in our code that an error passed through below its message; so this error says
    that it passed through none.
    """

    @property
    def __traceback__(self) -> None:
        return None

    @__traceback__.setter
    def __traceback__(self, value: object) -> None:
        """Take what `contextlib` sets on its way."""


class ConfigError(_PlainError):
    """A mistake in the config or in the data."""


class LandscapeError(_PlainError):
    """Landscapes that a run could not make."""


def _told(call: Callable[[], T]) -> T:
    """Call, and turn our errors into Snakemake's, which it prints without a traceback."""
    try:
        return call()
    except MixsweepError as error:
        raise ConfigError(str(error)) from None


def default_config(basedir: str | Path) -> str:
    """Return the config of a run that names none: the working folder's, else the one beside the Snakefile."""
    here = Path("config.yaml")
    path = here if here.is_file() else Path(basedir) / "config.yaml"
    _told(lambda: read_yaml(path))
    return str(path)


class SweepWorkflow:
    """A sweep as the rules see it.

    Parameters
    ----------
    config : mapping
        Snakemake's config, command line included.
    configfiles : sequence of path
        The files it came from; relative data paths start at the last one's folder.
    results : str
        The results folder, relative to the working folder.
    logs : str
        The folder of logs.

    Raises
    ------
    WorkflowError
        If the config or a data file cannot be used, or another config made the results folder.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        configfiles: Sequence[str | Path],
        results: str,
        logs: str = "logs",
    ) -> None:
        self.results = results
        self.logs = logs
        self._folder = Path.cwd()
        self._raw = {
            key: value for key, value in config.items() if key not in ("replace", "partial", "pathvars")
        }
        self._base = Path(configfiles[-1]).absolute().parent if configfiles else self._folder
        source = " + ".join(str(path) for path in configfiles) or "config"
        self.plan: Plan = _told(lambda: self._planned(config, configfiles, source))
        self._entries = {problem.name: problem.entry for problem in self.plan.problems}
        self._there = {
            cell.folder: self._part_there(cell) if self.config.partial else self._whole(cell)
            for cell in self.plan.cells
        }

    def _planned(self, config: Mapping[str, Any], files: Sequence[str | Path], source: str) -> Plan:
        for file in files:
            # Snakemake has read these already, keeping the last of duplicate keys
            read_yaml(Path(file))
        checked = parse_config(config, self._base, source)
        if Path(self.results).exists() and not Path(self.results).is_dir():
            raise MixsweepError(f"{self.results}: found a file; expected a folder for the results.")
        rounds = {} if isinstance(checked.restarts, int) else read_rounds(Path(self.results) / ROUNDS_FILE)
        plan = make_plan(checked, rounds)
        check_results(plan, Path(self.results), self._folder)
        return plan

    def _whole(self, cell: Cell) -> Part:
        there = dict.fromkeys(self.config.method_specs, self.plan.restarts_of(cell))
        return Part(tuple(there), self.plan.restarts_of(cell), there)

    def _part_there(self, cell: Cell) -> Part:
        def shards_of(restarts: int) -> list[Shard]:
            return self.plan.shards_of(cell, restarts)

        def is_there(shard: Shard) -> bool:
            return (self._folder / self.results / shard.path).is_file()

        return part_of(shards_of, self.plan.restarts_of(cell), is_there)

    def begin(self, persistence: Any) -> None:
        """Keep other runs away from the results folder until this one ends, and write its records quickly."""
        _told(lambda: claim(self._folder / self.results))
        do_not_wait_for_disk(persistence)

    def prepare(self) -> None:
        """Make the folder as a run expects it, unless one is going on.

        What Snakemake knows of the files of a folder that was moved or copied is kept. Landscapes that a run
        could not make, which was killed before it said so, are missing again.
        """
        if not holder(self._folder / self.results):
            _told(lambda: adopt_records(self._folder))
            take_back(self._landscape_files())

    def _landscape_files(self) -> list[Path]:
        return [self._folder / path for path in self.cell_files("landscape.nc")]

    @property
    def config(self) -> SweepConfig:
        """The checked config."""
        return self.plan.config

    def cell_files(self, name: str) -> list[str]:
        """Return one file of every cell that can be built, such as ``fits.nc``."""
        return [
            f"{self.results}/cells/{folder}/{name}" for folder, part in self._there.items() if part.restarts
        ]

    def fits(self, wildcards: Any) -> list[str]:
        """Return the fits of all cells."""
        return self.cell_files("fits.nc")

    def timings(self, wildcards: Any) -> list[str]:
        """Return the timings of all cells."""
        return self.cell_files("timing.nc")

    def optima(self, wildcards: Any) -> list[str]:
        """Return the optima of all cells."""
        return self.cell_files("optima.nc")

    def landscapes(self, wildcards: Any) -> list[str]:
        """Return the landscapes of all cells, none where the config asks for none."""
        return self.cell_files("landscape.nc") if self.config.landscape else []

    def problem_files(self, wildcards: Any) -> list[str]:
        """Return the files of all problems."""
        return [f"{self.results}/problems/{name}.nc" for name in self._entries]

    def shards(self, wildcards: Any) -> list[str]:
        """Return the shards of the cell that the wildcards name."""
        cell = self._cell(wildcards)
        part = self._there[cell.folder]
        if not part.restarts:
            raise ConfigError(
                f"no block of restarts of {cell.folder} is there for every initializer of a method; "
                "expected one. Without --config partial=true the cell is fitted."
            )
        shards = self.plan.shards_of(cell, part.restarts)
        return [f"{self.results}/{shard.path}" for shard in shards if shard.method in part.methods]

    def data_file(self, wildcards: Any) -> list[str]:
        """Return the user's data file of the problem that the wildcards name, if there is one."""
        return self._data_path(self._entry(wildcards.problem))

    def data_files(self, wildcards: Any) -> list[str]:
        """Return all data files of the user's."""
        return sorted({path for entry in self._entries.values() for path in self._data_path(entry)})

    def _data_path(self, entry: ProblemEntry) -> list[str]:
        if not isinstance(entry.source, FileSource):
            return []
        spec = entry.source.spec(self._folder)
        return [str(spec[key]) for key in ("file", "starts") if key in spec]

    @property
    def numerics(self) -> str:
        """The version of the numerical code."""
        return NUMERICS_VERSION

    def methods(self, wildcards: Any) -> str:
        """Return the methods of a cell with their settings as JSON, of a partial one those that are there."""
        specs = self.config.method_specs
        return canonical({label: specs[label].as_json() for label in self._part(wildcards).methods})

    def restarts_there(self, wildcards: Any) -> str:
        """Return how many restarts of each method a cell has, be they used or not, as JSON."""
        return canonical(dict(self._part(wildcards).there))

    @property
    def initializers(self) -> str:
        """All initializers, as JSON."""
        return canonical(self.config.initializers)

    def restarts(self, wildcards: Any) -> int:
        """Return the restarts of a cell, of a partial one those that are there."""
        return self._part(wildcards).restarts

    def _part(self, wildcards: Any) -> Part:
        return self._there[self._cell(wildcards).folder]

    def planned_restarts(self, wildcards: Any) -> int:
        """Return the restarts that a cell should have."""
        return self.plan.restarts_of(self._cell(wildcards))

    @property
    def left_out(self) -> str:
        """The cells of which not every method is there, as JSON."""
        methods = tuple(self.config.method_specs)
        return canonical([folder for folder, part in self._there.items() if part.methods != methods])

    @property
    def adaptive(self) -> bool:
        """Whether later rounds may add restarts."""
        return not isinstance(self.config.restarts, int)

    @property
    def rounds(self) -> str:
        """The restarts of all cells that have more than at first, as JSON."""
        return canonical(dict(self.plan.rounds))

    @property
    def target(self) -> str:
        """The target of an adaptive sweep, as JSON."""
        return canonical({} if isinstance(self.config.restarts, int) else self.config.restarts.model_dump())

    @property
    def thresholds(self) -> str:
        """The thresholds of the census, as JSON."""
        return canonical(self.config.census.model_dump())

    @property
    def raw_config(self) -> str:
        """The config as given, as JSON; keys in the user's order, which reports follow."""
        return json.dumps(self._raw, separators=(",", ":"))

    @property
    def base(self) -> str:
        """The folder at which data paths start, relative to the working folder."""
        return os.path.relpath(self._base, self._folder)

    def spec(self, wildcards: Any) -> str:
        """Return the source of a problem, as JSON."""
        return canonical(self._entry(wildcards.problem).source.spec(self._folder))

    def settings(self, wildcards: Any) -> str:
        """Return the settings of a method, as JSON."""
        specs = self.config.method_specs
        if wildcards.method not in specs:
            raise WorkflowError(
                f"no method {wildcards.method!r} in the config{nearest(wildcards.method, specs)}"
            )
        return canonical(specs[wildcards.method].as_json())

    def shard_folder(self, wildcards: Any) -> str:
        """Return the folder of a cell's shards."""
        return f"{self.results}/shards/{self._cell(wildcards).folder}"

    def cells_folder(self, wildcards: Any) -> str:
        """Return the folder of all cells."""
        return f"{self.results}/cells"

    def tables_folder(self, wildcards: Any) -> str:
        """Return the folder of the tables."""
        return f"{self.results}/tables"

    def figures_folder(self, wildcards: Any) -> str:
        """Return the folder of the report's figures."""
        return f"{self.results}/report/figures"

    def results_folder(self, wildcards: Any) -> str:
        """Return the results folder."""
        return self.results

    def end(self) -> None:
        """Say what a run leaves of which no job failed; fail if it could not make all landscapes.

        Raises
        ------
        LandscapeError
            If landscapes are missing.
        """
        failed = take_back(self._landscape_files())
        print(self.closing_line())
        if failed:
            raise LandscapeError(self._without(failed))

    def fail(self) -> None:
        """Say what is to be done after a run of which a job failed."""
        take_back(self._landscape_files())
        print(self.failure_line())

    def _without(self, failed: Sequence[Path]) -> str:
        results = self._folder / self.results
        cells = [str(path.parent.relative_to(results / "cells")) for path in failed]
        more = f" and {len(cells) - _MOST_WARNINGS} more" if len(cells) > _MOST_WARNINGS else ""
        return (
            f"{len(cells)} of {len(self._landscape_files())} landscapes could not be made: "
            f"{', '.join(cells[:_MOST_WARNINGS])}{more}. What else was asked for is there; barriers.csv and "
            "the report say why. The same call tries again. "
            f"mixsweep status {shlex.quote(str(results))} has the ends of their logs."
        )

    def closing_line(self) -> str:
        """Return what a finished run says last: what is there, how long it took, and where the report is."""
        seconds = time.time() - psutil.Process().create_time()
        results = self._folder / self.results
        page = results / "report" / "index.html"
        # the run may have been for some of the targets only
        there = sum(shard.n_fits for shard in self.plan.shards if (results / shard.path).is_file())
        fits = f"All {there}" if there == self.plan.n_fits else f"{there} of {self.plan.n_fits}"
        told = f"{fits} fits of {len(self.plan.cells)} cells are there; this run took {seconds:.0f} s."
        short = sum(self._there[cell.folder] != self._whole(cell) for cell in self.plan.cells)
        if short:
            told += f"\n{short} cells are partial or left out: mixsweep status names them."
        for warning in self._warnings():
            told += f"\nWarning: {warning}"
        more = self.cells_wanting_more()
        if more:
            told += f"\n{more} cells want more restarts: the same call adds them; mixsweep run does it."
        return f"{told}\nReport: {page}" if page.is_file() else told

    def _warnings(self) -> list[str]:
        """Return the methods that have failed in the same way on all of a cell's fits, at most a handful."""
        found = uniform_failures(self.plan.shards, self._folder / self.logs)
        more = [f"and {len(found) - _MOST_WARNINGS} more of this kind"] if len(found) > _MOST_WARNINGS else []
        return found[:_MOST_WARNINGS] + more

    def cells_wanting_more(self) -> int:
        """Return how many cells are to get more restarts in the next round of an adaptive sweep."""
        if not self.adaptive:
            return 0
        wanted = read_rounds(self._folder / self.results / ROUNDS_FILE)
        return sum(wanted.get(cell.folder, 0) > self.plan.restarts_of(cell) for cell in self.plan.cells)

    def failure_line(self) -> str:
        """Return what a failed run says last: where to look, and what to do."""
        return (
            "Not all jobs succeeded; what is done is kept, and the same call makes the rest.\n"
            f"mixsweep status {shlex.quote(str(self._folder / self.results))} names the failed shards, their "
            "causes, and the commands that rerun them. --config partial=true makes the report without them."
            + "".join(f"\nWarning: {warning}" for warning in self._warnings())
        )

    def shard_mem_mb(self, wildcards: Any, attempt: int) -> int:
        """Return a shard's memory, more at each attempt."""
        n_fits = int(wildcards.stop) - int(wildcards.start)
        return attempt * self.plan.memory_mb(self._cell(wildcards), n_fits)

    def shard_minutes(self, wildcards: Any, attempt: int) -> int:
        """Return a shard's time limit, more at each attempt."""
        method, initializer = wildcards.method, wildcards.initializer
        if method not in self.config.method_specs or initializer not in self.config.initializers:
            return 10
        n_fits = int(wildcards.stop) - int(wildcards.start)
        seconds = n_fits * self.plan.seconds_per_fit(self._cell(wildcards), method, initializer)
        return attempt * max(10, math.ceil(_RUNTIME_MARGIN * seconds / 60))

    def cell_mem_mb(self, wildcards: Any, attempt: int) -> int:
        """Return the memory that gathering a cell takes, more at each attempt."""
        cell = self._cell(wildcards)
        return attempt * self.plan.memory_mb(cell, self.plan.n_fits_of(cell))

    def cell_minutes(self, wildcards: Any, attempt: int) -> int:
        """Return the time limit of a cell's analyses, more at each attempt."""
        n_fits = self.plan.n_fits_of(self._cell(wildcards))
        return attempt * (_CELL_MINUTES + n_fits // _FITS_A_MINUTE)

    def attempt(self, wildcards: Any, attempt: int) -> int:
        """Return which attempt of a job this is."""
        return attempt

    def landscape_mem_mb(self, wildcards: Any, attempt: int) -> int:
        """Return the memory that a cell's landscape takes, little for leaving an empty file."""
        return _STAND_IN_MB if attempt > ATTEMPTS else self.cell_mem_mb(wildcards, attempt)

    def landscape_minutes(self, wildcards: Any, attempt: int) -> int:
        """Return the time limit of a cell's landscape, short for leaving an empty file."""
        return _STAND_IN_MINUTES if attempt > ATTEMPTS else self.cell_minutes(wildcards, attempt)

    def sweep_mem_mb(self, wildcards: Any, attempt: int) -> int:
        """Return the memory that gathering everything takes, more at each attempt."""
        return attempt * (1000 + self.plan.n_fits // 100)

    def _entry(self, name: str) -> ProblemEntry:
        if name not in self._entries:
            raise ConfigError(f"no problem {name!r} in the config{nearest(name, self._entries)}")
        return self._entries[name]

    def _cell(self, wildcards: Any) -> Cell:
        folder = f"{wildcards.problem}/{wildcards.family}/K{wildcards.n_components}"
        cells = self.plan.cell_by_folder
        if folder not in cells:
            raise ConfigError(f"no cell {folder!r} in the config{nearest(folder, cells)}")
        return cells[folder]
