from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import mixsweep
from mixsweep.errors import MixsweepError
from mixsweep.shard import PLAIN
from mixsweep.status import Status

X = np.concatenate(
    [np.random.default_rng(0).normal(size=(60, 2)), np.random.default_rng(1).normal(5, 1, (40, 2))]
)


@pytest.mark.parametrize(
    ("family", "spread"),
    [
        ("gaussian-full", ("covariances", ("restart", "component", "feature", "feature_"))),
        ("gaussian-diag", ("variances", ("restart", "component", "feature"))),
    ],
)
def test_a_fit_gives_every_restart_with_its_parameters_and_trace(family, spread):
    fits = mixsweep.fit(X, n_components=2, family=family, n_restarts=7)
    scalars = {"log_likelihood", "seconds", *PLAIN}
    for name in scalars:
        assert fits[name].dims == ("restart",)
    assert fits["means"].dims == ("restart", "component", "feature")
    assert fits[spread[0]].dims == spread[1]
    assert set(fits.data_vars) == scalars | {
        "weights",
        "means",
        spread[0],
        "trace_passes",
        "trace_log_likelihood",
    }
    assert fits.sizes["restart"] == 7
    assert (fits["status"] == Status.CONVERGED).all()
    assert (fits["seconds"] > 0).all()
    np.testing.assert_allclose(fits["weights"].sum("component"), 1)


def test_parameters_are_in_the_units_of_the_data():
    fits = mixsweep.fit(1000 * X + 7, n_components=1, n_restarts=1)
    np.testing.assert_allclose(fits["means"].values[0, 0], 1000 * X.mean(axis=0) + 7)
    np.testing.assert_allclose(fits["covariances"].values[0, 0], 1e6 * np.cov(X.T, bias=True))


def test_the_likelihood_changes_by_the_jacobian_when_the_units_do():
    here, there = (mixsweep.fit(scale * X, 2, n_restarts=3)["log_likelihood"] for scale in (1.0, 10.0))
    np.testing.assert_allclose(here - there, X.size * np.log(10.0), rtol=1e-10)


def test_the_same_seed_gives_the_same_fits_and_another_seed_other_starts():
    first, again, other = (mixsweep.fit(X, 2, n_restarts=4, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first["means"], again["means"])
    assert not np.array_equal(first["trace_log_likelihood"][:, 0], other["trace_log_likelihood"][:, 0])


def test_settings_reach_the_method():
    slow, fast = (
        mixsweep.fit(X, 2, method="adam", n_restarts=2, learning_rate=rate, max_passes=50)
        for rate in (1e-4, 0.05)
    )
    assert (fast["log_likelihood"] > slow["log_likelihood"]).all()


def test_tolerance_zero_runs_to_the_budget():
    fits = mixsweep.fit(X, 2, n_restarts=3, tol=0, max_passes=40)
    assert (fits["n_passes"] == 40).all()
    assert (fits["status"] == Status.BUDGET).all()


@pytest.mark.parametrize(
    "data",
    [
        X.astype(np.float32),
        X.tolist(),
        pd.DataFrame(X, columns=["a", "b"]),
        np.asfortranarray(X),
        np.ma.array(X, mask=False),
    ],
)
def test_anything_like_an_array_will_do(data):
    fits = mixsweep.fit(data, 2, n_restarts=2)
    expected = mixsweep.fit(X, 2, n_restarts=2)
    np.testing.assert_allclose(fits["log_likelihood"], expected["log_likelihood"], rtol=1e-5)


def with_value(value):
    data = X.copy()
    data[3, 1] = value
    return data


def masked(rows, shape=X.shape):
    mask = np.zeros(shape, dtype=bool)
    mask[rows] = True
    return np.ma.array(np.resize(X, shape), mask=mask)


BAD = [
    ("one dimension", {"X": X[:, 0]}, "two dimensions"),
    ("three dimensions", {"X": X[None]}, "two dimensions"),
    ("text", {"X": [["a", "b"], ["c", "d"]]}, "X .*numbers"),
    ("ragged", {"X": [[1.0, 2.0], [3.0]]}, "X .*numbers"),
    ("missing value", {"X": with_value(np.nan)}, r"X: column 'x1' .*missing or infinite.*row 4"),
    ("infinite value", {"X": with_value(np.inf)}, r"X: column 'x1' .*missing or infinite"),
    ("constant column", {"X": np.column_stack([X, np.ones(100)])}, "'x2' is constant"),
    ("masked values", {"X": masked([2, 5])}, r"X has masked values, in rows 3, 6; .*Remove"),
    ("rows with a mask", {"X": list(masked([2]))}, "X has masked values, in row 3;"),
    ("complex numbers", {"X": X + 1j}, "X holds complex numbers .*expected real"),
    ("complex numbers in a list", {"X": [[1.0, 2j]] * 5}, "X holds complex numbers"),
    ("masked row weights", {"row_weights": masked([0], (100,))}, "row_weights has masked values, in row 1;"),
    ("complex row weights", {"row_weights": np.full(100, 1 + 0j)}, "row_weights holds complex numbers"),
    ("no columns", {"X": np.empty((10, 0))}, "no columns"),
    ("too few rows", {"X": X[:2]}, "2 rows for 2 features"),
    ("no components", {"n_components": 0}, "n_components is 0"),
    ("fractional components", {"n_components": 2.5}, r"n_components is 2\.5"),
    ("components a flag", {"n_components": True}, "n_components is True"),
    ("more components than rows", {"n_components": 101}, "only 100 rows"),
    ("no restarts", {"n_restarts": 0}, "n_restarts is 0"),
    ("no passes", {"max_passes": 0}, "max_passes is 0"),
    ("negative tolerance", {"tol": -1e-8}, "tol is -1e-08"),
    ("tolerance not a number", {"tol": float("nan")}, "tol is nan"),
    ("negative seed", {"seed": -1}, "seed is -1"),
    ("fractional seed", {"seed": 1.5}, r"seed is 1\.5"),
    ("tolerance as text", {"tol": "1e-8"}, "tol is '1e-8'"),
    ("negative floor", {"covariance_floor": -1.0}, r"covariance_floor is -1\.0"),
    ("too few row weights", {"row_weights": np.ones(3)}, r"row_weights: .*\(3,\).*each of 100 rows"),
    ("zero row weight", {"row_weights": np.arange(100)}, "row_weights: 1 row weight .*row 1"),
    ("row weights as text", {"row_weights": ["a"] * 100}, "row_weights .*numbers"),
    ("unknown family", {"family": "gaussian-ful"}, "unknown family .*did you mean 'gaussian-full'"),
    ("unknown method", {"method": "lbgfs"}, "unknown method .*did you mean 'lbfgs'"),
    ("unknown initializer", {"initializer": "kmeans+"}, r"unknown initializer .*did you mean 'kmeans\+\+'"),
    ("unknown setting", {"method": "adam", "learning_rat": 1}, "did you mean 'learning_rate'"),
    ("setting out of range", {"method": "adam", "learning_rate": -1}, "learning_rate"),
]


@pytest.mark.parametrize(("arguments", "message"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_input_is_refused_with_its_name(arguments, message):
    with pytest.raises(MixsweepError, match=message):
        mixsweep.fit(**({"X": X, "n_components": 2, "n_restarts": 2} | arguments))


def test_the_data_are_left_as_they_were():
    data = X.copy()
    mixsweep.fit(data, 2, n_restarts=2)
    np.testing.assert_array_equal(data, X)


def test_importing_the_package_imports_nothing_heavy():
    heavy = "['xarray', 'scipy', 'sklearn', 'pandas', 'dask', 'snakemake']"
    code = f"import sys, mixsweep; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_spherical_fit_gives_its_variances_in_both_units():
    fits = mixsweep.fit(X * [1.0, 30.0], 2, family="gaussian-spherical", n_restarts=5)
    assert (fits["status"] == Status.CONVERGED).all()
    assert fits["spherical_variances"].dims == ("restart", "component")
    expected = fits["spherical_variances"].values[..., None] * (X * [1.0, 30.0]).var(axis=0)
    np.testing.assert_allclose(fits["variances"], expected, rtol=1e-12)


def test_row_weights_count_rows_as_often():
    counts = np.random.default_rng(0).integers(1, 4, len(X))
    weighted = mixsweep.fit(X, 1, n_restarts=1, row_weights=counts)
    repeated = mixsweep.fit(np.repeat(X, counts, axis=0), 1, n_restarts=1)
    for name in ("log_likelihood", "means", "covariances"):
        np.testing.assert_allclose(weighted[name], repeated[name], rtol=1e-10)
    plain = mixsweep.fit(X, 1, n_restarts=1)
    assert abs(float(weighted["log_likelihood"][0] - plain["log_likelihood"][0])) > 10
