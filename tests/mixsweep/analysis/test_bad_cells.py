"""Cells about which little or nothing can be said: no exception, no number without a base, and the reason."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tests.mixsweep.helpers import ended_in

from mixsweep.analysis.adaptive import restarts_wanted
from mixsweep.analysis.advice import advice
from mixsweep.analysis.flow import flow
from mixsweep.analysis.multimodality import best_known
from mixsweep.analysis.paired import paired_comparison, pooled_comparison
from mixsweep.analysis.running_time import cheapest, expected_running_time
from mixsweep.analysis.success import hit_rates
from mixsweep.analysis.tables import cell_datasets, cells_of
from mixsweep.analysis.trend import decay_in_k, hit_rate_trend

FUNCTIONS = (
    *(hit_rates, expected_running_time, cheapest, paired_comparison, pooled_comparison, flow, advice),
    lambda fits, best: hit_rate_trend(as_cells(fits, best), ["n_components"]),
    lambda fits, best: decay_in_k(as_cells(fits, best)),
)


def as_cells(fits, best):
    return hit_rates(fits, best).expand_dims(cell=4).assign(n_components=("cell", [1, 2, 3, 4]))


def cell(optimum, seconds=0.5, n_passes=None):
    fits = ended_in(optimum)
    if n_passes is not None:
        fits["n_passes"][:] = n_passes
    return fits.assign(seconds=fits["n_passes"] * seconds)


CELLS = {
    "no proper optimum": (cell([[[1, 0], [0, 0]], [[1, -1], [0, 1]]]), -1),
    "all failed": (cell([[[-1] * 5] * 2] * 2), -1),
    "never the best": (cell([[[1] * 5] * 2] * 2), 0),
    "one restart": (cell([[[0]], [[1]]]), 0),
    "one restart of one method": (cell([[[0]]]), 0),
    "one method": (cell([[[0, 1, 0, 0, 2], [0, 0, 0, 1, 1]]]), 0),
    "one component: every fit the same": (cell([[[0] * 5] * 2] * 2), 0),
    "failed without a pass": (cell([[[-1] * 4]] * 2, n_passes=0), -1),
    "not run": (cell([[[-1] * 4]] * 2, n_passes=np.nan), -1),
    "seconds not measured": (cell([[[0, 0, 0, 1]]] * 2, seconds=np.nan), 0),
    "no restarts": (cell([[[0, 0]]] * 2).isel(restart=slice(0)), -1),
    "ties": (cell([[[0, 0, 0, 1]], [[0, 0, 0, 1]]]), 0),
}


@pytest.mark.parametrize("name", CELLS)
def test_every_missing_number_has_its_reason(name):
    fits, best = CELLS[name]
    for function in FUNCTIONS:
        found = function(fits, best)
        for variable, values in found.data_vars.items():
            if values.dtype.kind != "f" or values.dims != found["reason"].dims or variable in LIMITS:
                continue
            unexplained = np.isnan(values.values) & (found["reason"].values == "")
            assert not unexplained.any(), (function, variable)
    assert int(restarts_wanted(fits, best, 0.99, 10)["wanted"]) <= 10


#: Ends of the design, which levels of a method or initializer do not have.
LIMITS = ("lowest", "highest")


@pytest.mark.parametrize("name", ["no proper optimum", "all failed", "not run", "no restarts"])
def test_no_number_is_made_up(name):
    fits, best = CELLS[name]
    for function in (hit_rates, expected_running_time, cheapest, paired_comparison, advice):
        found = function(fits, best)
        for variable, values in found.data_vars.items():
            if values.dtype.kind == "f":
                assert np.isnan(values.values).all(), (function, variable)


def test_cells_of_a_real_sweep_one_by_one_and_together(tree):
    root = tree.to_dataset()
    known = []
    for problem, family, n_components in cells_of(tree):
        fits, optima = cell_datasets(tree, (problem, family, n_components))
        best = best_known(optima)
        for function in FUNCTIONS:
            assert function(fits, best).sizes is not None
        place = {"problem": [problem], "family": [family], "n_components": [n_components]}
        known.append(xr.DataArray([[[best]]], coords=place, dims=list(place), name="best"))
        alone = expected_running_time(fits, best)
        together = expected_running_time(
            root.sel(problem=problem, family=family, n_components=n_components), best
        )
        xr.testing.assert_allclose(alone, together.drop_vars(list(place)))
    best = xr.combine_by_coords(known, fill_value=-1, join="outer")["best"].reindex_like(
        root["status"][..., 0, 0, 0]
    )
    rates = hit_rates(root, best.astype(int))
    missing = rates.sel(problem="iris", n_components=2)
    assert (missing["n_fits"] == 0).all()
    assert (missing["reason"] == "cannot say: no fits were run").all()
    found = advice(
        root.sel(problem="faithful", family="gaussian-full"),
        best.sel(problem="faithful", family="gaussian-full"),
    )
    assert found["n_cells"].item() == 2
    assert found["statement"].item().startswith(("Use ", "Cannot say: "))
