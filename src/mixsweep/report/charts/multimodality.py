"""Multimodality: basins by method, copies, what is unseen, rarefaction, agreement and the choice of K."""

from __future__ import annotations

from mixsweep.analysis.unseen import ESTIMATORS
from mixsweep.report.charts.base import Chart, Sweep, Variant, base_spec
from mixsweep.report.charts.channels import (
    LINE_LEGEND,
    SHARE_AXIS,
    interval,
    log_quantity,
    method_colour,
    panels,
    rows_of,
    share,
)
from mixsweep.report.charts.heat import category_axis, heat_layers
from mixsweep.report.charts.style import Spec, legend_selection, selected_opacity, tooltip
from mixsweep.report.meaning import defined

__all__ = [
    "agreement",
    "basins",
    "copies",
    "rarefaction",
    "selection",
    "unseen",
    "unseen_by_method",
    "unseen_number",
]

CELL = (("cell", "Cell"),)
ALWAYS = 10**9


def _chart(name: str, title: str, dataset: str, caption: str, spec: Spec, choose: object = CELL) -> Chart:
    return Chart(name, title, dataset, (Variant(ALWAYS, caption, spec),), choose=choose)  # type: ignore[arg-type]


def basins(sweep: Sweep) -> Chart:
    """Basin shares of the most frequent optima, by method and initializer."""
    title = "Basin shares, method by method"
    hover = tooltip(
        *("cell", ("optimum", "optimum (0 = first)", "d"), "kind", "method", "initializer"),
        *(("n_fits", "fits that end here", ",d"), ("n_fits_total", "of all fits", ",d")),
        *(("basin_share", "basin share", ".1%"), ("basin_share_low", "95 % interval from", ".1%")),
        ("basin_share_high", "to", ".1%"),
    )
    axis = {"domain": False, "ticks": False, "grid": True}
    common: Spec = {
        "y": {"field": "optimum", "type": "ordinal", "title": "optimum (0 = first)", "axis": axis},
        "yOffset": {"field": "method", "sort": list(sweep.methods), "scale": {"paddingInner": 0.4}},
        "color": method_colour(sweep, legend={"symbolType": "square"}),
        "opacity": selected_opacity("method"),
        "tooltip": hover,
    }
    layers = interval(share("basin_share", "basin share"), "basin_share", {}, common)
    layers[0]["params"] = [legend_selection("method")]
    view: Spec = {"height": {"step": 9, "for": "offset"}, "layer": layers}
    caption = (
        f"{defined('Basin share', 'basin_share')} Where a method has no mark, none of its fits ended in the "
        "optimum. The 12 optima in which most fits of the cell ended; the csv file has all."
    )
    return _chart(
        "basins", title, "basin_shares", caption, panels(title, "initializer", view, 60, sweep.initializers)
    )


def copies(sweep: Sweep) -> Chart:
    """Different optima, and the points of parameter space that they are."""
    title = "Different optima, and their symmetric copies"
    names = ["different proper optima", "with their symmetric copies"]
    caption = (
        "Every optimum is there once for every order of its components, K! times, less often where some "
        "coincide: that part of the multimodality is a mathematical fact about labels. How many different "
        "proper optima remain is an observation: at least one fit ended in each, up to the order of the "
        "components. Cells without a proper optimum have no mark."
    )
    spec = base_spec(
        title,
        {"kind": "fit", "y": ["cell"]},
        width=640,
        height={"step": 20},
        transform=[
            {"calculate": "datum.n_proper", "as": names[0]},
            {"calculate": "datum.n_points", "as": names[1]},
            {"fold": names, "as": ["what", "number"]},
            {"filter": "isValid(datum.number) && datum.number > 0"},
        ],
        mark={"type": "point", "filled": True, "size": 70, "cursor": "pointer"},
        encoding={
            "x": log_quantity("number", "points of parameter space", domainMin=1),
            "y": rows_of("cell"),
            "color": {
                "field": "what",
                "type": "nominal",
                "title": None,
                "scale": {"domain": names, "range": ["#0072B2", "#E69F00"]},
            },
            "shape": {"field": "what", "type": "nominal", "title": None, "scale": {"domain": names}},
            "tooltip": tooltip("cell", "what", ("number", "number", ",d")),
        },
    )
    return _chart("copies", title, "verdicts", caption, spec, ())


#: Position of an unseen share: small ones are told apart.
_UNSEEN: Spec = share("unseen_share", "unseen share of start space") | {
    "scale": {"type": "sqrt", "domain": [0, 1]},
    "axis": {"format": ".0%", "values": [0, 0.01, 0.05, 0.2, 0.5, 1]},
}


def unseen(sweep: Sweep) -> Chart:
    """Share of start space that leads to optima not seen yet, by Good-Turing."""
    title = "Share of starts that lead to an optimum not seen yet"
    hover = tooltip(
        *("cell", "initializer", ("unseen_share", "Good-Turing", ".2%")),
        *(("unseen_share_low", "95 % interval from", ".2%"), ("unseen_share_high", "to", ".2%")),
        *(("n_starts_ended", "starts", ",d"), ("n_optima", "optima seen", ",d"), "warning"),
    )
    common: Spec = {"y": rows_of("cell"), "color": {"value": "#0072B2"}, "tooltip": hover}
    view: Spec = {"height": {"step": 20}, "layer": interval(_UNSEEN, "unseen_share", {"size": 70}, common)}
    caption = (
        f"{defined('Good-Turing', 'unseen_share')} It assumes independent starts from one distribution, and "
        "nothing about how uneven the basins are; methods share starts, so all fits of a start count once. "
        "It does not bound the log-likelihood of what has not been seen."
    )
    spec = panels(title, "initializer", view, 190, sweep.initializers)
    variants = (Variant(ALWAYS, caption, spec),)
    return Chart("unseen", title, "unseen", variants, needs=("unseen_share",))


#: Colour and mark of the optima that were seen, and of those that are estimated to exist.
_NUMBERS: dict[str, tuple[str, str, Spec]] = {
    "Chao1": ("n_optima_chao1", "#009E73", {"shape": "square"}),
    "seen": ("n_optima", "#CC79A7", {"type": "tick", "thickness": 3, "size": 14}),
}


def unseen_number(sweep: Sweep) -> Chart:
    """How many optima there are, seen and estimated."""
    title = "How many optima there may be"
    hover = tooltip(
        *("cell", "initializer", ("n_optima", "seen", ",d"), ("n_optima_chao1", "Chao1: at least", ",.1f")),
        *(("n_optima_chao1_low", "95 % interval from", ",.1f"), ("n_optima_chao1_high", "to", ",.1f")),
        *(("n_starts_ended", "starts", ",d"), "warning"),
    )
    position = log_quantity("n_optima", "number of optima")
    colour: Spec = {
        "type": "nominal",
        "title": None,
        "scale": {"domain": list(_NUMBERS), "range": [own for _, own, _ in _NUMBERS.values()]},
        "legend": {"symbolType": "circle"},
    }
    layers: list[Spec] = []
    for label, (name, _, mark) in _NUMBERS.items():
        common: Spec = {"y": rows_of("cell"), "color": colour | {"datum": label}, "tooltip": hover}
        both = interval(position, name, {"size": 70, **mark}, common)
        layers += both if label == "Chao1" else both[1:]
    view: Spec = {"height": {"step": 20}, "layer": layers}
    caption = (
        "Optima of every kind that starts of one initializer led to, and what an estimator makes of them. "
        f"{defined('Chao1', 'n_optima_chao1')} It is near the truth only where rare basins are alike; "
        "denominator: all fits of starts that led to an optimum, those of one start counted once."
    )
    spec = panels(title, "initializer", view, 190, sweep.initializers)
    variants = (Variant(ALWAYS, caption, spec),)
    return Chart("unseen_number", title, "unseen", variants, needs=("n_optima_chao1",))


def unseen_by_method(sweep: Sweep) -> Chart:
    """Share of start space that each method by itself has not shown, by Boender and Rinnooy Kan."""
    title = "Unseen share of each method by itself, if its basins are even"
    hover = tooltip(
        *("cell", "initializer", "method"),
        *(("unseen_share_boender", "Boender and Rinnooy Kan", ".2%"), ("n_fits_ended", "fits", ",d")),
        *(("n_optima_arm", "optima seen by it", ",d"), ("n_optima_boender", "optima expected", ",.1f")),
        "warning",
    )
    common: Spec = {
        "y": rows_of("cell"),
        "yOffset": {"field": "method", "sort": list(sweep.methods)},
        "color": method_colour(sweep, legend={"symbolType": "diamond"}),
        "opacity": selected_opacity("method"),
        "tooltip": hover,
    }
    _, mark = interval(_UNSEEN, "unseen_share_boender", {"shape": "diamond"}, common)
    view: Spec = {
        "height": {"step": 9, "for": "offset"},
        "params": [legend_selection("method")],
        **mark,
    }
    caption = (
        f"{ESTIMATORS['unseen_share_boender']} A mark a method, among all its fits that ended in an optimum; "
        "compare with Good-Turing above. It does not bound the log-likelihood of what has not been seen."
    )
    spec = panels(title, "initializer", view, 190, sweep.initializers)
    variants = (Variant(ALWAYS, caption, spec),)
    return Chart("unseen_by_method", title, "unseen_by_method", variants, needs=("unseen_share_boender",))


def rarefaction(sweep: Sweep) -> Chart:
    """Optima found against restarts."""
    title = "Optima found against restarts"
    place = log_quantity("restarts", "restarts", padding=0)
    vertical: Spec = {"type": "quantitative", "title": "optima found", "scale": {"zero": True}}
    colour = method_colour(sweep, legend=LINE_LEGEND)
    view: Spec = {
        "height": 220,
        "encoding": {"x": place, "color": colour},
        "layer": [
            {
                "params": [legend_selection("method")],
                "mark": {"type": "area", "opacity": 0.1},
                "encoding": {
                    "y": vertical | {"field": "expected_optima_low"},
                    "y2": {"field": "expected_optima_high"},
                },
            },
            {
                "mark": {"type": "line", "strokeWidth": 2.2},
                "encoding": {
                    "y": vertical | {"field": "expected_optima"},
                    "opacity": selected_opacity("method"),
                    "tooltip": tooltip(
                        *("method", "initializer", ("restarts", "restarts", ",d")),
                        *(("expected_optima", "optima on average", ",.1f"),),
                        *(("expected_optima_low", "95 % of parts from", ",.1f"),),
                        ("expected_optima_high", "to", ",.1f"),
                    ),
                },
            },
        ],
    }
    caption = (
        f"{defined('Optima found', 'expected_optima')} Optima of every kind, by one method and initializer, "
        "among all fits; a curve that still rises at its end says that more restarts would find more."
    )
    return _chart(
        "rarefaction",
        title,
        "rarefaction",
        caption,
        panels(title, "initializer", view, 60, sweep.initializers),
    )


def agreement(sweep: Sweep) -> Chart:
    """Agreement of the clusterings of the highest optima."""
    title = "Do the optima matter? Agreement of their clusterings"
    color: Spec = {
        "field": "adjusted_rand",
        "title": "adjusted Rand index",
        "scale": {"domain": [0, 1]},
        "legend": {"gradientLength": 160},
    }
    hover = tooltip(
        *("cell", ("optimum_a", "optimum"), ("optimum_b", "and")),
        *(("adjusted_rand", "adjusted Rand index", ".3f"),),
        ("density_distance", "density distance, nats", ".3f"),
    )
    sort = [
        {"calculate": "toNumber(datum.optimum_a)", "as": "a"},
        {"calculate": "toNumber(datum.optimum_b)", "as": "b"},
    ]
    x = category_axis("b", orient="top", labelAngle=0) | {"type": "ordinal", "title": "optimum"}
    y = category_axis("a") | {"type": "ordinal", "title": "optimum (0 = first)"}
    layers = heat_layers(color, ".2f", "datum.adjusted_rand > 0.55", size=10)
    # where the page is too narrow for the numbers it leaves them out
    layers[1]["encoding"]["opacity"] = {"value": {"expr": "show_text"}}
    spec = base_spec(
        title,
        {"kind": "grid", "x": "optimum_b", "y": ["optimum_a"], "min": 22, "max": 60, "text": 32},
        transform=sort,
        encoding={"x": x | {"sort": "ascending"}, "y": y | {"sort": "ascending"}, "tooltip": hover},
        layer=layers,
        width={"step": 44},
        height={"step": 26},
    )
    spec["params"].append({"name": "show_text", "value": 1})
    caption = (
        f"{defined('Adjusted Rand index', 'adjusted_rand')} The 12 highest optima of every kind in which at "
        "least one fit ended. In the tooltip and the csv file: "
        f"{defined('density distance', 'density_distance')}"
    )
    return _chart("agreement", title, "agreement", caption, spec)


def selection(sweep: Sweep) -> Chart:
    """Show which number of components a criterion chooses after so many restarts."""
    title = "Which K a criterion would choose after so many restarts"
    color: Spec = {
        "field": "chance",
        "title": "chance",
        "scale": {"domain": [0, 1]},
        "legend": {"format": ".0%", "values": SHARE_AXIS["values"], "gradientLength": 160},
    }
    hover = tooltip(
        *("problem", "family", "criterion", "method", "initializer", ("restarts", "restarts", "d")),
        *(("n_components", "K", "d"), ("chance", "chance", ".1%")),
        ("chance_none", "chance of no proper optimum", ".1%"),
    )
    x = category_axis("restarts", labelAngle=0) | {"type": "ordinal", "title": "restarts for each K"}
    y = category_axis("n_components") | {"type": "ordinal", "title": "K"}
    view: Spec = {
        "height": {"step": 22},
        "encoding": {"x": x | {"sort": "ascending"}, "y": y | {"sort": "descending"}, "tooltip": hover},
        "layer": heat_layers(color, ".0%", "datum.chance > 0.55", size=10),
    }
    arms = [f"{method}, {initializer}" for method in sweep.methods for initializer in sweep.initializers]
    spec = panels(title, "arm", view, 50, arms, transform=[{"filter": "isValid(datum.chance)"}])
    caption = (
        f"{defined('Chance', 'chance')} For each K the best of so many restarts is kept, if any of all fits "
        "among them ended in a proper optimum; then the K with the smallest criterion is chosen."
    )
    choose = (("surface", "Problem"), ("criterion", "Criterion"))
    return _chart("selection", title, "selection", caption, spec, choose)
