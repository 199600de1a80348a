from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.mixsweep.helpers import cell, starts

from mixsweep.analysis import stationary
from mixsweep.analysis.information import applies, hessian_by_parts, moves
from mixsweep.analysis.stationary import hessians, refine, usable_moves
from mixsweep.loop import run
from mixsweep.methods.em import EM

#: Families whose only missing data are the components of the rows.
FAMILIES = ("gaussian-full", "gaussian-diag", "gaussian-spherical", "gaussian-tied")


def points(objective, name="iris", count=5):
    ends = run(objective, EM(), starts(objective, name, count), tol=1e-6, max_passes=30)
    return objective.to_vector(ends.parameters)


@pytest.mark.parametrize("family", FAMILIES)
def test_parts_agree_with_differences_of_the_gradient(family):
    objective = cell("iris", family, 3)
    vectors = points(objective)
    moved = moves(objective, vectors[0], 1e-5)
    for vector in vectors:
        expected, _ = hessians(objective, vector[None])
        found, error = hessian_by_parts(objective, vector, 1e-5, moved)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found, expected[0], atol=1e-7 * scale)
        assert error.max() < 1e-7 * scale


def test_row_weights_count_rows_several_times():
    plain = cell("iris", "gaussian-full", 2)
    times = np.random.default_rng(0).integers(1, 4, plain.n_rows).astype(float)
    weighted = dataclasses.replace(plain, row_weights=times, prepared=plain.family.prepare(plain.X, times))
    vector = points(plain, count=1)[0]
    moved = moves(weighted, vector, 1e-5)
    expected, _ = hessians(weighted, vector[None])
    found, _ = hessian_by_parts(weighted, vector, 1e-5, moved)
    np.testing.assert_allclose(found, expected[0], atol=1e-7 * np.abs(expected).max())


def test_a_coordinate_of_all_components_is_moved_at_one_time():
    objective = cell("iris", "gaussian-full", 3)
    moved = moves(objective, points(objective, count=1)[0], 1e-5)
    # three weights, and 4 + 10 coordinates of each component
    assert moved.owner.shape == (3 + 14, 3)
    assert moved.single.sum() == 3
    np.testing.assert_array_equal(moved.steps(3 + 3 * 14).sum(axis=0), 1)


def test_covariances_that_are_shared_are_moved_alone():
    objective = cell("iris", "gaussian-tied", 3)
    moved = moves(objective, points(objective, count=1)[0], 1e-5)
    assert moved.single.sum() == 3 + 10
    assert len(moved.owner) == 3 + 4 + 10


@pytest.mark.parametrize("family", ["gaussian-full", "student-t"])
def test_parts_are_taken_where_they_agree_with_differences(family):
    """Of student-t the scales of the rows are missing too, which is noticed."""
    objective = cell("iris", family, 3)
    vectors = points(objective)
    assert (usable_moves(objective, vectors) is None) == (family == "student-t")
    assert usable_moves(objective, vectors[:1]) is None


def test_points_refined_in_parts_and_by_parts_are_the_same(monkeypatch):
    objective = cell("iris", "gaussian-full", 3)
    ends = run(objective, EM(), starts(objective, "iris", 6), tol=1e-10, max_passes=2000).parameters
    whole = refine(objective, ends)
    monkeypatch.setattr(stationary, "HELD_ELEMENTS", 1)
    monkeypatch.setattr(stationary, "usable_moves", lambda *_: None)
    single = refine(objective, ends)
    np.testing.assert_allclose(whole.log_likelihood, single.log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(whole.vectors, single.vectors, atol=1e-7)
    np.testing.assert_allclose(whole.curvature_eigenvalues, single.curvature_eigenvalues, rtol=1e-4)


def test_cells_that_are_too_large_are_left_to_differences():
    objective = cell("iris", "gaussian-full", 3)
    assert applies(objective, 45)
    assert not applies(objective, 10**6)
