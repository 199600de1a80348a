"""Records of columns that mean something narrower or wider in one table than elsewhere."""

from __future__ import annotations

from dataclasses import replace

from mixsweep.analysis.metrics.global_optimum import RECORDS as GLOBAL_OPTIMUM
from mixsweep.analysis.metrics.multimodality import RECORDS as MULTIMODALITY
from mixsweep.analysis.metrics.record import Metric

__all__ = ["BY_TABLE"]

_GENERAL = {record.name: record for record in (*GLOBAL_OPTIMUM, *MULTIMODALITY)}
_POOLED = "Wilson's, of as many observations as starts, which the methods share"
_DRAWN = "fits of the cell from drawn starts, by all methods, failures included"
_ARM = "fits of the arm in the cell, failures included"
_CHOSEN = (
    "Clopper and Pearson's, for all rates compared at one time by Bonferroni, so for the chosen one; "
    "Wilson's where there is one"
)
_CELL = "all fits of the cell, by all methods and initializers, failures included"


def _own(name: str, **changes: str) -> Metric:
    return replace(_GENERAL[name], **changes)  # type: ignore[arg-type]


_RECORDS: dict[str, tuple[Metric, ...]] = {
    "verdicts": (
        _own("n_fits", meaning=_DRAWN),
        _own("n_hits", meaning="of the fits from drawn starts, those that ended in the best known optimum"),
        _own(
            "hit_rate",
            meaning="share of the fits from drawn starts that ended in the best known optimum, all methods "
            "and initializers together",
            denominator=_DRAWN,
            interval=_POOLED,
        ),
        _own(
            "restarts_95",
            meaning="restarts after which best_method from best_initializer has found the best known optimum "
            "with a chance of 95 %, by its hit rate; to be sure, make those at the interval's high end",
            interval=f"that of the hit rate, turned into restarts: {_CHOSEN}",
            source="Clopper and Pearson (1934)",
        ),
        _own(
            "unseen_share",
            meaning="chance that the next start leads to an optimum not seen yet, of best_initializer's "
            "starts, or of all drawn ones where there is none; 0 where the likelihood has 1 maximum in "
            "closed form; bounds no log-likelihood",
        ),
    ),
    "advice": (
        _own("n_fits", meaning="fits of the advised arm in the hardest cell, failures included"),
        _own("n_hits", meaning="of these, fits that ended in the best known optimum"),
        _own("hit_rate", denominator=_ARM, interval=_CHOSEN, source="Clopper and Pearson (1934)"),
        _own(
            "restarts_95",
            meaning="restarts after which the best known optimum of the hardest cell is among the endpoints "
            "with a chance of 95 %, by the hit rate itself",
            interval=f"that of the hit rate, turned into restarts: {_CHOSEN}",
            source="Clopper and Pearson (1934)",
        ),
    ),
    "optima": (
        _own("n_fits", meaning="fits of the cell that ended in the optimum, by all methods and initializers"),
        _own("n_fits_total", meaning=_CELL),
        _own(
            "basin_share",
            denominator=_CELL,
            interval=f"{_POOLED}; each optimum by itself",
            source="Wilson (1927)",
        ),
    ),
    "basin_shares": (_own("n_fits", meaning="fits of the method and initializer that ended in the optimum"),),
    "statuses": (_own("n_fits", meaning="fits of the method and initializer that stopped for this reason"),),
}
#: By table and column; the others' records are in `METRICS`.
BY_TABLE: dict[str, dict[str, Metric]] = {
    table: {record.name: record for record in records} for table, records in _RECORDS.items()
}
