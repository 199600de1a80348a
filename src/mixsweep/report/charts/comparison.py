"""Global optimum: costs of a hit, methods in pairs, flow between optima, trend and difficulty."""

from __future__ import annotations

from mixsweep.report.charts.base import Chart, Sweep, Variant, base_spec
from mixsweep.report.charts.channels import (
    by_method,
    initializer_shape,
    interval,
    log_quantity,
    method_colour,
    panels,
    right_text,
    rows_of,
)
from mixsweep.report.charts.heat import category_axis, heat_layers
from mixsweep.report.charts.style import Spec, legend_selection, selected_opacity, tooltip
from mixsweep.report.meaning import defined

__all__ = ["costs", "difficulty", "flow", "pairs", "trend"]

ALWAYS = 10**9
_CANNOT: Spec = right_text({"value": "cannot say"})


def costs(sweep: Sweep) -> Chart:
    """Show the expected cost to the first hit, by method and initializer."""
    title = "What the first hit costs"
    position = log_quantity("cost_per_hit", "expected cost to the first hit")
    hover = tooltip(
        *("cell", "method", "initializer", "unit", ("cost_per_hit", "cost per hit", ",.4~r")),
        *(("cost_per_hit_low", "95 % interval from", ",.4~r"), ("cost_per_hit_high", "to", ",.4~r")),
        *(("n_hits", "hits", ",d"), ("n_fits", "of all fits", ",d"), "reason"),
    )
    shape = {"shape": initializer_shape(sweep), "tooltip": hover}
    view: Spec = {
        "height": {"step": 13, "for": "offset"},
        "encoding": by_method(sweep),
        "layer": [
            *interval(position, "cost_per_hit", {}, {"tooltip": hover}),
            {
                "transform": [
                    {"filter": "!isValid(datum.cost_per_hit)"},
                    {"calculate": "datum.reason ? 'cannot say' : 'no hit'", "as": "words"},
                ],
                **right_text({"field": "words"}),
            },
        ],
    }
    view["layer"][1]["encoding"] |= shape
    view["layer"][0]["params"] = [legend_selection("initializer")]
    dots = base_spec(
        title,
        {"kind": "fit", "y": ["cell"]},
        width=640,
        height={"step": 22},
        transform=[{"filter": "isValid(datum.cost_per_hit)"}],
        mark={"type": "point", "filled": True, "size": 62, "cursor": "pointer"},
        encoding={
            "x": position | {"axis": position["axis"] | {"orient": "top"}},
            "y": rows_of("cell"),
            "color": method_colour(sweep, legend={"symbolType": "square"}),
            "opacity": selected_opacity("method", 0.85),
            **shape,
        },
    )
    dots["params"].append(legend_selection("method"))
    meaning = (
        f"{defined('Cost per hit', 'passes_per_hit')} Seconds are the fit's share of its batch's time. "
        "Marks without a line have an interval without end. "
    )
    return Chart(
        "costs",
        title,
        "costs",
        (
            Variant(9, meaning, panels(title, "cell", view, order=sweep.cells)),
            Variant(
                ALWAYS,
                f"{meaning} Cells without a hit have no mark; intervals are in the tooltip and the table.",
                dots,
            ),
        ),
        choose=(("unit", "Unit"),),
        needs=("cost_per_hit",),
    )


def pairs(sweep: Sweep) -> Chart:
    """Differences of hit rates between methods on the same starts."""
    title = "Methods in pairs, on the same starts"
    position: Spec = {
        "field": "difference",
        "type": "quantitative",
        "title": "difference of hit rates (first minus second)",
        "axis": {"format": "+.0%"},
        "scale": {"zero": True},
    }
    hover = tooltip(
        *("cell", "pair", "initializer", ("difference", "difference", "+.1%")),
        *(("difference_low", "95 % interval from", "+.1%"), ("difference_high", "to", "+.1%")),
        *(("n_starts", "starts", ",d"), ("n_only_a", "only the first hits", ",d")),
        *(("n_only_b", "only the second hits", ",d"), ("p_value", "p, mid-p", ".2g")),
        ("p_holm", "p, Holm", ".2g"),
    )
    words = "isValid(datum.p_holm) && datum.p_holm < 0.05 ? 'p < 0.05 (Holm)' : 'no difference shown'"
    domain = ["p < 0.05 (Holm)", "no difference shown"]
    colour = {
        "field": "shown",
        "type": "nominal",
        "title": None,
        "scale": {"domain": domain, "range": ["#D55E00", "#888888"]},
    }
    encoding: Spec = {"y": rows_of("pair"), "color": colour, "tooltip": hover}
    view: Spec = {
        "height": {"step": 22},
        "layer": [
            {
                "mark": {"type": "rule", "strokeDash": [3, 3], "color": "#888888"},
                "encoding": {"x": {"datum": 0}},
            },
            *interval(position, "difference", {}, encoding),
            {"transform": [{"filter": "!isValid(datum.difference)"}], **_CANNOT},
        ],
    }
    view["layer"][-1]["encoding"] = _CANNOT["encoding"] | {"y": rows_of("pair")}
    caption = (
        f"{defined('Difference', 'difference')} Colours: McNemar's mid-p test, adjusted by Holm's procedure "
        "for all comparisons of the sweep: every cell, pair and initializer, and all initializers together. "
        "All fits from these starts count, failed ones as misses; of copies of one start, one counts. Starts "
        "made from the generating parameters are not in “all”."
    )
    order = [*sweep.initializers, "all"]
    spec = panels(title, "initializer", view, 150, order, transform=[{"calculate": words, "as": "shown"}])
    choose = (("cell", "Cell"),)
    return Chart("pairs", title, "pairs", (Variant(ALWAYS, caption, spec),), False, choose, ("difference",))


def flow(sweep: Sweep) -> Chart:
    """Which optimum each of two methods reaches from the same start."""
    title = "From the same start, which optimum does each method reach?"
    color: Spec = {
        "field": "starts",
        "title": "starts",
        "scale": {"type": "sqrt", "domainMin": 0, "nice": False},
        "legend": {"format": "d", "tickMinStep": 1, "gradientLength": 160},
    }
    hover = tooltip(
        *("cell", "pair", ("optimum_a", "first ends in"), ("optimum_b", "second ends in")),
        *(("starts", "starts", ",d"), ("all", "of", ",d")),
    )
    keys = ["cell", "pair"]
    rank = "datum.{0} == 'none' ? 1e9 : datum.{0} == 'other' ? 1e8 : toNumber(datum.{0})"
    transform: list[Spec] = [
        {
            "aggregate": [{"op": "sum", "field": "n_flow", "as": "starts"}],
            "groupby": [*keys, "optimum_a", "optimum_b"],
        },
        {"joinaggregate": [{"op": "sum", "field": "starts", "as": "all"}], "groupby": keys},
        {"joinaggregate": [{"op": "max", "field": "starts", "as": "most"}]},
        *({"calculate": rank.format(name), "as": f"{name}_rank"} for name in ("optimum_a", "optimum_b")),
    ]

    def axis(name: str, label: str, **more: object) -> Spec:
        order = {"field": f"{name}_rank", "op": "min", "order": "ascending"}
        return category_axis(name, **more) | {"sort": order, "title": label}

    view: Spec = {
        "height": {"step": 22},
        "encoding": {
            "x": axis("optimum_b", "second method ends in", orient="bottom", labelAngle=0),
            "y": axis("optimum_a", "first method ends in"),
            "tooltip": hover,
        },
        "layer": heat_layers(color, "d", "datum.starts > 0.35 * datum.most", size=10),
    }
    caption = (
        f"{defined('Starts', 'n_flow')} Optima are numbered from the first of the cell; “other” are those in "
        "which few fits ended, “none” fits that ended in no optimum. On the diagonal both methods end in the "
        "same one. Over all fits of the initializers shown, which the csv file tells apart; of copies "
        "of one start, one counts."
    )
    spec = panels(title, "pair", view, 60, transform=transform)
    return Chart("flow", title, "flow", (Variant(ALWAYS, caption, spec),), choose=(("cell", "Cell"),))


def trend(sweep: Sweep) -> Chart:
    """Coefficients of the models of hit rates and numbers of optima."""
    title = "How hit rates and numbers of optima depend on the design"
    position: Spec = {
        "field": "estimate",
        "type": "quantitative",
        "title": "change for one unit: log-odds of a hit, or log of the number of optima",
        "scale": {"zero": True},
    }
    hover = tooltip(
        *("model", "term", ("estimate", "estimate", ".3g"), ("estimate_low", "95 % interval from", ".3g")),
        *(("estimate_high", "to", ".3g"), ("n_clusters", "problems", "d"), ("n_observations", "counts", "d")),
        "reason",
    )
    encoding: Spec = {"y": rows_of("term"), "tooltip": hover, "color": {"value": "#0072B2"}}
    spec = base_spec(
        title,
        {"kind": "fit", "y": ["term"]},
        width=640,
        height={"step": 22},
        transform=[{"filter": "datum.term != 'intercept'"}],
        layer=[
            {
                "mark": {"type": "rule", "strokeDash": [3, 3], "color": "#888888"},
                "encoding": {"x": {"datum": 0}},
            },
            *interval(position, "estimate", {}, encoding),
            {
                "transform": [{"filter": "!isValid(datum.estimate)"}],
                "mark": {"type": "text", "align": "right", "fontSize": 10, "fontStyle": "italic", "dx": -2},
                "encoding": {"x": {"value": "width"}, "y": rows_of("term"), "text": {"field": "reason"}},
            },
        ],
    )
    caption = (
        f"{defined('Estimate', 'estimate')} A logistic model of the hits among all fits of each cell, method "
        "and initializer, and a Poisson model of the optima seen, with a main effect for each covariate, "
        "and for each family where there are several. Cells of one problem stand or fall together. Starts "
        "that are copies of one, or made from the generating parameters, are left out."
    )
    choose = (("model", "Model"),)
    return Chart("trend", title, "trend", (Variant(ALWAYS, caption, spec),), False, choose, ("estimate",))


def difficulty(sweep: Sweep) -> Chart:
    """Hit rates that the fitted model expects over the design."""
    title = "Map of difficulty: hit rates that the model expects"
    color: Spec = {
        "field": "predicted_hit_rate",
        "title": "expected hit rate",
        "scale": {"domain": [0, 1]},
        "legend": {"format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1], "gradientLength": 160},
    }
    hover = tooltip(
        *("model", "family", "method", "initializer", ("n_components", "K", "d")),
        ("n_features", "features", "d"),
        *(("n_rows", "rows", ",d"), ("separation", "separation", ".2~r")),
        *(("predicted_hit_rate", "expected hit rate", ".1%"),),
        *(("predicted_hit_rate_low", "95 % interval from", ".1%"), ("predicted_hit_rate_high", "to", ".1%")),
    )
    place = (
        "'d = ' + datum.n_features + (isValid(datum.separation) ? ', separation ' + datum.separation : '')"
    )
    x = category_axis("n_components", labelAngle=0) | {"type": "ordinal", "title": "K"}
    view: Spec = {
        "height": {"step": 24},
        "encoding": {"x": x | {"sort": "ascending"}, "y": category_axis("place"), "tooltip": hover},
        "layer": heat_layers(color, ".0%", "datum.predicted_hit_rate > 0.55", size=10),
    }
    transform = [{"filter": "isValid(datum.predicted_hit_rate)"}, {"calculate": place, "as": "place"}]
    caption = (
        f"{defined('Expected hit rate', 'predicted_hit_rate')} From the logistic model above, at the median "
        "number of rows, for the average over cells like this one among all fits. Points outside the range "
        "of the design, and models that could not be fitted, have no square."
    )
    spec = panels(title, "initializer", view, 150, sweep.initializers, transform=transform)
    choose = (("model", "Model"), ("family", "Family"), ("method", "Method"))
    needs = ("predicted_hit_rate",)
    return Chart("difficulty", title, "difficulty", (Variant(ALWAYS, caption, spec),), False, choose, needs)
