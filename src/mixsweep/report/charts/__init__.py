"""The figures of the report: Vega-Lite specifications as plain dictionaries."""

from __future__ import annotations

from mixsweep.report.charts.base import Chart, Sweep, Variant, describe
from mixsweep.report.charts.hit_rates import hit_rates, restarts
from mixsweep.report.charts.optima import optima, optima_count
from mixsweep.report.charts.run_time import passes, run_time
from mixsweep.report.charts.statuses import statuses

__all__ = ["Chart", "Sweep", "Variant", "all_charts", "describe"]


def all_charts(sweep: Sweep) -> dict[str, Chart]:
    """Return every figure of the report by name, in the order of the page.

    Parameters
    ----------
    sweep : Sweep
        The names the sweep consists of.
    """
    makers = (optima_count, optima, hit_rates, restarts, run_time, passes, statuses)
    charts = (make(sweep) for make in makers)
    return {chart.name: chart for chart in charts}
