"""What no config needs any more in a results folder: shards, and what killed writes have left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mixsweep.config import load_config
from mixsweep.errors import MixsweepError
from mixsweep.plan import make_plan
from mixsweep.rounds import FILE as ROUNDS_FILE
from mixsweep.rounds import read_rounds
from mixsweep.shard_file import timing_path

__all__ = ["Garbage", "find_garbage"]


@dataclass(frozen=True)
class Garbage:
    """Files that may go.

    Attributes
    ----------
    shards : tuple of Path
        Shards that no config refers to; their wall times go with them.
    leftovers : tuple of Path
        Temporary files of writes that were killed.
    """

    shards: tuple[Path, ...]
    leftovers: tuple[Path, ...]

    @property
    def files(self) -> list[Path]:
        """All files."""
        timings = [timing_path(path) for path in self.shards]
        return [*self.shards, *(path for path in timings if path.is_file()), *self.leftovers]

    @property
    def size(self) -> int:
        """Their bytes."""
        return sum(path.stat().st_size for path in self.files)

    def delete(self) -> None:
        """Delete the files, and the folders that are empty then."""
        for path in self.files:
            path.unlink(missing_ok=True)
        for path in self.shards:
            _remove_empty(path.parent, path.parents[4])


def _remove_empty(folder: Path, top: Path) -> None:
    """Remove a folder and those above it, below the top, as long as they are empty."""
    while folder != top and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _wanted(results: Path, configs: Iterable[Path]) -> set[Path]:
    wanted = set()
    for path in configs:
        config = load_config(path)
        rounds = {} if isinstance(config.restarts, int) else read_rounds(results / ROUNDS_FILE)
        wanted |= {results / shard.path for shard in make_plan(config, rounds).shards}
    return wanted


def find_garbage(results: Path, configs: Sequence[Path]) -> Garbage:
    """Find the shards that none of the configs refers to, and the leftovers of killed writes.

    Parameters
    ----------
    results : Path
        Results folder.
    configs : sequence of Path
        Every config whose sweep is to stay whole.

    Raises
    ------
    MixsweepError
        If the folder is no results folder, or a config cannot be used.
    """
    if not (results / "shards").is_dir():
        raise MixsweepError(f"{results}: no folder of shards in it; expected the results folder of a sweep")
    wanted = _wanted(results, configs)
    found = sorted((results / "shards").glob("*/*/*/*/*.nc"))
    shards = [path for path in found if not path.name.endswith(".timing.nc") and path.name[0] != "."]
    return Garbage(
        tuple(path for path in shards if path not in wanted),
        tuple(path for path in sorted(results.rglob(".*.tmp")) if path.is_file()),
    )
