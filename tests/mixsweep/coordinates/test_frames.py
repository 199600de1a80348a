"""Curves, gradients and lengths in moving frames."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm
from tests.mixsweep.helpers import FAMILIES, cell, scattered_points

from mixsweep.coordinates.frames import Frames, why_without_frames
from mixsweep.families import FAMILIES as REGISTRY


def frames_of(objective):
    return Frames(objective.family, objective.n_components, objective.n_features)


def case(family, count=3, name="iris", n_components=3):
    """A cell, its frames, points away from the starts of frames, and steps as long as the points differ."""
    objective = cell(name, family, n_components)
    frames = frames_of(objective)
    rng = np.random.default_rng(7)
    point = frames.at(scattered_points(objective, count))
    # from here on the frames of matrices are not triangular
    point = frames.along(point, 0.2 * rng.standard_normal((count, frames.size)))
    return objective, frames, point, 0.3 * rng.standard_normal((count, frames.size))


def covariance(family, parameters):
    """Covariances, shape (R, K or 1, d, d)."""
    if "cholesky" in parameters:
        return parameters["cholesky"] @ parameters["cholesky"].swapaxes(-1, -2)
    d = parameters["means"].shape[-1]
    deviations = parameters["deviations"]
    deviations = deviations[..., None] if deviations.ndim == 2 else deviations
    return np.square(deviations)[..., None] * np.eye(d)


def log_likelihood(objective, frames, point):
    return objective.evaluate(frames.parameters(point)).log_likelihood


def slope(objective, frames, point, step):
    """The log-likelihood's derivative along a step, by the gradient in the frame."""
    parameters = frames.parameters(point)
    own = objective.family.gradient(parameters, objective.evaluate(parameters))
    return (frames.gradient(point, parameters, own) * step).sum(axis=1)


@pytest.mark.parametrize("family", FAMILIES)
def test_parameters_come_back(family):
    objective = cell("iris", family)
    frames, parameters = frames_of(objective), scattered_points(objective)
    found = frames.parameters(frames.at(parameters))
    assert list(found) == list(parameters)
    for name, values in parameters.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_forth_and_back_ends_where_it_began(family):
    _, frames, point, step = case(family)
    back = frames.parameters(frames.along(frames.along(point, step), -step))
    for name, values in frames.parameters(point).items():
        np.testing.assert_allclose(back[name], values, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_pieces_of_a_step_make_the_whole(family):
    # the coordinates of the velocity are the same all along
    _, frames, point, step = case(family)
    whole = frames.along(point, step)
    pieces = frames.along(frames.along(point, 0.3 * step), 0.7 * step)
    for name, values in whole.items():
        np.testing.assert_allclose(pieces[name], values, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("family", ["gaussian-full", "gaussian-tied", "student-t"])
def test_the_curve_is_that_of_the_matrix_exponential(family):
    _, frames, point, step = case(family, count=2)
    d, rng = 4, np.random.default_rng(2)
    own = point["cholesky"].shape[1]
    S = rng.standard_normal((2, own, d, d))
    S = 0.4 * (S + S.swapaxes(-1, -2))
    v = rng.standard_normal((2, 3, d))
    row, column = np.tril_indices(d)
    pieces = {"means": v, "cholesky": S[..., row, column] / np.where(row == column, np.sqrt(2), 1.0)}
    step = np.concatenate(
        [pieces.get(name, np.zeros((2, 3))).reshape(2, -1) for name in frames.family.kinds], axis=1
    )
    moved = frames.along(point, step)
    for r in range(2):
        for k in range(3):
            j = min(k, own - 1)
            F = point["cholesky"][r, j]
            generator = np.zeros((d + 1, d + 1))
            generator[:d, :d], generator[:d, d] = S[r, j] / 2, v[r, k]
            there = expm(generator)
            np.testing.assert_allclose(moved["cholesky"][r, j], F @ there[:d, :d], rtol=1e-10, atol=1e-12)
            expected = point["means"][r, k] + F @ there[:d, d]
            np.testing.assert_allclose(moved["means"][r, k], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradient_agrees_with_central_differences_along_every_coordinate(family):
    objective, frames, point, _ = case(family, count=2)
    h = 1e-5
    for j in range(frames.size):
        step = np.zeros((2, frames.size))
        step[:, j] = 1.0
        up, down = (
            log_likelihood(objective, frames, frames.along(point, sign * h * step)) for sign in (1, -1)
        )
        # the total is near 1000, so its rounding 1e-13 / 1e-5, and the third derivative times h^2
        np.testing.assert_allclose(
            slope(objective, frames, point, step), (up - down) / (2 * h), rtol=1e-6, atol=1e-5
        )


@pytest.mark.parametrize("t", [0.5, 1.5])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_slope_is_right_far_along_the_curve(family, t):
    objective, frames, point, step = case(family)
    h = 1e-5
    up, down = (
        log_likelihood(objective, frames, frames.along(point, (t + sign * h) * step)) for sign in (1, -1)
    )
    found = slope(objective, frames, frames.along(point, t * step), step)
    np.testing.assert_allclose(found, (up - down) / (2 * h), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("family", ["gaussian-full", "gaussian-tied"])
def test_a_rotation_of_the_frame_turns_the_gradient(family):
    objective, frames, point, _ = case(family)
    rotation = np.linalg.qr(np.random.default_rng(3).standard_normal((4, 4)))[0]
    turned = {**point, "cholesky": point["cholesky"] @ rotation}
    here, there = frames.parameters(point), frames.parameters(turned)
    for name, values in here.items():
        np.testing.assert_allclose(there[name], values, rtol=1e-12, atol=1e-14)
    own = objective.family.gradient(here, objective.evaluate(here))
    lengths = (np.linalg.norm(frames.gradient(each, here, own), axis=1) for each in (point, turned))
    np.testing.assert_allclose(*lengths, rtol=1e-12)


@pytest.mark.parametrize("family", ["gaussian-full", "gaussian-diag", "gaussian-spherical", "gaussian-tied"])
def test_lengths_are_those_of_the_fisher_information(family):
    # twice the divergence of the end from the beginning is the squared length of a short step
    _, frames, point, step = case(family, n_components=1)
    step = 1e-4 * step
    step[:, 0] = 0.0  # the one component's weight has no information
    begin, end = (frames.parameters(each) for each in (point, frames.along(point, step)))
    old, new = (covariance(family, each)[:, 0] for each in (begin, end))
    shift = (end["means"] - begin["means"])[:, 0]
    inverse = np.linalg.inv(new)
    change = inverse @ old - np.eye(4)
    # tr A - log |I + A|, by the eigenvalues, so that nothing cancels
    values = np.linalg.eigvals(change).real
    divergence = (values - np.log1p(values)).sum(axis=1) + np.einsum("ri,rij,rj->r", shift, inverse, shift)
    np.testing.assert_allclose(divergence, np.square(step).sum(axis=1), rtol=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_steps_that_overflow_give_points_that_are_not_finite(family):
    _, frames, point, step = case(family)
    step = np.array([1e300, 1e5, 0.0])[:, None] * step
    step[0, -1] = np.inf
    with np.errstate(all="ignore"):
        ends = frames.parameters(frames.along(point, step))
    for r, sound in enumerate([False, False, True]):
        assert all(np.isfinite(values[r]).all() for values in ends.values()) == sound


def test_no_fit_depends_on_the_others():
    _, frames, point, step = case("gaussian-full")
    together = frames.parameters(frames.along(point, step))
    alone = frames.parameters(frames.along({name: each[1:2] for name, each in point.items()}, step[1:2]))
    for name, values in alone.items():
        np.testing.assert_allclose(values[0], together[name][1], rtol=1e-13, atol=1e-15)


def test_families_without_means_or_scales_have_no_frames():
    class Counts:
        kinds = {"weights": "simplex", "rates": "positive"}  # noqa: RUF012

    assert "one array of scales" in why_without_frames(Counts)
    for name in FAMILIES:
        assert why_without_frames(REGISTRY[name]) == ""
