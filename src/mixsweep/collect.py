"""The sweep: every cell's fits, times and optima in one DataTree."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep import __version__
from mixsweep.contents import Contents, define
from mixsweep.errors import MixsweepError
from mixsweep.io import (
    CHECKSUM,
    IncompleteFileError,
    atomic_path,
    file_checksum,
    read_dataset,
    tree_checksum,
)
from mixsweep.schema import FORMAT_VERSION, annotated
from mixsweep.status import Status

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["cell_group", "collect", "open_sweep", "read_cell", "write_sweep"]

CellKey = tuple[str, str, int]

#: Scalars of every fit, at the root, and what stands where the grid has no such fit.
SCALARS: dict[str, Any] = {
    "log_likelihood": np.nan,
    "status": int(Status.NOT_RUN),
    "n_passes": np.nan,
    "n_iterations": -1,
    "em_decrement": np.nan,
    "seconds": np.nan,
    "optimum": -1,
    "polished_log_likelihood": np.nan,
}
GRID = ("problem", "family", "n_components")
FITS = ("method", "initializer", "restart")


def cell_group(key: CellKey) -> str:
    """Return the path of a cell below ``results/cells`` and in the DataTree."""
    problem, family, n_components = key
    return f"{problem}/{family}/K{n_components}"


def read_cell(folder: Path) -> tuple[xr.Dataset, xr.Dataset]:
    """Return a cell's fits, with times and the optimum that each ended in, and its optima.

    Raises
    ------
    MixsweepError
        If one of the three files is missing or damaged.
    """
    fits, timing, optima = (read_dataset(folder / f"{name}.nc") for name in ("fits", "timing", "optima"))
    fits = fits.assign(
        seconds=timing["seconds"],
        optimum=optima["fit_optimum"],
        polished_log_likelihood=optima["polished_log_likelihood"],
    )
    # SciPy takes a tenth of a second to load, and most of this module does without
    from mixsweep.analysis.multimodality import corrected_status

    fits = fits.assign(status=corrected_status(fits, optima))
    return fits, optima.drop_vars(["fit_optimum", "polished_log_likelihood", *FITS])


def collect(folder: Path, cells: Sequence[CellKey]) -> xr.DataTree:
    """Put the cells together.

    Parameters
    ----------
    folder : Path
        ``results/cells``.
    cells : sequence of (problem, family, n_components)
        All cells of the plan.

    Returns
    -------
    xarray.DataTree
        Root: the scalars of all fits over (problem, family, n_components, method, initializer, restart),
        ``status`` 0 (not-run) where the grid has no cell or the cell fewer restarts.
        ``/<problem>/<family>/K<k>/fits``: parameters and traces; ``.../optima``: the cell's optima.
    """
    import xarray as xr

    if not cells:
        raise MixsweepError(
            "the plan has no cells; expected at least one problem, family and component count"
        )
    axes: list[list[Any]] = [list(dict.fromkeys(key[axis] for key in cells)) for axis in range(3)]
    axes[2].sort()
    root: dict[str, np.ndarray[Any, Any]] = {}
    groups: dict[str, xr.Dataset] = {}
    found = {key: read_cell(folder / cell_group(key)) for key in cells}
    # an adaptive sweep gives some cells more restarts than others
    longest = max(fits.sizes["restart"] for fits, _ in found.values())
    for key, (fits, optima) in found.items():
        place = tuple(axis.index(value) for axis, value in zip(axes, key, strict=True))
        for name, blank in SCALARS.items():
            values = fits[name].transpose(*FITS).values
            if name not in root:
                shape = (*map(len, axes), *values.shape[:2], longest)
                root[name] = np.full(shape, blank, dtype=values.dtype)
            root[name][place][:, :, : values.shape[2]] = values
        groups[f"{cell_group(key)}/fits"] = annotated(_padded(fits.drop_vars(list(SCALARS)), longest))
        groups[f"{cell_group(key)}/optima"] = annotated(optima)
    coordinates = dict(zip(GRID, axes, strict=True)) | {name: fits[name].values for name in FITS}
    coordinates["restart"] = np.arange(longest)
    partial = {
        cell_group(key): (fits.sizes["restart"], int(fits.attrs["planned_restarts"]))
        for key, (fits, _) in found.items()
        if "planned_restarts" in fits.attrs
    }
    attributes = {
        name: fits.attrs[name] for name in ("methods", "seed", "tol", "max_passes", "covariance_floor")
    }
    if partial:
        attributes["partial_cells"] = json.dumps(partial)
    scalars = {name: ((*GRID, *FITS), values) for name, values in root.items()}
    return xr.DataTree.from_dict({"/": annotated(xr.Dataset(scalars, coordinates, attributes)), **groups})


def _padded(fits: xr.Dataset, restarts: int) -> xr.Dataset:
    """Return fits with room for as many restarts as the root has, which groups of one tree must share."""
    if fits.sizes["restart"] == restarts:
        return fits
    blank = {name: np.nan if variable.dtype.kind == "f" else -1 for name, variable in fits.data_vars.items()}
    return fits.reindex(restart=np.arange(restarts), fill_value=blank)


def write_sweep(tree: xr.DataTree, path: Path) -> None:
    """Write the sweep as netCDF-4, a group a cell, atomically and with the checksum of its content.

    The library writes what it knows of all groups again whenever a value is followed by a definition. So
    everything is defined first, as `DataTree.to_netcdf` does for arrays of Dask only, whose values it writes
    in an order that differs from run to run; the same sweep is to give the same bytes.
    """
    import netCDF4

    tree.attrs |= {"mixsweep_version": __version__, "mixsweep_format_version": FORMAT_VERSION}
    tree.attrs[CHECKSUM] = tree_checksum(tree)
    # the caches of all variables live until the file is closed, and would hold all of them
    cache = netCDF4.get_chunk_cache()
    netCDF4.set_chunk_cache(CHUNK_CACHE)
    try:
        with atomic_path(path) as temporary, netCDF4.Dataset(temporary, "w", clobber=True) as file:
            file.set_fill_off()
            for write in _defined(tree, file):
                write()
    finally:
        netCDF4.set_chunk_cache(*cache)


#: Bytes of a variable that netCDF-C keeps while it writes.
CHUNK_CACHE = 2**16


def _defined(tree: xr.DataTree, file: Any) -> list[Callable[[], None]]:
    """Define all groups, dimensions and variables; return what writes their values."""
    writes = []
    for node in tree.subtree:
        group = file if node.path == "/" else file.createGroup(node.path)
        writes += define(group, Contents.of(node.to_dataset(inherit=False)), compress=True)
    return writes


def open_sweep(path: Path) -> xr.DataTree:
    """Open ``sweep.nc``, whose whole content is checked; groups load when used.

    Raises
    ------
    IncompleteFileError
        If the file is missing, incomplete, or altered since it was written.
    MixsweepError
        If another version wrote it in another format.
    """
    import xarray as xr

    if not path.is_file():
        raise IncompleteFileError(f"{path}: no such file; `snakemake {path}` makes it")
    try:
        found = file_checksum(path)
        tree = xr.open_datatree(path, engine="netcdf4")
    except (OSError, RuntimeError, ValueError, KeyError, AttributeError) as error:
        raise IncompleteFileError(
            f"{path}: not readable as a sweep ({error}); delete it, and the next run makes it anew"
        ) from error
    if tree.attrs.get(CHECKSUM) != found:
        trouble = (
            "the content does not match its checksum; the file is damaged"
            if CHECKSUM in tree.attrs
            else f"no {CHECKSUM} attribute: the file is incomplete or was not written by mixsweep"
        )
        tree.close()
        raise IncompleteFileError(f"{path}: {trouble}: delete it, and the next run makes it anew")
    written = tree.attrs.get("mixsweep_format_version")
    if written != FORMAT_VERSION:
        tree.close()
        raise MixsweepError(
            f"{path}: written in format {written} by mixsweep {tree.attrs.get('mixsweep_version')}; this "
            f"version reads format {FORMAT_VERSION}. Use that version, or make the sweep anew with this one."
        )
    return tree


def methods_of(tree: xr.DataTree) -> dict[str, dict[str, Any]]:
    """Return the settings of the sweep's methods by label."""
    result: dict[str, dict[str, Any]] = json.loads(tree.attrs["methods"])
    return result
