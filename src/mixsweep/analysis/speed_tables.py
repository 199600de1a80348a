"""The rows that one cell adds to the tables of convergence speed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mixsweep.analysis.arrivals import arrivals, run_time_distributions
from mixsweep.analysis.conduct import conduct
from mixsweep.analysis.gaps import gap_bands
from mixsweep.analysis.rates import em_rates, observed_rates, rate_differences
from mixsweep.analysis.ratios import cost_ratios
from mixsweep.analysis.sensitivity import (
    COORDINATES,
    STEP_SIZE,
    learning_rates,
    parametrisation_spread,
    tuning_costs,
)
from mixsweep.analysis.settings import labels_of, variants
from mixsweep.schema import KINDS

if TYPE_CHECKING:
    import xarray as xr

    from mixsweep.problems import Problem

__all__ = ["CONDUCT", "SPEED_TABLES", "frame_of", "speed_tables"]

#: Names of the tables.
SPEED_TABLES = (
    *("convergence", "run_time", "gaps", "ratios", "rates", "conduct"),
    *("step_sizes", "tuning", "parametrisations"),
)
#: What the fits say of how they went, besides the scalars of the sweep's root.
CONDUCT = (
    *("n_decreases", "largest_decrease", "n_constraint_violations", "n_function_values", "n_trial_passes"),
)
#: Tolerances whose run-time distributions are written.
CURVES = (1e-2, 1e-4, 1e-6)
NO_DATA = "cannot say the theoretical rate: the problem's data are not beside the sweep"


def frame_of(dataset: xr.Dataset) -> pd.DataFrame:
    """Return a dataset as a table, a row for each combination of its dimensions.

    As xarray's own does, which takes ten times as long on tables as small as these.
    """
    dims, shape = tuple(dataset.sizes), tuple(dataset.sizes.values())
    columns = {}
    for name, variable in dataset.variables.items():
        axes = [variable.dims.index(dim) for dim in dims if dim in variable.dims]
        places = tuple(slice(None) if dim in variable.dims else None for dim in dims)
        columns[str(name)] = np.broadcast_to(variable.values.transpose(axes)[places], shape).ravel()
    return pd.DataFrame(columns)


def speed_tables(
    fits: xr.Dataset,
    optima: xr.Dataset,
    best: int,
    problem: Problem | None,
    methods: Mapping[str, Mapping[str, Any]],
) -> dict[str, pd.DataFrame]:
    """Return a cell's rows of the tables of convergence speed, without the columns that name it.

    Parameters
    ----------
    fits : xarray.Dataset
        Scalars and traces over (method, initializer, restart).
    optima : xarray.Dataset
        The cell's optima.
    best : int
        Number of the best known optimum; -1 if there is none.
    problem : Problem or None
        The data, for the theoretical rates; None where they are not at hand.
    methods : mapping
        Settings of every arm by its label, the optimiser's name under ``method``.
    """
    value = float(optima["log_likelihood"].values[best]) if best >= 0 else np.nan
    em = labels_of(methods, "em")
    return {
        "convergence": frame_of(arrivals(fits, value)),
        "run_time": _run_time(fits, value),
        "gaps": _gaps(fits, value),
        "ratios": _ratios(fits, best, em),
        "rates": _rates(fits, optima, problem, em),
        "conduct": frame_of(conduct(fits)),
        **_sensitivity(fits, best, methods),
    }


def _sensitivity(
    fits: xr.Dataset, best: int, methods: Mapping[str, Mapping[str, Any]]
) -> dict[str, pd.DataFrame]:
    """Return what depends on a setting, where the sweep has arms that differ in it."""
    tables = {}
    if variants(methods, STEP_SIZE):
        tables["step_sizes"] = frame_of(learning_rates(fits, best, methods))
        tables["tuning"] = frame_of(tuning_costs(fits, best, methods))
    if variants(methods, COORDINATES):
        tables["parametrisations"] = frame_of(parametrisation_spread(fits, best, methods))
    return tables


def _run_time(fits: xr.Dataset, value: float) -> pd.DataFrame:
    """Return run-time distributions in passes, initializers together."""
    found = run_time_distributions(fits, value, CURVES, ("passes",)).isel(unit=0, drop=True)
    share, n_fits = found["share_arrived"], found["n_fits"]
    weight = n_fits.where(share.notnull(), 0).sum("initializer")
    together = (share.fillna(0.0) * n_fits).sum("initializer") / weight.where(weight > 0)
    curves = together.to_dataset(name="share_reached")
    frame = frame_of(curves.assign(passes=found["cost"], n_fits=n_fits.sum("initializer")))
    drawn: pd.DataFrame = frame[frame["share_reached"].notna() & (frame["passes"] >= 1)]
    return drawn


def _gaps(fits: xr.Dataset, value: float) -> pd.DataFrame:
    """Return bands of the gap against passes, where half of the fits have one."""
    frame = frame_of(gap_bands(fits, value, ("passes",)).sel(unit="passes").drop_vars("unit"))
    known: pd.DataFrame = frame[np.isfinite(frame["gap_median"])]
    return known


def _ratios(fits: xr.Dataset, best: int, em: list[str]) -> pd.DataFrame:
    parts = [frame_of(cost_ratios(fits, best, label)).assign(reference_method=label) for label in em]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()


def _rates(fits: xr.Dataset, optima: xr.Dataset, problem: Problem | None, em: list[str]) -> pd.DataFrame:
    """Return observed rates beside the theoretical one of EM, of the methods and optima that have any."""
    import xarray as xr

    observed = observed_rates(fits, optima)
    numbers = observed["optimum"].values
    if problem is None:
        nothing = {"em_rate": np.full(len(numbers), np.nan), "em_rate_second": np.full(len(numbers), np.nan)}
        nothing["reason"] = np.full(len(numbers), NO_DATA, dtype=object)
        theory = xr.Dataset({name: ("optimum", values) for name, values in nothing.items()})
    else:
        theory = em_rates(problem, optima)
    compared = rate_differences(theory, observed)
    own = xr.DataArray(np.isin(observed["method"].values, em), dims="method")
    # what is missing of the observed rate, it says itself
    both = observed["observed_rate"].notnull() & own
    kinds = np.array([KINDS[kind] for kind in optima["kind"].values[: len(numbers)]], dtype=object)
    frame = frame_of(
        observed.assign(theory.drop_vars("reason")).assign(
            kind=("optimum", kinds),
            rate_difference=compared["rate_difference"].where(own),
            compared=compared["reason"].where(both, theory["reason"]),
        )
    )
    said = zip(frame["reason"], frame.pop("compared"), strict=True)
    frame["reason"] = ["; ".join(part for part in parts if part) for parts in said]
    return frame[frame["method"].isin(em) | (frame["n_rated"] > 0)]
