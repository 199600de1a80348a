from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.helpers import cell_fits, ended_in

from mixsweep.analysis.conduct import conduct
from mixsweep.analysis.intervals import wilson
from mixsweep.problems import load_builtin

COUNTS = ("n_decreases", "largest_decrease", "n_constraint_violations", "n_trial_passes", "n_function_values")


def counted(**values):
    fits = ended_in([[[0, 0, 0, 0]]])
    dims = fits["optimum"].dims
    return fits.assign({name: (dims, np.array([[values.get(name, [0] * 4)]])) for name in COUNTS})


def test_counts_are_summed_and_shares_are_of_fits():
    fits = counted(
        n_decreases=[0, 3, 1, 0], largest_decrease=[0, 0.5, 0.25, 0], n_trial_passes=[2, 0, 0, 8.0]
    )
    found = conduct(fits).isel(method=0, initializer=0)
    assert (int(found["n_fits"]), int(found["n_decreases"])) == (4, 4)
    assert float(found["share_decreasing"]) == 0.5
    assert (float(found["share_decreasing_low"]), float(found["share_decreasing_high"])) == wilson(2, 4)
    assert float(found["largest_decrease"]) == 0.5
    assert float(found["share_violating"]) == 0
    assert float(found["share_trial"]) == 10 / 40
    assert found["reason"].item() == ""


def test_fits_that_were_not_run_do_not_count():
    fits = counted(n_decreases=[0, 3, 1, 0])
    fits["n_passes"][0, 0, 1] = np.nan
    found = conduct(fits)
    assert (found["n_fits"].item(), found["n_decreases"].item()) == (3, 1)


@pytest.mark.parametrize("restarts", [0, 4])
def test_without_fits_there_are_no_shares(restarts):
    fits = counted().isel(restart=slice(0, restarts))
    fits["n_passes"] = fits["n_passes"] * np.nan
    found = conduct(fits)
    assert (found["reason"] == "cannot say: no fits were run").all()
    for name in ("share_decreasing", "share_violating", "largest_decrease", "share_trial"):
        assert np.isnan(found[name]).all()


def test_em_never_falls_and_adam_does(tmp_path):
    methods = {"em": {"method": "em"}, "adam": {"method": "adam", "learning_rate": 0.2}}
    fits = cell_fits(load_builtin("faithful"), tmp_path, methods=methods, max_passes=100)
    found = conduct(fits).isel(initializer=0)
    assert float(found["share_decreasing"].sel({"method": "em"})) == 0
    assert float(found["share_decreasing"].sel({"method": "adam"})) == 1
    assert float(found["largest_decrease"].sel({"method": "adam"})) > 0
    assert (found["share_violating"] == 0).all()
    # neither rejects a point
    assert (found["share_trial"] == 0).all()
