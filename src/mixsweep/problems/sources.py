"""Where a problem comes from: a built-in data set, a file, or a simulation; each loads itself."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixsweep.errors import MixsweepError
from mixsweep.problems.base import Problem

__all__ = ["BuiltinSource", "FileSource", "SimulatedSource", "Source", "simulation_grid", "source_from_spec"]


@dataclass(frozen=True)
class BuiltinSource:
    """A data set that comes with mixsweep.

    Parameters
    ----------
    builtin : str
        Its name.
    """

    builtin: str

    @property
    def true_k(self) -> int | None:
        """The generating number of components, where there is one."""
        return None

    def spec(self, folder: Path | None = None) -> dict[str, Any]:
        """Return the mapping which `source_from_spec` reads back."""
        return {"builtin": self.builtin}

    def load(self, name: str, seed: int) -> Problem:
        """Read the data."""
        from mixsweep.problems.builtin import load_builtin

        return load_builtin(self.builtin, name)


@dataclass(frozen=True)
class FileSource:
    """A data file of the user's.

    Parameters
    ----------
    path : pathlib.Path
        The file, already resolved against the config's folder.
    columns : tuple of str or None
        The columns which are features; ``None`` for all.
    weights : str or None
        The column that says how many times each row counts.
    starts : pathlib.Path or None
        A table of starts (see `mixsweep.problems.starts.load_starts`).
    """

    path: Path
    columns: tuple[str, ...] | None = None
    weights: str | None = None
    starts: Path | None = None

    @property
    def true_k(self) -> int | None:
        """The generating number of components, where there is one."""
        return None

    def spec(self, folder: Path | None = None) -> dict[str, Any]:
        """Return the mapping which `source_from_spec` reads back.

        Parameters
        ----------
        folder : pathlib.Path, optional
            Make the path relative to this folder, so that a project that moves as a whole keeps its results.
        """

        def placed(path: Path) -> str:
            return str(path) if folder is None else os.path.relpath(path, folder)

        spec: dict[str, Any] = {"file": placed(self.path)}
        if self.columns is not None:
            spec["columns"] = list(self.columns)
        if self.weights is not None:
            spec["weights"] = self.weights
        if self.starts is not None:
            spec["starts"] = placed(self.starts)
        return spec

    def load(self, name: str, seed: int) -> Problem:
        """Read and check the data."""
        from mixsweep.problems.files import load_file
        from mixsweep.problems.starts import load_starts

        problem = load_file(self.path, name, self.columns, self.weights)
        if self.starts is None:
            return problem
        provenance = {"starts": self.starts.name, **problem.provenance}
        problem = dataclasses.replace(
            problem, starts=load_starts(self.starts, problem), provenance=provenance
        )
        problem.provenance["checksum"] = problem.checksum
        return problem


@dataclass(frozen=True)
class SimulatedSource:
    """One point of a grid of simulated Gaussian mixtures; the law is in `mixsweep.problems.simulate`."""

    n: int
    d: int
    k: int
    separation: float
    weights: str | tuple[float, ...]
    replicate: int

    @property
    def true_k(self) -> int | None:
        """The generating number of components."""
        return self.k

    def spec(self, folder: Path | None = None) -> dict[str, Any]:
        """Return the mapping which `source_from_spec` reads back."""
        weights = self.weights if isinstance(self.weights, str) else list(self.weights)
        return {
            "simulate": {
                "n": self.n,
                "d": self.d,
                "k": self.k,
                "separation": self.separation,
                "weights": weights,
                "replicate": self.replicate,
            }
        }

    def problem_name(self, stem: str) -> str:
        """Return the problem's name: every axis is in it, so that a larger grid renames nothing."""
        name = f"{stem}-n{self.n}-d{self.d}-k{self.k}-s{self.separation:g}"
        if isinstance(self.weights, tuple):
            name += "-w" + "+".join(f"{weight:g}" for weight in self.weights)
        elif self.weights != "equal":
            name += f"-{self.weights}"
        return f"{name}-r{self.replicate}"

    def load(self, name: str, seed: int) -> Problem:
        """Draw the data; the name and the seed decide every number."""
        from mixsweep.problems.simulate import simulate

        return simulate(self, name, seed)


Source = BuiltinSource | FileSource | SimulatedSource


def simulation_grid(
    *,
    n: list[int],
    d: list[int],
    k: list[int],
    separation: list[float],
    weights: list[str] | list[float],
    replicates: int,
) -> list[SimulatedSource]:
    """Return every combination of the axes, replicates innermost.

    A list of numbers as `weights` is one explicit law, a list of words is an axis.
    """
    laws: list[str | tuple[float, ...]] = []
    numbers = tuple(weight for weight in weights if not isinstance(weight, str))
    laws.extend([numbers] if numbers else [weight for weight in weights if isinstance(weight, str)])
    return [
        SimulatedSource(rows, features, components, distance, law, replicate)
        for rows, features, components, distance, law, replicate in itertools.product(
            n, d, k, separation, laws, range(1, replicates + 1)
        )
    ]


def _file_source(path: Path, rest: Mapping[str, Any]) -> FileSource:
    columns, starts = rest.get("columns"), rest.get("starts")
    return FileSource(
        path,
        None if columns is None else tuple(columns),
        rest.get("weights"),
        None if starts is None else Path(starts),
    )


def source_from_spec(spec: Mapping[str, Any]) -> Source:
    """Return the source that a resolved mapping describes (the ``--spec`` of ``mixsweep problem``).

    Raises
    ------
    MixsweepError
        If the mapping is none of the three kinds.
    """
    try:
        match dict(spec):
            case {"builtin": str(builtin), **rest} if not rest:
                return BuiltinSource(builtin)
            case {"file": str(file), **rest} if rest.keys() <= {"columns", "weights", "starts"}:
                return _file_source(Path(file), rest)
            case {"simulate": dict(point), **rest} if not rest:
                weights = point.pop("weights", "equal")
                return SimulatedSource(
                    **point, weights=weights if isinstance(weights, str) else tuple(weights)
                )
    except TypeError as error:
        raise MixsweepError(f"problem specification {dict(spec)}: {error}.") from None
    raise MixsweepError(
        f"problem specification {dict(spec)}: expected one of builtin, file (with columns, weights, "
        "starts) or simulate."
    )
