from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from mixsweep.cli.refit import refit as command
from mixsweep.errors import MixsweepError
from mixsweep.io import read_dataset, write_dataset
from mixsweep.refit import refit

CELL = ("faithful", "gaussian-full", 3)
FITS = "cells/faithful/gaussian-full/K3/fits.nc"


@pytest.mark.parametrize("method", ["em", "quasi-newton"])
def test_a_fit_made_again_is_the_same_to_the_bit_and_has_its_whole_trace(results, method):
    found = refit(results, CELL, method, "kmeans++", 7)
    assert found.differing == ()
    assert found.fit.sizes["checkpoint"] == int(found.stored["n_passes"])
    np.testing.assert_array_equal(found.fit["trace_passes"], np.arange(1, found.fit.sizes["checkpoint"] + 1))
    kept = np.isfinite(found.stored["trace_passes"].values)
    passes = found.stored["trace_passes"].values[kept].astype(int)
    np.testing.assert_array_equal(
        found.fit["trace_log_likelihood"].values[passes - 1],
        found.stored["trace_log_likelihood"].values[kept],
    )


def test_other_bits_are_named_and_make_the_exit_code_1(results):
    fits = read_dataset(results / FITS)
    fits["log_likelihood"][0, 0, 3] += 1e-9
    write_dataset(fits, results / FITS)
    method, initializer = str(fits["method"].values[0]), str(fits["initializer"].values[0])
    assert refit(results, CELL, method, initializer, 3).differing == ("log_likelihood",)
    arguments = ["--problem", "faithful", "--n-components", "3", "--method", method]
    ran = CliRunner().invoke(
        command, [str(results), *arguments, "--initializer", initializer, "--restart", "3"]
    )
    assert ran.exit_code == 1
    assert "The bits differ in log_likelihood." in ran.output


def test_the_command_writes_the_fit(results):
    output = results / "fit.nc"
    arguments = ["--problem", "faithful", "--n-components", "3", "--method", "em", "--restart", "0"]
    ran = CliRunner().invoke(command, [str(results), *arguments, "--output", str(output)])
    assert ran.exit_code == 0, ran.output
    assert "The same to the bit." in ran.output
    assert read_dataset(output)["means"].dims == ("component", "feature")


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"method": "emm"}, "'emm' is not in this cell; did you mean 'em'"),
        ({"initializer": "kmeans"}, r"did you mean 'kmeans\+\+'"),
        ({"restart": 12}, "expected 0 to 11"),
    ],
)
def test_what_is_not_there_is_named(results, choice, message):
    asked = {"key": CELL, "method": "em", "initializer": "kmeans++", "restart": 0} | choice
    with pytest.raises(MixsweepError, match=message):
        refit(results, **asked)
