"""The two layers of a heat map: coloured squares and the numbers in them."""

from __future__ import annotations

from mixsweep.report.charts.style import Spec

__all__ = ["category_axis", "heat_layers"]


def heat_layers(color: Spec, number_format: str, strong: str, size: float = 11) -> list[Spec]:
    """Return squares coloured by a field, and its value written on each.

    Parameters
    ----------
    color : dict
        Colour channel: field, title, scale and legend of the value.
    number_format : str
        d3 format of the written value.
    strong : str
        Expression that is true where the square is so strong that the ink must change.
    size : float
        Font size of the numbers in pixels.
    """
    ink = {"condition": {"test": strong, "value": {"expr": "ink_strong"}}, "value": {"expr": "ink_pale"}}
    text = {"field": color["field"], "type": "quantitative", "format": number_format}
    return [
        {
            "mark": {"type": "rect", "cornerRadius": 2, "cursor": "pointer"},
            "encoding": {"color": {"type": "quantitative", **color}},
        },
        {
            "mark": {"type": "text", "fontSize": size, "cursor": "pointer"},
            "encoding": {"text": text, "color": ink},
        },
    ]


def category_axis(field: str, **axis: object) -> Spec:
    """Return a position channel of names in the order of the rows, without lines.

    Parameters
    ----------
    field : str
        The column.
    **axis
        More settings of the axis.
    """
    lines: Spec = {"domain": False, "ticks": False}
    return {"field": field, "type": "nominal", "sort": None, "title": None, "axis": lines | axis}
