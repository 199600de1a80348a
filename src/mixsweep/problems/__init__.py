"""Problems: built-in data sets, files of the user's, and simulated mixtures."""

from __future__ import annotations

from mixsweep.problems.base import Problem
from mixsweep.problems.builtin import BUILTIN, load_builtin
from mixsweep.problems.files import load_file
from mixsweep.problems.simulate import simulate
from mixsweep.problems.sources import (
    BuiltinSource,
    FileSource,
    SimulatedSource,
    Source,
    simulation_grid,
    source_from_spec,
)
from mixsweep.problems.store import read_problem, write_problem

__all__ = [
    "BUILTIN",
    "BuiltinSource",
    "FileSource",
    "Problem",
    "SimulatedSource",
    "Source",
    "load_builtin",
    "load_file",
    "read_problem",
    "simulate",
    "simulation_grid",
    "source_from_spec",
    "write_problem",
]
