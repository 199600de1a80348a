"""Every family: identities that hold at any parameter point, with scikit-learn and SciPy as oracles."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp
from tests.mixsweep.helpers import FAMILIES, cell, scattered_points, starts

from mixsweep.endpoints import take
from mixsweep.families import gaussian_full
from mixsweep.objective import Objective

pytestmark = pytest.mark.parametrize("family", FAMILIES)


def reported(objective, parameters):
    return objective.family.to_reported(parameters, objective.location, objective.scale)


def dense_covariances(parameters):
    if "covariances" in parameters:
        return parameters["covariances"]
    return parameters["variances"][..., None] * np.eye(parameters["variances"].shape[-1])


@pytest.mark.parametrize(("name", "n_components"), [("faithful", 3), ("iris", 2), ("galaxies", 4)])
def test_log_likelihood_is_that_of_scipy_in_data_units(family, name, n_components):
    objective = cell(name, family, n_components)
    parameters = scattered_points(objective)
    found = objective.evaluate(parameters).log_likelihood + objective.log_likelihood_offset
    outside = reported(objective, parameters)
    X = objective.X * objective.scale + objective.location
    for r in range(len(found)):
        terms = [
            np.log(outside["weights"][r, k])
            + stats.multivariate_normal.logpdf(X, outside["means"][r, k], dense_covariances(outside)[r, k])
            for k in range(n_components)
        ]
        np.testing.assert_allclose(found[r], logsumexp(terms, axis=0).sum(), rtol=1e-12)


def test_log_density_sums_to_the_log_likelihood(family):
    objective = cell("iris", family)
    parameters = scattered_points(objective)
    total = objective.log_density(parameters).sum(axis=1)
    np.testing.assert_allclose(total, objective.evaluate(parameters).log_likelihood, rtol=1e-12)


@pytest.mark.parametrize("name", ["faithful", "iris", "galaxies"])
def test_gradient_agrees_with_central_differences(family, name):
    objective = cell(name, family)
    parameters = scattered_points(objective, count=2)
    vector = objective.to_vector(parameters)
    _, gradient = objective.loss(objective.to_vector(parameters), parameters, objective.evaluate(parameters))
    h = 1e-6
    for j in range(vector.shape[1]):
        step = np.zeros_like(vector)
        step[:, j] = h
        values = []
        for sign in (1, -1):
            point = objective.from_vector(vector + sign * step)
            values.append(-objective.evaluate(point).log_likelihood / objective.n_rows)
        # central differences of values near 5: rounding 1e-15 / 1e-6
        np.testing.assert_allclose(gradient[:, j], (values[0] - values[1]) / (2 * h), atol=5e-9)


def test_decrement_is_the_gain_of_the_expected_complete_log_likelihood(family):
    objective = cell("faithful", family)
    parameters = scattered_points(objective, count=2)
    evaluation = objective.evaluate(parameters)
    X = objective.X

    def joint(point, r):
        covariances = dense_covariances(objective.family.to_reported(point, np.zeros(2), np.ones(2)))
        return np.stack(
            [
                np.log(point["weights"][r, k])
                + stats.multivariate_normal.logpdf(X, point["means"][r, k], covariances[r, k])
                for k in range(objective.n_components)
            ]
        )

    for r in range(2):
        before = joint(parameters, r)
        responsibilities = np.exp(before - logsumexp(before, axis=0))
        gain = (responsibilities * (joint(evaluation.maximised, r) - before)).sum() / len(X)
        np.testing.assert_allclose(evaluation.decrement[r], gain, rtol=1e-9)
        assert gain > 0


def test_em_step_agrees_with_scikit_learn(family):
    mixture = pytest.importorskip("sklearn.mixture")
    kind = family.removeprefix("gaussian-")
    objective = cell("iris", family)
    parameters = scattered_points(objective, count=1)
    outside = objective.family.to_reported(parameters, np.zeros(4), np.ones(4))
    names = {"full": "covariances", "diag": "variances", "spherical": "spherical_variances"}
    covariances = outside[names[kind]][0]
    model = mixture.GaussianMixture(
        3,
        covariance_type=kind,
        reg_covar=0,
        weights_init=outside["weights"][0],
        means_init=outside["means"][0],
        precisions_init=np.linalg.inv(covariances) if kind == "full" else 1 / covariances,
    )
    model._initialize_parameters(objective.X, random_state=np.random.RandomState(0))
    _, log_responsibilities = model._e_step(objective.X)
    model._m_step(objective.X, log_responsibilities)
    found = objective.family.to_reported(objective.evaluate(parameters).maximised, np.zeros(4), np.ones(4))
    np.testing.assert_allclose(found["weights"][0], model.weights_, rtol=1e-10)
    np.testing.assert_allclose(found["means"][0], model.means_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        dense_covariances(found)[0], _dense(model.covariances_, 4), rtol=1e-8, atol=1e-11
    )


def _dense(covariances, d):
    if covariances.ndim == 3:
        return covariances
    return covariances.reshape(len(covariances), -1)[..., None] * np.eye(d)


def test_permuting_components_changes_nothing(family):
    objective = cell("iris", family)
    parameters = scattered_points(objective)
    order = np.array([2, 0, 1])
    permuted = {name: values[:, order] for name, values in parameters.items()}
    a, b = objective.evaluate(parameters), objective.evaluate(permuted)
    np.testing.assert_allclose(a.log_likelihood, b.log_likelihood, rtol=1e-13)
    np.testing.assert_allclose(a.decrement, b.decrement, rtol=1e-10)
    np.testing.assert_allclose(a.maximised["means"][:, order], b.maximised["means"], atol=1e-12)


def test_permuting_rows_changes_nothing(family):
    objective = cell("iris", family)
    parameters = scattered_points(objective)
    X = np.random.default_rng(0).permutation(objective.X * objective.scale + objective.location)
    shuffled = Objective.of(X, family, 3, 1e-6)
    np.testing.assert_allclose(
        objective.evaluate(parameters).log_likelihood,
        shuffled.evaluate(parameters).log_likelihood,
        rtol=1e-12,
    )


def test_batch_of_one_equals_batch_of_many(family):
    objective = cell("iris", family)
    parameters = scattered_points(objective, count=7)
    together = objective.evaluate(parameters)
    for r in range(7):
        alone = objective.evaluate(take(parameters, slice(r, r + 1)))
        np.testing.assert_allclose(alone.log_likelihood[0], together.log_likelihood[r], rtol=1e-13)
        np.testing.assert_allclose(alone.decrement[0], together.decrement[r], rtol=1e-9)


def test_vectors_and_reported_parameters_round_trip(family):
    objective = cell("iris", family)
    parameters = scattered_points(objective)
    back = objective.from_vector(objective.to_vector(parameters))
    again = objective.family.from_reported(
        reported(objective, parameters), objective.location, objective.scale
    )
    for name, values in parameters.items():
        np.testing.assert_allclose(back[name], values, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(again[name], values, rtol=1e-10, atol=1e-12)


def test_smallest_eigenvalue_bound_is_a_bound(family):
    objective = cell("iris", family)
    parameters = scattered_points(objective)
    bound = objective.evaluate(parameters).smallest_eigenvalue
    exact = objective.family.smallest_eigenvalues(parameters).min(axis=1)
    outside = objective.family.to_reported(parameters, np.zeros(4), np.ones(4))
    np.testing.assert_allclose(
        exact, np.linalg.eigvalsh(dense_covariances(outside)).min(axis=(1, 2)), rtol=1e-8
    )
    assert (bound <= exact * (1 + 1e-12)).all()
    assert (exact <= objective.n_features * bound * (1 + 1e-12)).all()


def test_em_is_affine_equivariant_in_the_features_scales(family):
    objective = cell("faithful", family)
    scaled = Objective.of((objective.X + 3) * np.array([1e-3, 40.0]), family, 3, 1e-6)
    begin = starts(objective)
    np.testing.assert_allclose(
        objective.evaluate(begin).log_likelihood, scaled.evaluate(begin).log_likelihood, rtol=1e-11
    )


def test_direct_and_quadratic_forms_agree(family, monkeypatch):
    if family != "gaussian-full":
        pytest.skip("only the full family has more than the quadratic form")
    objective = cell("iris", family)
    parameters = scattered_points(objective)
    quadratic = objective.evaluate(parameters)
    monkeypatch.setattr(gaussian_full, "DIRECT_BELOW", np.inf)
    direct = objective.evaluate(parameters)
    np.testing.assert_allclose(direct.log_likelihood, quadratic.log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(direct.decrement, quadratic.decrement, rtol=1e-8)
    for name, derivative in objective.family.gradient(parameters, quadratic).items():
        # sums of 272 rows' derivatives, which are larger in the entries of small factors
        np.testing.assert_allclose(
            objective.family.gradient(parameters, direct)[name], derivative, rtol=1e-9, atol=1e-8
        )


def test_mixed_batches_use_the_direct_form_for_tight_components_only(family):
    if family != "gaussian-full":
        pytest.skip("only the full family has more than the quadratic form")
    objective = cell("faithful", family)
    parameters = scattered_points(objective, count=4)
    parameters["cholesky"][[1, 3], 0] = 1e-4 * np.eye(2)  # variance 1e-8: below DIRECT_BELOW
    together = objective.evaluate(parameters)
    for r in range(4):
        alone = objective.evaluate(take(parameters, slice(r, r + 1)))
        np.testing.assert_allclose(together.log_likelihood[r], alone.log_likelihood[0], rtol=1e-12)
        np.testing.assert_allclose(together.maximised["means"][r], alone.maximised["means"][0], atol=1e-10)


def test_a_row_weight_counts_like_repeated_rows(family):
    problem = cell("iris", family)
    times = np.random.default_rng(0).integers(1, 4, problem.n_rows)
    weighted = Objective.of(problem.X, family, 3, 1e-6, times.astype(float))
    repeated = Objective.of(np.repeat(problem.X, times, axis=0), family, 3, 1e-6)
    parameters = scattered_points(problem)
    a, b = weighted.evaluate(parameters), repeated.evaluate(parameters)
    np.testing.assert_allclose(a.log_likelihood, b.log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(a.counts, b.counts, rtol=1e-10)
    np.testing.assert_allclose(a.decrement, b.decrement, rtol=1e-9)
    for name, values in a.maximised.items():
        np.testing.assert_allclose(values, b.maximised[name], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(weighted.smallest_data_eigenvalue, repeated.smallest_data_eigenvalue)
    np.testing.assert_allclose(weighted.log_likelihood_offset, repeated.log_likelihood_offset)


def test_mini_batches_cut_the_rows_and_estimate_the_whole(family):
    objective = cell("iris", family)
    rows = [objective.mini_batch_rows(index, 7) for index in range(7)]
    assert sorted(np.concatenate(rows)) == list(range(objective.n_rows))
    parameters = scattered_points(objective)
    whole = objective.evaluate(parameters)
    parts = [objective.evaluate_mini_batch(parameters, index, 7) for index in range(7)]
    share = [len(part) / objective.n_rows for part in rows]
    total = sum(s * part.log_likelihood for s, part in zip(share, parts, strict=True))
    np.testing.assert_allclose(total, whole.log_likelihood, rtol=1e-12)
    for name, derivative in objective.family.gradient(parameters, whole).items():
        each = [objective.family.gradient(parameters, part)[name] for part in parts]
        mean = sum(s * part for s, part in zip(share, each, strict=True))
        np.testing.assert_allclose(mean, derivative, rtol=1e-8, atol=1e-8)
