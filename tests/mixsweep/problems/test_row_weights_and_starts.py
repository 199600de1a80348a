from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from tests.mixsweep.helpers import blobs, spec

from mixsweep.config import parse_config
from mixsweep.errors import MixsweepError
from mixsweep.objective import Objective
from mixsweep.problems import Problem, read_problem, source_from_spec, write_problem
from mixsweep.problems.base import check_row_weights
from mixsweep.problems.files import load_file
from mixsweep.problems.sources import FileSource
from mixsweep.shard import fit_shard, make_starts

FRAME = pd.DataFrame(blobs(n=60).X, columns=["a", "b"])


def written(folder, frame=FRAME, name="data.csv"):
    frame.to_csv(folder / name, index=False)
    return folder / name


def start_table(**changes):
    table = {
        "start": [1, 1, 2, 2, 2],
        "a": [0.0, 1, 2, 3, 4],
        "b": [1.0, 0, 1, 0, 2],
        "weight": [0.25, 0.75, 0.2, 0.3, 0.5],
        "a*a": [1.0] * 5,
        "a*b": [0.5] * 5,
        "b*b": [2.0] * 5,
    }
    return pd.DataFrame(table | changes)


def test_a_column_of_weights_is_no_feature(tmp_path):
    path = written(tmp_path, FRAME.assign(times=2.0))
    for columns in (None, ["a", "b"]):
        problem = load_file(path, "mine", columns, "times")
        assert problem.features == ("a", "b")
        np.testing.assert_array_equal(problem.row_weights, np.full(60, 2.0))
    assert problem.checksum != load_file(path, "mine", ["a", "b"]).checksum


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({5: 0.0}, r"column 'times': 1 row weight is not a positive number, in row 6 \(line 7\)"),
        ({5: -1.0, 8: np.nan}, r"2 row weights are not a positive number, in rows 6, 9"),
    ],
)
def test_row_weights_that_are_not_positive_are_named(tmp_path, values, message):
    times = pd.Series(1.0, index=FRAME.index)
    times.update(pd.Series(values))
    times[[row for row, value in values.items() if np.isnan(value)]] = np.nan
    with pytest.raises(MixsweepError, match=message):
        load_file(written(tmp_path, FRAME.assign(times=times)), "mine", None, "times")


def test_row_weights_are_one_for_each_row():
    with pytest.raises(MixsweepError, match=r"row_weights: row weights of shape \(3,\); expected .* 4 rows"):
        check_row_weights(np.ones(3), 4, "row_weights")


def test_a_missing_column_of_weights_is_named_with_the_nearest(tmp_path):
    with pytest.raises(MixsweepError, match=r"no column 'tmes'.*'times'"):
        load_file(written(tmp_path, FRAME.assign(times=1.0)), "mine", None, "tmes")


@pytest.mark.parametrize(
    "name",
    ["random-points", "kmeans++", "k-means", "random-responsibilities", "random-parameters", "small-em"],
)
def test_starts_of_weighted_rows_are_sound(name):
    problem = blobs(n=90)
    weighted = dataclasses.replace(problem, row_weights=np.linspace(0.5, 3, 90))
    fits, _ = fit_shard(weighted, spec(initializer=name, n_components=3, stop=4))
    assert np.isfinite(fits["log_likelihood"]).all()
    plain, _ = fit_shard(problem, spec(initializer=name, n_components=3, stop=4))
    assert (fits["log_likelihood"].values != plain["log_likelihood"].values).all()


def test_a_start_of_repeated_rows_is_that_of_weighted_ones():
    # k-means from the same seeds would do; a partition's moments are enough
    problem = blobs(n=40)
    times = np.random.default_rng(0).integers(1, 4, 40)
    weighted = Objective.of(problem.X, "gaussian-full", 2, 1e-6, times.astype(float))
    labels = np.arange(40) % 2
    from mixsweep.initializers.base import partition_start

    repeated = Objective.of(np.repeat(problem.X, times, axis=0), "gaussian-full", 2, 1e-6)
    a = partition_start(weighted, [None], lambda objective, generator: (np.arange(40), labels))
    again = np.repeat(labels, times)
    b = partition_start(repeated, [None], lambda objective, generator: (np.arange(len(again)), again))
    for key, values in a.items():
        np.testing.assert_allclose(values, b[key], rtol=1e-10)


def test_starts_are_read_in_the_users_units(tmp_path):
    data, starts = written(tmp_path), written(tmp_path, start_table(), "starts.csv")
    problem = FileSource(data, starts=starts).load("mine", 1)
    objective = Objective.of_problem(problem, "gaussian-full", 3, 1e-6)
    begin = make_starts(objective, "mine", "user-starts", range(2), 1)
    reported = objective.family.to_reported(begin, objective.location, objective.scale)
    for restart in range(2):  # the only start with three components, again and again
        np.testing.assert_allclose(reported["weights"][restart], [0.2, 0.3, 0.5])
        np.testing.assert_allclose(reported["means"][restart], [[2, 1], [3, 0], [4, 2]])
        np.testing.assert_allclose(reported["covariances"][restart], [[[1, 0.5], [0.5, 2]]] * 3)
    two = Objective.of_problem(problem, "gaussian-diag", 2, 1e-6)
    assert make_starts(two, "mine", "user-starts", range(7, 9), 1)["weights"].shape == (2, 2)
    with pytest.raises(MixsweepError, match="user-starts: the problem has no starts with 4 components"):
        make_starts(
            Objective.of_problem(problem, "gaussian-diag", 4, 1e-6), "mine", "user-starts", range(1), 1
        )


def test_without_weights_and_covariances_they_are_equal_and_pooled(tmp_path):
    table = start_table()[["start", "a", "b"]]
    source = FileSource(written(tmp_path), starts=written(tmp_path, table, "starts.csv"))
    starts = source.load("mine", 1).starts
    np.testing.assert_allclose(starts["weights"][1], 1 / 3)
    np.testing.assert_allclose(starts["covariances"][0, 0], np.cov(FRAME.to_numpy().T, bias=True))
    assert np.isnan(starts["weights"][0, 2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight": [0.5, 0.6, 0.2, 0.3, 0.5]}, "start 1 has the weights 0.5, 0.6; expected positive"),
        ({"a*a": [1.0, -1, 1, 1, 1]}, "start 1: the covariance of its component 2 is not positive definite"),
        ({"a": [0.0, np.nan, 2, 3, 4]}, "means: row 2 has a value that is missing"),
    ],
)
def test_bad_starts_are_named(tmp_path, changes, message):
    source = FileSource(written(tmp_path), starts=written(tmp_path, start_table(**changes), "starts.csv"))
    with pytest.raises(MixsweepError, match=rf"starts\.csv: {message}"):
        source.load("mine", 1)


def test_masked_values_of_netcdf_are_missing_in_starts_and_row_weights(tmp_path):
    columns = {name: ("line", values) for name, values in start_table().items()}
    columns["b"][1][3] = np.nan
    xr.Dataset(columns).to_netcdf(tmp_path / "starts.nc")
    source = FileSource(written(tmp_path), starts=tmp_path / "starts.nc")
    with pytest.raises(MixsweepError, match=r"starts\.nc: means: row 4 has a value that is missing"):
        source.load("mine", 1)
    frame = xr.Dataset({name: ("row", values) for name, values in FRAME.assign(times=range(60)).items()})
    frame.to_netcdf(tmp_path / "data.nc", encoding={"times": {"_FillValue": 2}})
    with pytest.raises(MixsweepError, match="2 row weights are not a positive number, in rows 1, 3"):
        FileSource(tmp_path / "data.nc", weights="times").load("mine", 1)


def test_a_table_without_means_is_refused(tmp_path):
    table = start_table().drop(columns="b")
    source = FileSource(written(tmp_path), starts=written(tmp_path, table, "starts.csv"))
    with pytest.raises(MixsweepError, match=r"no column 'b'; expected a table of starts"):
        source.load("mine", 1)


def test_weights_and_starts_survive_the_problem_file(tmp_path):
    table = written(tmp_path, start_table(), "starts.csv")
    source = FileSource(written(tmp_path, FRAME.assign(times=2.0)), ("a", "b"), "times", table)
    assert source_from_spec(source.spec()) == source
    problem = source.load("mine", 1)
    write_problem(problem, tmp_path / "mine.nc")
    again = read_problem(tmp_path / "mine.nc")
    assert again.checksum == problem.checksum
    assert isinstance(again, Problem)
    np.testing.assert_array_equal(again.row_weights, problem.row_weights)
    for key, values in problem.starts.items():
        np.testing.assert_array_equal(again.starts[key], values)


def test_a_config_names_both_beside_the_file(tmp_path):
    written(tmp_path, FRAME.assign(times=2.0))
    written(tmp_path, start_table(), "starts.csv")
    mine = {"file": "data.csv", "weights": "times", "starts": "starts.csv"}
    sweep = {"problems": {"mine": mine}, "n_components": [2], "initializers": ["user-starts"]}
    entry = parse_config(sweep, tmp_path).entries[0]
    assert entry.source == FileSource(tmp_path / "data.csv", None, "times", tmp_path / "starts.csv")
    for changes, message in (
        ({"builtin": "iris", "file": None}, "weights belong to a file of data, but no file"),
        ({"columns": ["a", "times"]}, "'times' is among the columns"),
    ):
        given = {key: value for key, value in (mine | changes).items() if value is not None}
        with pytest.raises(MixsweepError, match=message):
            parse_config(sweep | {"problems": {"mine": given}}, tmp_path)
