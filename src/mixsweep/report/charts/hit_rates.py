"""Global optimum: how often the best known optimum is found, and the restarts that takes."""

from __future__ import annotations

from mixsweep.analysis.drawn import is_oracle
from mixsweep.report.charts.base import Chart, Sweep, Variant, base_spec
from mixsweep.report.charts.channels import (
    by_method,
    initializer_shape,
    method_colour,
    panels,
    right_text,
)
from mixsweep.report.charts.heat import category_axis, heat_layers
from mixsweep.report.charts.style import (
    LOG_AXIS,
    Spec,
    legend_selection,
    selected_opacity,
    tooltip,
)

__all__ = ["hit_rates", "restarts"]

#: Above this many rows a heat map shows problems instead of cells.
MAX_ROWS = 60

_KEYS = ("cell", "method", "initializer")


def hit_rates(sweep: Sweep) -> Chart:
    """Share of starts that reach the best known optimum, per method and initializer."""
    title = "How often the best known optimum is found"
    meaning = (
        "Hit rate: fits that end in the best known optimum of their cell among all fits of the method and "
        "initializer, failed ones included. "
    ) + _references(sweep)
    dots = meaning + "Lines are 95 % Wilson intervals. All methods of a cell had the same starts."
    cells = (
        meaning + "A square is a cell, a method and an initializer. Click one to see its cell with intervals."
    )
    problems = meaning + (
        f"Mean over the cells of a problem, each cell with the same weight; with at most {MAX_ROWS} cells "
        "selected, cells are shown one by one."
    )
    return Chart(
        "hit_rates",
        title,
        "hit_rates",
        (
            Variant(9, dots, _dots(sweep, title)),
            Variant(MAX_ROWS, cells, _heat_map(sweep, title, "cell")),
            Variant(10**9, problems, _heat_map(sweep, title, "problem")),
        ),
    )


def _references(sweep: Sweep) -> str:
    """Return which initializers are for reference only; empty without any."""
    oracles = [name for name in sweep.initializers if is_oracle(name)]
    if not oracles:
        return ""
    return (
        f"For reference: {' and '.join(oracles)} {'starts' if len(oracles) == 1 else 'start'} from the "
        "generating parameters, which no search has. "
    )


_KNOWN: Spec = {"filter": "isValid(datum.rate)"}
_UNKNOWN: Spec = {
    "transform": [{"filter": "!isValid(datum.rate)"}],
    "mark": {"type": "text", "fontSize": 10, "text": "\N{EN DASH}"},
}


def _heat_map(sweep: Sweep, title: str, row: str) -> Spec:
    several = row == "problem"
    groups = [row, "method", "initializer"] if several else [*_KEYS, "problem", "family", "n_components"]
    mean = {"aggregate": [{"op": "mean", "field": "hit_rate", "as": "rate"}], "groupby": groups}
    color: Spec = {
        "field": "rate",
        "title": "hit rate",
        "scale": {"domain": [0, 1]},
        "legend": {"format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1], "gradientLength": 160},
    }
    squares, numbers = heat_layers(color, ".0%", "datum.rate > 0.55", size=10)
    # Where the page is too narrow for the numbers it leaves them out.
    numbers["encoding"]["opacity"] = {"value": {"expr": "show_text"}}
    columns = category_axis("method", orient="top", labelAngle=-35, labelLimit=90)
    view: Spec = {
        "encoding": {
            "x": columns | {"sort": list(sweep.methods)},
            "y": category_axis(row),
            "tooltip": tooltip(row, "method", "initializer", ("rate", "hit rate", ".1%")),
        },
        "layer": [*({"transform": [_KNOWN], **layer} for layer in (squares, numbers)), _UNKNOWN],
        "width": {"step": 44},
        "height": {"step": 20},
    }
    layout = {
        "kind": "grid",
        "x": "method",
        "y": [row],
        "facet": "initializer",
        "min": 22,
        "max": 64,
        "text": 32,
    }
    spec = base_spec(
        title,
        layout,
        transform=[mean],
        facet={"column": {"field": "initializer", "title": None, "sort": list(sweep.initializers)}},
        spec=view,
        spacing=14,
    )
    spec["params"].append({"name": "show_text", "value": 1})
    return spec


def _dots(sweep: Sweep, title: str) -> Spec:
    hover = tooltip(
        *_KEYS,
        ("n_hits", "hits", ",d"),
        ("n_fits", "of fits", ",d"),
        ("hit_rate", "hit rate", ".1%"),
        ("hit_rate_low", "95 % interval from", ".1%"),
        ("hit_rate_high", "to", ".1%"),
    )
    axis = {"format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1]}
    return panels(
        title,
        "cell",
        {
            "width": 230,
            "height": {"step": 13, "for": "offset"},
            "encoding": by_method(sweep) | {"tooltip": hover},
            "layer": [
                {
                    "params": [legend_selection("initializer")],
                    "mark": {"type": "rule", "strokeWidth": 2},
                    "encoding": {
                        "x": {
                            "field": "hit_rate_low",
                            "type": "quantitative",
                            "title": "hit rate",
                            "scale": {"domain": [0, 1]},
                            "axis": axis,
                        },
                        "x2": {"field": "hit_rate_high"},
                    },
                },
                {
                    "mark": {"type": "point", "filled": True, "size": 55},
                    "encoding": {
                        "x": {"field": "hit_rate", "type": "quantitative"},
                        "shape": initializer_shape(sweep),
                    },
                },
                {
                    "transform": [{"filter": "!isValid(datum.hit_rate)"}],
                    **right_text({"value": "cannot say"}),
                },
            ],
        },
        order=sweep.cells,
    )


def restarts(sweep: Sweep) -> Chart:
    """Restarts needed to see the best known optimum at least once with probability 95 %."""
    title = "Restarts needed to find the best known optimum with probability 95 %"
    meaning = (
        "Smallest number of independent starts that contain at least one hit with probability 95 %, from the "
        "hit rate of the method and initializer. "
    ) + _references(sweep)
    dots = (
        meaning
        + "Lines are what the ends of the Wilson interval of the hit rate give. The table has 99 % too."
    )
    strip = meaning + (
        "A tick is a cell; the diamond is the median over the cells with a hit. Cells without a hit have no "
        "finite number: they are counted at the right end. The table has intervals, and 99 % too."
    )
    variants = (
        Variant(9, dots, _restart_dots(sweep, title)),
        Variant(10**9, strip, _restart_strip(sweep, title)),
    )
    return Chart("restarts", title, "hit_rates", variants, needs=("restarts_95",), missing="there is no hit")


_RESTARTS: Spec = {
    "field": "restarts_95",
    "type": "quantitative",
    "title": "restarts for 95 %",
    "scale": {"type": "log", "domainMin": 1, "nice": False, "padding": 8},
    "axis": LOG_AXIS,
}

_FINITE: Spec = {"filter": "isValid(datum.restarts_95)"}

_RESTARTS_HOVER = tooltip(
    *_KEYS,
    ("restarts_95", "restarts for 95 %", ",d"),
    ("restarts_95_low", "interval from", ",d"),
    ("restarts_95_high", "to", ",d"),
    ("hit_rate", "hit rate", ".1%"),
)


def _restart_strip(sweep: Sweep, title: str) -> Spec:
    keys = ["method", "initializer"]
    row = [{"calculate": "datum.method + ', ' + datum.initializer", "as": "row"}]
    median = {"op": "median", "field": "restarts_95", "as": "restarts_95"}
    count = {"aggregate": [{"op": "sum", "field": "none", "as": "n"}], "groupby": [*keys, "row"]}
    # The right end is kept free for the count of cells without a hit.
    place = _RESTARTS | {"scale": {**_RESTARTS["scale"], "padding": 0, "range": [6, {"expr": "width - 96"}]}}
    return base_spec(
        title,
        {"kind": "fit", "y": ["method", "initializer"]},
        width=640,
        height={"step": 24},
        transform=row,
        encoding={
            "y": {
                "field": "row",
                "type": "nominal",
                "sort": None,
                "title": None,
                "axis": {"domain": False, "grid": True},
            },
            "color": method_colour(sweep, legend={"symbolType": "square"}),
            "opacity": selected_opacity("method", 0.9),
        },
        layer=[
            {
                "params": [legend_selection("method")],
                "transform": [_FINITE],
                "mark": {"type": "tick", "thickness": 2, "size": 12, "cursor": "pointer", "opacity": 0.5},
                "encoding": {"x": place, "tooltip": _RESTARTS_HOVER},
            },
            {
                "transform": [_FINITE, {"aggregate": [median], "groupby": [*keys, "row"]}],
                "mark": {"type": "point", "shape": "diamond", "filled": True, "size": 170},
                "encoding": {
                    "x": place,
                    "tooltip": tooltip(*keys, ("restarts_95", "median over cells", ",.1f")),
                },
            },
            {
                "transform": [
                    {"calculate": "isValid(datum.restarts_95) ? 0 : 1", "as": "none"},
                    count,
                    {"filter": "datum.n > 0"},
                    {
                        "calculate": "'no hit: ' + datum.n + (datum.n == 1 ? ' cell' : ' cells')",
                        "as": "words",
                    },
                ],
                **right_text({"field": "words"}),
            },
        ],
    )


def _restart_dots(sweep: Sweep, title: str) -> Spec:
    return panels(
        title,
        "cell",
        {
            "width": 230,
            "height": {"step": 13, "for": "offset"},
            "encoding": by_method(sweep),
            "layer": [
                {
                    "params": [legend_selection("initializer")],
                    "transform": [_FINITE, {"filter": "isValid(datum.restarts_95_high)"}],
                    "mark": {"type": "rule", "strokeWidth": 2},
                    "encoding": {
                        "x": _RESTARTS | {"field": "restarts_95_low"},
                        "x2": {"field": "restarts_95_high"},
                        "tooltip": _RESTARTS_HOVER,
                    },
                },
                {
                    "transform": [_FINITE],
                    "mark": {"type": "point", "filled": True, "size": 55},
                    "encoding": {
                        "x": _RESTARTS,
                        "shape": initializer_shape(sweep),
                        "tooltip": _RESTARTS_HOVER,
                    },
                },
                {
                    "transform": [
                        {"filter": "!isValid(datum.restarts_95)"},
                        {"calculate": "isValid(datum.hit_rate) ? 'no hit' : 'cannot say'", "as": "words"},
                    ],
                    **right_text({"field": "words"}),
                },
            ],
        },
        order=sweep.cells,
    )
