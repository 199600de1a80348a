"""What a change of coordinates or of units does to each kind of step."""

from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.helpers import FAMILIES as NAMES
from tests.mixsweep.helpers import cell, scattered_points, starts
from tests.mixsweep.methods.test_parametrisations import COORDINATES

from mixsweep.coordinates import Parametrisation
from mixsweep.families import FAMILIES
from mixsweep.loop import run
from mixsweep.methods import METHODS, truncated_cg
from mixsweep.objective import Objective


def reported(objective, parameters):
    """Parameters in data units."""
    return objective.family.to_reported(parameters, objective.location, objective.scale)


@pytest.mark.parametrize(("weights", "covariances"), COORDINATES)
def test_em_takes_the_same_path_in_all_coordinates(weights, covariances):
    objective = cell("faithful", "gaussian-full", 2)
    begin = starts(objective, count=4, initializer="kmeans++")
    em = METHODS["em"]()
    # 200 steps of EM that go through the coordinates
    method = METHODS["em+newton"](
        weights=weights, covariances=covariances, rate=1.0, min_em_passes=201, max_em_passes=201
    )
    through, plain = (
        run(objective, each, begin, tol=0, max_passes=201, checkpoints=202) for each in (method, em)
    )
    np.testing.assert_allclose(
        through.trace_log_likelihood[:, :200], plain.trace_log_likelihood[:, :200], rtol=1e-12
    )
    for name, values in plain.parameters.items():
        np.testing.assert_allclose(through.parameters[name], values, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("n_steps", [1, 20])
def test_em_steps_follow_an_affine_map_of_the_data(n_steps):
    X = cell("iris").X * [0.8, 0.4, 1.8, 0.8] + [6.0, 3.0, 4.0, 1.0]
    A = np.random.default_rng(5).standard_normal((4, 4)) + 2 * np.eye(4)
    b = np.array([1.0, -20.0, 3.0, 0.5])
    here, there = (Objective.of(data, "gaussian-full", 2, 1e-9) for data in (X, X @ A.T + b))
    begin = starts(here, "iris", count=4, initializer="kmeans++")

    def mapped(point):
        return {
            "weights": point["weights"],
            "means": point["means"] @ A.T + b,
            "covariances": A @ point["covariances"] @ A.T,
        }

    image = there.family.from_reported(mapped(reported(here, begin)), there.location, there.scale)
    one, other = (
        run(objective, METHODS["em"](), points, tol=0, max_passes=1 + n_steps)
        for objective, points in ((here, begin), (there, image))
    )
    expected = mapped(reported(here, one.parameters))
    for name, values in reported(there, other.parameters).items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-8, atol=1e-8)
    shift = -len(X) * np.linalg.slogdet(A)[1]
    np.testing.assert_allclose(
        other.log_likelihood + there.log_likelihood_offset,
        one.log_likelihood + here.log_likelihood_offset + shift,
        rtol=1e-11,
    )


class AffineCoordinates:
    """An objective seen in coordinates y with x = B y + c, for methods driven by hand."""

    def __init__(self, objective, B, c):
        self.objective, self.B, self.c = objective, B, c

    def __getattr__(self, name):
        return getattr(self.objective, name)

    def to_vector(self, parameters):
        return np.linalg.solve(self.B, (self.objective.to_vector(parameters) - self.c).T).T

    def from_vector(self, vector):
        return self.objective.from_vector(vector @ self.B.T + self.c)

    def loss(self, vector, parameters, evaluation):
        value, gradient = self.objective.loss(vector @ self.B.T + self.c, parameters, evaluation)
        return value, gradient @ self.B


def first_step(name, objective, begin, **settings):
    """The first accepted points after the starts, in the default coordinates, shape (R, q)."""
    method = METHODS[name](**settings)
    count = len(begin["weights"])
    state = method.start(objective, begin, np.arange(count))
    reached, n_accepted = {}, np.zeros(count)
    for _ in range(200):
        points = method.ask(objective, state).parameters
        with np.errstate(invalid="ignore"):  # without a loss before the start
            state, step = method.tell(objective, state, points, objective.evaluate(points))
        n_accepted += step.accepted
        for r in np.flatnonzero(step.accepted & (n_accepted == 2)):
            reached[r] = {key: values[r] for key, values in points.items()}
        if len(reached) == count:
            break
    stacked = {key: np.stack([reached[r][key] for r in range(count)]) for key in begin}
    return cell("faithful", "gaussian-full", 2).to_vector(stacked)


def close_to_an_optimum():
    """A cell and points so near to its optimum that a full Newton step is accepted."""
    objective = cell("faithful", "gaussian-full", 2)
    return objective, run(
        objective, METHODS["em"](), starts(objective, count=3, initializer="kmeans++"), tol=1e-3
    ).parameters


def distance(a, b):
    """Of two steps' ends relative to the length of the steps from the start, largest over the fits."""
    start = cell("faithful", "gaussian-full", 2).to_vector(close_to_an_optimum()[1])
    return (np.linalg.norm(a - b, axis=1) / np.linalg.norm(a - start, axis=1)).max()


@pytest.fixture
def exact_newton(monkeypatch):
    """Newton's equation solved to the end."""
    monkeypatch.setattr(truncated_cg, "FORCING", 1e-10)


@pytest.mark.parametrize("name", ["newton-cg", "gd"])
def test_newton_steps_alone_are_invariant_to_affine_coordinates(name, exact_newton):
    # K - 1 logits: with K of them the Hessian is singular and solutions are many
    objective, begin = close_to_an_optimum()
    objective = objective.in_coordinates(Parametrisation("softmax-fixed", "log-cholesky"))
    q = objective.to_vector(begin).shape[1]
    rng = np.random.default_rng(3)
    B = np.eye(q) + 0.3 * rng.standard_normal((q, q)) / np.sqrt(q)
    seen = AffineCoordinates(objective, B, rng.standard_normal(q))
    apart = distance(first_step(name, objective, begin), first_step(name, seen, begin))
    if name == "newton-cg":
        assert apart < 1e-5  # products with the Hessian are right to 1e-7
    else:
        assert apart > 0.1


#: Of two components: the second is the first's logit less the other one's; the third is the second, by
#: another formula.
AFFINE = [(weights, "log-cholesky") for weights in ("softmax", "softmax-fixed", "stick-breaking")]


@pytest.mark.parametrize("coordinates", COORDINATES)
def test_other_coordinates_change_newton_steps_unless_they_are_affine(coordinates, exact_newton):
    objective, begin = close_to_an_optimum()
    one, other = (
        first_step("newton-cg", objective.in_coordinates(Parametrisation(*each)), begin)
        for each in (("softmax-fixed", "log-cholesky"), coordinates)
    )
    if coordinates in AFFINE:
        assert distance(one, other) < 1e-4
    else:
        assert distance(one, other) > 3e-4


@pytest.mark.parametrize("coordinates", COORDINATES)
def test_other_coordinates_change_gradient_steps(coordinates):
    objective, begin = close_to_an_optimum()
    one, other = (
        first_step("gd", objective.in_coordinates(Parametrisation(*each)), begin)
        for each in (("softmax-fixed", "log-cholesky"), coordinates)
    )
    if coordinates in AFFINE[1:]:
        assert distance(one, other) < 1e-9
    else:
        assert distance(one, other) > 0.01


def covariance_gradient(parameters, own):
    """Derivatives in symmetric covariances from those in the lower triangles of their factors."""
    L = parameters["cholesky"]
    lower = np.tril(L.swapaxes(-1, -2) @ np.tril(own["cholesky"]))
    whitened = lower + np.tril(lower, -1).swapaxes(-1, -2)
    inverse = np.linalg.inv(L)
    return 0.5 * inverse.swapaxes(-1, -2) @ whitened @ inverse


@pytest.mark.parametrize("data", ["faithful", "iris"])
def test_an_em_step_is_a_positive_definite_matrix_times_the_gradient(data):
    # Xu and Jordan 1996, theorem 1
    objective = cell(data, "gaussian-full", 2)
    n, points = objective.n_rows, scattered_points(objective)
    for step in range(3):
        evaluation = objective.evaluate(points)
        gradient = objective.family.gradient(points, evaluation)
        there, counts, weights = evaluation.maximised, evaluation.counts, points["weights"]
        sigma = points["cholesky"] @ points["cholesky"].swapaxes(-1, -2)
        new_sigma = there["cholesky"] @ there["cholesky"].swapaxes(-1, -2)

        metric = weights[:, :, None] * np.eye(2) - weights[:, :, None] * weights[:, None, :]
        move = (metric @ gradient["weights"][..., None])[..., 0] / n
        np.testing.assert_allclose(weights + move, there["weights"], atol=1e-13)

        shift = (sigma @ gradient["means"][..., None])[..., 0] / counts[..., None]
        np.testing.assert_allclose(points["means"] + shift, there["means"], atol=1e-12)

        # exact for the scatter about the old mean; EM's covariance, about the new one, is that less dd'
        change = 2 / counts[..., None, None] * sigma @ covariance_gradient(points, gradient) @ sigma
        outer = shift[..., :, None] * shift[..., None, :]
        np.testing.assert_allclose(sigma + change - outer, new_sigma, atol=1e-12)
        assert np.abs(sigma + change - new_sigma).max() > 1e-5
        if step == 0:
            assert np.abs(outer).max() > 1e-3
        points = there


@pytest.mark.parametrize("family", [name for name in NAMES if hasattr(FAMILIES[name], "moment_step")])
def test_em_moves_uphill(family):
    objective = cell("faithful", family, 3)
    points = scattered_points(objective, count=20)
    if "tails" in points:  # either sign means the same; M-steps give the positive one
        points["tails"] = np.abs(points["tails"])
    for _ in range(5):
        evaluation = objective.evaluate(points)
        vector = objective.to_vector(points)
        _, gradient = objective.loss(vector, points, evaluation)
        small = objective.family.moment_step(points, evaluation, np.full(20, 1e-5))
        slope = np.einsum("ri,ri->r", gradient, objective.to_vector(small) - vector)
        assert (slope < 0).all()
        points = evaluation.maximised
