from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.mixsweep.helpers import FAMILIES, cell, starts

from mixsweep.analysis import curvature, information, stationary
from mixsweep.analysis.curvature import hessians, smallest_eigenvalue, spectra
from mixsweep.analysis.information import gaussian_hessians, knows
from mixsweep.analysis.stationary import refine
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.coordinates import Parametrisation
from mixsweep.endpoints import take
from mixsweep.loop import run
from mixsweep.methods.em import EM

GAUSSIAN = ("gaussian-full", "gaussian-diag", "gaussian-spherical", "gaussian-tied")
LIMITS = Thresholds()


def points(objective, name="iris", count=5):
    """Return points that are not stationary, so that every term of the Hessian counts.

    None on the way to a collapse, where differences of the gradient are not exact enough to compare with.
    """
    ends = run(objective, EM(), starts(objective, name, count), tol=1e-6, max_passes=30).parameters
    wide = np.flatnonzero(smallest_eigenvalue(objective, ends) > 1e-3)
    return objective.to_vector(take(ends, wide))


def weighted(objective):
    times = np.random.default_rng(0).integers(1, 4, objective.n_rows).astype(float)
    prepared = objective.family.prepare(objective.X, times)
    return dataclasses.replace(objective, row_weights=times, prepared=prepared)


def by_differences(monkeypatch, objective, vectors):
    with monkeypatch.context() as patch:
        patch.setattr(curvature, "knows", lambda _: False)
        return hessians(objective, vectors)[0]


@pytest.mark.parametrize("change", [lambda objective: objective, weighted], ids=["plain", "row weights"])
@pytest.mark.parametrize("name", ["iris", "galaxies"])
@pytest.mark.parametrize("family", GAUSSIAN)
def test_the_closed_form_agrees_with_differences_of_the_gradient(monkeypatch, family, name, change):
    objective = change(cell(name, family, 3))
    vectors = points(objective, name)
    assert len(vectors) >= 3
    found, complete = gaussian_hessians(objective, vectors)
    np.testing.assert_allclose(
        found, by_differences(monkeypatch, objective, vectors), atol=1e-7 * np.abs(found).max()
    )
    # with the components known there is more information than without
    assert (complete >= np.diagonal(found, axis1=1, axis2=2) - 1e-12).all()


def test_blocks_of_rows_and_of_points_add_up(monkeypatch):
    objective = weighted(cell("iris", "gaussian-full", 3))
    vectors = points(objective)
    whole, _ = gaussian_hessians(objective, vectors)
    monkeypatch.setattr(information, "BLOCK_ELEMENTS", 1)
    monkeypatch.setattr(information, "LEAST_ROWS", 7)
    np.testing.assert_allclose(gaussian_hessians(objective, vectors)[0], whole, atol=1e-10)


def test_hessians_are_symmetric_and_flat_along_equal_shifts_of_the_logits():
    objective = cell("iris", "gaussian-full", 3)
    found, _ = gaussian_hessians(objective, points(objective))
    np.testing.assert_allclose(found, found.swapaxes(1, 2), atol=1e-12)
    shift = np.zeros(found.shape[1])
    shift[:3] = 1.0
    np.testing.assert_allclose(found @ shift, 0.0, atol=1e-12)


def test_a_component_without_rows_has_a_hessian():
    objective = cell("faithful", "gaussian-full", 2)
    vector = points(objective, "faithful", 1)
    vector[:, 0] = -800.0
    assert np.isfinite(gaussian_hessians(objective, vector)[0]).all()


def test_the_closed_form_is_known_in_the_usual_coordinates_of_gaussian_families():
    known = {family for family in FAMILIES if knows(cell("faithful", family, 2))}
    assert known == {family for family in FAMILIES if family.startswith("gaussian")}
    other = cell("faithful").in_coordinates(Parametrisation(weights="softmax-fixed"))
    assert not knows(other)


def test_points_refined_in_parts_and_by_differences_are_the_same(monkeypatch):
    objective = cell("iris", "gaussian-full", 3)
    ends = run(objective, EM(), starts(objective, "iris", 6), tol=1e-10, max_passes=2000).parameters
    whole = refine(objective, ends, LIMITS)
    eigenvalues = spectra(objective, whole.vectors)
    np.testing.assert_allclose(eigenvalues[:, 0], whole.largest_curvature, rtol=1e-4)
    monkeypatch.setattr(stationary, "HELD_ELEMENTS", 1)
    monkeypatch.setattr(curvature, "knows", lambda _: False)
    single = refine(objective, ends, LIMITS)
    np.testing.assert_allclose(whole.log_likelihood, single.log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(whole.vectors, single.vectors, atol=1e-7)
    np.testing.assert_allclose(eigenvalues, spectra(objective, single.vectors), rtol=1e-4)
