"""The tables over the cells of a sweep: advice, nesting, choice of K, trend and difficulty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mixsweep.analysis.advice import advice, no_advice
from mixsweep.analysis.drawn import NOTHING_DRAWN, drawn
from mixsweep.analysis.nesting import OWN_TOLERANCE, nesting_audit
from mixsweep.analysis.profiles import data_profiles, performance_profiles
from mixsweep.analysis.selection import chosen_components
from mixsweep.analysis.speed_tables import frame_of
from mixsweep.analysis.trend import FEWEST_K, decay_in_k, hit_rate_trend, optima_trend, predicted_hit_rates
from mixsweep.collect import GRID, CellKey
from mixsweep.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["CellSummary", "sweep_tables"]

#: Covariates that every cell has; simulated ones also have a separation.
DESIGN = ("n_components", "n_features", "log_n_rows")
#: What has a level of its own where there are several: families have other likelihoods.
FACTORS = ("family",)
HIT_RATE, SIMULATED, NUMBER = "hit rate", "hit rate, simulated data", "number of optima"
#: Values of each covariate on the map of difficulty.
MOST_VALUES = 6
TOO_FEW = "cannot say: fewer restarts were made"


@dataclass(frozen=True)
class CellSummary:
    """What is kept of a cell once its own rows are made.

    Attributes
    ----------
    key : (str, str, int)
        Problem, family and number of components.
    optimum : xarray.Dataset
        ``optimum``, ``n_passes`` and ``seconds`` over (method, initializer, restart).
    optima : xarray.Dataset
        The cell's optima, their values, kinds and entropies.
    rates : xarray.Dataset
        `mixsweep.analysis.success.hit_rates`.
    best : int
        Number of the best known optimum, -1 if there is none.
    costs : xarray.Dataset
        `mixsweep.analysis.running_time.expected_running_time`.
    solutions : xarray.DataArray
        `mixsweep.analysis.profiles.solution_costs`.
    separation : float
        Of the generating mixture, NaN for real data.
    """

    key: CellKey
    optimum: xr.Dataset
    optima: xr.Dataset
    rates: xr.Dataset
    best: int
    costs: xr.Dataset
    solutions: xr.DataArray
    separation: float

    @property
    def drawn(self) -> list[str]:
        """The initializers whose restarts are draws."""
        return drawn(self.rates["initializer"].values, int(self.optima.attrs["n_rows"]))


def sweep_tables(cells: Sequence[CellSummary]) -> dict[str, list[pd.DataFrame]]:
    """Return the parts of every table that is made over several cells.

    Parameters
    ----------
    cells : sequence of CellSummary
        Of one sweep, so that methods and initializers are the same.
    """
    return {
        "advice": [_advice(own) for own in _grouped(cells, 1).values()],
        "nesting": [_nesting(cells)] if cells else [],
        "selection": [_selection(own) for own in _grouped(cells, 2).values() if len(own) > 1],
        **_trends(cells),
        **(_profiles(cells) if cells else {}),
    }


def _grouped(cells: Sequence[CellSummary], depth: int) -> dict[tuple[object, ...], list[CellSummary]]:
    groups: dict[tuple[object, ...], list[CellSummary]] = {}
    for cell in cells:
        groups.setdefault(cell.key[:depth], []).append(cell)
    return groups


def _advice(cells: list[CellSummary]) -> pd.DataFrame:
    import pandas as pd
    import xarray as xr

    counted = cells[0].drawn
    fits = [cell.optimum.sel(initializer=counted) for cell in cells]
    # cells of an adaptive sweep have different numbers of restarts
    together = xr.concat(
        fits, "cell", join="outer", fill_value={"optimum": -1}, coords="minimal", compat="override"
    )
    best = xr.DataArray([cell.best for cell in cells], dims="cell")
    found = advice(together, best) if counted else no_advice(NOTHING_DRAWN, len(cells))
    values = {str(name): [value.item()] for name, value in found.data_vars.items()}
    return pd.DataFrame({"problem": [cells[0].key[0]]} | values)


def _best_value(cell: CellSummary) -> float:
    return float(cell.optima["log_likelihood"].values[cell.best]) if cell.best >= 0 else np.nan


def _nesting(cells: Sequence[CellSummary]) -> pd.DataFrame:
    import xarray as xr

    columns = zip(*(cell.key for cell in cells), strict=True)
    values = xr.Dataset(
        {name: ("cell", np.array(column, dtype=object)) for name, column in zip(GRID, columns, strict=True)}
        | {"log_likelihood": ("cell", [_best_value(cell) for cell in cells])}
    )
    found = frame_of(nesting_audit(values, OWN_TOLERANCE))
    return found.assign(broken=found["broken"].astype(int))


def _selection(cells: list[CellSummary]) -> pd.DataFrame:
    problem, family, _ = cells[0].key
    found = chosen_components({cell.key[2]: (cell.optimum, cell.optima) for cell in cells})
    frame = frame_of(found)
    reason = np.where(frame["chance"].isna(), TOO_FEW, "")
    return frame.assign(problem=problem, family=family, reason=reason)


def _profiles(cells: Sequence[CellSummary]) -> dict[str, list[pd.DataFrame]]:
    import xarray as xr

    problem = xr.DataArray([cell.key[0] for cell in cells], dims="cell")
    parts, counted = [], _counted(cells)
    for unit in ("passes", "seconds") if counted else ():
        own = [cell.costs[f"{unit}_per_hit"].sel(initializer=counted) for cell in cells]
        costs = xr.concat(own, "cell", join="exact").assign_coords(problem=problem)
        parts.append(frame_of(performance_profiles(costs)).assign(unit=unit))
    # cells of an adaptive sweep have different numbers of restarts
    solutions = xr.concat([cell.solutions for cell in cells], "cell", join="outer")
    solutions = solutions.assign_coords(problem=problem)
    return {"performance_profiles": parts, "data_profiles": [frame_of(data_profiles(solutions))]}


def _counted(cells: Sequence[CellSummary]) -> list[str]:
    """Return the initializers whose restarts are draws in every cell."""
    return [name for name in cells[0].drawn if all(name in cell.drawn for cell in cells)] if cells else []


def _trends(cells: Sequence[CellSummary]) -> dict[str, list[pd.DataFrame]]:
    counted = _counted(cells)
    if not counted:
        return {"trend": [], "difficulty": [], "decay": []}
    rates = _rates(cells, counted)
    designs: dict[str, tuple[str, ...]] = {HIT_RATE: DESIGN}
    if np.isfinite(rates["separation"]).any():
        designs[SIMULATED] = (*DESIGN, "separation")
    fitted = {model: hit_rate_trend(rates, names, "problem", FACTORS) for model, names in designs.items()}
    counted_fits = rates["n_fits"].sum(["method", "initializer"])
    number = optima_trend(rates.assign(n_fits=counted_fits), (*DESIGN, "log_n_fits"), "problem", FACTORS)
    return {
        "trend": [_terms(model, found) for model, found in (*fitted.items(), (NUMBER, number))],
        "difficulty": [_difficulty(model, found, rates) for model, found in fitted.items()],
        "decay": _decays(rates),
    }


def _rates(cells: Sequence[CellSummary], initializers: list[str]) -> xr.Dataset:
    """Return the hit rates of all cells with what they may depend on."""
    import xarray as xr

    together = xr.concat(
        [cell.rates[["n_hits", "n_fits", "hit_rate"]].sel(initializer=initializers) for cell in cells],
        "cell",
        join="exact",
        coords="minimal",
        compat="override",
    )
    columns = {
        "problem": np.array([cell.key[0] for cell in cells], dtype=object),
        "family": np.array([cell.key[1] for cell in cells], dtype=object),
        "n_components": [cell.key[2] for cell in cells],
        "n_features": [int(cell.optima.attrs["n_features"]) for cell in cells],
        "n_rows": [int(cell.optima.attrs["n_rows"]) for cell in cells],
        "separation": [cell.separation for cell in cells],
        "n_optima": [cell.optima.sizes["optimum"] for cell in cells],
    }
    return together.assign({name: ("cell", values) for name, values in columns.items()})


def _terms(model: str, found: xr.Dataset) -> pd.DataFrame:
    frame = frame_of(found.drop_vars(["covariance", "term_"]))
    return frame.assign(model=model)


def _values(column: FloatArray) -> FloatArray:
    """Return the distinct values, or a few of them from the least to the largest."""
    distinct = np.unique(column[np.isfinite(column)])
    if len(distinct) > MOST_VALUES:
        distinct = distinct[np.linspace(0, len(distinct) - 1, MOST_VALUES).round().astype(int)]
    return distinct


def _difficulty(model: str, trend: xr.Dataset, rates: xr.Dataset) -> pd.DataFrame:
    """Return what the model expects over the range of the design, at the median number of rows."""
    import pandas as pd
    import xarray as xr

    simulated = model == SIMULATED
    design = rates.isel(cell=np.flatnonzero(np.isfinite(rates["separation"]))) if simulated else rates
    axes = [_values(design[name].values.astype(float)) for name in ("n_components", "n_features")]
    axes.append(_values(design["separation"].values.astype(float)) if simulated else np.array([np.nan]))
    axes.append(np.array([np.median(design["n_rows"])]))
    axes += [np.unique(design["family"].values), *(design[name].values for name in ("method", "initializer"))]
    names = ["n_components", "n_features", "separation", "n_rows", "family", "method", "initializer"]
    points = pd.MultiIndex.from_product(axes, names=names).to_frame(index=False)
    columns = {name: ("point", points[name].to_numpy()) for name in names}
    found = predicted_hit_rates(trend, xr.Dataset(columns))
    return frame_of(found).assign(model=model)


def _decays(rates: xr.Dataset) -> list[pd.DataFrame]:
    """Return the decay in K over all cells, and on every problem with enough numbers of components."""
    parts = [frame_of(decay_in_k(rates, "problem", FACTORS)).assign(problem="", family="")]
    surfaces = dict.fromkeys(zip(rates["problem"].values, rates["family"].values, strict=True))
    for problem, family in surfaces:
        own = np.flatnonzero((rates["problem"].values == problem) & (rates["family"].values == family))
        if len(own) >= FEWEST_K and len(surfaces) > 1:
            found = decay_in_k(rates.isel(cell=own))
            parts.append(frame_of(found).assign(problem=problem, family=family))
    return parts
