"""From the tables of a results folder to the rows that the page draws and lists."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.report.charts.base import TOLERANCES
from mixsweep.report.charts.speed import RATIOS
from mixsweep.report.tables import CELL
from mixsweep.typing import IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MAX_POINTS", "MAX_ROWS", "encode", "first_choices", "page_frames", "safe_json"]

#: Rows of a table that travel inside the page; the csv files beside it hold the rest, and the page says so.
MAX_ROWS = 20_000
#: Points of all curves together, and of one curve.
MAX_POINTS = 150_000
_POINTS = (8, 48)
#: Points of all rarefaction curves, and of all curves of gaps, together.
MAX_CURVES = 6000
#: Optima of all cells together, and of one cell.
MAX_OPTIMA = 8000
_OPTIMA = (20, 200)
_FIRST_FAILURES = 100
#: Optima of one cell whose basin shares are drawn method by method.
FREQUENT_OPTIMA = 12


def page_frames(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Prepare every table for the page.

    Parameters
    ----------
    tables : dict of str to DataFrame
        The tables of :data:`mixsweep.report.tables.TABLES`.

    Returns
    -------
    dict of str to DataFrame
        The same names, with curves on a common grid, few enough rows to embed, and failures both grouped
        (``failures``) and listed (``first_failures``).
    """
    frames = dict(tables)
    frames["verdicts"] = _with_copies(tables["verdicts"], tables["optima"])
    frames["optima"] = _best_optima(tables["optima"])
    frames["basin_shares"] = _frequent_optima(tables["basin_shares"])
    frames["rarefaction"] = _thinned(tables["rarefaction"], "restarts")
    frames["selection"] = tables["selection"].assign(
        surface=_surfaces(tables["selection"]),
        arm=tables["selection"]["method"] + ", " + tables["selection"]["initializer"],
    )
    frames["convergence"] = _offered(tables["convergence"])
    frames["gaps"] = _thinned(tables["gaps"], "cost", "reference")
    frames["costs"] = _by_unit(tables["costs"])
    frames["ratios"] = _both_ratios(tables["ratios"])
    frames["rates"] = tables["rates"].assign(
        shown=tables["rates"]["observed_rate"].fillna(tables["rates"]["em_rate"])
    )
    frames["pairs"] = _named_pairs(tables["pairs"], "\N{MINUS SIGN}")
    frames["flow"] = _named_pairs(tables["flow"], "\N{RIGHTWARDS ARROW}")
    frames["run_time"] = _on_grid(tables["run_time"])
    frames["failures"] = _group_failures(tables["failures"])
    frames["first_failures"] = tables["failures"].head(_FIRST_FAILURES)
    return frames


def first_choices(tables: dict[str, pd.DataFrame]) -> dict[str, str]:
    """Return what charts of one value at a time show first: the hardest cell that has an answer."""
    verdicts = tables["verdicts"].dropna(subset=["hit_rate"])
    answered = verdicts[verdicts["reason"] == ""]
    known = answered if len(answered) else verdicts
    if known.empty:
        return {}
    hardest = int(known["hit_rate"].to_numpy().argmin())
    return {"cell": str(known["cell"].to_numpy()[hardest])}


def _share(total: int, among: int, bounds: tuple[int, int]) -> int:
    return max(bounds[0], min(bounds[1], total // max(1, among)))


def _best_optima(frame: pd.DataFrame) -> pd.DataFrame:
    cells = max(1, frame["cell"].nunique())
    each = _share(MAX_OPTIMA, cells, _OPTIMA)
    return frame[frame.groupby("cell", sort=False).cumcount() < each]


def _with_copies(verdicts: pd.DataFrame, optima: pd.DataFrame) -> pd.DataFrame:
    """Add how many points of parameter space the proper optima are, each in every order of its components."""
    proper = optima[optima["kind"] == "proper"]
    total = proper.groupby("cell", sort=False)["n_copies"].sum()
    return verdicts.assign(n_points=verdicts["cell"].map(total).astype(float))


def _frequent_optima(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the best known optimum of each cell and those in which most of its fits ended."""
    together = frame.groupby(["cell", "optimum"], sort=False)["n_fits"].sum().reset_index()
    ranked = together.sort_values("n_fits", ascending=False, kind="stable")
    kept = ranked[ranked.groupby("cell", sort=False).cumcount() < FREQUENT_OPTIMA]
    return frame.merge(kept[["cell", "optimum"]], on=["cell", "optimum"])


def _thinned(frame: pd.DataFrame, along: str, *more: str) -> pd.DataFrame:
    """Keep so many points of every curve that all of them fit into the page, the last always."""
    groups = frame.groupby(["cell", "method", "initializer", *more], sort=False)
    if not groups.ngroups:
        return frame
    each = _share(MAX_CURVES, groups.ngroups, (6, 24))
    after = groups[along].transform("size") - 1 - groups.cumcount()
    step = (groups[along].transform("size") / each).clip(lower=1)
    return frame[(after / step).astype(int) != ((after - 1) / step).apply(np.floor).astype(int)]


def _offered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["tolerance"].isin(TOLERANCES)]


def _surfaces(frame: pd.DataFrame) -> pd.Series[Any]:
    several = frame["family"].nunique() > 1
    return frame["problem"] + (", " + frame["family"] if several else "")


def _by_unit(frame: pd.DataFrame) -> pd.DataFrame:
    """Return costs in passes and, below them, in seconds."""
    import pandas as pd

    units = ("passes", "seconds")
    ends = ("", "_low", "_high")
    parts = [
        frame.drop(columns=[f"{other}_per_hit{end}" for other in units for end in ends]).assign(
            unit=unit, **{f"cost_per_hit{end}": frame[f"{unit}_per_hit{end}"] for end in ends}
        )
        for unit in units
    ]
    return pd.concat(parts, ignore_index=True)


def _both_ratios(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the ratios of costs per hit and, below them, those of costs to the same optimum."""
    import pandas as pd

    ends = ("", "_low", "_high")
    kept = frame.drop(columns=[f"{name}{end}" for name in RATIOS for end in ends])
    kept = kept.drop(columns=["n_same", "reason_same"])
    parts = []
    for name, what in RATIOS.items():
        same = name == "same_optimum_ratio"
        parts.append(
            kept.assign(
                what=what,
                n_counted=frame["n_same" if same else "n_starts"],
                reason=frame["reason_same" if same else "reason"],
                **{f"ratio{end}": frame[f"{name}{end}"] for end in ends},
            )
        )
    return pd.concat(parts, ignore_index=True)


def _named_pairs(frame: pd.DataFrame, sign: str) -> pd.DataFrame:
    return frame.assign(pair=frame["method_a"] + f" {sign} " + frame["method_b"])


def _on_grid(frame: pd.DataFrame) -> pd.DataFrame:
    """Evaluate the step functions of all curves at the same passes, so that they can be averaged."""
    known: pd.DataFrame = frame[np.isfinite(frame["passes"]) & np.isfinite(frame["share_reached"])]
    if known.empty:
        return known
    keys = [*CELL, "method", "reference", "tolerance", "cell"]
    curves = known.groupby(keys, sort=False, dropna=False).ngroup().to_numpy()
    passes, reached = known["passes"].to_numpy(), known["share_reached"].to_numpy()
    order = np.lexsort([passes, curves])
    starts = np.flatnonzero(np.diff(curves[order], prepend=-1))
    points = _share(MAX_POINTS, len(starts), _POINTS)
    low, high = max(1.0, passes.min()), max(2.0, passes.max())
    grid = np.unique(np.ceil(np.geomspace(low, high, points)))
    parts = []
    for own in np.split(order, starts[1:]):
        share = np.concatenate([[0.0], np.maximum.accumulate(reached[own])])
        parts.append(share[np.searchsorted(passes[own], grid, side="right")])
    named = known[keys].iloc[np.repeat(order[starts], len(grid))].reset_index(drop=True)
    return named.assign(passes=np.tile(grid, len(starts)), share_reached=np.concatenate(parts))


def _group_failures(frame: pd.DataFrame) -> pd.DataFrame:
    keys = ["status", *CELL, "cell", "method", "initializer", "shard", "command"]
    if frame.empty:
        return frame.assign(n_fits=0.0, restart_numbers="")[[*keys, "n_fits", "restart_numbers"]]
    groups = frame.groupby(keys, sort=False, dropna=False)["restart"]
    grouped = groups.agg(n_fits="size", restart_numbers=_first_few).reset_index()
    return grouped.sort_values("n_fits", ascending=False, kind="stable", ignore_index=True)


def _first_few(restarts: pd.Series[Any]) -> str:
    first = [f"{value:g}" for value in restarts.head(5)]
    return ", ".join(first) + (", …" if len(restarts) > len(first) else "")


def encode(frame: pd.DataFrame, most: int) -> dict[str, Any]:
    """Encode a table by columns: text as codes into its distinct values, numbers rounded.

    Parameters
    ----------
    frame : DataFrame
        Any table.
    most : int
        Rows that are encoded at most.

    Returns
    -------
    dict
        ``rows``, the number encoded, ``total``, the number there are, and ``columns``. A column holds its
        ``values``, null for what is missing or infinite; with ``levels`` these are codes into them, with
        ``runs`` each counts so many rows, with ``cycle`` they repeat until the rows are full.
    """
    from pandas import factorize
    from pandas.api.types import is_numeric_dtype

    columns: dict[str, Any] = {}
    kept = frame.head(most)
    for name in kept.columns:
        # missing values are one value too; objects, since text columns may be of Arrow's type
        numeric = is_numeric_dtype(kept[name])
        values = kept[name].to_numpy(float) if numeric else kept[name].astype(str).to_numpy(object)
        codes, distinct = factorize(values, use_na_sentinel=False)
        if numeric:
            columns[str(name)] = _compress(*_merged(codes, [_number(value) for value in distinct.tolist()]))
        else:
            columns[str(name)] = {"levels": list(distinct)} | _compress(codes, range(len(distinct)))
    return {"rows": len(kept), "total": len(frame), "columns": columns}


def _merged(codes: IntArray, values: list[Any]) -> tuple[IntArray, list[Any]]:
    """Return codes into the distinct ones among values, some of which may be the same after rounding."""
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    merged: IntArray = np.array([places[value] for value in values], dtype=np.int64)[codes]
    return merged, list(places)


def _compress(codes: IntArray, values: Sequence[Any]) -> dict[str, Any]:
    """Return the values that the codes stand for, in runs or as a cycle where that is shorter."""
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    if 2 * len(starts) < len(codes):
        runs = np.diff(starts, append=len(codes)).tolist()
        return {"values": [values[code] for code in codes[starts]], "runs": runs}
    again = np.flatnonzero(codes[1:] == codes[0]) if len(codes) else starts
    period = int(again[0]) + 1 if len(again) else 0
    if period and np.array_equal(codes[period:], codes[:-period]):
        return {"values": [values[code] for code in codes[:period]], "cycle": True}
    return {"values": [values[code] for code in codes]}


def _number(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    # Ten digits keep four decimals of a log-likelihood of a million nats; shares need no more than six.
    rounded = float(f"{value:.10g}") if abs(value) > 1 else float(f"{value:.6g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 2**53 else rounded


def safe_json(value: Any) -> str:
    """Write JSON that cannot end the script element it stands in.

    Parameters
    ----------
    value : object
        Anything JSON can hold; NaN and infinity are errors.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
