from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from tests.mixsweep.helpers import FAMILIES, cell, scattered_points

from mixsweep.analysis.agreement import (
    adjusted_rand,
    classification_entropy,
    clusterings,
    density_distances,
)
from mixsweep.endpoints import take


@pytest.mark.parametrize("seed", range(5))
def test_adjusted_rand_agrees_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 4, (2, 60))
    second = np.where(rng.random(60) < 0.5, first, second)
    assert adjusted_rand(first, second) == pytest.approx(adjusted_rand_score(first, second), abs=1e-12)
    assert adjusted_rand(first, (first + 2) % 4) == 1


def test_one_cluster_agrees_with_itself_and_tells_nothing_of_others():
    one = np.zeros(10, dtype=np.int64)
    assert adjusted_rand(one, one) == 1
    assert adjusted_rand(one, np.arange(10) % 2) == 0


def test_row_weights_stand_for_repeated_rows():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 3, (2, 30))
    times = rng.integers(1, 4, 30)
    assert adjusted_rand(first, second, times.astype(float)) == pytest.approx(
        adjusted_rand(np.repeat(first, times), np.repeat(second, times)), abs=1e-12
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_entropy_and_clusters_are_those_of_the_posterior(family):
    objective = cell("faithful", family, 3)
    points = scattered_points(objective, 3)
    logits = objective.logits(points)
    posterior = np.exp(logits - objective.log_density(points)[:, None])
    np.testing.assert_array_equal(clusterings(objective, points), posterior.argmax(axis=1))
    np.testing.assert_allclose(
        classification_entropy(objective, points),
        -(posterior * np.log(posterior)).sum(axis=(1, 2)),
        rtol=1e-10,
    )
    none = take(points, slice(0, 0))
    assert clusterings(objective, none).shape == (0, objective.n_rows)
    assert classification_entropy(objective, none).shape == (0,)


def test_density_distances_are_root_mean_squares():
    densities = np.array([[0.0, 0.0], [3.0, 4.0]])
    np.testing.assert_allclose(density_distances(densities), [[0, np.sqrt(12.5)], [np.sqrt(12.5), 0]])
    weighted = density_distances(densities, np.array([1.0, 3.0]))
    assert weighted[0, 1] == pytest.approx(np.sqrt((9 + 3 * 16) / 4))
    assert density_distances(densities[:0]).shape == (0, 0)
