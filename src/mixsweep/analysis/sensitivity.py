"""How much hangs on a method's settings: the step size, and the coordinates in which it moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.arrivals import arrivals
from mixsweep.analysis.counts import FEW, FEW_HITS, NO_BEST, NO_FITS, ran_of, reasons
from mixsweep.analysis.paired import paired_comparison
from mixsweep.analysis.running_time import expected_running_time
from mixsweep.analysis.settings import Variants, variants
from mixsweep.analysis.success import hit_rates
from mixsweep.typing import FloatArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["learning_rates", "parametrisation_spread", "tuning_costs"]

STEP_SIZE = ("learning_rate",)
COORDINATES = ("weights", "covariances")
#: Speed against the step size is the cost to come so near the fit's own optimum, in nats.
NEAR = 1e-4

NO_HITS = "cannot say what a hit costs: no fit ended in the best known optimum"

Methods = Mapping[str, Mapping[str, Any]]


def learning_rates(fits: xr.Dataset, best: int, methods: Methods) -> xr.Dataset:
    """Return hit rate and speed against the step size.

    Parameters
    ----------
    fits : xarray.Dataset
        A cell's, as for `mixsweep.analysis.arrivals.arrivals`, with ``optimum``.
    best : int
        Number of the best known optimum; -1 if there is none.
    methods : mapping
        Settings of every arm by its label, the optimiser's name under ``method``.

    Returns
    -------
    xarray.Dataset
        Over (arm, initializer), arms of one method that differ in the step size alone: ``optimiser``,
        ``method`` (the label) and ``learning_rate`` over arm; ``hit_rate``, ``passes_per_hit``,
        ``cost_median`` (passes to come within 1e-4 nats of the own optimum, over all fits) with 95 %
        intervals; ``reason``. No arms where no method has two step sizes.
    """
    import xarray as xr

    groups = _present(fits, variants(methods, STEP_SIZE))
    labels = [label for group in groups for label in group.labels]
    chosen = fits.sel({"method": labels})
    rates, times = hit_rates(chosen, best), expected_running_time(chosen, best)
    speed = arrivals(chosen, np.nan).sel({"reference": "own", "unit": "passes", "tolerance": NEAR})
    variables: dict[str, Any] = {}
    for source, name in ((rates, "hit_rate"), (times, "passes_per_hit"), (speed, "cost_median")):
        for end in ("", "_low", "_high"):
            values = source[f"{name}{end}"].transpose("method", "initializer").values
            variables[f"{name}{end}"] = (("arm", "initializer"), values)
    both = [source["reason"].transpose("method", "initializer").values for source in (rates, speed)]
    variables["reason"] = (("arm", "initializer"), np.where(both[0] != "", *both))
    variables["n_fits"] = (("arm", "initializer"), rates["n_fits"].transpose("method", "initializer").values)
    names = {
        "optimiser": np.array([group.method for group in groups for _ in group.labels], dtype=object),
        "method": np.array(labels, dtype=object),
        "learning_rate": np.array([float(value[0]) for group in groups for value in group.values]),
    }
    variables |= {name: ("arm", values) for name, values in names.items()}
    return xr.Dataset(variables, {"initializer": fits["initializer"].values})


def tuning_costs(fits: xr.Dataset, best: int, methods: Methods) -> xr.Dataset:
    """Return what it costs to find a method's best step size, which EM does not need.

    Parameters
    ----------
    fits, best, methods
        As for `learning_rates`.

    Returns
    -------
    xarray.Dataset
        Over (group, initializer): ``tuning_cost``, the passes of the fits with all step sizes tried over
        those with the best, which has the least expected passes to the first hit; ``best_learning_rate``,
        ``n_tried`` and ``reason``; ``optimiser`` over group.
    """
    import xarray as xr

    groups = _present(fits, variants(methods, STEP_SIZE))
    initializers = fits["initializer"].values
    shape = (len(groups), len(initializers))
    cost, rate = np.full(shape, np.nan), np.full(shape, np.nan)
    silent = np.full(shape, "", dtype=object)
    for row, group in enumerate(groups):
        own = fits.sel({"method": list(group.labels)})
        times = expected_running_time(own, best).transpose("method", "initializer")
        spent = own["n_passes"].sum("restart").transpose("method", "initializer").values
        enough = times["n_hits"].values >= FEW_HITS
        per_hit = np.where(enough, times["passes_per_hit"].values, np.inf)
        silent[row] = reasons(
            shape[1:],
            (~ran_of(own).any(("method", "restart")).values, NO_FITS),
            (best < 0, NO_BEST),
            (~enough.any(axis=0), FEW),
        )
        cheapest = per_hit.argmin(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):  # where nothing ran
            ratio = spent.sum(axis=0) / np.take_along_axis(spent, cheapest[None], axis=0)[0]
        known = silent[row] == ""
        cost[row] = np.where(known, ratio, np.nan)
        rate[row] = np.where(known, np.array([float(value[0]) for value in group.values])[cheapest], np.nan)
    dims = ("group", "initializer")
    variables: dict[str, Any] = {
        "tuning_cost": (dims, cost),
        "best_learning_rate": (dims, rate),
        "reason": (dims, silent),
        "n_tried": ("group", np.array([len(group.labels) for group in groups], dtype=np.int64)),
        "optimiser": ("group", np.array([group.method for group in groups], dtype=object)),
    }
    return xr.Dataset(variables, {"initializer": initializers})


def parametrisation_spread(fits: xr.Dataset, best: int, methods: Methods) -> xr.Dataset:
    """Return how far apart the coordinates in which a method moves put its hit rate and its cost.

    The two arms compared are those with the highest and the lowest rate, so the difference is too large on
    average; where the rates are all the same, its interval holds 0 less often than 95 %.

    Parameters
    ----------
    fits, best, methods
        As for `learning_rates`.

    Returns
    -------
    xarray.Dataset
        Over (group, initializer), arms of one method that differ in ``weights`` and ``covariances`` alone:
        ``hit_rate_spread``, highest minus lowest, with the 95 % interval of these two arms' difference on
        the shared starts; ``best_parametrisation`` and ``worst_parametrisation``, their labels;
        ``cost_spread``, largest over smallest expected passes to the first hit (infinite where an arm never
        hits); ``reason``; ``n_tried`` and ``optimiser`` over group.
    """
    import xarray as xr

    groups = _present(fits, variants(methods, COORDINATES))
    shape = (len(groups), fits.sizes["initializer"])
    numbers = np.full((4, *shape), np.nan)
    words = np.full((3, *shape), "", dtype=object)
    for row, group in enumerate(groups):
        own = fits.sel({"method": list(group.labels)})
        for column in range(shape[1]):
            found = _spread(own.isel(initializer=[column]), best)
            numbers[:, row, column], words[:, row, column] = found
    dims = ("group", "initializer")
    names = ("hit_rate_spread", "hit_rate_spread_low", "hit_rate_spread_high", "cost_spread")
    variables: dict[str, Any] = {name: (dims, numbers[i]) for i, name in enumerate(names)}
    for i, name in enumerate(("best_parametrisation", "worst_parametrisation", "reason")):
        variables[name] = (dims, words[i])
    variables["n_tried"] = ("group", np.array([len(group.labels) for group in groups], dtype=np.int64))
    variables["optimiser"] = ("group", np.array([group.method for group in groups], dtype=object))
    return xr.Dataset(variables, {"initializer": fits["initializer"].values})


def _spread(fits: xr.Dataset, best: int) -> tuple[FloatArray, tuple[str, str, str]]:
    """Return the spread of one group with one initializer: its numbers, and the two arms with the reason."""
    rates = hit_rates(fits, best).isel(initializer=0)
    known = (rates["reason"] == "").values
    if known.sum() < 2:
        silent = rates["reason"].values[~known]
        return np.full(4, np.nan), ("", "", str(silent[0]) if len(silent) else NO_FITS)
    values = np.where(known, rates["hit_rate"].values, np.nan)
    highest, lowest = int(np.nanargmax(values)), int(np.nanargmin(values))
    if highest == lowest:
        lowest = int(np.flatnonzero(known)[-1])
    compared = paired_comparison(fits.isel(method=[highest, lowest]), best).isel(pair=0, initializer=0)
    difference = [float(compared[f"difference{end}"]) for end in ("", "_low", "_high")]
    cost = rates["passes_per_hit"].values[known]
    spread = cost.max() / cost.min() if np.isfinite(cost.min()) else np.nan
    labels = [str(fits["method"].values[place]) for place in (highest, lowest)]
    no_hits = "" if np.isfinite(spread) or np.isinf(spread) else NO_HITS
    return np.array([*difference, spread]), (labels[0], labels[1], no_hits)


def _present(fits: xr.Dataset, groups: list[Variants]) -> list[Variants]:
    """Return the groups whose arms the fits have."""
    there = set(fits["method"].values.tolist())
    return [group for group in groups if there.issuperset(group.labels)]
