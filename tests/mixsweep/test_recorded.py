"""Cells of a results folder, and what their fits were made from."""

from __future__ import annotations

import pytest

from mixsweep.errors import MixsweepError
from mixsweep.io import read_dataset, write_dataset
from mixsweep.recorded import RecordedCell

CELL = ("faithful", "gaussian-full", 3)
FITS = "cells/faithful/gaussian-full/K3/fits.nc"


def test_a_cell_has_its_data_and_its_fits(results):
    cell = RecordedCell.read(results, CELL)
    assert (cell.problem.name, cell.spec.family, cell.spec.n_components) == CELL
    assert cell.fits.sizes["restart"] == cell.spec.restarts
    for method in cell.spec.methods:
        for initializer in cell.spec.initializers:
            cell.check_names([method], initializer)


def test_a_cell_that_is_not_there_is_named(results):
    with pytest.raises(MixsweepError, match=r"K9/fits\.nc: no such file"):
        RecordedCell.read(results, ("faithful", "gaussian-full", 9))


@pytest.mark.parametrize(
    ("methods", "initializer", "message"),
    [
        (["em", "emm"], "kmeans++", "method 'emm' is not in this cell; did you mean 'em'"),
        (["em"], "kmeans", r"initializer 'kmeans' is not in this cell; did you mean 'kmeans\+\+'"),
    ],
)
def test_names_that_a_cell_has_not_are_refused(results, methods, initializer, message):
    with pytest.raises(MixsweepError, match=message):
        RecordedCell.read(results, CELL).check_names(methods, initializer)


def test_fits_of_other_numerical_code_are_refused(results):
    fits = read_dataset(results / FITS)
    fits.attrs["numerics_version"] = "0"
    write_dataset(fits, results / FITS)
    with pytest.raises(MixsweepError, match="numerical version 0"):
        RecordedCell.read(results, CELL)
