"""Every family: identities that hold at any parameter point, with scikit-learn and SciPy as oracles."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import digamma, gammaln, logsumexp
from tests.mixsweep.helpers import FAMILIES, cell, scattered_points, starts

from mixsweep.cost import n_statistics, seconds_per_fit
from mixsweep.endpoints import take
from mixsweep.families import forms, gaussian_full, gaussian_tied, student_t
from mixsweep.objective import Objective

pytestmark = pytest.mark.parametrize("family", FAMILIES)


def reported(objective, parameters):
    return objective.family.to_reported(parameters, objective.location, objective.scale)


#: Where families switch to the form by whitened differences.
DIRECT_FORMS = {"gaussian-full": gaussian_full, "gaussian-tied": gaussian_tied, "student-t": student_t}


def dense_covariances(parameters):
    """Covariances of reported parameters, scale matrices of t components, shape (R, K, d, d)."""
    d = parameters["means"].shape[-1]
    for name in ("covariances", "scale_matrices"):
        if name in parameters:
            return parameters[name]
    if "tied_covariance" in parameters:
        return np.broadcast_to(parameters["tied_covariance"][:, None], (*parameters["means"].shape, d))
    return parameters["variances"][..., None] * np.eye(d)


def log_joint(outside, r, X):
    """log(weight x density) of fit r by SciPy, shape (K, n)."""
    weights, means, covariances = outside["weights"], outside["means"], dense_covariances(outside)
    terms = []
    for k in range(weights.shape[1]):
        if "degrees_of_freedom" in outside:
            degrees = outside["degrees_of_freedom"][r, k]
            density = stats.multivariate_t(means[r, k], covariances[r, k], degrees).logpdf(X)
        else:
            density = stats.multivariate_normal.logpdf(X, means[r, k], covariances[r, k])
        terms.append(np.log(weights[r, k]) + density)
    return np.stack(terms)


def expected_log_joint(outside, current, r, X):
    """The same for rows with their latent scales, expected under the current parameters, shape (K, n)."""
    if "degrees_of_freedom" not in outside:
        return log_joint(outside, r, X)
    d, terms = X.shape[1], []
    for k in range(outside["weights"].shape[1]):
        old = current["degrees_of_freedom"][r, k]

        def distance(point, k=k):
            difference = X - point["means"][r, k]
            return np.einsum(
                "ni,ij,nj->n", difference, np.linalg.inv(point["scale_matrices"][r, k]), difference
            )

        # the latent scale of a row is gamma with shape (nu + d) / 2 and rate (nu + distance) / 2
        rate = (old + distance(current)) / 2
        scale, log_scale = (old + d) / 2 / rate, digamma((old + d) / 2) - np.log(rate)
        peak = -0.5 * np.linalg.slogdet(2 * np.pi * outside["scale_matrices"][r, k])[1]
        shape = outside["degrees_of_freedom"][r, k] / 2
        terms.append(
            np.log(outside["weights"][r, k])
            + peak
            + 0.5 * d * log_scale
            - 0.5 * scale * distance(outside)
            + shape * np.log(shape)
            - gammaln(shape)
            + (shape - 1) * log_scale
            - shape * scale
        )
    return np.stack(terms)


@pytest.mark.parametrize(("name", "n_components"), [("faithful", 3), ("iris", 2), ("galaxies", 4)])
def test_log_likelihood_is_that_of_scipy_in_data_units(family, name, n_components):
    objective = cell(name, family, n_components)
    parameters = scattered_points(objective)
    found = objective.evaluate(parameters).log_likelihood + objective.log_likelihood_offset
    outside = reported(objective, parameters)
    X = objective.X * objective.scale + objective.location
    for r in range(len(found)):
        np.testing.assert_allclose(found[r], logsumexp(log_joint(outside, r, X), axis=0).sum(), rtol=1e-12)


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
    before, after = (
        objective.family.to_reported(point, np.zeros(2), np.ones(2))
        for point in (parameters, evaluation.maximised)
    )
    for r in range(2):
        joint = log_joint(before, r, X)
        responsibilities = np.exp(joint - logsumexp(joint, axis=0))
        change = expected_log_joint(after, before, r, X) - expected_log_joint(before, before, r, X)
        gain = (responsibilities * change).sum() / len(X)
        np.testing.assert_allclose(evaluation.decrement[r], gain, rtol=1e-9)
        assert gain > 0


def test_em_step_agrees_with_scikit_learn(family):
    mixture = pytest.importorskip("sklearn.mixture")
    kind = "full" if family == "student-t" else family.removeprefix("gaussian-")
    objective = cell("iris", family)
    parameters = scattered_points(objective, count=1)
    if family == "student-t":
        parameters["tails"][:] = 0.0  # the Gaussian limit
    outside = objective.family.to_reported(parameters, np.zeros(4), np.ones(4))
    names = {"diag": "variances", "spherical": "spherical_variances", "tied": "tied_covariance"}
    covariances = outside[names[kind]][0] if kind in names else dense_covariances(outside)[0]
    model = mixture.GaussianMixture(
        3,
        covariance_type=kind,
        reg_covar=0,
        weights_init=outside["weights"][0],
        means_init=outside["means"][0],
        precisions_init=1 / covariances if kind in ("diag", "spherical") else np.linalg.inv(covariances),
    )
    model._initialize_parameters(objective.X, random_state=np.random.RandomState(0))
    _, log_responsibilities = model._e_step(objective.X)
    model._m_step(objective.X, log_responsibilities)
    found = objective.family.to_reported(objective.evaluate(parameters).maximised, np.zeros(4), np.ones(4))
    # at 1e10 degrees of freedom the latent scale of a row is within its distance / 1e10 of 1
    atol = 1e-8 if family == "student-t" else 1e-11
    np.testing.assert_allclose(found["weights"][0], model.weights_, rtol=1e-10, atol=atol)
    np.testing.assert_allclose(found["means"][0], model.means_, rtol=1e-9, atol=atol)
    np.testing.assert_allclose(
        dense_covariances(found)[0], _dense(model.covariances_, 3, 4), rtol=1e-8, atol=atol
    )


def _dense(covariances, n_components, d):
    if covariances.ndim == 3:
        return covariances
    if covariances.shape == (d, d):
        return np.stack([covariances] * n_components)
    return covariances.reshape(len(covariances), -1)[..., None] * np.eye(d)


def test_permuting_components_changes_nothing(family):
    objective = cell("iris", family)
    parameters = scattered_points(objective)
    order = np.array([2, 0, 1])
    permuted = {
        name: values[:, order] if values.shape[1] == 3 else values for name, values in parameters.items()
    }
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
        expected = np.abs(values) if name == "tails" else values  # their sign means nothing
        np.testing.assert_allclose(again[name], expected, rtol=1e-10, atol=1e-12)


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
    if family not in DIRECT_FORMS:
        pytest.skip("the family has one form only")
    objective = cell("iris", family)
    parameters = scattered_points(objective)
    quadratic = objective.evaluate(parameters)
    monkeypatch.setattr(DIRECT_FORMS[family], "DIRECT_BELOW", np.inf)
    direct = objective.evaluate(parameters)
    np.testing.assert_allclose(direct.log_likelihood, quadratic.log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(direct.decrement, quadratic.decrement, rtol=1e-8)
    for name, derivative in objective.family.gradient(parameters, quadratic).items():
        # sums of 272 rows' derivatives, which are larger in the entries of small factors
        np.testing.assert_allclose(
            objective.family.gradient(parameters, direct)[name], derivative, rtol=1e-9, atol=1e-8
        )


@pytest.mark.parametrize("tight", [[1, 3], [0, 1, 2, 3]])
def test_fits_in_the_direct_form_are_the_same_whether_taken_together_or_one_by_one(
    family, tight, monkeypatch
):
    if family not in DIRECT_FORMS:
        pytest.skip("the family has one form only")
    objective = cell("faithful", family)
    parameters = scattered_points(objective, count=4)
    parameters["cholesky"][tight, 0] = 1e-4 * np.eye(2)
    together = objective.evaluate(parameters)
    monkeypatch.setattr(forms, "SLICE", 1)
    apart = objective.evaluate(parameters)
    np.testing.assert_array_equal(together.log_likelihood, apart.log_likelihood)
    for name, values in together.maximised.items():
        np.testing.assert_array_equal(values, apart.maximised[name])


def test_mixed_batches_use_the_direct_form_for_tight_components_only(family):
    if family not in DIRECT_FORMS:
        pytest.skip("the family has one form only")
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
        # the smallest entry of these factors is 2e-4: of its square rounding leaves 9 digits
        np.testing.assert_allclose(values, b.maximised[name], rtol=1e-9, atol=1e-11)
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


def test_the_cost_model_knows_the_features_and_where_em_creeps(family):
    objective = cell("iris", family)
    assert objective.prepared.design.by_row.shape[1] == n_statistics(family, 4)
    em, squarem = (seconds_per_fit(family, name, 150, 4, 3, 2000) for name in ("em", "squarem"))
    assert (em > 10 * squarem) == (family == "student-t")
