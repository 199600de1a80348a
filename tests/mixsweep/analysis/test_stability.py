from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.helpers import cell_fits

from mixsweep.analysis.census import census
from mixsweep.analysis.stability import leave_one_out, stability
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.objective import Objective
from mixsweep.problems import load_builtin
from mixsweep.schema import KINDS

PROPER, SPURIOUS, SADDLE = (KINDS.index(name) for name in ("proper", "spurious", "saddle"))


@pytest.fixture(scope="module")
def galaxies(tmp_path_factory):
    """A cell with many spurious optima, on two or three galaxies each."""
    problem = load_builtin("galaxies")
    fits = cell_fits(problem, tmp_path_factory.mktemp("fits"), n_components=5, restarts=60)
    return problem, census(problem, fits, Thresholds())


def leading(optima, kind, count):
    return np.flatnonzero(optima["kind"].values == kind)[:count]


def test_the_highest_proper_and_spurious_optima_are_looked_at_and_no_others(galaxies):
    _, optima = galaxies
    looked_at = np.flatnonzero(optima["leave_one_out_row"].values >= 0)
    expected = np.concatenate([leading(optima, PROPER, 1), leading(optima, SPURIOUS, 2)])
    assert len(expected) == 3
    np.testing.assert_array_equal(looked_at, np.sort(expected))
    rest = optima.isel(optimum=np.delete(np.arange(optima.sizes["optimum"]), looked_at))
    assert rest["leave_one_out_gain"].isnull().all()
    assert rest["leave_one_out_moved"].isnull().all()


def test_a_component_on_two_rows_collapses_without_one_and_the_proper_optimum_stands(galaxies):
    _, optima = galaxies
    for number in leading(optima, SPURIOUS, 2):
        assert float(optima["smallest_weight"][number]) * 82 < 3
        assert np.isposinf(optima["leave_one_out_gain"][number])
        assert np.isnan(optima["leave_one_out_moved"][number])
    (proper,) = leading(optima, PROPER, 1)
    assert 0 <= float(optima["leave_one_out_gain"][proper]) < 2
    assert float(optima["leave_one_out_moved"][proper]) < 0.2


def test_the_row_is_of_the_lightest_component(galaxies):
    problem, optima = galaxies
    (proper,) = leading(optima, PROPER, 1)
    lightest = int(optima["weights"].values[proper].argmin())
    mean = float(optima["means"][proper, lightest, 0])
    deviation = float(np.sqrt(optima["covariances"][proper, lightest, 0, 0]))
    row = problem.X[int(optima["leave_one_out_row"][proper]), 0]
    near = np.abs(problem.X[:, 0] - mean) < np.abs(row - mean)
    # it has as many rows as its weight says, and this one is the farthest out
    assert near.sum() + 1 == pytest.approx(float(optima["weights"][proper, lightest]) * 82, abs=1)
    assert abs(row - mean) < 4 * deviation


def test_what_em_gains_without_the_row_is_what_polishing_does(tmp_path):
    problem = load_builtin("faithful")
    fits = cell_fits(problem, tmp_path, n_components=3, restarts=20)
    optima = census(problem, fits, Thresholds())
    (proper,) = leading(optima, PROPER, 1)
    row = optima["leave_one_out_row"].values[[proper]]
    oracle = leave_one_out(problem, optima, proper, row)
    for name, tolerance in (("gain", 1e-4), ("moved", 1e-3)):
        assert float(optima[f"leave_one_out_{name}"][proper]) == pytest.approx(
            float(oracle[name][0]), abs=tolerance
        )
    assert float(oracle["gain"][0]) > 0.01


def test_other_kinds_and_no_optima_are_not_looked_at():
    problem = load_builtin("faithful")
    objective = Objective.of_problem(problem, "gaussian-full", 1, 1e-6)
    data = {"weights": np.ones((1, 1)), "means": np.zeros((1, 1, 2)), "covariances": np.eye(2)[None, None]}
    own = objective.family.from_moments(**data)
    found = stability(objective, own, np.array([SADDLE]))
    assert found.row.tolist() == [-1]
    none = stability(objective, {name: values[:0] for name, values in own.items()}, np.array([], int))
    assert none.gain.shape == (0,)
