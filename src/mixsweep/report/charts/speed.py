"""Convergence speed: gaps, profiles, rates, conduct and ratios."""

from __future__ import annotations

from mixsweep.report.charts.base import Chart, Sweep, Variant, base_spec
from mixsweep.report.charts.channels import (
    LINE_LEGEND,
    SHARE_AXIS,
    by_method,
    interval,
    log_quantity,
    method_colour,
    panels,
    right_text,
    rows_of,
    share,
)
from mixsweep.report.charts.style import Spec, legend_selection, selected_opacity, tooltip
from mixsweep.report.meaning import defined, note

__all__ = ["RATIOS", "conduct", "data_profiles", "gaps", "performance_profiles", "rates", "ratios"]

ALWAYS = 10**9


#: The two ratios, and what they are called.
RATIOS = {"hit_cost_ratio": "to the first hit", "same_optimum_ratio": "to the same optimum"}


def _one(
    name: str, dataset: str, caption: str, spec: Spec, *choose: tuple[str, str], needs: tuple[str, ...] = ()
) -> Chart:
    return Chart(name, spec["title"], dataset, (Variant(ALWAYS, caption, spec),), False, choose, needs)


def gaps(sweep: Sweep) -> Chart:
    """How far fits still are from an optimum, pass by pass."""
    title = "How far fits are from an optimum, pass by pass"
    vertical: Spec = {
        "type": "quantitative",
        "title": "gap, nats",
        "scale": {"type": "log", "nice": False, "domainMin": 1e-8, "clamp": True},
        "axis": {"format": ".0e", "tickCount": 6},
    }
    names = ("gap_q25", "gap_median", "gap_q75")
    # a gap of 0 has no logarithm
    floored = [
        {"calculate": f"isValid(datum.{name}) ? max(datum.{name}, 1e-8) : null", "as": name} for name in names
    ]
    view: Spec = {
        "height": 220,
        "encoding": {
            "x": log_quantity("cost", "passes over the data", padding=0),
            "color": method_colour(sweep, legend=LINE_LEGEND),
        },
        "layer": [
            {
                "params": [legend_selection("method")],
                "transform": [{"filter": "isValid(datum.gap_q75)"}],
                "mark": {"type": "area", "opacity": 0.12, "clip": True},
                "encoding": {"y": vertical | {"field": "gap_q25"}, "y2": {"field": "gap_q75"}},
            },
            {
                "mark": {"type": "line", "strokeWidth": 2.2, "clip": True},
                "encoding": {
                    "y": vertical | {"field": "gap_median"},
                    "opacity": selected_opacity("method"),
                    "tooltip": tooltip(
                        *("method", "initializer", ("cost", "passes", ",.3~r"), ("n_fits", "fits", ",d")),
                        *(("gap_median", "median gap", ".2~e"), ("gap_q25", "quartile 1", ".2~e")),
                        ("gap_q75", "quartile 3", ".2~e"),
                    ),
                },
            },
        ],
    }
    caption = (
        "Gap: log-likelihood of the optimum minus that of the fit, in nats; lines are medians and bands "
        "quartiles over all fits of the method and initializer, those that failed or end elsewhere included "
        "as "
        "infinitely far. A line ends, or does not begin, where half of the fits have no such optimum; gaps "
        "below 1e-8 are drawn there."
    )
    spec = panels(title, "initializer", view, 70, sweep.initializers, transform=floored)
    return _one(
        "gaps", "gaps", caption, spec, ("cell", "Cell"), ("reference", "Optimum"), needs=("gap_median",)
    )


def _profile(sweep: Sweep, title: str, name: str, x: Spec, vertical: str, hover: list[Spec]) -> Spec:
    y: Spec = {
        "type": "quantitative",
        "title": vertical,
        "scale": {"domain": [0, 1]},
        "axis": SHARE_AXIS,
    }
    view: Spec = {
        "height": 220,
        "encoding": {"x": x, "color": method_colour(sweep, legend=LINE_LEGEND)},
        "layer": [
            {
                "params": [legend_selection("method")],
                "mark": {"type": "area", "opacity": 0.08, "interpolate": "step-after"},
                "encoding": {"y": y | {"field": f"{name}_low"}, "y2": {"field": f"{name}_high"}},
            },
            {
                "mark": {"type": "line", "strokeWidth": 2.2, "interpolate": "step-after"},
                "encoding": {
                    "y": y | {"field": name},
                    "opacity": selected_opacity("method"),
                    "tooltip": hover,
                },
            },
        ],
    }
    known = f"isValid(datum.{name}) && datum.{x['field']} >= 1"
    return panels(title, "initializer", view, 70, sweep.initializers, transform=[{"filter": known}])


def performance_profiles(sweep: Sweep) -> Chart:
    """Show performance profiles of the expected cost to the first hit."""
    title = "Performance profiles: cost of a hit, relative to the cheapest"
    hover = tooltip(
        *("method", "initializer", ("cost_ratio", "times the cheapest cost", ",.3~r")),
        *(("share_within", "share of cells", ".1%"), ("share_within_low", "95 % interval from", ".1%")),
        *(
            ("share_within_high", "to", ".1%"),
            ("n_compared", "cells", ",d"),
            ("n_left_out", "left out", ",d"),
        ),
    )
    x = log_quantity("cost_ratio", "times the cost of the cheapest", padding=0)
    caption = (
        f"{defined('Share of cells', 'share_within')} The cheapest is that over all methods and initializers "
        "of the whole sweep, and so is the share, whatever the filter says of cells: all fits count. Where "
        "more than two curves are drawn, compare two of them by themselves before saying which is better."
    )
    spec = _profile(sweep, title, "share_within", x, "share of cells", hover)
    return _one(
        "performance_profiles",
        "performance_profiles",
        caption,
        spec,
        ("unit", "Unit"),
        needs=("share_within",),
    )


def data_profiles(sweep: Sweep) -> Chart:
    """Show data profiles: starts solved within so many passes."""
    title = "Data profiles: starts solved within so many passes"
    hover = tooltip(
        *("method", "initializer", ("accuracy", "accuracy", ".0e"), ("passes", "passes", ",.3~r")),
        *(("share_profile", "share of starts", ".1%"), ("share_profile_low", "95 % interval from", ".1%")),
        *(("share_profile_high", "to", ".1%"), ("n_problems", "starts", ",d")),
    )
    x = log_quantity("passes", "passes over the data", padding=0)
    caption = (
        f"{defined('Share of starts', 'share_profile')} A start is solved when all but a share, the "
        "accuracy, of "
        "the rise from its log-likelihood to the highest that any method reached from it has been made. All "
        "fits of the sweep count, whatever the filter says of cells."
    )
    spec = _profile(sweep, title, "share_profile", x, "share of starts", hover)
    return _one(
        "data_profiles", "data_profiles", caption, spec, ("accuracy", "Accuracy"), needs=("share_profile",)
    )


def rates(sweep: Sweep) -> Chart:
    """Observed rates of convergence beside the theoretical rate of EM."""
    title = "Rate of convergence at each optimum, beside EM's in theory"
    position: Spec = {
        "field": "observed_rate",
        "type": "quantitative",
        "title": "factor by which the distance shrinks a pass",
        "scale": {"zero": False, "nice": False, "padding": 10},
    }
    hover = tooltip(
        *("cell", ("optimum", "optimum (0 = first)", "d"), "kind", "method"),
        *(("observed_rate", "observed, median", ".5f"), ("observed_rate_low", "95 % interval from", ".5f")),
        *(("observed_rate_high", "to", ".5f"), ("n_rated", "fits", ",d"), ("em_rate", "EM in theory", ".5f")),
        *(("rate_difference", "EM: observed minus theory", "+.1e"), "reason"),
    )
    encoding: Spec = {
        "y": rows_of("optimum", title="optimum (0 = first)") | {"type": "ordinal", "sort": "ascending"},
        "color": method_colour(sweep, legend={"symbolType": "square"}),
        "tooltip": hover,
    }
    theory = {
        "transform": [{"filter": "isValid(datum.em_rate)"}],
        "mark": {"type": "tick", "thickness": 2, "size": 18, "color": "#888888"},
        "encoding": {"x": position | {"field": "em_rate"}, "y": encoding["y"], "tooltip": hover},
    }
    layers = interval(position, "observed_rate", {}, encoding)
    ends = [
        {"calculate": f"isValid(datum.{end}) ? datum.{end} : datum.shown", "as": end}
        for end in ("observed_rate_low", "observed_rate_high")
    ]
    # where there is no observed rate, a mark that cannot be seen stands at the theoretical one
    known = {"filter": "isValid(datum.shown)"}
    layers[0]["transform"], layers[1]["transform"] = [known, *ends], [known]
    layers[1]["encoding"]["x"] = position | {"field": "shown"}
    seen = {"test": "isValid(datum.observed_rate)", "value": 1}
    layers[1]["encoding"]["opacity"] = {"condition": seen, "value": 0}
    spec = base_spec(
        title,
        {"kind": "fit", "y": ["optimum"]},
        width=640,
        height={"step": 24},
        layer=[theory, *layers],
    )
    caption = (
        f"{defined('Observed', 'observed_rate')} Grey ticks: {note('em_rate')}. Above "
        "1, "
        "at a saddle, EM leaves the point. Of methods that converge faster than linearly the observed rate "
        "is a "
        "mean over the end of the trace. The 12 highest optima; among all fits that ended in them."
    )
    return _one("rates", "rates", caption, spec, ("cell", "Cell"), needs=("shown",))


def conduct(sweep: Sweep) -> Chart:
    """Show steps down and broken constraints."""
    title = "Steps down, and points that were no mixtures"
    names = {"share_decreasing": "fits with a step down", "share_violating": "fits that left the mixtures"}
    count = [{"calculate": f"datum.{name} * datum.n_fits", "as": words} for name, words in names.items()]
    transform: list[Spec] = [
        *count,
        {"fold": list(names.values()), "as": ["what", "having"]},
        {
            "aggregate": [
                {"op": "sum", "field": "having", "as": "having"},
                {"op": "sum", "field": "n_fits", "as": "all"},
            ],
            "groupby": ["method", "what"],
        },
        {"calculate": "datum.all > 0 ? datum.having / datum.all : null", "as": "share"},
    ]
    hover = tooltip(
        "method", "what", ("having", "fits", ",d"), ("all", "of all", ",d"), ("share", "share", ".2%")
    )
    axis = {"domain": False, "ticks": False}
    view: Spec = {
        "height": {"step": 22},
        "mark": {"type": "bar", "height": 13},
        "encoding": {
            "x": share("share", "share of fits"),
            "y": {
                "field": "method",
                "type": "nominal",
                "sort": list(sweep.methods),
                "title": None,
                "axis": axis,
            },
            "color": method_colour(sweep, legend=None),
            "tooltip": hover,
        },
    }
    caption = (
        f"{defined('Steps down', 'share_decreasing')} "
        f"{defined('Points that were no mixtures', 'share_violating')} "
        "Here over all fits of the cells and initializers shown; the table has each with its interval, and "
        "the "
        "largest step down."
    )
    spec = panels(title, "what", view, 110, transform=transform)
    spec["usermeta"]["layout"]["count"] = len(names)
    return _one("conduct", "conduct", caption, spec)


def ratios(sweep: Sweep) -> Chart:
    """How many times as much EM costs as each other method."""
    title = "How many times as much EM costs as another method"
    position = log_quantity("ratio", "cost of EM over that of the method")
    hover = tooltip(
        *("cell", "reference_method", "method", "initializer", "unit", "what", ("ratio", "ratio", ",.3~r")),
        *(("ratio_low", "95 % interval from", ",.3~r"), ("ratio_high", "to", ",.3~r")),
        *(("n_counted", "starts counted", ",d"), ("n_starts", "of all starts", ",d"), "reason"),
    )
    encoding = by_method(sweep)
    encoding["yOffset"] = {"field": "what", "sort": list(RATIOS.values()), "scale": {"paddingInner": 0.4}}
    shape: Spec = {
        "field": "what",
        "type": "nominal",
        "title": None,
        "scale": {"domain": list(RATIOS.values()), "range": ["circle", "diamond"]},
        "legend": {"symbolFillColor": "#888888", "symbolStrokeColor": "#888888"},
    }
    layers = interval(position, "ratio", {"size": 70}, {"tooltip": hover})
    layers[1]["encoding"]["shape"] = shape
    even = {key: value for key, value in position.items() if key != "field"} | {"datum": 1}
    line: Spec = {
        "mark": {"type": "rule", "strokeDash": [3, 3]},
        "encoding": {"x": even, "color": {"value": "#888888"}},
    }
    silent: Spec = {"transform": [{"filter": "!isValid(datum.ratio)"}], **right_text({"value": "cannot say"})}
    # the line at 1 has no row of its own
    for layer in (*layers, silent):
        layer["encoding"] = encoding | layer["encoding"]
    view: Spec = {"height": {"step": 15, "for": "offset"}, "layer": [line, *layers, silent]}
    caption = (
        f"{defined('To the first hit', 'hit_cost_ratio')} "
        f"{defined('To the same optimum', 'same_optimum_ratio')} "
        "Left of 1 EM is cheaper. Marks without a line have an interval without end. From all fits on starts "
        "that both methods had."
    )
    choose = (("cell", "Cell"), ("unit", "Unit"), ("reference_method", "EM arm"))
    spec = panels(title, "initializer", view, order=sweep.initializers)
    return _one("ratios", "ratios", caption, spec, *choose, needs=("ratio",))
