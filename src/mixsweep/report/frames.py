"""From the tables of a results folder to the rows that the page draws and lists."""

from __future__ import annotations

import itertools
import json
import math
from typing import TYPE_CHECKING, Any

from mixsweep.report.tables import CELL

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["encode", "page_frames", "safe_json"]

#: Rows of a table that travel inside the page; the csv files beside it hold the rest, and the page says so.
MAX_ROWS = 20_000
#: Points of all curves together, and of one curve.
MAX_POINTS = 150_000
_POINTS = (8, 48)
#: Optima of all cells together, and of one cell.
MAX_OPTIMA = 8000
_OPTIMA = (20, 200)
_FIRST_FAILURES = 100


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
    frames["optima"] = _best_optima(tables["optima"])
    frames["run_time"] = _on_grid(tables["run_time"])
    frames["failures"] = _group_failures(tables["failures"])
    frames["first_failures"] = tables["failures"].head(_FIRST_FAILURES)
    return frames


def _share(total: int, among: int, bounds: tuple[int, int]) -> int:
    return max(bounds[0], min(bounds[1], total // max(1, among)))


def _best_optima(frame: pd.DataFrame) -> pd.DataFrame:
    cells = max(1, frame["cell"].nunique())
    each = _share(MAX_OPTIMA, cells, _OPTIMA)
    return frame[frame.groupby("cell", sort=False).cumcount() < each]


def _on_grid(frame: pd.DataFrame) -> pd.DataFrame:
    """Evaluate the step functions of all curves at the same passes, so that they can be averaged."""
    import numpy as np
    import pandas as pd

    known: pd.DataFrame = frame[np.isfinite(frame["passes"]) & np.isfinite(frame["share_reached"])]
    if known.empty:
        return known
    keys = [*CELL, "method", "tolerance", "cell"]
    curves = known.groupby(keys, sort=False, dropna=False)
    points = _share(MAX_POINTS, curves.ngroups, _POINTS)
    low, high = max(1.0, known["passes"].min()), max(2.0, known["passes"].max())
    grid = np.unique(np.ceil(np.geomspace(low, high, points)))
    parts = []
    for key, curve in curves:
        steps = curve.sort_values("passes")
        share = np.concatenate([[0.0], np.maximum.accumulate(steps["share_reached"].to_numpy())])
        reached = share[np.searchsorted(steps["passes"].to_numpy(), grid, side="right")]
        parts.append(
            pd.DataFrame({**dict(zip(keys, key, strict=True)), "passes": grid, "share_reached": reached})
        )
    return pd.concat(parts, ignore_index=True)


def _group_failures(frame: pd.DataFrame) -> pd.DataFrame:
    keys = ["status", *CELL, "cell", "method", "initializer", "shard", "command"]
    if frame.empty:
        return frame.assign(n_fits=0.0, restarts="")[[*keys, "n_fits", "restarts"]]
    groups = frame.groupby(keys, sort=False, dropna=False)["restart"]
    grouped = groups.agg(n_fits="size", restarts=_first_few).reset_index()
    return grouped.sort_values("n_fits", ascending=False, kind="stable", ignore_index=True)


def _first_few(restarts: pd.Series[Any]) -> str:
    first = [f"{value:g}" for value in restarts.head(5)]
    return ", ".join(first) + (", …" if len(restarts) > len(first) else "")


def encode(frame: pd.DataFrame) -> dict[str, Any]:
    """Encode a table by columns: text as codes into its distinct values, numbers rounded.

    Parameters
    ----------
    frame : DataFrame
        Any table.

    Returns
    -------
    dict
        ``rows``, the number encoded, ``total``, the number there are, and ``columns``. A column holds its
        ``values``, null for what is missing or infinite; with ``levels`` these are codes into them, with
        ``runs`` each counts so many rows, with ``cycle`` they repeat until the rows are full.
    """
    from pandas.api.types import is_numeric_dtype

    columns: dict[str, Any] = {}
    most = MAX_POINTS if "share_reached" in frame and "initializer" not in frame else MAX_ROWS
    kept = frame.head(most)
    for name in kept.columns:
        if is_numeric_dtype(kept[name]):
            columns[str(name)] = _compress([_number(float(value)) for value in kept[name]])
        else:
            text = kept[name].astype(str)
            levels = {value: code for code, value in enumerate(dict.fromkeys(text))}
            columns[str(name)] = {"levels": list(levels)} | _compress([levels[value] for value in text])
    return {"rows": len(kept), "total": len(frame), "columns": columns}


def _compress(values: list[Any]) -> dict[str, Any]:
    runs = [(value, len(list(group))) for value, group in itertools.groupby(values)]
    if 2 * len(runs) < len(values):
        return {"values": [value for value, _ in runs], "runs": [count for _, count in runs]}
    period = values.index(values[0], 1) if values and values[0] in values[1:] else 0
    if period and all(value == values[index % period] for index, value in enumerate(values)):
        return {"values": values[:period], "cycle": True}
    return {"values": values}


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
