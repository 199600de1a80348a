from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from mixsweep.analysis.speed import TOLERANCES, first_passes, run_time_distribution, speed_table

DIMS = ("method", "initializer", "restart")


@pytest.fixture
def fits():
    """Four fits of one method: a quick one, a slow one, one that never arrives, a collapse."""
    gaps = [
        [1.0, 1e-3, 1e-5, 1e-7],  # within after 2, 4 and 8 passes
        [5.0, 1.0, 1e-3, 1e-5],  # after 4, 8 and never
        [5.0, 4.0, 3.0, 2.0],  # never
        [5.0, 4.0, np.nan, np.nan],  # collapsed, no optimum
    ]
    polished = np.array([-100.0, -100.0, -120.0, np.nan])
    start = np.array([-100.0, -100.0, -120.0, -100.0])
    passes = np.tile([1.0, 2.0, 4.0, 8.0], (4, 1))
    passes[3, 2:] = np.nan
    return xr.Dataset(
        {
            "trace_passes": ((*DIMS, "checkpoint"), passes[None, None]),
            "trace_log_likelihood": (
                (*DIMS, "checkpoint"),
                (start[:, None] - np.array(gaps))[None, None],
            ),
            "polished_log_likelihood": (DIMS, polished[None, None]),
            "n_passes": (DIMS, np.array([8.0, 8.0, 8.0, 2.0])[None, None]),
            "seconds": (DIMS, np.array([16.0, 8.0, 8.0, 2.0])[None, None]),
        },
        {"method": ["em"], "initializer": ["random-points"], "restart": np.arange(4)},
    )


def test_passes_are_counted_to_the_first_checkpoint_within_each_tolerance(fits):
    expected = [[2, 4, 8], [4, 8, np.inf], [np.inf] * 3, [np.inf] * 3]
    np.testing.assert_array_equal(first_passes(fits).values[0, 0], expected)
    assert first_passes(fits)["tolerance"].values.tolist() == list(TOLERANCES)


def test_the_first_time_counts_though_the_fit_leaves_again(fits):
    fits["trace_log_likelihood"][0, 0, 0] = -100.0 - np.array([1e-7, 1.0, 1.0, 1e-7])
    assert first_passes(fits).values[0, 0, 0].tolist() == [1, 1, 1]


def test_quartiles_run_over_all_fits_and_are_infinite_where_so_many_never_arrive(fits):
    table = speed_table(fits).isel(method=0, initializer=0)
    assert table["n_fits"].values.tolist() == [4, 4, 4]
    assert table["n_reached"].values.tolist() == [2, 2, 1]
    assert table["share_reached"].values.tolist() == [0.5, 0.5, 0.25]
    assert table["passes_q25"].values.tolist() == [2, 4, 8]
    assert table["passes_median"].values.tolist() == [4, 8, np.inf]
    assert np.isinf(table["passes_q75"].values).all()
    assert not any(np.isnan(values).any() for values in table.data_vars.values())


def test_seconds_are_the_fits_own_in_proportion_to_its_passes(fits):
    table = speed_table(fits).isel(method=0, initializer=0)
    # two seconds a pass in the first fit, one in the second: both are within 1e-2 after 4 s
    assert table["seconds_q25"].values.tolist() == [4, 8, 16]
    assert table["seconds_median"].values.tolist() == [4, 8, np.inf]


def test_the_distribution_ends_at_the_share_that_ever_arrives(fits):
    rows = run_time_distribution(fits)
    curve = [(row["passes"], row["share_reached"]) for row in rows if row["tolerance"] == 1e-2]
    assert curve == [(2.0, 0.25), (4.0, 0.5)]
    assert [row["share_reached"] for row in rows if row["tolerance"] == 1e-6] == [0.25]
    assert {row["method"] for row in rows} == {"em"}


def test_a_method_that_never_arrives_has_a_curve_at_zero(fits):
    rows = run_time_distribution(fits.isel(restart=[2, 3]))
    assert [row["share_reached"] for row in rows] == [0.0] * len(TOLERANCES)


def test_a_long_distribution_is_thinned_and_rises(fits):
    many = xr.concat([fits.isel(restart=[0])] * 500, "restart")
    many["trace_passes"] = many["trace_passes"] + xr.DataArray(np.arange(500.0), dims="restart")
    rows = [row for row in run_time_distribution(many) if row["tolerance"] == 1e-4]
    shares = [row["share_reached"] for row in rows]
    assert len(rows) <= 64
    assert shares == sorted(shares)
    assert shares[-1] == 1
