"""Colours, fonts and the small pieces of specification that several charts share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = [
    "DARK",
    "KIND_COLOURS",
    "LIGHT",
    "LOG_AXIS",
    "STATUS_COLOURS",
    "Spec",
    "colour_scale",
    "legend_selection",
    "method_colours",
    "selected_opacity",
    "tooltip",
]

Spec = dict[str, Any]

#: Okabe and Ito's colours in the order of their contrast on both backgrounds, then eight for long lists.
_PALETTE = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#888888"),
    *("#7A6FD0", "#B0406A", "#44AA99", "#999933", "#AA4499", "#6699CC", "#A5512A", "#3E8E4B"),
)

KIND_COLOURS = {
    "proper": "#0072B2",
    "saddle": "#CC79A7",
    "degenerate": "#D55E00",
    "spurious": "#E69F00",
    "boundary": "#56B4E9",
    "plateau": "#009E73",
    "unresolved": "#888888",
}

#: The good end is muted, so that what went wrong stands out.
STATUS_COLOURS = {
    "converged": "#86B5A4",
    "budget": "#56B4E9",
    "stalled": "#E69F00",
    "collapsed": "#D55E00",
    "diverged": "#AA3377",
    "saddle": "#CC79A7",
    "error": "#777777",
}

_FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"


def _config(ink: str, muted: str, line: str, background: str | None, ramp: list[str]) -> Spec:
    return {
        "background": background,
        "font": _FONT,
        "view": {"stroke": None},
        "axis": {
            **{
                "labelColor": ink,
                "titleColor": muted,
                "gridColor": line,
                "domainColor": line,
                "tickColor": line,
            },
            **{"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "titlePadding": 8},
            **{"labelLimit": 230, "labelOverlap": True},
        },
        "axisY": {"labelPadding": 6},
        "legend": {
            **{"labelColor": ink, "titleColor": muted, "labelFontSize": 11, "titleFontSize": 11},
            **{"titleFontWeight": "normal", "orient": "top", "symbolSize": 90, "columns": 8},
        },
        "header": {
            **{"labelColor": ink, "titleColor": muted, "labelFontSize": 11.5, "labelFontWeight": 600},
            **{"labelLimit": 320, "labelPadding": 6},
        },
        "title": {"color": ink, "fontSize": 14, "anchor": "start", "offset": 12, "fontWeight": 600},
        "text": {"color": ink, "fontSize": 11},
        "range": {"ramp": ramp, "heatmap": ramp},
        "concat": {"spacing": 18},
        "facet": {"spacing": 22},
    }


#: Vega-Lite configuration of the light page and of every static figure.
LIGHT = _config("#23282d", "#5b646d", "#dfe3e7", "#ffffff", ["#f1f5f9", "#9cc3e0", "#0b5590"])
#: Vega-Lite configuration of the dark page.
DARK = _config("#e4e7ea", "#a3acb5", "#2c343b", None, ["#222b34", "#2f5f86", "#8cc8f5"])

#: Ink on pale and on strong heat map cells; the page exchanges the two values in the dark.
INK_PARAMS: list[Spec] = [
    {"name": "ink_pale", "value": "#23282d"},
    {"name": "ink_strong", "value": "#ffffff"},
]


#: Axis of a logarithmic scale of counts: lines at the powers of ten only.
LOG_AXIS: Spec = {
    "format": "~s",
    "tickCount": 5,
    **{
        name: {
            "condition": {
                "test": "abs(log(datum.value) / LN10 - round(log(datum.value) / LN10)) < 1e-6",
                "value": 1,
            },
            "value": faint,
        }
        for name, faint in (("gridOpacity", 0), ("tickOpacity", 0.6))
    },
}


def method_colours(methods: Iterable[str]) -> dict[str, str]:
    """Give every method of a sweep its colour, in the order of the sweep.

    Parameters
    ----------
    methods : iterable of str
        Names in the order of the sweep.
    """
    return {method: _PALETTE[index % len(_PALETTE)] for index, method in enumerate(methods)}


def colour_scale(colours: dict[str, str]) -> Spec:
    """Return the scale that maps names to these colours."""
    return {"domain": list(colours), "range": list(colours.values())}


def legend_selection(field: str) -> Spec:
    """Return the parameter that makes the legend of a field clickable."""
    return {"name": f"picked_{field}", "select": {"type": "point", "fields": [field]}, "bind": "legend"}


def selected_opacity(field: str, full: float = 1.0, faint: float = 0.08) -> Spec:
    """Return an opacity that fades what was not picked in the legend of a field."""
    return {"condition": {"param": f"picked_{field}", "value": full}, "value": faint}


def tooltip(*fields: str | tuple[str, str] | tuple[str, str, str]) -> list[Spec]:
    """Return tooltip entries from names, (name, title) or (name, title, number format)."""
    entries: list[Spec] = []
    for item in fields:
        field, title, form = ((item,) if isinstance(item, str) else item) + ("", "")[: 3 - _length(item)]
        entry: Spec = {"field": field, "title": title or field.replace("_", " ")}
        entries.append(entry | ({"format": form, "type": "quantitative"} if form else {"type": "nominal"}))
    return entries


def _length(item: str | tuple[str, ...]) -> int:
    return 1 if isinstance(item, str) else len(item)
