"""A cell of a results folder with what its fits were made from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mixsweep.cell import CellSpec, recorded_spec
from mixsweep.collect import CellKey, cell_group
from mixsweep.errors import MixsweepError, nearest
from mixsweep.io import read_dataset
from mixsweep.problems import read_problem
from mixsweep.problems.base import Problem

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["RecordedCell"]


@dataclass(frozen=True)
class RecordedCell:
    """A cell as its files record it.

    Attributes
    ----------
    problem : Problem
        The data.
    spec : CellSpec
        How the fits were made.
    fits : xarray.Dataset
        The fits over (method, initializer, restart).
    """

    problem: Problem
    spec: CellSpec
    fits: xr.Dataset

    @classmethod
    def read(cls, results: Path, key: CellKey) -> RecordedCell:
        """Return a cell of a results folder.

        Parameters
        ----------
        results : Path
            Results folder.
        key : (problem, family, n_components)
            The cell.

        Raises
        ------
        MixsweepError
            If the folder has no such cell, or other numerical code made it.
        """
        path = results / "cells" / cell_group(key) / "fits.nc"
        fits = read_dataset(path)
        spec = recorded_spec(path, fits)
        return cls(read_problem(results / "problems" / f"{key[0]}.nc"), spec, fits)

    def check_names(self, methods: Iterable[str], initializer: str) -> None:
        """Refuse labels of methods, or a kind of start, that the cell does not have.

        Raises
        ------
        MixsweepError
            With the nearest one that it has.
        """
        for what, names, known in (
            ("method", methods, self.spec.methods),
            ("initializer", [initializer], self.spec.initializers),
        ):
            for name in names:
                if name not in known:
                    raise MixsweepError(f"{what} {name!r} is not in this cell{nearest(name, known)}")
