"""Static figures: each chart as svg, its data as csv and its specification as json."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.io import write_text
from mixsweep.report.charts import Chart
from mixsweep.report.charts.style import LIGHT, Spec
from mixsweep.report.material import Material

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["choose", "standalone", "write_figure", "write_figures"]

#: Names are written whole, as a file cannot show them in a tooltip. To compare each with a limit would take
#: the compiler as long as to lay it out.
_WHOLE_LABELS = LIGHT | {part: LIGHT[part] | {"labelLimit": 0} for part in ("axis", "legend", "header")}


def write_figures(results: Path, folder: Path) -> None:
    """Write ``NAME.svg``, ``NAME.csv`` and ``NAME.json`` of every chart over a whole results folder.

    Parameters
    ----------
    results : Path
        A results folder; figures of tables that are missing or empty say so.
    folder : Path
        Where to write; made if missing.

    Raises
    ------
    MixsweepError
        If the results folder does not exist or a table cannot be understood.
    """
    material = Material.of(results)
    for name in material.charts:
        write_figure(material, name, folder)


def write_figure(material: Material, name: str, folder: Path) -> None:
    """Write the three files of one chart."""
    import vl_convert

    chart, n_cells = material.charts[name], len(material.sweep.cells)
    frame, chosen = choose(chart, material.frames[chart.dataset], material.first)
    frame = _drawn(chart, frame, n_cells)
    spec = standalone(chart, frame, n_cells, chosen)
    rows = frame.drop(columns="cell", errors="ignore")
    write_text(folder / f"{name}.csv", rows.to_csv(index=False, lineterminator="\n"))
    write_text(folder / f"{name}.json", json.dumps(spec, indent=1, ensure_ascii=False) + "\n")
    # Labels are laid out with the compiler's font; a viewer's may be wider and needs room at the left.
    roomy = spec | {"padding": {"left": 40, "right": 12, "top": 8, "bottom": 8}, "config": _WHOLE_LABELS}
    write_text(folder / f"{name}.svg", _renumber(vl_convert.vegalite_to_svg(roomy)))


def _renumber(svg: str) -> str:
    # The compiler counts gradients and clip paths over the life of the process; a file counts its own.
    numbers: dict[str, str] = {}
    return re.sub(
        r"\b(gradient_|clip)(\d+)\b",
        lambda found: numbers.setdefault(found[0], f"{found[1]}{len(numbers)}"),
        svg,
    )


def choose(chart: Chart, frame: pd.DataFrame, first: dict[str, str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the rows with one value of each field that the page has a selector for, and these values."""
    chosen = []
    for field, _ in chart.choose:
        if frame.empty:
            break
        values = frame[field].unique()
        value = first[field] if first.get(field) in values else values[0]
        frame = frame[frame[field] == value]
        chosen.append(str(value))
    return frame, tuple(chosen)


def _drawn(chart: Chart, frame: pd.DataFrame, n_cells: int) -> pd.DataFrame:
    keys = list(chart.variant(n_cells).means_over)
    if not keys or frame.empty:
        return frame
    # The drawing takes the mean again, which changes nothing, so that the specification stays the page's own.
    return frame.groupby(keys, sort=False)[["share_reached"]].mean().reset_index()


def standalone(chart: Chart, frame: pd.DataFrame, n_cells: int, chosen: tuple[str, ...] = ()) -> Spec:
    """Return a specification that holds its own data and needs nothing else.

    Parameters
    ----------
    chart : Chart
        The chart.
    frame : DataFrame
        The rows it draws; without any, the drawing says so.
    n_cells : int
        Number of cells in these rows.
    chosen : tuple of str
        Values that the title names: of the fields that the page has selectors for.
    """
    why = nothing_to_show(chart, frame)
    if why:
        return {
            "$schema": chart.variants[-1].spec["$schema"],
            "title": chart.title,
            "config": LIGHT,
            "width": 640,
            "height": 60,
            "data": {"values": [{"text": f"Nothing to show: {why}"}]},
            "mark": {"type": "text", "align": "left", "x": 0},
            "encoding": {"text": {"field": "text"}},
        }
    spec: Spec = json.loads(json.dumps(chart.variant(n_cells).spec))
    _set_ticks(spec, frame)
    _set_height(spec, frame)
    if chosen:
        spec["title"] = f"{spec['title']}: {', '.join(chosen)}"
    return spec | {"config": LIGHT, "data": {"name": "rows", "values": _records(frame)}}


def nothing_to_show(chart: Chart, frame: pd.DataFrame) -> str:
    """Return why there is nothing to draw, empty where there is something."""
    if frame.empty:
        return "the table has no rows."
    # as in the page, where what is infinite is missing too
    if chart.needs and not np.isfinite(frame[list(chart.needs)].to_numpy(float)).any():
        reason = frame["reason"].iloc[0] if "reason" in frame else ""
        return f"{reason or chart.missing}."
    return ""


def _set_ticks(spec: Spec, frame: pd.DataFrame) -> None:
    field = spec["usermeta"]["layout"].get("ticks")
    if not field:
        return
    low, high = float(frame[field].min()), float(frame[field].max())
    powers = [10.0**power for power in range(-1, 7)]
    ticks = (
        [-value for value in reversed(powers) if -value >= low]
        + [0.0]
        + [value for value in powers if value <= high]
    )
    for param in spec["params"]:
        if param["name"] == f"{field}_ticks":
            param["value"] = ticks


def _set_height(spec: Spec, frame: pd.DataFrame) -> None:
    """Put both axes of a plane on one scale, as the page does."""
    if spec["usermeta"]["layout"]["kind"] == "plane":
        ends = frame.dropna(subset=["x_low"]).iloc[0]
        ratio = (ends["y_high"] - ends["y_low"]) / (ends["x_high"] - ends["x_low"])
        spec["height"] = round(spec["width"] * ratio)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    columns = [[_plain(value) for value in frame[name].tolist()] for name in frame.columns]
    names = [str(name) for name in frame.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        return None
    return int(number) if number.is_integer() else float(f"{number:.10g}")
