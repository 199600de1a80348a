"""Seconds a pass, measured apart from the sweep."""

from __future__ import annotations

from mixsweep.report.charts.base import Chart, Sweep, Variant, base_spec
from mixsweep.report.charts.channels import interval, log_quantity, method_colour
from mixsweep.report.charts.style import Spec, tooltip
from mixsweep.report.meaning import defined

__all__ = ["timing"]

#: How fits are run, and the mark of each.
WAYS = {"alone": "circle", "batched": "diamond"}


def timing(sweep: Sweep) -> Chart:
    """Show seconds a pass of every method, of fits alone and in a batch."""
    title = "Milliseconds a pass, measured apart from the sweep"
    scaled: list[Spec] = [
        {"filter": "isValid(datum.seconds_per_pass)"},
        *(
            {"calculate": f"isValid(datum.{name}) ? 1000 * datum.{name} : null", "as": short}
            for short, name in (
                ("pass_ms", "seconds_per_pass"),
                ("pass_ms_low", "seconds_per_pass_low"),
                ("pass_ms_high", "seconds_per_pass_high"),
                ("fit_ms", "seconds_per_fit"),
            )
        ),
    ]
    hover = tooltip(
        *("cell", "method", ("way", "fits run"), ("pass_ms", "milliseconds a pass", ",.3~r")),
        *(("pass_ms_low", "95 % interval from", ",.3~r"), ("pass_ms_high", "to", ",.3~r")),
        *(("fit_ms", "milliseconds a fit", ",.3~r"), ("seconds_ratio", "times the first method's", ",.3~r")),
        *(("n_measured", "fits", ",d"), ("n_repeats", "repeats", ",d"), ("n_failed", "failed", ",d")),
        *(("busy", "wall over processor time", ".2f"), "reason"),
    )
    encoding: Spec = {
        "y": {
            "field": "method",
            "type": "nominal",
            "sort": list(sweep.methods),
            "title": None,
            "axis": {"domain": False, "ticks": False, "grid": True, "tickBand": "extent"},
        },
        "yOffset": {"field": "way", "sort": list(WAYS), "scale": {"paddingInner": 0.4}},
        "color": method_colour(sweep, legend=None),
        "tooltip": hover,
    }
    layers = interval(log_quantity("pass_ms", "milliseconds a pass"), "pass_ms", {"size": 70}, encoding)
    layers[1]["encoding"] = layers[1]["encoding"] | {
        "shape": {
            "field": "way",
            "type": "nominal",
            "title": "fits run",
            "scale": {"domain": list(WAYS), "range": list(WAYS.values())},
            "legend": {"symbolFillColor": "#888888", "symbolStrokeColor": "#888888"},
        }
    }
    spec = base_spec(
        title,
        {"kind": "fit", "y": ["method"]},
        width=640,
        height={"step": 34},
        transform=scaled,
        layer=layers,
    )
    caption = (
        f"{defined('Seconds a pass', 'seconds_per_pass')} Alone: one fit after the other; batched: all "
        "together, each with its part of the batch's time. One thread, all fits from the same starts, in "
        "random order, failed ones included; making the starts is not in it. The interval is about the "
        "measurement on these starts and this machine, and says nothing of others; reasons to doubt it are "
        "in the table."
    )
    variants = (Variant(10**9, caption, spec),)
    return Chart("timing", title, "timing", variants, choose=(("cell", "Cell"),), needs=("seconds_per_pass",))
