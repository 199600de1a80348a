"""Convergence speed: passes until a fit is close to where it ends, with the fits that never arrive."""

from __future__ import annotations

from mixsweep.report.charts.base import Chart, Sweep, Variant, base_spec
from mixsweep.report.charts.style import (
    LOG_AXIS,
    Spec,
    colour_scale,
    legend_selection,
    selected_opacity,
    tooltip,
)

__all__ = ["passes", "run_time"]

#: Above this many rows the comparison by cell shows problems instead.
MAX_ROWS = 60
REFERENCE = (("reference", "Optimum"),)


def run_time(sweep: Sweep) -> Chart:
    """Empirical distributions of the passes a fit needs to come within a tolerance of its own optimum."""
    title = "Passes until a fit is close to an optimum"
    meaning = (
        "Share of all fits of a method that have come within the tolerance (nats of total log-likelihood) of "
        "an optimum, the one they end in or the best known of the cell, after at most so many passes over "
        "the data. The denominator is all fits, "
        "all initializers together: the room between a curve's right end and 100 % is the share that never "
        "arrived within its budget. "
    )
    mean = meaning + "Mean over the cells shown, each with the same weight."
    return Chart(
        "run_time",
        title,
        "run_time",
        (
            Variant(6, meaning + "One row of panels per cell.", _curves(sweep, title, "panel")),
            Variant(10**9, mean, _curves(sweep, title, "within"), ("method", "tolerance", "passes")),
        ),
        choose=REFERENCE,
    )


def _curves(sweep: Sweep, title: str, panel: str) -> Spec:
    # A panel per tolerance, or per cell and tolerance, in the order of the rows.
    label = "'within ' + format(datum.tolerance, '.0e') + ' nats'"
    words = [
        {"calculate": label, "as": "within"},
        {"calculate": "datum.cell + ', ' + datum.within", "as": "panel"},
    ]
    mean = {"op": "mean", "field": "share_reached", "as": "share"}
    view: Spec = {
        "width": 250,
        "height": 220,
        "params": [legend_selection("method")],
        "mark": {"type": "line", "strokeWidth": 2.2},
        "encoding": {
            "x": {
                "field": "passes",
                "type": "quantitative",
                "title": "passes over the data",
                "scale": {"type": "log", "nice": False},
                "axis": LOG_AXIS,
            },
            "y": {
                "field": "share",
                "type": "quantitative",
                "title": "share of all fits",
                "scale": {"domain": [0, 1]},
                "axis": {"format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1]},
            },
            "color": {
                "field": "method",
                "type": "nominal",
                "title": "method",
                "scale": colour_scale(sweep.colours),
                "legend": {"symbolType": "stroke", "symbolStrokeWidth": 3},
            },
            "opacity": selected_opacity("method"),
            "tooltip": tooltip(
                "method", "within", ("passes", "passes at most", ",d"), ("share", "share of fits", ".1%")
            ),
        },
    }
    return base_spec(
        title,
        {"kind": "wrap", "columns": "tolerance", "min": 220, "labels": 70},
        transform=[*words, {"aggregate": [mean], "groupby": ["method", "within", panel, "passes"]}],
        facet={"field": panel, "type": "nominal", "sort": None, "title": None},
        columns=3,
        spec=view,
    )


def passes(sweep: Sweep) -> Chart:
    """Median passes per cell, method against method."""
    title = "Median cost, cell by cell"
    meaning = (
        "Median over all fits of the cell, method and initializer of the passes or seconds to come within "
        "the "
        "tolerance of the fit's own optimum, or of the best known. Fits that never arrive count as "
        "infinitely long; where they are half or "
        "more, there is no dot. "
    )
    problem = meaning + "Median over the cells of each problem."
    return Chart(
        "passes",
        title,
        "convergence",
        (
            Variant(MAX_ROWS, meaning, _dots(sweep, title, "cell")),
            Variant(10**9, problem, _dots(sweep, title, "problem")),
        ),
        choose=(*REFERENCE, ("unit", "Unit")),
    )


def _dots(sweep: Sweep, title: str, row: str) -> Spec:
    median = {"op": "median", "field": "cost_median", "as": "cost"}
    picked: Spec = selected_opacity("method", 0.85)["condition"]
    keys = [row, "method", "initializer"] + (
        [] if row == "problem" else ["problem", "family", "n_components"]
    )
    spec = base_spec(
        title,
        {"kind": "fit", "y": [row]},
        width=640,
        height={"step": 22},
        transform=[
            {"filter": "datum.tolerance == tolerance"},
            {"aggregate": [median], "groupby": [*keys, "tolerance"]},
            # without any median there are dots that are not seen, so that the scales have an extent
            {"joinaggregate": [{"op": "max", "field": "cost", "as": "most"}]},
            {"filter": "isValid(datum.cost) || !isValid(datum.most)"},
            {"calculate": "isValid(datum.cost) ? datum.cost : 1", "as": "cost"},
        ],
        mark={"type": "point", "filled": True, "size": 62, "cursor": "pointer"},
        encoding={
            "x": {
                "field": "cost",
                "type": "quantitative",
                "title": "median cost",
                "scale": {"type": "log", "nice": False, "padding": 10},
                "axis": LOG_AXIS | {"orient": "top"},
            },
            "y": {
                "field": row,
                "type": "nominal",
                "sort": None,
                "title": None,
                "axis": {"domain": False, "grid": True},
            },
            "color": {
                "field": "method",
                "type": "nominal",
                "title": "method",
                "scale": colour_scale(sweep.colours),
                "legend": {"symbolType": "square"},
            },
            "shape": {
                "field": "initializer",
                "type": "nominal",
                "title": "initializer",
                "scale": {"domain": list(sweep.initializers)},
                "legend": {"symbolFillColor": "#888888"},
            },
            "opacity": selected_opacity("method", 0.85)
            | {"condition": [{"test": "!isValid(datum.most)", "value": 0}, picked]},
            "tooltip": tooltip(
                row,
                "method",
                "initializer",
                ("tolerance", "tolerance", ".0e"),
                ("cost", "median cost", ",.4~r"),
            ),
        },
    )
    spec["params"] += [legend_selection("method"), {"name": "tolerance", "value": _middle(sweep.tolerances)}]
    return spec


def _middle(tolerances: tuple[float, ...]) -> float:
    return tolerances[len(tolerances) // 2] if tolerances else 0.0
