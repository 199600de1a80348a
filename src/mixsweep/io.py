"""Files that are whole or absent: atomic writes, and a checksum of the content that every read verifies."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.contents import Contents, define, read_group
from mixsweep.errors import MixsweepError

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "CHECKSUM",
    "IncompleteFileError",
    "UnwritableFileError",
    "atomic_path",
    "content_checksum",
    "file_checksum",
    "read_contents",
    "read_dataset",
    "tree_checksum",
    "write_contents",
    "write_dataset",
    "write_text",
]

#: The attribute that marks a file as complete.
CHECKSUM = "content_sha256"


class IncompleteFileError(MixsweepError):
    """A file is truncated, altered, or not one of ours."""


class UnwritableFileError(MixsweepError):
    """A file cannot be written: the disk is full, or the folder read-only."""


def _unwritable(path: Path, error: Exception) -> UnwritableFileError:
    try:
        room = f"; the disk has {shutil.disk_usage(path.parent).free / 1e6:.1f} MB left"
    except OSError:
        room = ""
    cause = getattr(error, "strerror", None) or error
    return UnwritableFileError(
        f"{path}: could not be written ({cause}){room}. What was there before is as it was; make room or "
        "make the folder writable, and run again."
    )


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder; on success it is synced to disk and renamed to `path`.

    Raises
    ------
    UnwritableFileError
        If the system refuses: no room, no permission.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        # mkstemp makes files private; results are as readable as any other file of the user
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    except RuntimeError as error:
        # netCDF-C has no better word for a full disk than this
        if str(error).startswith("NetCDF"):
            raise _unwritable(path, error) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _bytes(values: np.ndarray[Any, Any]) -> bytes:
    if values.dtype.kind in "OUST":
        return "\x1f".join(str(value) for value in values.ravel().tolist()).encode()
    return np.ascontiguousarray(values).tobytes()


def _checksum(variables: Iterable[tuple[str, tuple[Any, ...], np.ndarray[Any, Any]]]) -> str:
    digest = hashlib.sha256()
    for name, dims, values in variables:
        digest.update(f"{name}|{dims}|{values.shape}|".encode())
        digest.update(_bytes(values))
    return digest.hexdigest()


def content_checksum(dataset: xr.Dataset | Contents) -> str:
    """Return the SHA-256 of a dataset's variables: names, dims, shapes and values."""
    variables: Mapping[Any, Any] = dataset.variables
    names = sorted(str(name) for name in variables)
    return _checksum((name, variables[name].dims, variables[name].values) for name in names)


def _combined(groups: Mapping[str, str]) -> str:
    return hashlib.sha256("\n".join(f"{path} {groups[path]}" for path in sorted(groups)).encode()).hexdigest()


def tree_checksum(tree: xr.DataTree) -> str:
    """Return the SHA-256 of all groups of a tree with their contents."""
    return _combined({node.path: content_checksum(node.to_dataset(inherit=False)) for node in tree.subtree})


def file_checksum(path: Path) -> str:
    """Return the `tree_checksum` of what a netCDF-4 file holds, one variable in memory at a time.

    Raises
    ------
    OSError, RuntimeError
        By netCDF-C, if the file is damaged.
    """
    import netCDF4

    found: dict[str, str] = {}

    def visit(group: netCDF4.Dataset) -> None:
        names = sorted(group.variables)
        variables = ((name, group.variables[name]) for name in names)
        found[group.path] = _checksum((name, one.dimensions, one[...]) for name, one in variables)
        for child in group.groups.values():
            visit(child)

    with netCDF4.Dataset(path) as dataset:
        dataset.set_auto_maskandscale(False)
        visit(dataset)
    return _combined(found)


def write_dataset(dataset: xr.Dataset, path: Path, *, compress: bool = False) -> None:
    """Write a dataset as netCDF-4, atomically and with the checksum of its content.

    Parameters
    ----------
    dataset : xarray.Dataset
        Checked against `mixsweep.schema`, whose units and meanings it is given.
    path : Path
        The file; its folder is made.
    compress : bool
        Whether float variables are deflated (level 1).
    """
    write_contents(Contents.of(dataset), path, compress=compress)


def write_contents(contents: Contents, path: Path, *, compress: bool = False) -> None:
    """Write contents as `write_dataset` does."""
    import netCDF4

    from mixsweep import schema

    schema.validate(contents)
    annotated = Contents(
        {
            name: replace(stored, attrs={**stored.attrs, **schema.variable_attributes(name)})
            for name, stored in contents.variables.items()
        },
        {**contents.attrs, **schema.FILE_ATTRIBUTES, CHECKSUM: content_checksum(contents)},
    )
    with atomic_path(path) as temporary, netCDF4.Dataset(temporary, "w", clobber=True) as file:
        file.set_fill_off()
        for write in define(file, annotated, compress=compress):
            write()


def read_dataset(path: Path) -> xr.Dataset:
    """Read a whole file written by `write_dataset` into memory.

    Raises
    ------
    IncompleteFileError
        If the file is missing, truncated, altered since it was written, or not one of ours.
    """
    return read_contents(path).dataset()


def read_contents(path: Path) -> Contents:
    """Read a file as `read_dataset` does."""
    import netCDF4

    if not path.is_file():
        raise IncompleteFileError(f"{path}: no such file")
    try:
        with netCDF4.Dataset(path) as file:
            contents = read_group(file)
    except (OSError, RuntimeError, ValueError, KeyError, AttributeError, UnicodeDecodeError) as error:
        # netCDF-C reports a damaged file by any of these, depending on where it is damaged
        raise IncompleteFileError(
            f"{path}: not readable as netCDF ({error}); the file is truncated or damaged: delete it, and the "
            "next run makes it anew"
        ) from error
    expected = contents.attrs.get(CHECKSUM)
    if expected is None:
        raise IncompleteFileError(
            f"{path}: no {CHECKSUM} attribute: the file is incomplete or was not written by mixsweep"
        )
    if content_checksum(contents) != expected:
        raise IncompleteFileError(
            f"{path}: the content does not match its checksum; the file is damaged: delete it, and the next "
            "run makes it anew"
        )
    return contents
