"""The landscapes of a results folder as rows for the page: tree, paths, slice and map."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.barrier_table import why_missing
from mixsweep.analysis.landscape import Branches, branches
from mixsweep.io import read_dataset
from mixsweep.report.tables import CELL, Results, cell_file, cells_of
from mixsweep.stand_in import stands_in
from mixsweep.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["LANDSCAPES", "landscape_frames"]

_FIELD = ("x_low", "x_high", "y_low", "y_high")
#: Tables that the landscapes make, with their columns besides those that name the cell.
LANDSCAPES: dict[str, tuple[str, ...]] = {
    "tree": ("branch", "corner", "optimum", "kind", "place", "gap", "barrier", "reason"),
    "paths": ("pair", "optimum", "kind", "path", "place", "gap", "reason"),
    "slice": ("x", "y", "gap", "wide", "high", "optimum", "kind", *_FIELD, "reason"),
    "map": ("optimum", "kind", "x", "y", "gap", "label_x", "label_y", "stress", *_FIELD, "reason"),
}
#: Those of them that hold text.
_TEXT = frozenset({"kind", "path", "pair", "reason"})
#: Rows of all paths, and of all slices, together: cells beyond that are left out, with a row that says so.
MAX_PATHS, MAX_SLICES = 40_000, 60_000
#: Paths of one cell at most, and about how many points of each, the lowest always among them.
PATHS, POINTS = 11, 25
#: Every so many-th row and column of a slice, whichever keeps all of them within the limit.
STRIDES = (1, 2, 4, 8)
#: Significant digits of heights and places: more than a drawing shows.
DIGITS = 4
#: Free space around the points of the map, and least height of its field over the width.
MAP_MARGIN, FLATTEST = 0.12, 0.5
#: Distance of a number from its point on the map, over the field's longer side.
LABEL = 0.035
FULL = "left out, since the page would grow too large: landscape.nc of the cell holds it"


def landscape_frames(results: Results) -> dict[str, pd.DataFrame]:
    """Return the rows of every drawing of the landscapes.

    Parameters
    ----------
    results : Results
        What the results folder holds; the files are looked for in its cells.

    Returns
    -------
    dict of str to DataFrame
        The names of `LANDSCAPES`. A cell without numbers has one row with the ``reason``, which the table of
        barriers says if the cell has no file. Heights are distances below the best known optimum in nats,
        ``gap``; below the highest maximum where there is none; negative above it.
    """
    cells = cells_of(results)
    kinds = {
        key: dict(zip(own["optimum"].astype(int), own["kind"], strict=True))
        for key, own in results.tables["optima"].groupby("cell", sort=False)
    }
    barriers = results.tables["barriers"]
    reasons = dict(zip(barriers["cell"], barriers["reason"], strict=True))
    missing = why_missing(results.plan.get("config") or {})
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in LANDSCAPES}
    for cell in cells:
        path = cell_file(results, "cells", cell, "/landscape.nc")
        if path.is_file() and not stands_in(path):
            frames = _of_cell(read_dataset(path), kinds.get(cell["cell"], {}), len(cells))
        else:
            frames = _without(reasons.get(cell["cell"]) or missing)
        for name, frame in frames.items():
            parts[name].append(frame)
    return {name: _joined(frames, cells, LANDSCAPES[name]) for name, frames in parts.items()}


def _of_cell(found: xr.Dataset, kinds: dict[int, str], n_cells: int) -> dict[str, pd.DataFrame]:
    if found.attrs["reason"]:
        return _without(found.attrs["reason"])
    proper = [place for place, number in enumerate(found["leading"].values) if kinds.get(number) == "proper"]
    drawn = _Drawn(found, kinds, proper[0] if proper else 0)
    frames = {"tree": _tree(drawn), "map": _map(drawn)}
    return frames | {"paths": _paths(drawn, n_cells), "slice": _slice(drawn, n_cells)}


@dataclass(frozen=True)
class _Drawn:
    """A landscape with the kinds of its maxima, and the place of the one that heights are measured from."""

    found: xr.Dataset
    kinds: dict[int, str]
    best: int

    @property
    def numbers(self) -> IntArray:
        numbers: IntArray = self.found["leading"].values
        return numbers

    def gap(self, heights: FloatArray) -> FloatArray:
        return _rounded(self.found["height"].values[self.best] - heights)

    def kind(self, numbers: Iterable[int]) -> list[str]:
        return [self.kinds.get(int(number), "") for number in numbers]


def _rounded(values: FloatArray) -> FloatArray:
    """Return numbers with a few significant digits."""
    size = np.abs(values)
    known = np.isfinite(size) & (size > 0)
    digits = 10.0 ** (DIGITS - 1 - np.floor(np.log10(np.where(known, size, 1.0))))
    rounded: FloatArray = np.round(values * digits) / digits
    return rounded


def _without(reason: str) -> dict[str, pd.DataFrame]:
    return dict.fromkeys(LANDSCAPES, _reason(reason))


def _reason(reason: str) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"reason": [reason]})


def _joined(
    frames: list[pd.DataFrame], cells: list[dict[str, Any]], columns: tuple[str, ...]
) -> pd.DataFrame:
    """Return the rows of all cells, a frame each, with every column whether any cell has it or not."""
    import pandas as pd

    every = [*CELL, *columns, "cell"]
    if not frames:
        return pd.DataFrame(columns=every)
    rows = [len(frame) for frame in frames]
    named = {name: np.repeat([cell[name] for cell in cells], rows) for name in (*CELL, "cell")}
    table = pd.concat(frames, ignore_index=True).assign(**named).reindex(columns=every)
    text = [name for name in columns if name in _TEXT]
    return table.astype(dict.fromkeys(text, object)).fillna(dict.fromkeys(text, ""))


def _tree(drawn: _Drawn) -> pd.DataFrame:
    """Return three corners of each branch: its upper end, its lower one, and the place of its parent."""
    import pandas as pd

    found: Branches = branches(drawn.found)
    corners = np.stack([found.upper, found.lower, found.lower], axis=1)
    places = np.stack([found.position, found.position, found.parent_position], axis=1)
    count = len(found.optimum)
    return pd.DataFrame(
        {
            "branch": np.repeat(np.arange(count), 3),
            "corner": np.tile(np.arange(3), count),
            "optimum": np.repeat(np.where(found.optimum >= 0, found.optimum, np.nan), 3),
            "kind": np.repeat(np.array(drawn.kind(found.optimum), dtype=object), 3),
            "place": places.ravel(),
            "gap": drawn.gap(corners.ravel()),
            "barrier": np.repeat(_rounded(found.upper - found.lower), 3),
            "reason": "",
        }
    )


def _paths(drawn: _Drawn, n_cells: int) -> pd.DataFrame:
    """Return the heights along the paths from the best known optimum to each of the others."""
    import pandas as pd

    most = min(PATHS, MAX_PATHS // (2 * (POINTS + 1) * n_cells))
    found, best = drawn.found, drawn.numbers[drawn.best]
    first, second = found["pair_first"].values, found["pair_second"].values
    pairs = np.flatnonzero((first == best) | (second == best))
    if not most:
        return _reason(FULL)
    parts = []
    for pair in pairs[:most]:
        back = second[pair] == best
        other = int(first[pair] if back else second[pair])
        for path in ("straight", "relaxed"):
            place = found[f"{path}_position"].values
            place = place[pair] if place.ndim > 1 else place
            height = found[f"{path}_log_likelihood"].values[pair]
            kept = _kept(height)
            place = 1 - place[kept] if back else place[kept]
            parts.append((other, path, place, height[kept]))
    others, paths, places, heights = zip(*parts, strict=True)
    lengths = [len(place) for place in places]
    return pd.DataFrame(
        {
            "optimum": np.repeat(others, lengths),
            "kind": np.repeat(drawn.kind(others), lengths),
            "path": np.repeat(paths, lengths),
            "place": _rounded(np.concatenate(places)),
            "gap": drawn.gap(np.concatenate(heights)),
            "pair": np.repeat([f"{best} to {other}" for other in others], lengths),
            "reason": "",
        }
    )


def _kept(heights: FloatArray) -> FloatArray:
    """Return which points of a path are drawn: every second, both ends, and the lowest."""
    lowest = int(np.argmin(np.where(np.isfinite(heights), heights, np.inf)))
    step = max(1, round((len(heights) - 1) / (POINTS - 1)))
    kept: FloatArray = np.unique([*range(0, len(heights), step), lowest, len(heights) - 1])
    return kept


def _slice(drawn: _Drawn, n_cells: int) -> pd.DataFrame:
    """Return the heights on the grid, and the three maxima in the plane of which it is."""
    import pandas as pd

    found = drawn.found
    if found.attrs["slice_reason"]:
        return _reason(found.attrs["slice_reason"])
    x, y = found["slice_x"].values, found["slice_y"].values
    fitting = (step for step in STRIDES if len(x[::step]) * len(y[::step]) * n_cells <= MAX_SLICES)
    step = next(fitting, 0)
    if not step:
        return _reason(FULL)
    heights = found["slice_log_likelihood"].values[::step, ::step]
    across, down = np.diff(x[::step])[0], np.diff(y[::step])[0]
    columns, rows = np.meshgrid(x[::step], y[::step])
    grid = pd.DataFrame({"x": _rounded(columns.ravel()), "y": _rounded(rows.ravel())})
    grid = grid.assign(gap=drawn.gap(heights.ravel()), wide=_rounded(across), high=_rounded(down))
    corner, number = found["corner_position"].values, found["corner_optimum"].values
    marked = {"x": _rounded(corner[:, 0]), "y": _rounded(corner[:, 1]), "optimum": number}
    heights = found["height"].sel(leading=number).values
    corners = pd.DataFrame(marked | {"kind": drawn.kind(number), "gap": drawn.gap(heights)})
    ends = _ends(x, across) | {f"y_{name[2:]}": value for name, value in _ends(y, down).items()}
    return pd.concat([grid, corners], ignore_index=True).assign(**ends, reason="")


def _ends(grid: FloatArray, step: float) -> dict[str, float]:
    return {"x_low": float(grid[0] - step / 2), "x_high": float(grid[-1] + step / 2)}


def _map(drawn: _Drawn) -> pd.DataFrame:
    """Return the places of the maxima, in a field that has them all."""
    import pandas as pd

    found = drawn.found
    places = found["map_position"].values
    low, high = places.min(axis=0), places.max(axis=0)
    widest = float((high - low).max())
    half = np.maximum((high - low) / 2, [0, FLATTEST / 2 * widest]) + MAP_MARGIN * widest
    middle = (low + high) / 2
    labels = _beside(places, 2 * float(half.max()))
    ends = {
        f"{axis}_{end}": float(_rounded(middle[[i]] + sign * half[[i]])[0])
        for i, axis in enumerate("xy")
        for end, sign in (("low", -1), ("high", 1))
    }
    return pd.DataFrame(
        {
            "optimum": drawn.numbers,
            "kind": drawn.kind(drawn.numbers),
            "x": _rounded(places[:, 0]),
            "y": _rounded(places[:, 1]),
            "gap": drawn.gap(found["height"].values),
            "label_x": _rounded(labels[:, 0]),
            "label_y": _rounded(labels[:, 1]),
            "stress": float(found["stress"]),
            "reason": "",
        }
    ).assign(**ends)


def _beside(places: FloatArray, width: float) -> FloatArray:
    """Return where the numbers of points stand: each beside its point where it is freest."""
    angles = np.pi / 4 * np.arange(8)
    around = LABEL * width * np.stack([1.2 * np.cos(angles), np.sin(angles)], axis=1)
    labels = np.zeros((0, 2))
    for place in places:
        others = np.concatenate([places, labels])
        distance = np.linalg.norm((place + around)[:, None] - others[None], axis=2)
        crowded = np.square(LABEL * width / np.maximum(distance, 1e-3 * width)).sum(axis=1)
        labels = np.append(labels, [place + around[np.argmin(crowded)]], axis=0)
    return labels
