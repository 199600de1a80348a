from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner

from mixsweep.cli.timing import timing as command
from mixsweep.errors import MixsweepError
from mixsweep.io import read_dataset
from mixsweep.status import Status
from mixsweep.timing import Measured, measure, summary

CELL = ("faithful", "gaussian-full", 3)
FITS = "cells/faithful/gaussian-full/K3/fits.nc"


def test_the_fits_measured_are_those_of_the_sweep(results):
    cell = Measured.of(results, CELL, (), "random-points", 4)
    assert cell.labels == ("em", "quasi-newton")
    times = measure(cell, 2)
    swept = read_dataset(results / FITS).sel({"initializer": "random-points"}).isel(restart=slice(4))
    np.testing.assert_array_equal(times["status"], swept["status"])
    # the last bits depend on what a fit is batched with
    np.testing.assert_allclose(times["n_passes"], swept["n_passes"], atol=2)
    np.testing.assert_allclose(times["n_passes_batched"], swept["n_passes"], atol=2)
    for name, sizes in (("seconds_alone", (2, 4, 2)), ("seconds_batched", (2, 2))):
        assert times[name].shape == sizes
        assert (times[name] > 0).all()
        assert (times[f"processor_{name}"] > 0).all()


def measured(alone, batched, busy=1.0, status=Status.CONVERGED):
    """Times of two methods: seconds of a fit over repeats, ten passes each, three restarts."""
    alone, batched = np.asarray(alone, float), np.asarray(batched, float)
    each = np.repeat(alone[:, None], 3, axis=1)
    return xr.Dataset(
        {
            "seconds_alone": (("method", "restart", "repeat"), each),
            "processor_seconds_alone": (("method", "restart", "repeat"), each / busy),
            "seconds_batched": (("method", "repeat"), batched),
            "processor_seconds_batched": (("method", "repeat"), batched / busy),
            "n_passes": (("method", "restart"), np.full((2, 3), 10.0)),
            "n_passes_batched": (("method", "restart"), np.full((2, 3), 20.0)),
            "status": (("method", "restart"), np.full((2, 3), status)),
        },
        {"method": ["em", "lbfgs"], "restart": range(3)},
    )


def test_the_summary_has_medians_over_repeats_with_intervals():
    steps = np.arange(7.0)
    found = summary(measured([4 + steps, 2 * (4 + steps)], [1 + steps, 3 + 3 * steps]))
    em, other = (found.sel({"method": name}) for name in ("em", "lbfgs"))
    assert em["seconds_per_fit"].values.tolist() == [7, 4]
    assert em["seconds_per_fit_low"].values.tolist() == [4, 1]
    assert em["seconds_per_fit_high"].values.tolist() == [10, 7]
    assert em["seconds_per_pass"].values.tolist() == [0.7, 0.2]
    # ratios within a repeat are the same each time, however much the repeats differ
    for end in ("", "_low", "_high"):
        np.testing.assert_allclose(other[f"seconds_ratio{end}"], [2, 3])
        assert (em[f"seconds_ratio{end}"] == 1).all()
    assert em["scatter"].values.tolist() == [4 / 7, 4 / 4]
    assert (found["reason"] == "").all()
    assert (found["n_repeats"] == 7).all()
    assert (found["n_measured"] == 3).all()


def test_few_repeats_and_a_busy_machine_are_said():
    found = summary(measured(np.ones((2, 3)), np.ones((2, 3)), busy=1.25))
    assert np.isnan(found["seconds_per_fit_low"]).all()
    assert (found["seconds_per_fit"] == 1).all()
    np.testing.assert_allclose(found["busy"], 1.25)
    assert set(found["reason"].values.ravel().tolist()) == {
        "no interval: fewer than 6 repeats; in doubt: the machine did something else in 20% of the time"
    }


def test_failed_fits_are_counted():
    assert (
        summary(measured(np.ones((2, 6)), np.ones((2, 6)), status=Status.COLLAPSED))["n_failed"] == 3
    ).all()


def test_the_command_writes_measurements_and_summary(results):
    arguments = [str(results), "--problem", "faithful", "--n-components", "3", "--method", "em"]
    ran = CliRunner().invoke(command, [*arguments, "--restarts", "2", "--repeats", "2"])
    assert ran.exit_code == 0, ran.output
    assert "em, alone:" in ran.output
    assert "no interval: fewer than 6 repeats" in ran.output
    times = read_dataset(results / "timing" / "faithful" / "gaussian-full" / "K3.nc")
    assert dict(times.sizes) == {"method": 1, "restart": 2, "repeat": 2}
    table = pd.read_csv(results / "timing" / "faithful" / "gaussian-full" / "K3.csv")
    assert table["way"].tolist() == ["alone", "batched"]
    np.testing.assert_allclose(
        table["seconds_per_fit"][0], times["seconds_alone"].mean("restart").median(), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"labels": ("emm",)}, "method 'emm' is not in this cell; did you mean 'em'"),
        ({"initializer": "kmeans"}, r"did you mean 'kmeans\+\+'"),
        ({"restarts": 13}, "13 restarts; expected at most the cell's 12"),
    ],
)
def test_what_is_not_there_is_named(results, choice, message):
    asked = {"key": CELL, "labels": ("em",), "initializer": "kmeans++", "restarts": 2} | choice
    with pytest.raises(MixsweepError, match=message):
        Measured.of(results, **asked)
