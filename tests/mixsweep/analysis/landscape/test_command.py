"""``mixsweep landscape``."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from tests.mixsweep.helpers import fits_at

from mixsweep import NUMERICS_VERSION
from mixsweep.analysis.census import census
from mixsweep.analysis.landscape import landscape
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.cli import main
from mixsweep.io import read_dataset, write_dataset
from mixsweep.problems import load_builtin, write_problem


@pytest.fixture
def files(tmp_path):
    """Two components in one place on faithful, which the census leaves to both sides."""
    problem = load_builtin("faithful")
    mean, covariance = problem.X.mean(axis=0), np.cov(problem.X.T, bias=True)
    fits = fits_at(
        problem, np.array([[0.5, 0.5]]), np.stack([[mean, mean]]), np.stack([[covariance, covariance]])
    )
    write_problem(problem, tmp_path / "faithful.nc")
    write_dataset(census(problem, fits, Thresholds()), tmp_path / "optima.nc")
    return problem, tmp_path


def call(folder, *more):
    arguments = [str(folder / name) for name in ("faithful.nc", "optima.nc")]
    return CliRunner().invoke(
        main, ["landscape", *arguments, "--output", str(folder / "landscape.nc"), *more]
    )


def test_the_file_holds_what_the_function_returns(files):
    problem, folder = files
    done = call(folder, "--numerics", NUMERICS_VERSION)
    assert done.exit_code == 0, done.output
    found = read_dataset(folder / "landscape.nc")
    expected = landscape(problem, read_dataset(folder / "optima.nc"))
    assert set(found.variables) == set(expected.variables)
    for name, values in expected.variables.items():
        np.testing.assert_array_equal(found[name], values)
    assert "the cell has one maximum" in done.output or "paths between" in done.output
    first = (folder / "landscape.nc").read_bytes()
    call(folder)
    assert (folder / "landscape.nc").read_bytes() == first


def test_an_attempt_too_many_leaves_an_empty_file_and_says_what_went_wrong_before(files):
    _, folder = files
    (folder / "faithful.nc").unlink()
    failed = [call(folder, "--attempt", number) for number in ("1", "2")]
    assert [done.exit_code for done in failed] == [2, 2]
    done = call(folder, "--attempt", "3")
    assert done.exit_code == 0
    assert done.output.startswith("Error: ")
    assert "faithful.nc: no such file" in done.output
    assert (folder / "landscape.nc").read_bytes() == b""
    assert sorted(path.name for path in folder.iterdir()) == ["landscape.nc", "optima.nc"]


def test_another_numerical_version_is_refused(files):
    _, folder = files
    done = call(folder, "--numerics", "0")
    assert done.exit_code == 2
    assert "numerical version" in done.output
    assert not (folder / "landscape.nc").exists()


def test_a_missing_file_is_named(files):
    _, folder = files
    (folder / "optima.nc").unlink()
    done = call(folder)
    assert done.exit_code == 2
    assert "optima.nc: no such file" in done.output
