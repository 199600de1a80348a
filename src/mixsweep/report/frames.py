"""From the tables of a results folder to the rows that the page draws and lists."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from mixsweep.report.tables import CELL

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["encode", "page_frames", "safe_json"]

#: Rows of any table that travel inside the page; the csv files beside it hold the rest.
MAX_ROWS = 8000
#: Points per curve for a small and for a large sweep.
_POINTS = (48, 20)
_MANY_CURVES = 600
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
    return {name: frame.head(MAX_ROWS * (4 if name == "run_time" else 1)) for name, frame in frames.items()}


def _best_optima(frame: pd.DataFrame) -> pd.DataFrame:
    cells = max(1, frame["cell"].nunique())
    each = max(20, min(200, MAX_ROWS // cells))
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
    points = _POINTS[0] if curves.ngroups <= _MANY_CURVES else _POINTS[1]
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
        ``rows``, their number, and ``columns``, each ``{"levels": [...], "codes": [...]}`` or
        ``{"values": [...]}`` with null for what is missing or infinite.
    """
    from pandas.api.types import is_numeric_dtype

    columns: dict[str, Any] = {}
    for name in frame.columns:
        if not is_numeric_dtype(frame[name]):
            text = frame[name].astype(str)
            levels = {value: code for code, value in enumerate(dict.fromkeys(text))}
            columns[str(name)] = {"levels": list(levels), "codes": [levels[value] for value in text]}
        else:
            columns[str(name)] = {"values": [_number(float(value)) for value in frame[name]]}
    return {"rows": len(frame), "columns": columns}


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
