from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tests.mixsweep.helpers import blobs, cell_fits, fits_at

from mixsweep.analysis.census import Thresholds, census
from mixsweep.io import read_dataset, write_dataset
from mixsweep.problems import Problem, load_builtin
from mixsweep.schema import KINDS
from mixsweep.status import Status


def kinds(optima):
    return [KINDS[kind] for kind in optima["kind"].values]


def problem_of(X):
    X = np.asarray(X, float)
    return Problem("made", X, tuple(f"x{j}" for j in range(X.shape[1])))


@pytest.fixture(scope="module")
def faithful():
    return load_builtin("faithful")


def moments_of(X, rows):
    return X[rows].mean(axis=0), np.atleast_2d(np.cov(X[rows].T, bias=True))


def test_mirror_images_of_equal_height_are_two_optima(tmp_path):
    # three clusters symmetric about 0: the middle one joins either neighbour
    half = np.random.default_rng(0).normal(size=40)
    X = np.concatenate([half - 9, half / 2, -half / 2, 9 - half])[:, None]
    optima = census(problem_of(X), cell_fits(problem_of(X), tmp_path, restarts=40), Thresholds())
    high = optima.isel(optimum=slice(0, 2))
    assert kinds(high) == ["proper", "proper"]
    assert float(high["log_likelihood"].diff("optimum").item()) == pytest.approx(0, abs=1e-6)
    means = np.sort(high["means"].values[..., 0], axis=1)
    np.testing.assert_allclose(means[0], -means[1][::-1], atol=1e-5)
    assert (high["n_fits"] > 0).all()


def test_permuted_components_count_once(faithful, tmp_path):
    fits = cell_fits(faithful, tmp_path, n_components=3, restarts=6, tol=1e-10)
    turned = fits.copy(deep=True)
    for name in ("weights", "means", "covariances"):
        turned[name] = fits[name].roll(component=1)
    both = xr.concat([fits, turned.assign_coords(restart=np.arange(6, 12))], "restart")
    once, twice = (census(faithful, which, Thresholds()) for which in (fits, both))
    assert once.sizes["optimum"] == twice.sizes["optimum"]
    np.testing.assert_array_equal(2 * once["n_fits"], twice["n_fits"])
    np.testing.assert_array_equal(twice["fit_optimum"].values[..., :6], twice["fit_optimum"].values[..., 6:])


def test_em_stopped_early_makes_no_optima_of_its_own(faithful, tmp_path):
    settled = cell_fits(faithful, tmp_path / "long", n_components=3, restarts=20, tol=1e-10, max_passes=5000)
    early = cell_fits(faithful, tmp_path / "short", n_components=3, restarts=20, tol=1e-5)
    expected, found = (census(faithful, fits, Thresholds()) for fits in (settled, early))
    values = expected["log_likelihood"].values
    for value in found["log_likelihood"].values:
        assert np.abs(values - value).min() < 1e-6 or "proper" not in kinds(found)
    # where early fits are far below their optimum they did not end in it
    gap = found["polished_log_likelihood"] - early["log_likelihood"]
    assert (found["fit_optimum"].values[gap.values > 0.1] == -1).all()
    assert (found["fit_optimum"].values[gap.values <= 0.1] >= 0).all()
    assert (gap > 0.1).any()
    assert (gap <= 0.1).any()


def test_one_optimum_of_a_well_separated_problem_and_the_truth_leads_to_it(tmp_path):
    problem = blobs(n=150, k=3, spread=9.0, seed=3)
    optima = census(problem, cell_fits(problem, tmp_path, n_components=3, restarts=30), Thresholds())
    assert kinds(optima)[0] == "proper"
    assert optima.attrs["truth_optimum"] == 0
    best = optima.isel(optimum=0)
    found = best["means"].values[np.argsort(best["means"].values[:, 0])]
    truth = problem.truth["means"][np.argsort(problem.truth["means"][:, 0])]
    np.testing.assert_allclose(found, truth, atol=0.5)


def test_the_truth_is_not_asked_when_the_component_counts_differ(tmp_path):
    problem = blobs(n=90, k=3)
    optima = census(problem, cell_fits(problem, tmp_path, n_components=2, restarts=5), Thresholds())
    assert optima.attrs["truth_optimum"] == -1


def test_the_truth_is_an_optimum_though_no_fit_found_it():
    problem = blobs(n=150, k=2, spread=9.0, seed=3)
    mean, covariance = moments_of(problem.X, slice(None))
    shape = (1, 2, *covariance.shape)
    fits = fits_at(
        problem,
        np.full((1, 2), 0.5),
        np.broadcast_to(mean, shape[:-1]).copy(),
        np.broadcast_to(covariance, shape).copy(),
        Status.COLLAPSED,
    )
    optima = census(problem, fits, Thresholds())
    assert optima.attrs["truth_optimum"] == 0
    assert optima["n_fits"].values.tolist() == [0]
    assert kinds(optima) == ["proper"]


def test_two_equal_components_at_the_pooled_gaussian_are_a_saddle(faithful):
    mean, covariance = moments_of(faithful.X, slice(None))
    fits = fits_at(
        faithful,
        np.array([[0.5, 0.5]]),
        np.stack([[mean, mean]]),
        np.stack([[covariance, covariance]]),
    )
    optima = census(faithful, fits, Thresholds())
    assert kinds(optima)[-1] == "saddle"
    assert optima["largest_curvature"].values[-1] > 0
    # what lies uphill is known, though no fit ended there
    assert optima["n_fits"].values.tolist() == [0] * (optima.sizes["optimum"] - 1) + [1]


def test_a_component_with_hardly_any_weight_is_at_the_boundary(faithful):
    mean, covariance = moments_of(faithful.X, slice(None))
    fits = fits_at(
        faithful,
        np.array([[1 - 1e-6, 1e-6]]),
        np.stack([[mean, mean]]),
        np.stack([[covariance, covariance]]),
    )
    assert kinds(census(faithful, fits, Thresholds())) == ["boundary"]


@pytest.mark.parametrize(("size", "rows"), [(2e-2, 4), (1.0, 3)])
def test_a_component_on_few_close_rows_is_spurious(size, rows):
    """By its small eigenvalue in the first case, by its number of rows in the second."""
    rng = np.random.default_rng(5)
    few = np.array([8.0, 8.0]) + size * rng.normal(size=(rows, 2))
    X = np.concatenate([rng.normal(size=(150, 2)), few])
    mean, covariance = moments_of(X, slice(0, 150))
    own_mean, own_covariance = moments_of(X, slice(150, None))
    fits = fits_at(
        problem_of(X),
        np.array([[150, rows]]) / (150 + rows),
        np.stack([[mean, own_mean]]),
        np.stack([[covariance, own_covariance]]),
    )
    optima = census(problem_of(X), fits, Thresholds())
    assert kinds(optima) == ["spurious"]
    assert float(optima["smallest_weight"].item()) * len(X) == pytest.approx(rows, abs=0.5)


def test_the_same_component_on_enough_rows_is_proper():
    rng = np.random.default_rng(5)
    X = np.concatenate([rng.normal(size=(150, 2)), np.array([8.0, 8.0]) + rng.normal(size=(12, 2))])
    (mean, covariance), (own_mean, own_covariance) = (
        moments_of(X, slice(0, 150)),
        moments_of(X, slice(150, None)),
    )
    fits = fits_at(
        problem_of(X),
        np.array([[150, 12]]) / 162,
        np.stack([[mean, own_mean]]),
        np.stack([[covariance, own_covariance]]),
    )
    assert kinds(census(problem_of(X), fits, Thresholds())) == ["proper"]


@pytest.mark.parametrize("status", [Status.COLLAPSED, Status.DIVERGED, Status.ERROR])
def test_without_any_sound_fit_there_are_no_optima(faithful, tmp_path, status):
    fits = cell_fits(faithful, tmp_path, restarts=4)
    fits["status"][:] = status
    optima = census(faithful, fits, Thresholds())
    assert optima.sizes["optimum"] == 0
    assert (optima["fit_optimum"] == -1).all()
    assert optima["polished_log_likelihood"].isnull().all()
    write_dataset(optima, tmp_path / "optima.nc")
    assert read_dataset(tmp_path / "optima.nc").sizes["optimum"] == 0


def test_a_single_gaussian_has_one_optimum_known_exactly(faithful, tmp_path):
    optima = census(faithful, cell_fits(faithful, tmp_path, n_components=1, restarts=5), Thresholds())
    assert kinds(optima) == ["proper"]
    assert optima["basin_share"].values.tolist() == [1.0]
    mean, covariance = moments_of(faithful.X, slice(None))
    np.testing.assert_allclose(optima["means"].values[0, 0], mean)
    np.testing.assert_allclose(optima["covariances"].values[0, 0], covariance)
    n, d = faithful.X.shape
    expected = -0.5 * n * (d * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1] + d)
    assert float(optima["log_likelihood"].item()) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("method", ["em", "lbfgs"])
def test_one_restart_of_one_method_is_enough(faithful, tmp_path, method):
    fits = cell_fits(faithful, tmp_path, methods={method: {"method": method}}, restarts=1)
    optima = census(faithful, fits, Thresholds())
    assert optima.sizes["optimum"] == 1
    assert optima["n_fits"].values.tolist() == [1]


def test_methods_that_reach_the_same_point_share_its_optimum(faithful, tmp_path):
    methods = {name: {"method": name} for name in ("em", "lbfgs")}
    fits = cell_fits(faithful, tmp_path, methods=methods, tol=1e-10, max_passes=2000)
    optima = census(faithful, fits, Thresholds())
    assert float(optima["log_likelihood"][0]) == pytest.approx(-1130.2640, abs=1e-3)
    np.testing.assert_array_equal(
        optima["fit_optimum"].sel(method="em") == 0, optima["fit_optimum"].sel(method="lbfgs") == 0
    )


@pytest.mark.parametrize("family", ["gaussian-full", "gaussian-diag"])
def test_optima_are_counted_over_all_fits_and_ordered_best_first(tmp_path, family):
    problem = load_builtin("iris")
    fits = cell_fits(problem, tmp_path, n_components=3, family=family, restarts=30)
    optima = census(problem, fits, Thresholds())
    assert (np.diff(optima["log_likelihood"].values) <= 0).all()
    ended = optima["fit_optimum"].values
    np.testing.assert_array_equal(
        optima["n_fits"], np.bincount(ended[ended >= 0], minlength=len(optima.optimum))
    )
    np.testing.assert_allclose(optima["basin_share"], optima["n_fits"] / fits["status"].size)
    failed = np.isin(fits["status"].values, (Status.COLLAPSED, Status.DIVERGED))
    assert (ended[failed] == -1).all()
    # the optimum's value is that of the polished fits in it, and no fit is above its own
    gap = optima["polished_log_likelihood"].values - fits["log_likelihood"].values
    assert np.nanmin(gap) > -1e-8


def test_a_census_made_twice_is_the_same_to_the_byte(faithful, tmp_path):
    fits = cell_fits(faithful, tmp_path, n_components=3)
    for name in ("a", "b"):
        write_dataset(census(faithful, fits, Thresholds()), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
