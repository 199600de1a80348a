"""Multimodality: how many optima a likelihood surface has, how far apart and how often reached."""

from __future__ import annotations

from mixsweep.report.charts.base import MAX_MARKS, Chart, Sweep, Variant, base_spec
from mixsweep.report.charts.heat import category_axis, heat_layers
from mixsweep.report.charts.style import (
    KIND_COLOURS,
    Spec,
    colour_scale,
    legend_selection,
    selected_opacity,
    tooltip,
)
from mixsweep.report.meaning import defined

__all__ = ["optima", "optima_count"]


def optima_count(sweep: Sweep) -> Chart:
    """Heat map of the number of distinct optima by problem and number of components."""
    title = "Number of distinct optima"
    hover = tooltip(
        "problem",
        "family",
        ("n_components", "K", "d"),
        ("n_optima", "distinct optima", "d"),
        ("n_proper", "of these proper", "d"),
        ("n_fits", "fits", ",d"),
    )
    most: Spec = {"joinaggregate": [{"op": "max", "field": "n_optima", "as": "most"}]}
    color: Spec = {
        "field": "n_optima",
        "title": "distinct optima",
        "scale": {"type": "sqrt", "domainMin": 0, "nice": False},
        "legend": {"format": "d", "tickMinStep": 1, "gradientLength": 160},
    }
    columns = category_axis("n_components", orient="top", labelAngle=0)
    view: Spec = {
        "encoding": {
            "x": columns | {"type": "ordinal", "sort": "ascending", "title": "number of components K"},
            "y": category_axis("problem"),
            "tooltip": hover,
            "opacity": {"condition": {"test": "datum.faint", "value": 0.25}, "value": 1},
        },
        "layer": heat_layers(color, "d", "datum.n_optima > 0.35 * datum.most"),
        "width": {"step": 56},
        "height": {"step": 24},
    }
    layout: Spec = {"kind": "grid", "x": "n_components", "y": ["problem"], "min": 34, "max": 64}
    if len(sweep.families) > 1:
        view = {"facet": {"column": {"field": "family", "title": None}}, "spec": view}
        layout["facet"] = "family"
    caption = (
        "Stationary points of the likelihood that at least one fit ended in, counted once each: up to "
        "permutation of the components, after polishing, of every kind. Over all methods and initializers of "
        "the cell, whatever the filter says of these. Click a square to see its optima."
    )
    return Chart(
        "optima_count",
        title,
        "verdicts",
        (Variant(10**9, caption, base_spec(title, layout, transform=[most], **view)),),
        whole=True,
    )


def optima(sweep: Sweep) -> Chart:
    """Levels of the optima: gap to the best known against how often fits end there."""
    title = "The optima: how far below the best, and how often fits end there"
    share = f"{defined('Basin share', 'basin_share', 'optima')} "
    gap = (
        "Gap: log-likelihood of the best known optimum minus that of the optimum, in nats; below zero lie "
        "only degenerate or spurious points, which do not count as best. "
    )
    each = max(1, min(200, (MAX_MARKS - 500) // max(1, len(sweep.cells))))
    limit = (
        f"Per cell the {each} highest optima are drawn; the rest is in the csv file." if each < 200 else ""
    )
    return Chart(
        "optima",
        title,
        "optima",
        (
            Variant(1, f"Each line is an optimum, thin ones intervals. {gap}{share}", _levels(sweep, title)),
            Variant(
                10**9,
                f"Each dot is an optimum, its area the basin share. {gap}{share}{limit}",
                _strip(sweep, title, each),
            ),
        ),
    )


def _kind(sweep: Sweep) -> Spec:
    known = {kind: colour for kind, colour in KIND_COLOURS.items() if kind in sweep.kinds}
    known |= {kind: "#888888" for kind in sweep.kinds if kind not in known}
    return {
        "field": "kind",
        "type": "nominal",
        "title": "kind",
        "scale": colour_scale(known),
        "legend": {"symbolType": "circle"},
    }


_HOVER = tooltip(
    "cell",
    ("optimum", "rank (0 = first)", "d"),
    "kind",
    ("log_likelihood", "log-likelihood", ",.4f"),
    ("gap", "gap in nats", ",.4f"),
    ("n_fits", "fits that end here", ",d"),
    ("n_fits_total", "of all fits", ",d"),
    ("basin_share", "basin share", ".2%"),
    ("basin_share_low", "95 % interval from", ".2%"),
    ("basin_share_high", "to", ".2%"),
    ("smallest_weight", "smallest weight", ".3g"),
    ("smallest_eigenvalue_ratio", "smallest eigenvalue ratio", ".3g"),
)


def _gap(**axis: object) -> Spec:
    return {
        "field": "gap",
        "type": "quantitative",
        "title": "gap to the best known optimum, nats",
        "scale": {"type": "symlog", "constant": 0.1, "nice": False, "zero": True, "padding": 10},
        # Powers of ten inside the data: a symlog scale's own ticks crowd at its far end.
        "axis": {"values": {"expr": "gap_ticks"}, "format": "~r", **axis},
    }


def _strip(sweep: Sweep, title: str, each: int) -> Spec:
    spec = base_spec(
        title,
        {"kind": "fit", "y": ["cell"], "ticks": "gap"},
        width=640,
        height={"step": 22},
        transform=[{"filter": f"datum.optimum < {each}"}],
        mark={"type": "circle", "cursor": "pointer", "strokeWidth": 0},
        encoding={
            "x": _gap(orient="top"),
            "y": {
                "field": "cell",
                "type": "nominal",
                "sort": None,
                "title": None,
                "axis": {"grid": True, "domain": False},
            },
            "size": {
                "field": "basin_share",
                "type": "quantitative",
                "title": "basin share",
                "scale": {"type": "linear", "domain": [0, 1], "range": [14, 420]},
                "legend": {"values": [0.01, 0.1, 0.5, 1], "format": ".0%", "symbolFillColor": "#888888"},
            },
            "color": _kind(sweep),
            "opacity": selected_opacity("kind", 0.75, 0.06),
            "tooltip": _HOVER,
        },
    )
    spec["params"] += [legend_selection("kind"), {"name": "gap_ticks", "value": [0, 1, 10, 100]}]
    return spec


def _levels(sweep: Sweep, title: str) -> Spec:
    spec = base_spec(
        title,
        {"kind": "fit", "ticks": "gap"},
        width=640,
        height=360,
        encoding={
            "y": _gap() | {"scale": _gap()["scale"] | {"reverse": True}},
            "color": _kind(sweep),
            "opacity": selected_opacity("kind"),
            "tooltip": _HOVER,
        },
        layer=[
            {
                "params": [legend_selection("kind")],
                "mark": {"type": "rule", "strokeWidth": 1},
                "encoding": {
                    "x": {
                        "field": "basin_share_low",
                        "type": "quantitative",
                        "title": "basin share: fits that end here among all fits of the cell",
                        "axis": {"format": ".0%", "tickCount": 8},
                        "scale": {"zero": True},
                    },
                    "x2": {"field": "basin_share_high"},
                },
            },
            {
                "mark": {"type": "rule", "strokeWidth": 4},
                "encoding": {"x": {"field": "basin_share", "type": "quantitative"}, "x2": {"datum": 0}},
            },
            {
                "mark": {"type": "circle", "size": 80},
                "encoding": {"x": {"field": "basin_share", "type": "quantitative"}},
            },
        ],
    )
    spec["params"].append({"name": "gap_ticks", "value": [0, 1, 10, 100]})
    return spec
