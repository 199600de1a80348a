"""Convergence speed: how many times as much one method costs as each of the others, on the shared starts.

Two ratios: of the expected cost to the first hit, which counts how often each method ends elsewhere; and of
the cost from starts from which both end in the same optimum, which does not, so that it is about speed alone.

References
----------
Efron, B. and Tibshirani, R. J. (1993). An introduction to the bootstrap. Chapman and Hall, chapter 13.
Hesterberg, T. C. (2015). What teachers should know about the bootstrap. The American Statistician 69,
371-386.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr, stdtrit

from mixsweep.analysis.counts import FEW_HITS, NO_BEST, NO_COST, NO_FITS, hits_of, ran_of, reasons
from mixsweep.analysis.gaps import UNITS, first_costs
from mixsweep.errors import MixsweepError, nearest
from mixsweep.seeds import generator
from mixsweep.typing import FloatArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["cost_ratios"]

#: Bootstrap samples, and how many groups the starts are put in if there are more (see
#: `mixsweep.analysis.running_time`).
N_SAMPLES, N_GROUPS = 1000, 200
#: How near, in nats, both fits must have come to the optimum that they share.
NEAR = 1e-4
#: With fewer starts that lead both methods to the same optimum there is no ratio of them.
FEW_STARTS = 6

FEW = f"cannot say: fewer than {FEW_HITS} hits of one of the methods"
FEW_SAME = f"cannot say: fewer than {FEW_STARTS} starts lead both methods to the same optimum"

_FITS = ("method", "initializer", "restart")
_ENTRY = ("unit", "method", "initializer")


def cost_ratios(fits: xr.Dataset, best: int, reference: str) -> xr.Dataset:
    """Return the cost of one method over that of each of the others.

    Parameters
    ----------
    fits : xarray.Dataset
        A cell's: ``optimum``, ``n_passes``, ``seconds``, ``polished_log_likelihood``, ``trace_passes`` and
        ``trace_log_likelihood`` over (method, initializer, restart, ...).
    best : int
        Number of the best known optimum; -1 if there is none.
    reference : str
        Label of the method whose cost is above the line, such as the EM arm's.

    Returns
    -------
    xarray.Dataset
        Over (unit, method, initializer), the other methods: ``hit_cost_ratio``, of the expected costs of the
        first hit, and ``same_optimum_ratio``, the geometric mean over the ``n_same`` starts from which both
        methods come within 1e-4 nats of the same optimum; with 95 % intervals by resampling the starts, and
        ``reason`` and ``reason_same``, which say why they are NaN. ``n_starts`` from which both ran.

    Raises
    ------
    MixsweepError
        If no method has that label.
    """
    import xarray as xr

    names = [str(name) for name in fits["method"].values]
    if reference not in names:
        raise MixsweepError(f"method {reference!r} is not in this cell{nearest(reference, names)}")
    own = names.index(reference)
    others = [place for place in range(len(names)) if place != own]
    hit, same = _hit_ratios(fits, best, own, others), _same_ratios(fits, own, others)
    ran = ran_of(fits).transpose(*_FITS).values
    n_starts = (ran[others] & ran[own]).sum(axis=-1)
    coordinates = {
        "unit": list(UNITS),
        "method": [names[place] for place in others],
        "initializer": fits["initializer"].values,
    }
    variables: dict[str, Any] = {name: (_ENTRY, values) for name, values in (hit | same).items()}
    variables["n_starts"] = (("method", "initializer"), n_starts)
    return xr.Dataset(variables, coordinates)


def _hit_ratios(fits: xr.Dataset, best: int, own: int, others: list[int]) -> dict[str, np.ndarray]:
    hits, ran = hits_of(fits, best).transpose(*_FITS).values, ran_of(fits).transpose(*_FITS).values
    shape = (len(UNITS), len(others), hits.shape[1])
    found = np.full((*shape, 3), np.nan)
    silent = np.full(shape, "", dtype=object)
    for unit, variable in enumerate(("n_passes", "seconds")):
        cost = fits[variable].transpose(*_FITS).values.astype(float)
        for row, other in enumerate(others):
            for column in range(hits.shape[1]):
                pair = [own, other]
                both = ran[pair, column].all(axis=0)
                known = both & np.isfinite(cost[pair, column]).all(axis=0)
                spent, hit = cost[pair, column][:, known], hits[pair, column][:, known]
                few = (hit.sum(axis=1) < FEW_HITS).any()
                conditions = (not both.any(), NO_FITS), (best < 0, NO_BEST), (not known.any(), NO_COST)
                entry = (unit, row, column)
                silent[entry] = reasons((), *conditions, (few, FEW)).item()
                if not silent[entry]:
                    found[entry] = _hit_ratio(spent, hit)
    return _named("hit_cost_ratio", found) | {"reason": silent}


def _same_ratios(fits: xr.Dataset, own: int, others: list[int]) -> dict[str, np.ndarray]:
    first = first_costs(fits, np.nan, (NEAR,)).sel(reference="own").isel(tolerance=0)
    cost = first.transpose("unit", *_FITS).values
    ended, ran = fits["optimum"].transpose(*_FITS).values, ran_of(fits).transpose(*_FITS).values
    shape = (len(UNITS), len(others), ended.shape[1])
    found, n_same = np.full((*shape, 3), np.nan), np.zeros(shape, dtype=np.int64)
    silent = np.full(shape, "", dtype=object)
    for unit in range(len(UNITS)):
        for row, other in enumerate(others):
            for column in range(ended.shape[1]):
                a, b = cost[unit, own, column], cost[unit, other, column]
                together = (ended[own, column] == ended[other, column]) & (ended[own, column] >= 0)
                with np.errstate(invalid="ignore", divide="ignore"):  # fits that never arrive
                    logs = np.log(a) - np.log(b)
                kept = together & np.isfinite(logs)
                entry = (unit, row, column)
                n_same[entry] = kept.sum()
                both = ran[own, column] & ran[other, column]
                unknown = np.isnan(a[both]).all() or np.isnan(b[both]).all()
                conditions = (not both.any(), NO_FITS), (unknown, NO_COST)
                silent[entry] = reasons((), *conditions, (n_same[entry] < FEW_STARTS, FEW_SAME)).item()
                if not silent[entry]:
                    found[entry] = _mean_ratio(logs[kept])
    return _named("same_optimum_ratio", found) | {"n_same": n_same, "reason_same": silent}


def _named(name: str, found: FloatArray) -> dict[str, np.ndarray]:
    return {f"{name}{end}": found[..., place] for place, end in enumerate(("", "_low", "_high"))}


def _hit_ratio(cost: FloatArray, hits: np.ndarray) -> tuple[float, float, float]:
    """Return the ratio of two costs per hit, arrays of shape (2, R), with its percentile interval.

    From three hits on 93 to 98 % of the intervals hold the truth.
    """
    columns = _grouped(np.concatenate([cost, hits.astype(float)]))
    again = _resampled(columns)
    estimate = _log_ratio(columns.sum(axis=1))
    low, high = np.quantile(_log_ratio(again.T), [0.025, 0.975], method="inverted_cdf")
    return float(np.exp(estimate)), float(np.exp(low)), float(np.exp(high))


def _log_ratio(sums: FloatArray) -> FloatArray:
    """Return the log of the ratio of costs per hit from costs of both and hits of both."""
    with np.errstate(divide="ignore", invalid="ignore"):  # a sample without hits costs infinitely much
        ratio: FloatArray = np.log(sums[0]) - np.log(sums[2]) - (np.log(sums[1]) - np.log(sums[3]))
    # a sample in which neither hits tells nothing
    return np.where(np.isnan(ratio), 0.0, ratio)


def _mean_ratio(logs: FloatArray) -> tuple[float, float, float]:
    """Return a geometric mean with its percentile interval, widened for small samples (Hesterberg 2015)."""
    count = len(logs)
    columns = _grouped(np.stack([logs, np.ones(count)]))
    sums = _resampled(columns)
    tail = ndtr(np.sqrt(count / (count - 1)) * stdtrit(count - 1, 0.025))
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [tail, 1 - tail])
    return float(np.exp(logs.mean())), float(np.exp(low)), float(np.exp(high))


def _grouped(columns: FloatArray) -> FloatArray:
    """Return sums of starts in groups, shape (J, at most `N_GROUPS`), from columns of shape (J, R)."""
    count = columns.shape[1]
    n_groups = min(count, N_GROUPS)
    grouped: FloatArray = np.add.reduceat(columns, np.arange(n_groups) * count // n_groups, axis=1)
    return grouped


def _resampled(columns: FloatArray) -> FloatArray:
    """Return sums over bootstrap samples of starts, shape (`N_SAMPLES`, J)."""
    sums: FloatArray = _times(columns.shape[1]) @ columns.T
    return sums


# methods of a cell have from few to all starts in common, and those of all cells about the same numbers
@lru_cache(maxsize=32)
def _times(count: int) -> FloatArray:
    """Return how often each group is in each bootstrap sample, shape (`N_SAMPLES`, count)."""
    rng = generator(0, "ratios of costs", count)
    return rng.multinomial(count, np.full(count, 1 / count), N_SAMPLES).astype(float)
