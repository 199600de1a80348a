"""The section problems: where each comes from, simulated grids expanded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from mixsweep.config.section import SECTION
from mixsweep.config.types import (
    Columns,
    ComponentCounts,
    Numbers,
    PositiveWhole,
    Text,
    Weights,
    Wholes,
)
from mixsweep.errors import MixsweepError, nearest
from mixsweep.problems.builtin import BUILTIN
from mixsweep.problems.sources import BuiltinSource, FileSource, SimulatedSource, Source, simulation_grid

__all__ = ["ProblemEntry", "ProblemSpec", "SimulateSpec", "expanded"]


class SimulateSpec(BaseModel):
    """A grid of Gaussian mixtures drawn at random."""

    model_config = SECTION

    n: Wholes
    """Rows."""
    d: Wholes
    """Features."""
    k: Wholes
    """Components that generate the data."""
    separation: Numbers
    """Smallest distance of two means, in standard deviations of a component per direction."""
    weights: Weights = ["equal"]
    """Equal, unequal (proportional to 1, 2, ..., k), a list of these, or the weights themselves."""
    replicates: PositiveWhole = 1
    """Independent data sets at each point of the grid."""


class ProblemSpec(BaseModel):
    """Where a problem comes from; by default, its name is that of a built-in data set."""

    model_config = SECTION

    builtin: Text | None = None
    """A built-in data set, when the problem has another name."""
    file: Text | None = None
    """A csv, tsv, parquet, npy or netCDF file; relative paths start at the config file's folder."""
    columns: Columns | None = None
    """The columns of the file which are features; all by default."""
    weights: Text | None = None
    """The column of the file that says how many times each row counts; it is no feature."""
    starts: Text | None = None
    """A table of starts for the initializer user-starts; relative paths start at the config file's folder."""
    simulate: SimulateSpec | None = None
    """A grid of simulated problems."""
    n_components: ComponentCounts | None = None
    """Numbers of components to fit, in place of the sweep's."""


@dataclass(frozen=True)
class ProblemEntry:
    """A problem of the sweep; `key` is what the config calls it, `name` what its results are called."""

    name: str
    key: str
    source: Source
    n_components: tuple[int, ...]


def expanded(
    problems: Mapping[str, ProblemSpec], n_components: list[int] | str | None, base: Path, source: str
) -> tuple[ProblemEntry, ...]:
    """Return all problems, one for each point of a grid.

    Parameters
    ----------
    problems : mapping
        What the config says of each.
    n_components : list of int, "truth" or None
        Numbers of components of the problems that have none of their own.
    base : pathlib.Path
        The folder at which relative data paths start.
    source : str
        What messages call the config.

    Raises
    ------
    MixsweepError
        Naming the source, the key, what was found and what was expected.
    """
    entries: dict[str, ProblemEntry] = {}
    for key, spec in problems.items():
        for entry in _entries(key, spec, n_components, base, source):
            other = entries.setdefault(entry.name.lower(), entry)
            if other is not entry:
                raise MixsweepError(
                    f"{source}: problems: {key!r} and {other.key!r} both make a problem named "
                    f"{entry.name!r}; expected different names. Rename one of them."
                )
    return tuple(entries.values())


def _entries(
    key: str, spec: ProblemSpec, n_components: list[int] | str | None, base: Path, source: str
) -> Iterator[ProblemEntry]:
    own = spec.n_components is not None
    counts = spec.n_components if own else n_components
    where = f"{source}: {f'problems.{key}.n_components' if own else 'n_components'}"
    if counts is None:
        raise MixsweepError(
            f"{where}: this key is missing, and problems.{key} has none of its own; expected a list "
            "such as [2, 3, 4]."
        )
    for name, origin in _sources(key, spec, base, f"{source}: problems.{key}"):
        if counts == "truth" and origin.true_k is None:
            raise MixsweepError(
                f"{where}: found truth, but problem {key!r} is not simulated, so its number of "
                "components is not known; expected a list such as [2, 3, 4]."
            )
        chosen = (origin.true_k,) if counts == "truth" else counts
        yield ProblemEntry(name, key, origin, tuple(int(k) for k in chosen if k is not None))


def _sources(key: str, spec: ProblemSpec, base: Path, where: str) -> list[tuple[str, Source]]:
    _check_kind(spec, where)
    if spec.file is not None:
        return [(key, _file_source(spec, base / spec.file, base, where))]
    if spec.simulate is not None:
        return [(point.problem_name(key), point) for point in _grid(where, spec.simulate)]
    name = spec.builtin or key
    if name not in BUILTIN:
        raise MixsweepError(
            f"{where}: no built-in data set {name!r}{nearest(name, BUILTIN)} "
            f"(data of your own needs a file, as in {{{key}: {{file: {key}.csv}}}})"
        )
    return [(key, BuiltinSource(name))]


def _check_kind(spec: ProblemSpec, where: str) -> None:
    kinds = [kind for kind in ("builtin", "file", "simulate") if getattr(spec, kind) is not None]
    if len(kinds) > 1:
        raise MixsweepError(
            f"{where}: found {' and '.join(kinds)}; expected one of builtin, file and simulate."
        )
    for name in ("columns", "weights", "starts"):
        if getattr(spec, name) is not None and spec.file is None:
            raise MixsweepError(f"{where}.{name}: {name} belong to a file of data, but no file is given.")


def _file_source(spec: ProblemSpec, file: Path, base: Path, where: str) -> FileSource:
    columns = tuple(spec.columns) if spec.columns else None
    if columns is not None and spec.weights in columns:
        raise MixsweepError(
            f"{where}.weights: {spec.weights!r} is among the columns; expected one that is no feature."
        )
    return FileSource(file, columns, spec.weights, base / spec.starts if spec.starts else None)


def _grid(where: str, spec: SimulateSpec) -> list[SimulatedSource]:
    explicit = [weight for weight in spec.weights if not isinstance(weight, str)]
    if explicit and spec.k != [len(explicit)]:
        raise MixsweepError(
            f"{where}.simulate.weights: found {len(explicit)} weights for k = {spec.k}; "
            "expected one for each component, and a single k."
        )
    for n in spec.n:
        if n < max(spec.d) + 1:
            raise MixsweepError(
                f"{where}.simulate.n: found {n} rows for d = {max(spec.d)}; expected at least d + 1 = "
                f"{max(spec.d) + 1}."
            )
    axes = {axis: getattr(spec, axis) for axis in ("n", "d", "k", "separation", "weights", "replicates")}
    return simulation_grid(**axes)
