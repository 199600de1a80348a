from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm
from tests.mixsweep.helpers import FAMILIES, cell, scattered_points

from mixsweep.coordinates import COVARIANCE_CHARTS, WEIGHT_CHARTS, Parametrisation
from mixsweep.errors import MixsweepError
from mixsweep.methods import METHODS

CHOICES = [(weights, "log-cholesky") for weights in WEIGHT_CHARTS] + [
    ("softmax", covariances) for covariances in COVARIANCE_CHARTS
]


def seen(weights, covariances, family, name="iris"):
    return cell(name, family).in_coordinates(Parametrisation(weights, covariances))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("weights", "covariances"), CHOICES)
def test_parameters_round_trip(weights, covariances, family):
    objective = seen(weights, covariances, family)
    parameters = scattered_points(cell("iris", family))
    back = objective.from_vector(objective.to_vector(parameters))
    for name, values in parameters.items():
        np.testing.assert_allclose(back[name], values, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("weights", "covariances"), CHOICES)
def test_gradient_agrees_with_central_differences(weights, covariances, family):
    objective = seen(weights, covariances, family)
    vector = objective.to_vector(scattered_points(cell("iris", family), count=2))
    # away from L' itself, which as a square factor is triangular
    vector += 1e-2 * np.random.default_rng(0).standard_normal(vector.shape)
    parameters = objective.from_vector(vector)
    _, gradient = objective.loss(vector, parameters, objective.evaluate(parameters))
    h = 1e-6
    for j in range(vector.shape[1]):
        step = np.zeros_like(vector)
        step[:, j] = h
        up, down = (
            objective.evaluate(objective.from_vector(vector + sign * step)).log_likelihood for sign in (1, -1)
        )
        slope = -(up - down) / (2 * h * objective.total_weight)
        # central differences of values near 5: rounding 1e-15 / 1e-6, and the third derivative times h^2
        np.testing.assert_allclose(gradient[:, j], slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("weights", WEIGHT_CHARTS)
def test_weights_stay_on_the_simplex_except_where_nothing_keeps_them(weights):
    objective = seen(weights, "log-cholesky", "gaussian-full")
    vector = objective.to_vector(scattered_points(cell("iris"), count=8))
    vector += 3.0 * np.random.default_rng(1).standard_normal(vector.shape)
    parameters = objective.from_vector(vector)
    free = weights in ("ratio", "natural")
    assert objective.outside(parameters).any() == free
    if not free:
        np.testing.assert_allclose(parameters["weights"].sum(axis=1), 1, rtol=1e-13)


def test_matrix_logarithm_is_the_logarithm_of_the_covariance():
    objective = seen("softmax", "matrix-logarithm", "gaussian-full")
    parameters = scattered_points(cell("iris"), count=1)
    K, d = objective.n_components, objective.n_features
    free = objective.to_vector(parameters)[0, K + K * d :].reshape(K, -1)
    for k in range(K):
        lower = np.zeros((d, d))
        lower[np.tril_indices(d)] = free[k]
        logarithm = lower + np.tril(lower, -1).T
        factor = parameters["cholesky"][0, k]
        np.testing.assert_allclose(expm(logarithm), factor @ factor.T, rtol=1e-9, atol=1e-12)


def test_every_choice_of_coordinates_leads_lbfgs_to_the_same_optimum():
    from mixsweep.loop import run

    objective = cell("faithful", "gaussian-full", 2)
    begin = run(objective, METHODS["em"](), scattered_points(objective, count=2), max_passes=30).parameters
    settings = [{"weights": w, "covariances": c} for w, c in CHOICES if "natural" not in (w, c)]
    values = [run(objective, METHODS["lbfgs"](**chosen), begin, tol=1e-12) for chosen in settings]
    for ends in values:
        np.testing.assert_allclose(ends.log_likelihood, values[0].log_likelihood, atol=1e-7)


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(MixsweepError, match=r"weights.*'softmx'.*softmax"):
        METHODS["lbfgs"](weights="softmx")
    with pytest.raises(MixsweepError, match=r"covariances.*'natural'.*expected one of"):
        METHODS["adam"](covariances="natural")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("weights", "covariances"), CHOICES)
def test_no_points_at_all_are_no_trouble(weights, covariances, family):
    objective = seen(weights, covariances, family)
    none = {name: values[:0] for name, values in scattered_points(cell("iris", family)).items()}
    vector = objective.to_vector(none)
    assert vector.shape == (0, objective.to_vector(scattered_points(cell("iris", family))).shape[1])
    back = objective.from_vector(vector)
    assert {name: values.shape for name, values in back.items()} == {
        name: values.shape for name, values in none.items()
    }
    assert objective.log_density(none).shape == (0, objective.n_rows)
    assert objective.coincident(none).shape == (0,)
