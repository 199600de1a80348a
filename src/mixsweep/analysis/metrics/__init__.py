"""What every number of the analyses means: one record for each, for tables, reports and documentation."""

from __future__ import annotations

from mixsweep.analysis.metrics import convergence, global_optimum, multimodality
from mixsweep.analysis.metrics.record import Metric
from mixsweep.errors import MixsweepError, nearest

__all__ = ["METRICS", "Metric", "metric"]

#: All records by name.
METRICS: dict[str, Metric] = {
    record.name: record
    for analysis in (global_optimum, multimodality, convergence)
    for record in analysis.RECORDS
}


def metric(name: str) -> Metric:
    """Return the record of a variable, or of the number whose interval's end it is.

    Raises
    ------
    MixsweepError
        If there is no such metric.
    """
    own = METRICS.get(name) or METRICS.get(name.removesuffix("_low").removesuffix("_high"))
    if own is None:
        raise MixsweepError(f"unknown metric {name!r}{nearest(name, METRICS)}")
    return own
