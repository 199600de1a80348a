"""Optima of real data known from the literature or recomputed beforehand."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tests.mixsweep.helpers import cell_fits, fits_at, starts

from mixsweep.analysis.census import census
from mixsweep.analysis.multimodality import best_known, corrected_status, optima_table
from mixsweep.analysis.stability import leave_one_out
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.endpoints import take
from mixsweep.loop import run
from mixsweep.methods.em import EM
from mixsweep.objective import Objective
from mixsweep.problems import Problem, load_builtin
from mixsweep.schema import KINDS
from mixsweep.status import Status

LIMITS = Thresholds()


def kinds(optima):
    return [KINDS[kind] for kind in optima["kind"].values]


@pytest.fixture(scope="module")
def faithful():
    return load_builtin("faithful")


@pytest.fixture(scope="module")
def iris_optima():
    """Of the starts by random points that lead to the spurious maximum and to the textbook one."""
    problem = load_builtin("iris")
    objective = Objective.of_problem(problem, "gaussian-full", 3, 1e-6)
    begun = take(starts(objective, "iris", 330), np.array([21, 22, *range(310, 320)]))
    ends = run(objective, EM(), begun, tol=1e-10, max_passes=2000)
    reported = objective.family.to_reported(ends.parameters, objective.location, objective.scale)
    fits = fits_at(problem, reported["weights"], reported["means"], reported["covariances"])
    fits["status"][:] = ends.status[None, None]
    return problem, census(problem, fits, LIMITS)


def test_faithful_with_three_components_has_a_rare_best_and_a_common_optimum(faithful, tmp_path):
    fits = cell_fits(faithful, tmp_path, n_components=3, restarts=150, tol=1e-10, max_passes=2000)
    optima = census(faithful, fits, LIMITS)
    assert best_known(optima) == 0
    np.testing.assert_allclose(optima["log_likelihood"][:2], [-1114.439873, -1119.213971], atol=1e-6)
    # 0.063 and 0.865 of 1,000 starts elsewhere: three standard errors of 150
    np.testing.assert_allclose(optima["basin_share"][0], 0.063, atol=3 * 0.02)
    np.testing.assert_allclose(optima["basin_share"][1], 0.865, atol=3 * 0.028)
    assert optima["gradient_norm"].max() <= 1e-8
    assert (optima["n_copies"] == 6).all()


def test_iris_has_its_textbook_optimum_and_a_higher_one_that_is_spurious(iris_optima):
    _, optima = iris_optima
    values = optima["log_likelihood"].values
    high, textbook = (int(np.abs(values - value).argmin()) for value in (-179.7077, -180.185477))
    np.testing.assert_allclose(values[[high, textbook]], [-179.7077, -180.185477], atol=1e-4)
    assert [kinds(optima)[place] for place in (high, textbook)] == ["spurious", "proper"]
    assert best_known(optima) == textbook
    # the evidence: a flat component on six rows
    assert float(optima["smallest_eigenvalue_ratio"][high]) == pytest.approx(2.2e-5, rel=0.02)
    assert float(optima["smallest_weight"][high]) * 150 == pytest.approx(6, abs=0.1)
    assert float(optima["smallest_weight"][textbook]) * 150 > 40


def test_only_the_spurious_optimum_of_iris_falls_when_a_row_is_left_out(iris_optima):
    problem, optima = iris_optima
    values = optima["log_likelihood"].values
    high, textbook = (int(np.abs(values - value).argmin()) for value in (-179.7077, -180.185477))
    spurious = leave_one_out(problem, optima, high, np.array([134, 24]))
    proper = leave_one_out(problem, optima, textbook, np.array([134, 24]))
    for found in (spurious, proper):
        assert (found["gain"] >= 0).all()
        assert found.attrs["n_collapsed"] == 0
    assert spurious["gain"].min() > 1 > proper["gain"].max()
    assert spurious["moved"].min() > 0.3 > proper["moved"].max()


def test_the_census_of_iris_tells_that_its_highest_optimum_does_not_stand_without_a_row(iris_optima):
    _, optima = iris_optima
    table = optima_table(optima, optima["fit_optimum"].size, optima["fit_optimum"].size)
    high, textbook = (
        int(np.abs(optima["log_likelihood"].values - value).argmin()) for value in (-179.708, -180.185)
    )
    gain, moved = table["leave_one_out_gain"].values, table["leave_one_out_moved"].values
    assert gain[high] > 5 > 1 > gain[textbook] >= 0
    assert moved[high] > 0.3 > 0.1 > moved[textbook]
    # one of its six rows
    assert 0 <= table["leave_one_out_row"].values[high] < 150
    others = np.delete(np.arange(optima.sizes["optimum"]), [high, textbook])
    assert (optima["kind"].values[others] != KINDS.index("spurious")).all()
    for name in ("row", "gain", "moved"):
        assert np.isnan(table[f"leave_one_out_{name}"].values[others]).all()


@pytest.mark.parametrize("n_pairs", [5, 7])
def test_as_many_optima_as_pairs_of_rows(n_pairs):
    """Amendola, Drton and Sturmfels (2016): rows {j, j + 0.2}; mirror images have equal heights."""
    X = (np.arange(1, n_pairs + 1)[:, None] + np.array([0.0, 0.2])).reshape(-1, 1)
    problem = Problem("pairs", X, ("x",))
    rest = [np.delete(X, [2 * j, 2 * j + 1]) for j in range(n_pairs)]
    means = np.array([[[j + 1.1], [others.mean()]] for j, others in enumerate(rest)])
    variances = np.array([[0.01, others.var()] for others in rest])[..., None, None]
    weights = np.tile([1 / n_pairs, 1 - 1 / n_pairs], (n_pairs, 1))
    optima = census(problem, fits_at(problem, weights, means, variances), LIMITS)
    values = optima["log_likelihood"].values
    known = {
        5: [-15.4032, -15.4032, -17.0673, -17.0673, -17.3648],
        7: [-27.2919, -27.2919, -28.6397, -28.6397, -29.155, -29.155, -29.2859],
    }
    np.testing.assert_allclose(values, known[n_pairs], atol=1e-3)
    assert not {"saddle", "unresolved", "plateau"} & set(kinds(optima))


def test_a_saddle_is_left_to_both_sides_and_what_lies_there_is_an_optimum(faithful):
    mean, covariance = faithful.X.mean(axis=0), np.cov(faithful.X.T, bias=True)
    fits = fits_at(
        faithful, np.array([[0.5, 0.5]]), np.stack([[mean, mean]]), np.stack([[covariance, covariance]])
    )
    optima = census(faithful, fits, LIMITS)
    assert kinds(optima)[-1] == "saddle"
    saddle = optima.isel(optimum=-1)
    assert saddle["n_fits"] == 1
    assert saddle["n_ascending"] > 0
    assert np.linalg.norm(saddle["ascent_direction"]) == pytest.approx(1)
    left = saddle["escape_optimum"].values
    assert (left >= 0).all()
    assert (optima["log_likelihood"].values[left] > float(saddle["log_likelihood"]) + 1).all()
    assert np.isnan(optima["ascent_direction"][:-1]).all()
    assert (optima["escape_optimum"][:-1] == -1).all()
    np.testing.assert_allclose(optima["log_likelihood"][0], -1130.263960, atol=1e-5)
    assert optima["n_copies"].values[-1] == 1
    ended = fits.assign(optimum=optima["fit_optimum"])
    assert (corrected_status(ended, optima) == Status.SADDLE).all()
    ended["status"][:] = Status.BUDGET
    assert (corrected_status(ended, optima) == Status.BUDGET).all()


def test_coincident_components_that_nothing_leads_away_from_are_at_the_boundary():
    """On evenly spaced rows two Gaussians in one place are as good as any near them."""
    X = np.linspace(-1, 1, 60)[:, None]
    problem = Problem("even", X, ("x",))
    fits = fits_at(
        problem,
        np.array([[0.3, 0.7]]),
        np.zeros((1, 2, 1)),
        np.full((1, 2, 1, 1), X.var()),
    )
    optima = census(problem, fits, LIMITS)
    assert kinds(optima) == ["boundary"]
    assert optima["closest_components"].values.tolist() == [0]


def test_agreement_and_curvatures_are_kept_for_the_leading_optima(iris_optima):
    _, optima = iris_optima
    count = min(12, optima.sizes["optimum"])
    assert optima["adjusted_rand"].shape == optima["density_distance"].shape == (count, count)
    np.testing.assert_array_equal(np.diagonal(optima["adjusted_rand"]), 1)
    np.testing.assert_allclose(optima["density_distance"], optima["density_distance"].T)
    assert optima["hessian_eigenvalues"].shape == (count, optima.attrs["n_parameters"])
    assert (optima["hessian_eigenvalues"].diff("curvature") <= 0).all()
    np.testing.assert_array_equal(optima["hessian_eigenvalues"][:, 0], optima["largest_curvature"][:count])


def test_ties_between_methods_and_one_restart_leave_no_gap(faithful, tmp_path):
    methods = {name: {"method": "em"} for name in ("first", "second")}
    fits = cell_fits(faithful, tmp_path, methods=methods, restarts=1)
    optima = census(faithful, fits, LIMITS)
    assert optima["n_fits"].values.tolist() == [2]
    assert isinstance(optima, xr.Dataset)
