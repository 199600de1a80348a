"""One fit of a finished sweep again, with every pass of its trace, and whether it is the same to the bit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mixsweep.collect import CellKey
from mixsweep.errors import MixsweepError
from mixsweep.recorded import RecordedCell
from mixsweep.shard import fit_shard

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Refit", "refit"]


@dataclass(frozen=True)
class Refit:
    """A fit made again.

    Attributes
    ----------
    fit : xarray.Dataset
        The fit over ``checkpoint``, one for every pass.
    stored : xarray.Dataset
        The same fit as the sweep holds it.
    differing : tuple of str
        Variables, the thinned traces aside, whose bits differ.
    """

    fit: xr.Dataset
    stored: xr.Dataset
    differing: tuple[str, ...]


def refit(results: Path, key: CellKey, method: str, initializer: str, restart: int) -> Refit:
    """Run one fit of a sweep again.

    The whole shard is run, since the last bits of a fit depend on what it is batched with.

    Parameters
    ----------
    results : Path
        Results folder.
    key : (problem, family, n_components)
        The cell.
    method, initializer : str
        Labels as in the config.
    restart : int
        Restart number.

    Raises
    ------
    MixsweepError
        If the folder has no such cell or fit, or was made by other numerical code.
    """
    cell = RecordedCell.read(results, key)
    cell.check_names([method], initializer)
    if not 0 <= restart < cell.spec.restarts:
        raise MixsweepError(f"restart {restart} is not in this cell; expected 0 to {cell.spec.restarts - 1}")
    shard = next(
        shard_spec
        for shard, shard_spec in cell.spec.shard_specs(cell.problem)
        if (shard.method, shard.initializer) == (method, initializer) and shard.start <= restart < shard.stop
    )
    again, _ = fit_shard(cell.problem, shard, checkpoints=cell.spec.max_passes + 1)
    fit = again.sel(restart=restart)
    stored = cell.fits.sel({"method": method, "initializer": initializer, "restart": restart})
    differing = tuple(
        str(name)
        for name, variable in fit.data_vars.items()
        if "checkpoint" not in variable.dims
        and not np.array_equal(variable.values, stored[name].values, equal_nan=variable.dtype.kind == "f")
    )
    used = np.isfinite(fit["trace_passes"].values)
    return Refit(fit.isel(checkpoint=used), stored, differing)
