"""Why fits stopped."""

from __future__ import annotations

import json

from mixsweep.report.charts.base import Chart, Sweep, Variant, base_spec
from mixsweep.report.charts.style import (
    STATUS_COLOURS,
    Spec,
    colour_scale,
    legend_selection,
    selected_opacity,
    tooltip,
)

__all__ = ["statuses"]


def statuses(sweep: Sweep) -> Chart:
    """Stacked shares of the statuses by method."""
    title = "Why fits stopped"
    caption = (
        "Fits by status among all fits of the method in the cells and initializers shown. Only “converged” "
        "met the tolerance; “budget” ran out of passes; “stalled”, “collapsed”, “diverged” and “error” count "
        "as failures and are listed below with the command that runs them again."
    )
    view = _bars(sweep)
    each = base_spec(
        title,
        {"kind": "wrap", "columns": "cell", "min": 230, "labels": 110},
        transform=_share(["cell", "method"]),
        facet={"field": "cell", "type": "nominal", "sort": None, "title": None},
        columns=3,
        spec={**view, "width": 230},
    )
    total = base_spec(
        title, {"kind": "fit", "y": ["method"]}, transform=_share(["method"]), **{**view, "width": 640}
    )
    variants = (Variant(9, caption + " One panel per cell.", each), Variant(10**9, caption, total))
    return Chart("statuses", title, "statuses", variants)


def _share(keys: list[str]) -> list[Spec]:
    count = {"op": "sum", "field": "n_fits"}
    return [
        {"aggregate": [count | {"as": "fits"}], "groupby": [*keys, "status"]},
        {"joinaggregate": [{"op": "sum", "field": "fits", "as": "all"}], "groupby": keys},
        {"calculate": "datum.all > 0 ? datum.fits / datum.all : 0", "as": "share"},
    ]


def _bars(sweep: Sweep) -> Spec:
    known = {name: colour for name, colour in STATUS_COLOURS.items() if name in sweep.statuses}
    known |= {name: "#777777" for name in sweep.statuses if name not in known}
    return {
        "height": {"step": 26},
        "layer": [
            {
                "params": [legend_selection("status")],
                "mark": {"type": "bar", "height": 16},
                "encoding": {
                    "x": {
                        "field": "share",
                        "type": "quantitative",
                        "title": "share of fits",
                        "scale": {"domain": [0, 1]},
                        "axis": {"format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1]},
                    },
                    "y": {
                        "field": "method",
                        "type": "nominal",
                        "sort": list(sweep.methods),
                        "title": None,
                        "axis": {"domain": False, "ticks": False},
                    },
                    "color": {
                        "field": "status",
                        "type": "nominal",
                        "title": "status",
                        "scale": colour_scale(known),
                        "legend": {"symbolType": "square"},
                    },
                    "order": {"field": "rank", "type": "quantitative"},
                    "opacity": selected_opacity("status"),
                    "tooltip": tooltip(
                        "method",
                        "status",
                        ("fits", "fits", ",d"),
                        ("all", "of all", ",d"),
                        ("share", "share", ".2%"),
                    ),
                },
                "transform": [
                    {"calculate": f"-indexof({json.dumps(list(known))}, datum.status)", "as": "rank"}
                ],
            }
        ],
    }
