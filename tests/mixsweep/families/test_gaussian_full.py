"""What `gaussian-full` does differently where there are many features: lists of rows and slices of fits."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture
from tests.mixsweep.helpers import starts

from mixsweep.endpoints import take
from mixsweep.linalg import SLICE
from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.objective import Objective

D, K = 30, 3


@pytest.fixture
def objective():
    rng = np.random.default_rng(8)
    centres = 2.0 * rng.normal(size=(K, D))
    X = centres[rng.integers(K, size=600)] + rng.normal(size=(600, D))
    return Objective.of(X, "gaussian-full", K, 1e-6)


def test_a_fit_is_the_same_in_any_slice_of_a_batch(objective):
    count = 2 * SLICE // (K * D * D) + 1
    parameters = starts(objective, "many", count)
    together = objective.evaluate(parameters)
    gradient = objective.family.gradient(parameters, together)
    for r in (0, 1, count // 2, count - 1):
        own = take(parameters, slice(r, r + 1))
        alone = objective.evaluate(own)
        np.testing.assert_array_equal(alone.log_likelihood[0], together.log_likelihood[r])
        np.testing.assert_array_equal(alone.decrement[0], together.decrement[r])
        for name, values in objective.family.gradient(own, alone).items():
            np.testing.assert_array_equal(alone.maximised[name][0], together.maximised[name][r])
            np.testing.assert_array_equal(values[0], gradient[name][r])


def test_em_goes_where_scikit_learn_goes(objective):
    begin = starts(objective, "many", 2)
    ends = run(objective, METHODS["em"](), begin, tol=0, max_passes=6)
    moments = objective.family.to_reported(begin, np.zeros(D), np.ones(D))
    for r in range(2):
        model = GaussianMixture(
            K,
            tol=0,
            reg_covar=0,
            max_iter=5,
            weights_init=moments["weights"][r],
            means_init=moments["means"][r],
            precisions_init=np.linalg.inv(moments["covariances"][r]),
        )
        with pytest.warns(UserWarning, match="did not converge"):
            model.fit(objective.X)
        found = objective.family.to_reported(take(ends.parameters, slice(r, r + 1)), np.zeros(D), np.ones(D))
        np.testing.assert_allclose(found["means"][0], model.means_, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found["covariances"][0], model.covariances_, rtol=1e-9, atol=1e-9)
        assert model.score(objective.X) * 600 == pytest.approx(ends.log_likelihood[r], rel=1e-12)
