"""Channels and layers that several charts share."""

from __future__ import annotations

from collections.abc import Sequence

from mixsweep.report.charts.base import Sweep, base_spec
from mixsweep.report.charts.style import LOG_AXIS, Spec, colour_scale

__all__ = [
    "LINE_LEGEND",
    "SHARE_AXIS",
    "by_method",
    "initializer_shape",
    "interval",
    "log_quantity",
    "method_colour",
    "panels",
    "right_text",
    "rows_of",
    "share",
]

#: Legend of lines that stand on faint bands.
LINE_LEGEND: Spec = {"symbolType": "stroke", "symbolStrokeWidth": 3, "symbolOpacity": 1}
SHARE_AXIS: Spec = {"format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1]}


def method_colour(sweep: Sweep, **more: object) -> Spec:
    """Return the colour channel of methods."""
    scale = colour_scale(sweep.colours)
    return {"field": "method", "type": "nominal", "scale": scale, "title": "method", **more}


def initializer_shape(sweep: Sweep) -> Spec:
    """Return the shape channel of initializers."""
    return {
        "field": "initializer",
        "type": "nominal",
        "title": "initializer",
        "scale": {"domain": list(sweep.initializers)},
        "legend": {"symbolFillColor": "#888888", "symbolStrokeColor": "#888888"},
    }


def by_method(sweep: Sweep) -> Spec:
    """Return a row a method, divided by initializer."""
    axis = {"domain": False, "ticks": False}
    offset = {"field": "initializer", "sort": list(sweep.initializers), "scale": {"paddingInner": 0.4}}
    return {
        "y": {"field": "method", "type": "nominal", "sort": list(sweep.methods), "title": None, "axis": axis},
        "yOffset": offset,
        "color": method_colour(sweep, legend=None),
    }


def rows_of(field: str, **more: object) -> Spec:
    """Return a vertical position of names in the order of the rows, each with a line."""
    axis = {"domain": False, "grid": True, "ticks": False}
    return {"field": field, "type": "nominal", "sort": None, "title": None, "axis": axis, **more}


def share(field: str, title: str) -> Spec:
    """Return a horizontal position from 0 to 100 %."""
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"domain": [0, 1]},
        "axis": SHARE_AXIS,
    }


def log_quantity(field: str, title: str, **scale: object) -> Spec:
    """Return a horizontal position on a logarithmic scale."""
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"type": "log", "nice": False, "padding": 8, **scale},
        "axis": LOG_AXIS | {"format": ",.3~r"},
    }


def interval(position: Spec, name: str, mark: Spec, encoding: Spec) -> list[Spec]:
    """Return the layers of an estimate with its interval: a line and a mark, where they are known.

    An interval without end, or which a logarithmic scale cannot show, has no line.
    """
    low, high = f"{name}_low", f"{name}_high"
    known = {"filter": f"isValid(datum.{name})"}
    drawn = f"isValid(datum.{low}) && isValid(datum.{high})"
    if position["scale"].get("type") == "log":
        drawn += f" && datum.{low} > 0"
    # without a line its ends are at the estimate, so that the scale is the same and never empty
    ends: list[Spec] = [{"calculate": drawn, "as": "drawn"}]
    ends += [{"calculate": f"datum.drawn ? datum.{end} : datum.{name}", "as": end} for end in (low, high)]
    line = {"x": position | {"field": f"{name}_low"}, "x2": {"field": f"{name}_high"}}
    return [
        {
            "transform": [known, *ends],
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": line | encoding,
        },
        {
            "transform": [known],
            "mark": {"type": "point", "filled": True, "size": 55, **mark},
            "encoding": {"x": position | {"field": name}} | encoding,
        },
    ]


def right_text(text: Spec) -> Spec:
    """Return words at the right end of a row, in place of a number that is missing."""
    return {
        "mark": {"type": "text", "align": "right", "fontSize": 10, "fontStyle": "italic", "dx": -2},
        "encoding": {"x": {"value": "width"}, "text": text},
    }


def panels(
    title: str, field: str, view: Spec, labels: int = 110, order: Sequence[str] | None = None, **parts: object
) -> Spec:
    """Return small multiples, one a value of a field, in that order."""
    return base_spec(
        title,
        {"kind": "wrap", "columns": field, "min": 230, "labels": labels},
        facet={"field": field, "type": "nominal", "sort": list(order) if order else None, "title": None},
        columns=3,
        spec={"width": 230, **view},
        **parts,
    )
