"""The figures of the report: Vega-Lite specifications as plain dictionaries."""

from __future__ import annotations

from mixsweep.report.charts.base import Chart, Sweep, Variant, describe
from mixsweep.report.charts.comparison import costs, difficulty, flow, pairs, trend
from mixsweep.report.charts.decay import by_components
from mixsweep.report.charts.hit_rates import hit_rates, restarts
from mixsweep.report.charts.landscape import distance_map, paths, slice_through, tree
from mixsweep.report.charts.multimodality import (
    agreement,
    basins,
    copies,
    rarefaction,
    selection,
    unseen,
    unseen_by_method,
    unseen_number,
)
from mixsweep.report.charts.optima import optima, optima_count
from mixsweep.report.charts.run_time import passes, run_time
from mixsweep.report.charts.speed import conduct, data_profiles, gaps, performance_profiles, rates, ratios
from mixsweep.report.charts.statuses import statuses
from mixsweep.report.charts.timing import timing

__all__ = ["Chart", "Sweep", "Variant", "all_charts", "describe"]

_MAKERS = (
    *(optima_count, optima, copies, basins, unseen, unseen_number, unseen_by_method),
    *(rarefaction, agreement, selection),
    *(tree, paths, slice_through, distance_map),
    *(hit_rates, restarts, costs, pairs, flow, by_components, trend, difficulty),
    *(run_time, passes, gaps, performance_profiles, data_profiles, ratios, rates, timing),
    *(conduct, statuses),
)


def all_charts(sweep: Sweep) -> dict[str, Chart]:
    """Return every figure of the report by name, in the order of the page.

    Parameters
    ----------
    sweep : Sweep
        The names the sweep consists of.
    """
    charts = (make(sweep) for make in _MAKERS)
    return {chart.name: chart for chart in charts}
