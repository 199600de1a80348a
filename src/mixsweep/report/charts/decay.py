"""Global optimum: how hit rates fall as components are added."""

from __future__ import annotations

from mixsweep.report.charts.base import Chart, Sweep, Variant
from mixsweep.report.charts.channels import method_colour, panels
from mixsweep.report.charts.style import Spec, legend_selection, selected_opacity, tooltip
from mixsweep.report.meaning import defined

__all__ = ["by_components"]

_RATES = (1, 0.9, 0.8, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)


def by_components(sweep: Sweep) -> Chart:
    """Show hit rates on a logarithmic scale against the number of components."""
    title = "Hit rate against the number of components"
    rate: Spec = {
        "type": "quantitative",
        "title": "hit rate",
        "scale": {"type": "log", "domainMax": 1, "nice": False, "padding": 6},
        "axis": {"format": ".3~%", "values": _RATES, "labelOverlap": "greedy"},
    }
    whole = "datum.value === floor(datum.value) ? format(datum.value, 'd') : ''"
    x: Spec = {
        "field": "n_components",
        "type": "quantitative",
        "title": "number of components K",
        "scale": {"nice": False, "zero": False, "padding": 14},
        "axis": {"labelExpr": whole, "ticks": False, "grid": False},
    }
    hover = tooltip(
        *("cell", "method", "initializer", ("hit_rate", "hit rate", ".2%")),
        *(("hit_rate_low", "95 % interval from", ".2%"), ("hit_rate_high", "to", ".2%")),
        *(("n_hits", "hits", ",d"), ("n_fits", "of all fits", ",d")),
    )
    # a cell without a hit has no place on this scale: it stands at the upper end of its interval
    placed: list[Spec] = [
        {"calculate": f"datum.n_hits > 0 ? datum.{name} : datum.hit_rate_high", "as": name}
        for name in ("hit_rate_low", "hit_rate")
    ]
    mean: list[Spec] = [
        {
            "aggregate": [
                {"op": "mean", "field": "hit_rate", "as": "mean_rate"},
                {"op": "mean", "field": "hit_rate_high", "as": "mean_high"},
                {"op": "count", "as": "n_cells"},
            ],
            "groupby": ["method", "initializer", "n_components"],
        },
        # without any hit at all there is a line that is not seen, so that the scales have an extent
        {"joinaggregate": [{"op": "max", "field": "mean_rate", "as": "most"}], "groupby": []},
        {"filter": "datum.mean_rate > 0 || datum.most === 0"},
        {"calculate": "datum.most > 0 ? datum.mean_rate : datum.mean_high", "as": "drawn_rate"},
    ]
    mean_hover = tooltip(
        *("method", "initializer", ("n_components", "K", "d"), ("mean_rate", "mean over cells", ".2%")),
        ("n_cells", "cells", ",d"),
    )
    shape: Spec = {"condition": {"test": "datum.n_hits === 0", "value": "triangle-down"}, "value": "circle"}
    picked: Spec = selected_opacity("method")["condition"]
    view: Spec = {
        "height": 240,
        "encoding": {"x": x, "color": method_colour(sweep), "opacity": selected_opacity("method", 0.55)},
        "layer": [
            {
                "params": [legend_selection("method")],
                "transform": placed,
                "mark": {"type": "rule", "strokeWidth": 1},
                "encoding": {"y": rate | {"field": "hit_rate_low"}, "y2": {"field": "hit_rate_high"}},
            },
            {
                "transform": placed,
                "mark": {"type": "point", "filled": True, "size": 34},
                "encoding": {"y": rate | {"field": "hit_rate"}, "shape": shape, "tooltip": hover},
            },
            {
                "transform": mean,
                "mark": {"type": "line", "strokeWidth": 2.2},
                "encoding": {
                    "y": rate | {"field": "drawn_rate"},
                    "opacity": {
                        "condition": [{"test": "datum.most === 0", "value": 0}, picked],
                        "value": 0.08,
                    },
                    "tooltip": mean_hover,
                },
            },
        ],
    }
    caption = (
        f"{defined('Hit rate', 'hit_rate')} A mark a cell; triangles are cells without a hit, at the upper "
        "end of their interval. Lines: means over the cells with so many components, each with the same "
        "weight, whatever their problem: choose one problem to see its own. On this scale exponential "
        "decay, as of random starts on well separated mixtures (Jin et al. 2016), is a straight line; its "
        "slope with an interval is in the table below."
    )
    spec = panels(title, "initializer", view, 70, sweep.initializers)
    return Chart("by_components", title, "hit_rates", (Variant(10**9, caption, spec),), needs=("hit_rate",))
