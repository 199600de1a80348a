"""What a netCDF file of ours holds, as arrays, without xarray.

xarray takes pandas and Dask's arrays along: half a second and 100 MB of a process. One that fits a shard
needs no more than is here; `Contents.dataset` is for all others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import netCDF4
    import xarray as xr

__all__ = ["Contents", "StoredArray", "define", "read_group"]

#: Variables of more numbers are compressed, where that is wanted, except parameters: as their digits are
#: nearly random, these would become a tenth smaller in half of all the time.
SMALL = 256
#: Kinds of NumPy's types that a file holds as texts.
TEXT = "OUT"


@dataclass(frozen=True)
class StoredArray:
    """A variable: its dimensions, its values and what is said of them."""

    dims: tuple[str, ...]
    values: np.ndarray[Any, Any]
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return self.values.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        dtype: np.dtype[Any] = self.values.dtype
        return dtype


@dataclass(frozen=True)
class Contents:
    """Variables by name, those of coordinates among them, and what is said of the whole.

    ``contents["means"]`` are the values of a variable.
    """

    variables: Mapping[str, StoredArray]
    attrs: Mapping[str, Any]

    def __contains__(self, name: str) -> bool:
        """Return whether there is such a variable."""
        return name in self.variables

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        """Return the values of a variable."""
        return self.variables[name].values

    @classmethod
    def of(cls, dataset: xr.Dataset) -> Contents:
        """Return a dataset as a file holds it, by the CF conventions."""
        from xarray import conventions

        plain = dataset.drop_encoding()
        for variable in plain.variables.values():
            variable.encoding["_FillValue"] = None
        variables, attrs = conventions.cf_encoder(*conventions.encode_dataset_coordinates(plain))
        stored = {
            str(name): StoredArray(
                variable.dims,
                variable.values,
                {key: value for key, value in variable.attrs.items() if key != "_FillValue"},
            )
            for name, variable in variables.items()
        }
        return cls(stored, attrs)

    def dataset(self) -> xr.Dataset:
        """Return the dataset that a file with these contents holds."""
        import xarray as xr

        variables = {
            name: xr.Variable(stored.dims, stored.values, stored.attrs)
            for name, stored in self.variables.items()
        }
        return xr.decode_cf(xr.Dataset(variables, attrs=self.attrs), decode_times=False)


def define(group: netCDF4.Dataset, contents: Contents, *, compress: bool) -> list[Callable[[], None]]:
    """Define dimensions and variables in a group of a file, and return what writes their values."""
    for stored in contents.variables.values():
        for name, length in zip(stored.dims, stored.values.shape, strict=True):
            if name not in group.dimensions:
                group.createDimension(name, length)
    group.setncatts(contents.attrs)
    return [_defined(group, name, stored, compress) for name, stored in contents.variables.items()]


def _defined(group: netCDF4.Dataset, name: str, stored: StoredArray, compress: bool) -> Callable[[], None]:
    is_text = stored.dtype.kind in TEXT
    packed = compress and not is_text and stored.values.size > SMALL and "component" not in stored.dims
    dtype: Any = str if is_text else stored.dtype
    variable = group.createVariable(name, dtype, stored.dims, fill_value=False, zlib=packed, complevel=1)
    variable.setncatts(stored.attrs)
    variable.set_auto_maskandscale(False)

    def write() -> None:
        variable[...] = stored.values.astype(object) if is_text else stored.values

    return write


def read_group(group: netCDF4.Dataset) -> Contents:
    """Return what a group of a file holds, without the groups in it."""
    group.set_auto_maskandscale(False)
    variables = {
        name: StoredArray(variable.dimensions, _values(variable), _attributes(variable))
        for name, variable in group.variables.items()
    }
    return Contents(variables, _attributes(group))


def _values(variable: netCDF4.Variable[Any]) -> np.ndarray[Any, Any]:
    values = np.asarray(variable[...])
    return values.astype(str) if values.dtype.kind == "O" else values


def _attributes(holder: netCDF4.Dataset | netCDF4.Variable[Any]) -> dict[str, Any]:
    return {name: holder.getncattr(name) for name in holder.ncattrs()}
