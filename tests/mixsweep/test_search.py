"""The scikit-learn estimator: scikit-learn's own checks, and what it says against independent densities."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import mixsweep
from mixsweep import MixtureSearch
from mixsweep.initializers import INITIALIZERS
from mixsweep.problems import load_builtin
from mixsweep.status import Status

#: Covariance matrices of the components from what is reported.
FAMILIES = {
    "gaussian-full": lambda search: search.covariances_,
    "gaussian-tied": lambda search: np.stack([search.tied_covariance_] * 2),
    "gaussian-diag": lambda search: search.variances_[:, None, :] * np.eye(search.n_features_in_),
    "gaussian-spherical": lambda search: search.variances_[:, None, :] * np.eye(search.n_features_in_),
}


@INITIALIZERS.register("same-place")
class SamePlace:
    """Starts both components at the data's mean."""

    name = "same-place"

    def start(self, objective, generators, *_):
        count, d = len(generators), objective.n_features
        covariances = np.broadcast_to(objective.covariance, (count, 2, d, d)).copy()
        return objective.family.from_moments(np.full((count, 2), 0.5), np.zeros((count, 2, d)), covariances)


@pytest.fixture(scope="module")
def X():
    return load_builtin("faithful").X


@pytest.fixture(scope="module")
def fitted(X):
    return {
        family: MixtureSearch(2, family=family, n_restarts=8, random_state=1).fit(X) for family in FAMILIES
    }


# data of no structure, for which two components may be one too many
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [MixtureSearch(n_restarts=3), MixtureSearch(2, family="gaussian-diag", method="lbfgs", n_restarts=3)]
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("family", FAMILIES)
def test_densities_and_posteriors_are_those_of_scipy_on_new_rows(fitted, X, family):
    search = fitted[family]
    rows = X.mean(axis=0) + 1.5 * (X[:40] - X.mean(axis=0))
    covariances = FAMILIES[family](search)
    joint = search.weights_ * np.column_stack(
        [stats.multivariate_normal(m, c).pdf(rows) for m, c in zip(search.means_, covariances, strict=True)]
    )
    np.testing.assert_allclose(search.score_samples(rows), np.log(joint.sum(axis=1)), rtol=1e-9)
    np.testing.assert_allclose(search.score(rows), np.log(joint.sum(axis=1)).mean(), rtol=1e-9)
    np.testing.assert_allclose(
        search.predict_proba(rows), joint / joint.sum(axis=1, keepdims=True), rtol=1e-7, atol=1e-12
    )
    np.testing.assert_array_equal(search.predict(rows), joint.argmax(axis=1))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_log_likelihood_of_the_rows_is_that_of_the_best_fit(fitted, X, family):
    search = fitted[family]
    total = float(search.best_["log_likelihood"])
    np.testing.assert_allclose(search.score_samples(X).sum(), total, rtol=1e-10)
    np.testing.assert_allclose(search.fits_["log_likelihood"].max(), total, rtol=1e-12)
    assert search.converged_
    assert search.n_iter_ == int(search.best_["n_iterations"]) > 0


def test_criteria_and_densities_are_those_of_scikit_learn_at_the_same_parameters(fitted, X):
    search = fitted["gaussian-full"]
    peer = GaussianMixture(
        2,
        weights_init=search.weights_,
        means_init=search.means_,
        precisions_init=np.linalg.inv(search.covariances_),
        reg_covar=0,
        tol=1e-10,
    ).fit(X)
    np.testing.assert_allclose(search.score(X), peer.score(X), rtol=1e-6)
    np.testing.assert_allclose(search.bic(X), peer.bic(X), rtol=1e-6)
    np.testing.assert_allclose(search.aic(X), peer.aic(X), rtol=1e-6)


@pytest.mark.parametrize(
    ("family", "parameters"),
    [("gaussian-full", 11), ("gaussian-tied", 8), ("gaussian-diag", 9), ("gaussian-spherical", 7)],
)
def test_criteria_count_free_parameters(fitted, X, family, parameters):
    search = fitted[family]
    total = search.score_samples(X).sum()
    np.testing.assert_allclose(search.aic(X), 2 * parameters - 2 * total)
    np.testing.assert_allclose(search.bic(X), np.log(len(X)) * parameters - 2 * total)


def test_every_restart_is_kept_as_fit_gives_them(X):
    search = MixtureSearch(
        2, method="lbfgs", n_restarts=5, random_state=3, method_settings={"memory": 4}
    ).fit(X)
    fits = mixsweep.fit(X, 2, method="lbfgs", n_restarts=5, seed=3, memory=4)
    assert search.fits_.drop_vars("seconds").identical(fits.drop_vars("seconds"))


def test_a_setting_of_the_method_may_have_the_name_of_a_parameter(X):
    common = {"method": "scikit-learn", "n_restarts": 3, "random_state": 1}
    with pytest.warns(ConvergenceWarning, match="not converged: stalled"):
        loose = MixtureSearch(2, method_settings={"tol": 0.1}, **common).fit(X)
    tight = MixtureSearch(2, method_settings={"tol": 1e-9}, **common).fit(X)
    assert (loose.fits_["n_passes"] < tight.fits_["n_passes"]).all()


def test_spurious_fits_are_passed_over():
    # two rows that nearly coincide: a component on them has the highest log-likelihood
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(-4, 1, 60), rng.normal(4, 1, 60), [8.0, 8.0001]])[:, None]
    search = MixtureSearch(3, n_restarts=40, random_state=0, covariance_floor=1e-14).fit(X)
    variances = search.fits_["covariances"].values[:, :, 0, 0]
    spurious = variances.min(axis=1) < 1e-6
    assert spurious.any()
    highest = int(search.fits_["log_likelihood"].values.argmax())
    assert spurious[highest]
    assert search.covariances_.min() > 0.1
    assert float(search.best_["log_likelihood"]) == search.fits_["log_likelihood"].values[~spurious].max()


def test_t_components_are_fitted_evaluated_and_drawn(X):
    search = MixtureSearch(2, family="student-t", method="lbfgs", n_restarts=3, random_state=0).fit(X)
    degrees = 1 / search.inverse_degrees_of_freedom_
    density = sum(
        w * stats.multivariate_t(m, s, df).pdf(X)
        for w, m, s, df in zip(search.weights_, search.means_, search.scale_matrices_, degrees, strict=True)
    )
    # SciPy's differences of log-gamma functions lose 1e-5 at 1e10 degrees of freedom
    np.testing.assert_allclose(search.score_samples(X), np.log(density), atol=2e-5)
    rows, labels = search.sample(5000)
    np.testing.assert_allclose(np.median(rows[labels == 0], axis=0), search.means_[0], rtol=0.05)


def test_where_no_restart_is_proper_a_warning_says_so(X):
    with pytest.warns(ConvergenceWarning, match=r"none of 3 restarts .* \(3 collapsed\)"):
        search = MixtureSearch(40, n_restarts=3, random_state=0, covariance_floor=0.3).fit(X)
    assert (search.fits_["status"] == Status.COLLAPSED).all()
    assert float(search.best_["log_likelihood"]) == float(search.fits_["log_likelihood"].max())


def test_where_no_restart_has_a_log_likelihood_the_error_counts_how_they_ended(X):
    @INITIALIZERS.register("nowhere")
    class Nowhere(SamePlace):
        """Starts the first restart with a missing mean, the others with a component without extent."""

        def start(self, objective, generators, *_):
            starts = super().start(objective, generators)
            starts["means"][:1] = np.nan
            starts["cholesky"][1:, 1] = 0.0
            return starts

    with pytest.raises(ValueError, match=r"no restart has a log-likelihood \(2 collapsed, 1 diverged\)"):
        MixtureSearch(2, initializer="nowhere", n_restarts=3).fit(X)


def test_of_two_components_that_are_one_a_warning_says_that_they_are_no_optimum(X):
    # by symmetry EM never separates them
    with pytest.warns(ConvergenceWarning, match="none of 2 restarts ended in a proper optimum"):
        search = MixtureSearch(2, initializer="same-place", n_restarts=2).fit(X)
    np.testing.assert_allclose(search.means_[0], search.means_[1])


def test_an_unfinished_best_fit_is_a_warning(X):
    with pytest.warns(ConvergenceWarning, match="not converged: budget"):
        search = MixtureSearch(3, n_restarts=2, random_state=0, max_passes=5).fit(X)
    assert not search.converged_


def test_row_weights_are_repetitions(X):
    counts = np.random.default_rng(0).integers(1, 4, len(X))
    chosen = {"n_components": 2, "n_restarts": 4, "random_state": 0}
    weighted = MixtureSearch(**chosen).fit(X, row_weights=counts)
    repeated = MixtureSearch(**chosen).fit(np.repeat(X, counts, axis=0))
    assert weighted.best_["log_likelihood"] == pytest.approx(
        float(repeated.best_["log_likelihood"]), rel=1e-8
    )
    np.testing.assert_allclose(weighted.location_, repeated.location_, rtol=1e-12)
    np.testing.assert_allclose(np.sort(weighted.weights_), np.sort(repeated.weights_), atol=1e-3)
    assert (weighted.fit_predict(X, row_weights=counts) == weighted.predict(X)).all()


def test_score_and_criteria_count_rows_by_their_weights(fitted, X):
    search, counts = fitted["gaussian-full"], np.random.default_rng(0).integers(1, 4, len(X))
    repeated = np.repeat(X, counts, axis=0)
    for name in ("score", "bic", "aic"):
        weighted = getattr(search, name)(X, row_weights=counts)
        assert weighted == pytest.approx(getattr(search, name)(repeated), rel=1e-12)
    with pytest.raises(ValueError, match="row_weights: row weights of shape"):
        search.bic(X, row_weights=[1.0, 2.0])


@pytest.mark.parametrize("family", FAMILIES)
def test_sampled_rows_have_the_fitted_moments(fitted, family):
    search = fitted[family]
    rows, labels = search.sample(40_000)
    assert rows.shape == (40_000, 2)
    again, _ = search.sample(40_000)
    np.testing.assert_array_equal(rows, again)
    covariances = FAMILIES[family](search)
    for k in range(2):
        part = rows[labels == k]
        # within six standard errors
        error = 6 * np.sqrt(np.diagonal(covariances[k]) / len(part))
        assert (np.abs(part.mean(axis=0) - search.means_[k]) < error).all()
        spread = np.sqrt(np.outer(np.diagonal(covariances[k]), np.diagonal(covariances[k])))
        assert (np.abs(np.cov(part.T) - covariances[k]) < 6 * spread * np.sqrt(2 / len(part))).all()
        assert abs(len(part) / 40_000 - search.weights_[k]) < 6 * np.sqrt(0.25 / 40_000)


def test_no_rows_cannot_be_drawn(fitted):
    with pytest.raises(ValueError, match="n_samples is 0"):
        fitted["gaussian-full"].sample(0)
    with pytest.raises(NotFittedError):
        MixtureSearch().sample()


def test_random_states(X):
    same = [MixtureSearch(2, n_restarts=2, random_state=4).fit(X).means_ for _ in range(2)]
    np.testing.assert_array_equal(*same)
    seeds = {MixtureSearch(random_state=state)._seed() for state in (None, 7, np.random.RandomState(7))}
    assert 7 in seeds
    assert len(seeds) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_components": 0}, "n_components is 0"),
        ({"family": "gaussian-ful"}, "did you mean 'gaussian-full'"),
        ({"method": "lbfg"}, "did you mean 'lbfgs'"),
        ({"method_settings": {"memory": 3}}, "unknown setting 'memory'"),
        ({"initializer": "kmeans+"}, "unknown initializer"),
        ({"random_state": -1}, "seed is -1"),
    ],
)
def test_what_cannot_be_used_is_a_value_error(X, changes, message):
    with pytest.raises(ValueError, match=message):
        MixtureSearch(**({"n_restarts": 2} | changes)).fit(X)


def test_masked_values_are_refused_in_fitting_and_in_prediction(fitted, X):
    masked = np.ma.array(X, mask=np.arange(X.size).reshape(X.shape) < 1)
    with pytest.raises(ValueError, match="X has masked values, in row 1;"):
        MixtureSearch(2, n_restarts=2).fit(masked)
    with pytest.raises(ValueError, match="row_weights has masked values"):
        MixtureSearch(2, n_restarts=2).fit(X, row_weights=masked[:, 0])
    with pytest.raises(ValueError, match="X has masked values, in row 1;"):
        fitted["gaussian-full"].predict(masked)


def test_it_works_among_scikit_learns_tools(X):
    pipeline = make_pipeline(StandardScaler(), MixtureSearch(2, n_restarts=2, random_state=0))
    assert set(pipeline.fit(X).predict(X)) == {0, 1}
    scores = cross_val_score(MixtureSearch(2, n_restarts=2, random_state=0), X, cv=3)
    single = cross_val_score(MixtureSearch(1, n_restarts=2, random_state=0), X, cv=3)
    assert scores.mean() > single.mean()


def test_a_fitted_estimator_travels(fitted, X):
    search = fitted["gaussian-full"]
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(again.score_samples(X), search.score_samples(X))
    assert clone(search).get_params() == search.get_params()


def test_without_scikit_learn_the_rest_works_and_the_estimator_says_what_it_needs():
    code = (
        "import sys; sys.modules['sklearn.base'] = None\n"
        "import mixsweep\n"
        "from mixsweep import *\n"
        "mixsweep.fit([[1.], [2.], [4.]], 1, n_restarts=1)\n"
        "assert 'MixtureSearch' in dir(mixsweep)\n"
        "try:\n    mixsweep.MixtureSearch\n"
        "except ImportError as error:\n    print(error)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "mixsweep[scikit-learn]" in found.stdout
