from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.helpers import cell, starts

from mixsweep.errors import MixsweepError
from mixsweep.initializers import INITIALIZERS
from mixsweep.objective import Objective

pytestmark = pytest.mark.parametrize("initializer", ["random-points", "kmeans++"])


def test_means_are_distinct_rows_weights_equal_covariances_pooled(initializer):
    objective = cell("iris", "gaussian-full", 4)
    begin = starts(objective, "iris", 30, initializer)
    for means in begin["means"]:
        assert len(np.unique(means, axis=0)) == 4
        for mean in means:
            assert (np.abs(objective.X - mean).max(axis=1) == 0).any()
    np.testing.assert_array_equal(begin["weights"], 0.25)
    pooled = np.cov(objective.X.T, bias=True)
    np.testing.assert_allclose(begin["cholesky"] @ begin["cholesky"].swapaxes(-1, -2) - pooled, 0, atol=1e-12)


def test_a_start_depends_on_its_number_alone(initializer):
    objective = cell("iris", "gaussian-full", 3)
    many = starts(objective, "iris", 12, initializer)
    few = starts(objective, "iris", 5, initializer)
    np.testing.assert_array_equal(many["means"][:5], few["means"])
    other = starts(objective, "iris", 5, initializer, seed=2)
    assert (other["means"] != few["means"]).any()


def test_too_few_distinct_rows(initializer):
    X = np.repeat([[0.0, 1.0], [1.0, 0.0]], 5, axis=0)
    objective = Objective.of(X + 0.0, "gaussian-diag", 3, 1e-6)
    with pytest.raises(MixsweepError, match="only 2 distinct rows"):
        INITIALIZERS[initializer]().start(objective, [np.random.default_rng(0)], range(1))


def test_kmeans_plus_plus_spreads_more_than_random_points(initializer):
    objective = cell("faithful", "gaussian-full", 2)
    means = starts(objective, count=200, initializer=initializer)["means"]
    apart = np.linalg.norm(means[:, 0] - means[:, 1], axis=1).mean()
    # mean distance of two random rows is 1.71 here; squared-distance sampling gives 2.2
    assert (apart > 2.0) == (initializer == "kmeans++")
