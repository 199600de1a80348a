"""Newton methods: the inner iteration, the steps around it, and the switch from EM."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from tests.mixsweep.helpers import cell, scattered_points, starts

from mixsweep.errors import MixsweepError
from mixsweep.loop import run
from mixsweep.methods import METHODS, line_search, truncated_cg
from mixsweep.shard import make_method
from mixsweep.status import Status

NEWTON = ("newton-cg", "trust")


def quadratics(eigenvalues, count=6, seed=0):
    """Random quadratic functions: gradients at the origin (count, q) and Hessians (count, q, q)."""
    rng = np.random.default_rng(seed)
    q = len(eigenvalues)
    axes = np.linalg.qr(rng.standard_normal((count, q, q)))[0]
    return rng.standard_normal((count, q)), axes @ (np.asarray(eigenvalues)[:, None] * axes.swapaxes(1, 2))


def solved(gradient, hessian, radius):
    """Run the inner iteration of each quadratic to its end; return the solutions and products taken."""
    state = {"vector": np.zeros_like(gradient), "gradient": gradient}
    state.update(truncated_cg.start(gradient))
    truncated_cg.begin(state, np.ones(len(gradient), dtype=bool))
    solution, products = np.full_like(gradient, np.nan), np.zeros(len(gradient))
    residual, left = np.full_like(gradient, np.nan), np.ones(len(gradient), dtype=bool)
    while left.any():
        there = gradient + np.einsum("rij,rj->ri", hessian, truncated_cg.probe(state))
        ended = truncated_cg.advance(state, there, np.full(len(gradient), radius)) & left
        for target, name in ((solution, "solution"), (residual, "residual"), (products, "products")):
            target[ended] = state[name][ended]
        left &= ~ended
    # differences of a quadratic are exact but for rounding, 1e-16 / 1e-8
    expected = gradient + np.einsum("rij,rj->ri", hessian, solution)
    np.testing.assert_allclose(residual, expected, atol=1e-6)
    return solution, products


def norm(vectors):
    return np.linalg.norm(vectors, axis=-1)


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-6])
def test_newton_equations_are_solved_up_to_the_forcing_sequence(size):
    gradient, hessian = quadratics([0.1, 0.5, 1, 2, 3, 10])
    gradient *= size / norm(gradient)[:, None]
    solution, products = solved(gradient, hessian, np.inf)
    residual = norm(gradient + np.einsum("rij,rj->ri", hessian, solution))
    assert (residual <= min(0.5, np.sqrt(size)) * size * (1 + 1e-6)).all()
    assert (products <= 7).all()  # 6 but for rounding


def test_a_first_direction_of_negative_curvature_gives_the_gradient():
    gradient, hessian = quadratics([-3, -2, -1])
    solution, products = solved(gradient, hessian, np.inf)
    np.testing.assert_allclose(solution, -gradient, rtol=1e-12)
    assert (products == 1).all()


def test_solutions_are_descent_directions_whatever_the_curvature():
    gradient, hessian = quadratics([-5, -1, -0.1, 0.0, 0.1, 1, 5, 20], count=40)
    for radius in (np.inf, 0.3):
        solution, _ = solved(gradient, hessian, radius)
        assert (np.einsum("ri,ri->r", solution, gradient) < 0).all()


@pytest.mark.parametrize("eigenvalues", [[0.1, 0.5, 1, 2, 3, 10], [-5, -1, 0.1, 1, 5, 20]])
@pytest.mark.parametrize("radius", [1e-3, 0.1, 1.0, 30.0])
def test_steps_in_a_trust_region_stay_inside_and_beat_steepest_descent(eigenvalues, radius):
    gradient, hessian = quadratics(eigenvalues, count=40)
    solution, _ = solved(gradient, hessian, radius)
    assert (norm(solution) <= radius * (1 + 1e-8)).all()

    def model(step):
        return np.einsum("ri,ri->r", gradient, step) + 0.5 * np.einsum("ri,rij,rj->r", step, hessian, step)

    size = norm(gradient)
    curvature = np.einsum("ri,rij,rj->r", gradient, hessian, gradient)
    # Nocedal and Wright 2006, equation 4.12
    inside = np.where(curvature > 0, size**3 / (radius * np.maximum(curvature, 1e-300)), np.inf)
    cauchy = -(np.minimum(inside, 1.0) * radius / size)[:, None] * gradient
    assert (model(solution) <= model(cauchy) + 1e-9).all()


def test_negative_curvature_leads_to_the_boundary():
    gradient, hessian = quadratics([-5, -1, 0.1, 1, 5, 20], count=40)
    # small, so that the forcing sequence asks for more than the first directions
    solution, _ = solved(1e-9 * gradient, hessian, 0.5)
    np.testing.assert_allclose(norm(solution), 0.5, rtol=1e-8)


def test_products_that_are_not_finite_count_as_no_curvature():
    gradient, _ = quadratics([1, 2, 3])
    for radius, length in ((np.inf, norm(gradient)), (0.5, 0.5)):
        state = {"vector": np.zeros_like(gradient), "gradient": gradient}
        state.update(truncated_cg.start(gradient))
        truncated_cg.begin(state, np.ones(len(gradient), dtype=bool))
        ended = truncated_cg.advance(state, np.full_like(gradient, np.nan), np.full(len(gradient), radius))
        assert ended.all()
        np.testing.assert_allclose(state["solution"], -gradient * (length / norm(gradient))[:, None])


def gradient_at(objective, vector):
    points = objective.from_vector(vector)
    return objective.loss(vector, points, objective.evaluate(points))


def hessian_at(objective, vector):
    """The Hessian of the loss at each of R points by central differences of gradients, shape (R, q, q)."""
    steps = 1e-5 * np.eye(vector.shape[1])
    columns = [
        (gradient_at(objective, vector + h)[1] - gradient_at(objective, vector - h)[1]) / 2e-5 for h in steps
    ]
    hessian = np.stack(columns, axis=2)
    return 0.5 * (hessian + hessian.swapaxes(1, 2))


@pytest.mark.parametrize("family", ["gaussian-full", "gaussian-diag"])
def test_differences_of_gradients_are_products_with_the_hessian(family):
    objective = cell("faithful", family, 3)
    vector = objective.to_vector(scattered_points(objective))
    state = {"vector": vector, "gradient": gradient_at(objective, vector)[1], **truncated_cg.start(vector)}
    truncated_cg.begin(state, np.ones(len(vector), dtype=bool))
    direction = state["conjugate"].copy()
    there = gradient_at(objective, truncated_cg.probe(state))[1]
    truncated_cg.advance(state, there, np.full(len(vector), 1e-3))  # to the boundary, along the gradient
    share = norm(state["solution"]) / norm(direction)
    found = (state["residual"] - state["gradient"]) / share[:, None]
    expected = np.einsum("rij,rj->ri", hessian_at(objective, vector), direction)
    np.testing.assert_allclose(found, expected, atol=1e-5 * norm(expected).max())


@pytest.mark.parametrize("name", NEWTON)
def test_the_last_digits_take_few_steps(name):
    # EM takes about 35 passes here for a digit of the gradient
    objective = cell("faithful", "gaussian-full", 3)
    begin = run(objective, METHODS["em"](), starts(objective, count=20), tol=1e-8).parameters
    method, sizes = METHODS[name](), [[] for _ in range(20)]
    state = method.start(objective, begin, np.arange(20))
    for _ in range(120):
        points = method.ask(objective, state).parameters
        with np.errstate(invalid="ignore"):  # without a loss before the start
            state, step = method.tell(objective, state, points, objective.evaluate(points))
        for r in np.flatnonzero(step.accepted):
            sizes[r].append(norm(state["gradient"][r]))
    quick = 0
    for size in map(np.array, sizes):
        steps = np.arange(len(size))
        # 1e-4, 3e-6, 3e-9, 4e-14: the forcing sequence sqrt |g| gives order 1.5
        assert size[0] > 1e-5
        arrived = steps[size < 1e-9]
        quick += len(arrived) > 0 and arrived[0] <= 4 and size[arrived[0]] < 2 * size[arrived[0] - 1] ** 1.5
    # one or two may not have come near an optimum in EM's passes, which differ in their last bits by machine
    assert quick >= 18


@pytest.mark.parametrize(("name", "peer"), [("newton-cg", "Newton-CG"), ("trust", "trust-krylov")])
@pytest.mark.parametrize("data", ["faithful", "galaxies"])
def test_endpoints_are_those_of_scipy(name, peer, data):
    objective = cell(data, "gaussian-full", 3)
    begin = run(objective, METHODS["em"](), starts(objective, data, 3, "kmeans++"), tol=1e-5).parameters
    ends = run(objective, METHODS[name](), begin, tol=1e-14)
    assert (ends.status == Status.CONVERGED).all()
    for r, vector in enumerate(objective.to_vector(begin)):
        with np.errstate(all="ignore"):  # trust-krylov multiplies infinities
            result = minimize(
                lambda x: gradient_at(objective, x[None])[0][0],
                vector,
                jac=lambda x: gradient_at(objective, x[None])[1][0],
                hess=lambda x: hessian_at(objective, x[None])[0],
                method=peer,
                options={"xtol": 1e-9} if name == "newton-cg" else {"gtol": 1e-9},
            )
        np.testing.assert_allclose(-ends.log_likelihood[r] / objective.n_rows, result.fun, atol=1e-11)


def test_newton_takes_fewer_passes_than_scipy_with_the_same_differences():
    # SciPy's evaluates the gradient at its point again for every product
    objective = cell("faithful", "gaussian-full", 3)
    begin = starts(objective, count=3)
    ends = run(objective, METHODS["newton-cg"](), begin, tol=1e-12)
    counts = []
    for vector in objective.to_vector(begin):
        seen = []

        def loss(x, seen=seen):
            value, gradient = gradient_at(objective, x[None])
            seen.append(value[0])
            return value[0], gradient[0]

        minimize(loss, vector, jac=True, method="Newton-CG", options={"xtol": 1e-6})
        counts.append(len(seen))
    assert np.median(ends.n_passes) < 0.5 * np.median(counts)


@pytest.mark.parametrize("name", NEWTON)
def test_random_starts_end_in_maxima_of_the_likelihood(name):
    objective = cell("faithful", "gaussian-full", 3)
    ends = run(objective, METHODS[name](), starts(objective, count=12), tol=1e-12)
    assert (ends.status == Status.CONVERGED).all()
    smallest = np.linalg.eigvalsh(hessian_at(objective, objective.to_vector(ends.parameters)))[:, 0]
    # zero along shifts of all logits together
    assert (smallest > -1e-6).all()


def test_a_shortened_trial_is_the_solution_for_the_smaller_radius():
    objective = cell("faithful", "gaussian-full", 3)
    method, begin = METHODS["trust"](radius=100.0), starts(objective, count=12)
    state, n_shortened = method.start(objective, begin, np.arange(12)), 0
    for _ in range(60):
        points = method.ask(objective, state).parameters
        tried = state["solving"] == 0
        with np.errstate(all="ignore"):  # far trials
            state, step = method.tell(objective, state, points, objective.evaluate(points))
        for r in np.flatnonzero(tried & ~step.accepted & (state["solving"] == 0)):
            again = {name: values[r : r + 1].copy() for name, values in state.items()}
            truncated_cg.begin(again, np.ones(1, dtype=bool))
            ended = False
            while not ended:
                gradient = gradient_at(objective, truncated_cg.probe(again))[1]
                ended = truncated_cg.advance(again, gradient, again["radius"])[0]
            for name in ("solution", "residual"):
                # differences in another batch have other last bits
                np.testing.assert_allclose(state[name][r], again[name][0], rtol=1e-5, atol=1e-5)
            n_shortened += 1
    assert n_shortened > 10


@pytest.mark.parametrize("name", NEWTON)
def test_nothing_moves_away_from_an_optimum_at_the_last_bits(name):
    # the Hessian has a null direction, along which the gradient is rounding
    objective = cell("faithful", "gaussian-full", 2)
    begin = run(objective, METHODS["em"](), starts(objective, count=6, initializer="kmeans++"), tol=1e-5)
    ends = run(objective, METHODS[name](), begin.parameters, tol=0, max_passes=400)
    assert (ends.em_decrement < 1e-14).all()
    assert (ends.gradient_norm < 1e-10).all()


def test_a_trust_region_leaves_a_saddle():
    # two components nearly the same: a saddle of the mixture of two
    objective = cell("faithful", "gaussian-full", 2)
    centre = np.zeros((1, 2, 2))
    centre[:, 0] += 1e-3
    covariances = np.broadcast_to(objective.covariance, (1, 2, 2, 2)).copy()
    begin = objective.family.from_moments(np.array([[0.5, 0.5]]), centre, covariances)
    ends = run(objective, METHODS["trust"](), begin, tol=1e-12)
    assert Status(ends.status[0]) is Status.CONVERGED
    assert ends.log_likelihood[0] > objective.evaluate(begin).log_likelihood[0] + 100


@pytest.mark.parametrize("name", [*NEWTON, "em+newton"])
def test_products_are_passes_at_points_that_are_not_accepted(name):
    objective = cell("faithful", "gaussian-full", 3)
    ends = run(objective, METHODS[name](), starts(objective))
    np.testing.assert_array_equal(ends.n_trial_passes, ends.n_passes - ends.n_iterations - 1)
    assert (ends.n_trial_passes > 0).all()


@pytest.mark.parametrize("name", [*NEWTON, "em+newton"])
def test_accepted_points_never_raise_the_loss(name):
    objective = cell("iris", "gaussian-full", 3)
    ends = run(objective, METHODS[name](), starts(objective, "iris", 10), tol=1e-10, max_passes=120)
    assert (ends.n_decreases == 0).all()
    assert np.nanmin(np.diff(ends.trace_log_likelihood, axis=1)) > -1e-10


class Cliff:
    """A function of one coordinate that falls to the point 1 and is not finite beyond it."""

    def __init__(self, beyond):
        self.beyond = beyond

    def from_vector(self, vector):
        return {"x": vector}

    def loss(self, vector, parameters, evaluation):
        x = parameters["x"]
        return np.where(x[:, 0] > 1, self.beyond, -x[:, 0] + 0.45 * x[:, 0] ** 2), -1 + 0.9 * x


@pytest.mark.parametrize("beyond", [np.nan, np.inf, -np.inf])
def test_line_searches_take_values_that_are_not_finite_as_too_high(beyond):
    objective, curvature = Cliff(beyond), 0.9
    state = line_search.start(np.zeros((3, 1)))
    points = line_search.trial_point(objective, state)
    state, trial = line_search.judge(objective, state, points, None, curvature)
    assert trial.accepted.all()
    line_search.move(state, trial)
    everyone = np.ones(3, dtype=bool)
    line_search.aim(state, everyone, -state["gradient"], -np.ones(3), np.array([0.5, 4.0, 1e6]))
    reached = np.full(3, np.nan)
    for _ in range(line_search.MAX_TRIALS):
        points = line_search.trial_point(objective, state)
        state, trial = line_search.judge(objective, state, points, None, curvature)
        reached[trial.accepted & np.isnan(reached)] = points["x"][trial.accepted & np.isnan(reached), 0]
        assert not (trial.accepted & (points["x"][:, 0] > 1)).any()
    assert (reached[:2] > 0).all()


@pytest.mark.parametrize("name", NEWTON)
def test_starts_without_a_likelihood_stall(name):
    objective = cell("faithful", "gaussian-full", 2)
    begin = starts(objective, count=3)
    begin["means"][1] = 1e200
    ends = run(objective, METHODS[name](), begin, max_passes=50)
    assert Status(ends.status[1]) in (Status.STALLED, Status.DIVERGED)
    assert np.isfinite(ends.log_likelihood[[0, 2]]).all()


@pytest.mark.parametrize(("name", "second"), [("em+lbfgs", "lbfgs"), ("em+newton", "newton-cg")])
def test_the_switch_is_em_first_and_then_the_second_method(name, second):
    objective = cell("faithful", "gaussian-full", 3)
    begin = starts(objective)
    hybrid = run(objective, METHODS[name](rate=1.0, max_em_passes=12), begin, tol=0, max_passes=18)
    em = run(objective, METHODS["em"](), begin, tol=0, max_passes=13)
    np.testing.assert_allclose(
        hybrid.trace_log_likelihood[:, :12], em.trace_log_likelihood[:, :12], rtol=1e-11
    )
    # few passes: differences magnify the last bits
    after = run(objective, METHODS[second](), em.parameters, tol=0, max_passes=6)
    np.testing.assert_allclose(hybrid.log_likelihood, after.log_likelihood, rtol=1e-7)


@pytest.mark.parametrize("name", ["em+lbfgs", "em+newton"])
def test_a_switched_method_has_the_coordinates_of_the_whole(name):
    method = METHODS[name](weights="ratio", covariances="matrix-logarithm")
    assert method.second().parametrisation == method.parametrisation


def test_em_then_newton_takes_about_as_few_passes_as_the_better_of_the_two():
    objective = cell("faithful", "gaussian-full", 3)
    begin = starts(objective, count=20)
    passes = {
        name: np.median(run(objective, METHODS[name](), begin, tol=1e-10).n_passes)
        for name in ("em", "newton-cg", "em+newton")
    }
    # medians of 20 fits, whose paths differ in their last bits by machine, are known to some percent
    assert passes["em+newton"] < 1.15 * min(passes["em"], passes["newton-cg"])
    assert passes["em+newton"] < max(passes["em"], passes["newton-cg"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"method": "trust", "radius": 0}, ["trust", "radius", "positive"]),
        ({"method": "trust", "radius": 1e9}, ["trust", "radius", "at most 100"]),
        ({"method": "em+newton", "rate": 1.5}, ["em+newton", "rate", "(0, 1]"]),
        ({"method": "em+newton", "max_em_passes": 2}, ["em+newton", "max_em_passes", "at least 5"]),
        ({"method": "em+lbfgs", "memory": 0}, ["memory", "at least 1"]),
        ({"method": "newton-cg", "weights": "softmaks"}, ["newton-cg", "weights", "softmax"]),
    ],
)
def test_bad_settings_are_named(settings, words):
    with pytest.raises(MixsweepError) as caught:
        make_method(settings)
    for word in words:
        assert word in str(caught.value)
