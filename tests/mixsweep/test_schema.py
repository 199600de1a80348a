from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from mixsweep import __version__
from mixsweep.errors import MixsweepError
from mixsweep.families import FAMILIES
from mixsweep.schema import FORMAT_VERSION, KINDS, SAMPLE_DIMS, VARIABLES, annotated, validate
from mixsweep.status import Status


@pytest.fixture
def dataset():
    return xr.Dataset(
        {
            "log_likelihood": (("method", "restart"), np.zeros((2, 3))),
            "status": (("method", "restart"), np.ones((2, 3), np.int8)),
            "means": (("method", "restart", "component", "feature"), np.zeros((2, 3, 2, 1))),
        },
        {"method": ["em", "adam"], "feature": ["x"]},
        {"seed": 1},
    )


def test_every_variable_is_given_its_meaning_and_unit(dataset):
    done = annotated(dataset)
    for name, variable in done.variables.items():
        assert variable.attrs["long_name"] == VARIABLES[name].long_name
    assert done["log_likelihood"].attrs["units"] == "nat"
    assert done["means"].attrs["units"] == "data units"
    assert "units" not in done["method"].attrs
    assert done.attrs["seed"] == 1
    assert done.attrs["mixsweep_version"] == __version__
    assert done.attrs["mixsweep_format_version"] == FORMAT_VERSION


def test_flags_follow_the_cf_conventions(dataset):
    attributes = annotated(dataset)["status"].attrs
    assert attributes["flag_meanings"].split() == Status.labels()
    assert attributes["flag_values"].tolist() == [int(status) for status in Status]
    assert attributes["flag_values"].dtype == np.int8
    assert VARIABLES["kind"].flags == KINDS


def test_annotation_leaves_its_argument_alone(dataset):
    annotated(dataset)
    assert dataset.attrs == {"seed": 1}


@pytest.mark.parametrize("leading", [(), ("restart",), SAMPLE_DIMS])
def test_any_sample_dimensions_may_lead(leading):
    dataset = xr.Dataset({"weights": ((*leading, "component"), np.zeros((1,) * (len(leading) + 1)))})
    validate(dataset)
    assert annotated(dataset)["weights"].dims == (*leading, "component")


@pytest.mark.parametrize(
    ("name", "dims", "dtype", "message"),
    [
        ("loglik", ("restart",), float, "'loglik' is not declared"),
        ("weights", ("restart",), float, "'weights' has dims"),
        ("weights", ("component", "restart"), float, "'weights' has dims"),
        ("log_likelihood", ("row",), float, "'log_likelihood' has dims"),
        ("log_likelihood", ("restart",), int, "'log_likelihood' has dtype"),
        ("status", ("restart",), float, "'status' has dtype"),
    ],
)
def test_what_is_not_declared_is_refused(name, dims, dtype, message):
    with pytest.raises(MixsweepError, match=message):
        validate(xr.Dataset({name: (dims, np.zeros((2,) * len(dims), dtype))}))


def test_every_array_of_every_family_is_declared():
    for name in FAMILIES:
        assert set(FAMILIES[name].reported) <= set(VARIABLES)


def test_flag_words_are_single_words():
    for variable in VARIABLES.values():
        assert not any(" " in flag for flag in variable.flags)
