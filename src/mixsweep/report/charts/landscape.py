"""The shape of the likelihood surface: tree, paths, slice and map of the leading maxima."""

from __future__ import annotations

from mixsweep.analysis.landscape.cell import MAXIMA
from mixsweep.report.charts.base import Chart, Sweep, Variant, base_spec
from mixsweep.report.charts.style import KIND_COLOURS, Spec, colour_scale, legend_selection, tooltip

__all__ = ["distance_map", "paths", "slice_through", "tree"]

CELL = (("cell", "Cell"),)
#: Distances below the best known optimum at which a colour of the slice begins, in nats.
LEVELS = (1, 3, 10, 30, 100, 300, 1000)
#: Paths, and what they are called.
PATHS = {"straight": "straight", "relaxed": "risen"}
_MERGE, _INK = "#888888", "#16191c"
_HEIGHTS = (
    "Heights: log-likelihood on all rows, in nats below the best known optimum, or below the highest maximum "
    "where none is proper; spurious maxima may lie above zero."
)
_LEADING = (
    "Of the maxima in which at least one fit ended, the 12 highest: proper ones first, then spurious ones, "
    "then those at the boundary."
)


def _chart(name: str, dataset: str, caption: str, spec: Spec, needs: str = "gap") -> Chart:
    variants = (Variant(10**9, caption, spec),)
    return Chart(name, spec["title"], dataset, variants, choose=CELL, needs=(needs,))


def _kind(sweep: Sweep) -> Spec:
    known = {kind: KIND_COLOURS[kind] for kind in MAXIMA if kind in sweep.kinds}
    legend = {"symbolType": "circle"}
    return {
        "field": "kind",
        "type": "nominal",
        "title": "kind",
        "scale": colour_scale(known),
        "legend": legend,
    }


def _gap(title: str, **more: object) -> Spec:
    return {"field": "gap", "type": "quantitative", "title": title, **more}


def tree(sweep: Sweep) -> Chart:
    """Show the disconnectivity tree."""
    title = "Disconnectivity tree: how deep the valleys between maxima are"
    place: Spec = {
        "field": "place",
        "type": "quantitative",
        "axis": None,
        "scale": {"nice": False, "zero": False, "padding": 24},
    }
    down = _gap("nats below the best known", scale={"reverse": True, "zero": False, "padding": 14})
    kind = _kind(sweep)
    coloured: Spec = {"condition": {"test": "datum.kind !== ''", **kind}, "value": _MERGE}
    leaf: Spec = {"filter": "isValid(datum.optimum) && datum.corner === 0"}
    hover = tooltip(
        *(("optimum", "optimum (0 = first)", "d"), "kind", ("gap", "below the best known, nats", ",.4~r")),
        ("barrier", "way down to the merge, nats", ",.4~r"),
    )
    layers: list[Spec] = [
        {
            "mark": {"type": "line", "strokeWidth": 2, "strokeJoin": "round"},
            "encoding": {
                "detail": {"field": "branch"},
                "order": {"field": "corner", "type": "quantitative"},
                "color": coloured,
            },
        },
        {
            "transform": [leaf],
            "mark": {"type": "circle", "size": 80, "opacity": 1},
            "encoding": {"color": kind, "tooltip": hover},
        },
        {
            "transform": [leaf],
            "mark": {"type": "text", "dy": -11, "fontSize": 11},
            "encoding": {"text": {"field": "optimum", "type": "quantitative", "format": "d"}},
        },
    ]
    spec = base_spec(
        title,
        {"kind": "fit"},
        width=640,
        height=340,
        encoding={"x": place, "y": down},
        layer=layers,
    )
    caption = (
        f"{_LEADING} Each branch is one of them, with its number, from its own height down to where it meets "
        f"another: at the lowest point of the highest known way between the two groups. {_HEIGHTS} A merge "
        "may lie too low, since a way that was not found may be higher: branches are upper bounds of the "
        "barriers. Places across mean nothing, and neither basin sizes nor starts are shown."
    )
    return _chart("tree", "tree", caption, spec)


def paths(sweep: Sweep) -> Chart:
    """Show heights along straight and risen paths from the best known optimum."""
    title = "Along paths from the best known optimum to the others"
    colours = dict(zip(PATHS.values(), ("#888888", "#0072B2"), strict=True))
    names = "{" + ", ".join(f"{path}: '{words}'" for path, words in PATHS.items()) + "}"
    powers = (3, 10, 30, 100, 300, 1000, 3000, 10000)
    down = _gap(
        "nats below best",
        scale={"type": "symlog", "constant": 1, "reverse": True, "nice": False, "zero": True},
        axis={"values": [*(-value for value in reversed(powers)), 0, 1, *powers], "format": "~s"},
    )
    spec = base_spec(
        title,
        {"kind": "wrap", "columns": "pair", "min": 190, "labels": 60},
        transform=[{"calculate": f"{names}[datum.path]", "as": "way"}],
        facet={
            "field": "pair",
            "type": "nominal",
            "sort": {"field": "optimum", "op": "min", "order": "ascending"},
            "title": None,
        },
        columns=4,
        spec={
            "width": 150,
            "height": 110,
            "params": [legend_selection("way")],
            "mark": {"type": "line", "strokeWidth": 2},
            "encoding": {
                "x": {
                    "field": "place",
                    "type": "quantitative",
                    "title": "share of the path's length",
                    "axis": {"format": ".0%", "values": [0, 0.5, 1]},
                    "scale": {"domain": [0, 1]},
                },
                "y": down,
                "color": {
                    "field": "way",
                    "type": "nominal",
                    "title": "path",
                    "scale": colour_scale(colours),
                    "legend": {"symbolType": "stroke", "symbolStrokeWidth": 3},
                },
                "strokeDash": {
                    "field": "way",
                    "type": "nominal",
                    "title": "path",
                    "scale": {"domain": list(colours), "range": [[4, 3], [1, 0]]},
                },
                "opacity": {"condition": {"param": "picked_way", "value": 1}, "value": 0.08},
                "tooltip": tooltip(
                    *("pair", ("way", "path"), ("place", "share of its length", ".0%")),
                    ("gap", "below the best known, nats", ",.4~r"),
                ),
            },
        },
    )
    caption = (
        "One panel a maximum, “a to b” from optimum a to optimum b. Straight: through the unconstrained "
        "coordinates, components matched one to one. Risen: a path between the same ends that has climbed "
        "as a string (E, Ren and Vanden-Eijnden 2007); its lowest point bounds the barrier from above. "
        f"{_HEIGHTS} {_LEADING} The way by other maxima, which may be higher, is in the tree; lengths of "
        "paths are not shown."
    )
    return _chart("paths", "paths", caption, spec)


def _plane(title: str, **parts: object) -> Spec:
    return base_spec(title, {"kind": "plane"}, width=400, height=400, **parts)


def _axis(field: str, title: str, **more: object) -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"nice": False, "zero": False},
        "axis": {"grid": False, "tickCount": 5},
        **more,
    }


def _first(name: str) -> list[Spec]:
    """Return what keeps the first of the rows that have a number."""
    count: Spec = {"window": [{"op": "row_number", "as": "n"}]}
    return [{"filter": f"isValid(datum.{name})"}, count, {"filter": "datum.n === 1"}]


def _field(x: str, y: str) -> Spec:
    """Return a layer that is not seen and makes the axes as long as the field is."""
    return {
        "transform": _first("x_low"),
        "mark": {"type": "rect", "opacity": 0},
        "encoding": {
            "x": _axis("x_low", x),
            "x2": {"field": "x_high"},
            "y": _axis("y_low", y),
            "y2": {"field": "y_high"},
        },
    }


def _marks(place: tuple[Spec, Spec], mark: Spec, text: Spec, color: Spec, hover: list[Spec]) -> list[Spec]:
    """Return marks of optima, and their numbers."""
    known: list[Spec] = [{"filter": "isValid(datum.optimum)"}]
    number: Spec = {"field": "optimum", "type": "quantitative", "format": "d"}
    return [
        {
            "transform": known,
            "mark": {"type": "circle", "opacity": 1, **mark},
            "encoding": place[0] | {"color": color, "tooltip": hover},
        },
        {
            "transform": known,
            "mark": {"type": "text", "fontSize": 10.5, "baseline": "middle", **text},
            "encoding": place[1] | {"text": number},
        },
    ]


def slice_through(sweep: Sweep) -> Chart:
    """Show heights in the plane through three maxima."""
    title = "A slice through three maxima"
    x, y = "first direction in the plane", "second direction"
    edges: list[Spec] = [
        {"filter": "!isValid(datum.optimum)"},
        {"calculate": "datum.x - datum.wide / 2", "as": "left"},
        {"calculate": "datum.x + datum.wide / 2", "as": "right"},
        {"calculate": "datum.y - datum.high / 2", "as": "bottom"},
        {"calculate": "datum.y + datum.high / 2", "as": "top"},
    ]
    color: Spec = {
        **_gap("nats below the best known"),
        "scale": {"type": "threshold", "domain": list(LEVELS), "scheme": "viridis", "reverse": True},
        "legend": {"columns": 4, "columnPadding": 6},
    }
    heights: Spec = {
        "transform": edges,
        "mark": {"type": "rect", "strokeWidth": 0.6},
        "encoding": {
            "x": _axis("left", x),
            "x2": {"field": "right"},
            "y": _axis("bottom", y),
            "y2": {"field": "top"},
            "fill": color,
            # without it the background shows between squares
            "stroke": color,
            "tooltip": tooltip(("gap", "below the best known, nats", ",.4~r")),
        },
    }
    hover = tooltip(
        ("optimum", "optimum (0 = first)", "d"), "kind", ("gap", "below the best known, nats", ",.4~r")
    )
    place: Spec = {"x": _axis("x", x), "y": _axis("y", y)}
    disc: Spec = {"size": 260, "stroke": _INK, "strokeWidth": 1}
    ink: Spec = {"fontWeight": 600, "color": _INK}
    corners = _marks((place, place), disc, ink, {"value": "#ffffff"}, hover)
    layers = [_field(x, y), heights, *corners]
    caption = (
        "The plane through the highest of the leading maxima and the two others in which most of all fits "
        "ended, components matched one to one; axes are Euclidean lengths in unconstrained coordinates, on "
        f"one scale. {_HEIGHTS} Heights are known on a grid of at most 41 by 41 points, and narrow peaks lie "
        "between them. All other directions are cut away: a valley may be passable outside the plane, and "
        "maxima elsewhere do not appear."
    )
    return _chart("slice", "slice", caption, _plane(title, layer=layers))


def distance_map(sweep: Sweep) -> Chart:
    """Show the leading maxima in a plane that keeps the distances of their densities best."""
    title = "Map of the maxima"
    x, y = "nats", "nats"
    hover = tooltip(
        ("optimum", "optimum (0 = first)", "d"), "kind", ("gap", "below the best known, nats", ",.4~r")
    )
    words = "'stress ' + format(datum.stress, '.2f')"
    error: Spec = {
        "transform": [*_first("stress"), {"calculate": words, "as": "words"}],
        "mark": {"type": "text", "align": "right", "fontSize": 10.5, "fontStyle": "italic"},
        "encoding": {
            "x": {"value": {"expr": "width - 6"}},
            "y": {"value": {"expr": "height - 8"}},
            "text": {"field": "words"},
        },
    }
    place: Spec = {"x": _axis("x", x), "y": _axis("y", y)}
    beside: Spec = {"x": _axis("label_x", x), "y": _axis("label_y", y)}
    discs = _marks((place, beside), {"size": 90}, {}, _kind(sweep), hover)
    caption = (
        "Each disc is a maximum, its number beside it; the distance of two is as near as a plane allows to "
        "the root mean square difference of the rows' log-densities, in nats a row (classical scaling, "
        "Torgerson 1952). Stress: what the plane gets wrong, as a share of the distances (Kruskal 1964); "
        f"above 0.2 neighbours in the picture need not be neighbours. {_LEADING} Heights, barriers and basin "
        "sizes are not shown; directions mean nothing."
    )
    return _chart("map", "map", caption, _plane(title, layer=[_field(x, y), *discs, error]), "x")
