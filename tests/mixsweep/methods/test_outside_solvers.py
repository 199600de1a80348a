"""Solvers that own their loop: what the ledger makes of them, and what each passes on."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture
from tests.mixsweep.helpers import FAMILIES, cell, scattered_points, starts

from mixsweep.coordinates import Parametrisation
from mixsweep.endpoints import take
from mixsweep.errors import MixsweepError
from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.methods.natural import BELOW_FLOOR, NATURAL, bounds, weight_indicator
from mixsweep.methods.scipy_minimize import SOLVERS
from mixsweep.methods.solver import Loss
from mixsweep.objective import Objective
from mixsweep.problems import load_builtin
from mixsweep.status import Status

#: Solvers without derivatives, which need more passes than a test has.
SLOW = ("Nelder-Mead", "Powell", "COBYLA", "COBYQA")
#: The Hessian must be positive definite, so no coordinate to spare.
NEEDED = {"dogleg": {"weights": "softmax-fixed"}}


class Walk:
    """Evaluates the given points one after the other, and then ends."""

    name = "walk"
    expected_passes = 1

    def __init__(self, points, status=Status.STALLED):
        self.points, self.status, self.seen = points, status, []

    def solve(self, objective, start, probe):
        for point in (start, *self.points):
            self.seen.append(float(probe(point).log_likelihood[0]))
        return self.status


def em_path(objective, length):
    points = [starts(objective, count=1)]
    for _ in range(length):
        points.append(objective.evaluate(points[-1]).maximised)
    return points


def test_only_higher_points_become_current_and_the_rest_are_trials():
    objective = cell()
    path = em_path(objective, 6)
    walk = Walk([path[3], path[1], path[4], path[2], path[5]])
    ends = run(objective, walk, path[0])
    assert ends.status[0] == Status.STALLED
    assert (ends.n_passes[0], ends.n_function_values[0]) == (6, 6)
    assert (ends.n_trial_passes[0], ends.n_iterations[0], ends.n_decreases[0]) == (2, 3, 0)
    assert ends.log_likelihood[0] == walk.seen[5] == max(walk.seen)
    np.testing.assert_array_equal(
        ends.trace_log_likelihood[0, :6], np.maximum.accumulate(walk.seen), strict=True
    )
    assert np.isnan(ends.trace_passes[0, 6:]).all()


def test_a_solver_says_why_it_ended_by_itself():
    objective = cell()
    ends = run(objective, Walk([], Status.BUDGET), starts(objective, count=2))
    assert (ends.status == Status.BUDGET).all()
    assert (ends.n_passes == 1).all()


def test_the_budget_stops_a_solver_at_once():
    objective = cell()
    path = em_path(objective, 30)
    walk = Walk(path[1:])
    ends = run(objective, walk, path[0], max_passes=7)
    assert ends.status[0] == Status.BUDGET
    assert ends.n_passes[0] == 7
    assert len(walk.seen) == 6  # the seventh evaluation did not come back


class Scripted:
    """A family that finds the given log-likelihoods and decrements, one after the other."""

    def __init__(self, family, found):
        self.family, self.found = family, iter(found)

    def __getattr__(self, name):
        return getattr(self.family, name)

    def evaluate(self, prepared, parameters, assignment=None):
        evaluation = self.family.evaluate(prepared, parameters, assignment)
        value, decrement = next(self.found, (-374.0, 0.0))
        return dataclasses.replace(
            evaluation, log_likelihood=np.array([value]), decrement=np.array([decrement])
        )


@pytest.mark.parametrize(
    ("tol", "fall", "status"),
    [
        (1e-8, 1e-10, Status.CONVERGED),
        (1e-12, 1e-10, Status.STALLED),  # no convergence
        (1e-8, 1e-3, Status.STALLED),  # no rounding
    ],
)
def test_a_converged_point_that_is_lower_by_rounding_is_the_end(tol, fall, status):
    objective = cell()
    path = em_path(objective, 2)
    family = Scripted(objective.family, [(-400.0, 1.0), (-374.0, 1e-6), (-374.0 - fall, 1e-9)])
    ends = run(dataclasses.replace(objective, family=family), Walk(path[1:]), path[0], tol=tol)
    assert ends.status[0] == status
    converged = status == Status.CONVERGED
    assert ends.em_decrement[0] == (1e-9 if converged else 1e-6)
    assert ends.log_likelihood[0] == -374.0 - (fall if converged else 0.0)
    assert ends.n_decreases[0] == 0


def test_points_off_the_simplex_are_violations_and_never_current():
    objective = cell()
    path = em_path(objective, 2)
    # twice every weight adds n log 2 to what would be the log-likelihood, were this a mixture
    heavy = {**path[1], "weights": 2 * path[1]["weights"]}
    walk = Walk([heavy, path[1]])
    ends = run(objective, walk, path[0])
    assert walk.seen[1] > walk.seen[2] > walk.seen[0]
    assert ends.n_constraint_violations[0] == 1
    assert ends.log_likelihood[0] == walk.seen[2]


def test_a_collapse_and_a_start_without_likelihood_stop_a_solver():
    objective = cell()
    path = em_path(objective, 1)
    tight = {name: values.copy() for name, values in path[0].items()}
    tight["means"][0, 0] = objective.X[0]
    tight["cholesky"][0, 0] = 1e-100 * np.eye(2)
    ends = run(objective, Walk([tight]), path[0])
    assert ends.status[0] == Status.COLLAPSED
    assert np.isfinite(ends.log_likelihood[0])
    broken = {**path[0], "means": np.full_like(path[0]["means"], np.nan)}
    assert run(objective, Walk([]), broken).status[0] == Status.DIVERGED


class Moody(Walk):
    def solve(self, objective, start, probe):
        probe(start)
        if start["means"][0, 0, 0] > 0.8:
            raise ZeroDivisionError("a high mean")
        return Status.STALLED


def test_an_exception_costs_only_its_own_fit(caplog):
    objective = cell("faithful", "gaussian-full", 2)
    begin = starts(objective, count=12)
    ends = run(objective, Moody([]), begin)
    wrong = begin["means"][:, 0, 0] > 0.8
    assert 0 < wrong.sum() < 12
    np.testing.assert_array_equal(ends.status, np.where(wrong, Status.ERROR, Status.STALLED))
    assert "a high mean" in caplog.text
    # each has taken a pass at its start
    np.testing.assert_array_equal(ends.n_passes, 1)
    np.testing.assert_allclose(ends.log_likelihood, objective.evaluate(begin).log_likelihood, rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_derivatives_of_the_loss_are_its_differences_and_cost_their_passes(family):
    objective = cell("faithful", family, 2).in_coordinates(NATURAL)
    points = scattered_points(cell("faithful", family, 2), count=1)

    class Check(Walk):
        def solve(self, objective, start, probe):
            loss, vector = Loss(objective, probe), objective.to_vector(start)[0]
            gradient = loss.gradient(vector)
            for unit in np.eye(len(vector))[:3]:
                slope = (loss.value(vector + 1e-6 * unit) - loss.value(vector - 1e-6 * unit)) / 2e-6
                np.testing.assert_allclose(gradient @ unit, slope, rtol=1e-5, atol=1e-7)
            hessian = loss.hessian(vector)
            direction = np.linspace(-1, 1, len(vector))
            product = loss.hessian_product(vector, direction)
            np.testing.assert_allclose(
                hessian @ direction, product, rtol=1e-4, atol=1e-5 * np.abs(hessian).max()
            )
            return Status.STALLED

    ends = run(objective, Check([]), points, tol=0)
    size = objective.to_vector(points).shape[1]
    # gradient and value share a pass, and the point is looked at again after four others
    assert ends.n_passes[0] == 1 + 6 + 1 + size + 1


def test_a_point_without_a_loss_is_high_flat_and_finite():
    objective = cell("faithful", "gaussian-full", 2)

    class Leap(Walk):
        def solve(self, objective, start, probe):
            loss, vector = Loss(objective, probe), objective.to_vector(start)[0]
            near, far = loss.value(vector), vector + 1e4
            assert near < loss.value(far) < near + 1000
            assert (loss.gradient(far) == 0).all()
            return Status.STALLED

    ends = run(objective, Leap([]), starts(objective, count=1))
    assert ends.status[0] == Status.STALLED
    assert ends.n_trial_passes[0] == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_natural_bounds_hold_every_sound_point_and_nothing_far_below_the_floor(family):
    objective = cell("iris", family, 3, covariance_floor=1e-2).in_coordinates(NATURAL)
    points = scattered_points(cell("iris", family, 3), count=30)
    limits, vectors = bounds(objective), objective.to_vector(points)
    assert limits.lb.shape == vectors.shape[1:]
    sound = objective.family.smallest_eigenvalues(points).min(axis=1) >= objective.eigenvalue_floor
    assert sound.any()
    assert (vectors >= limits.lb)[sound].all()
    assert (limits.ub == np.inf).all()
    shrunk = {**points}
    scale = next(name for name, kind in objective.family.kinds.items() if kind in ("cholesky", "deviation"))
    shrunk[scale] = 1e-4 * BELOW_FLOOR * points[scale]
    assert (objective.to_vector(shrunk) < limits.lb).any(axis=1).all()
    np.testing.assert_allclose(vectors @ weight_indicator(objective), 1.0)
    assert weight_indicator(objective).sum() == 3


@pytest.mark.parametrize("name", ["slsqp", "trust-constr"])
def test_constrained_solvers_keep_their_endpoints_on_the_simplex(name):
    objective = cell("galaxies", "gaussian-full", 4)
    ends = run(objective, METHODS[name](), starts(objective, "galaxies", 6), max_passes=400)
    np.testing.assert_allclose(ends.parameters["weights"].sum(axis=1), 1.0, atol=1e-9)
    assert (ends.parameters["weights"] > 0).all()
    assert (ends.n_decreases == 0).all()
    assert set(ends.status.tolist()) <= {Status.CONVERGED, Status.COLLAPSED, Status.STALLED, Status.BUDGET}
    assert (ends.status == Status.CONVERGED).any()


@pytest.mark.parametrize("solver", sorted({*SOLVERS} - {*SLOW}))
def test_every_solver_with_gradients_ends_in_the_optimum_of_the_basin(solver):
    objective = cell("faithful", "gaussian-full", 2)
    begin = run(objective, METHODS["em"](), starts(objective, count=2, initializer="kmeans++"), max_passes=15)
    method = METHODS["scipy"](solver=solver, **NEEDED.get(solver, {}))
    ends = run(objective, method, begin.parameters, tol=1e-11)
    reference = run(objective, METHODS["em"](), begin.parameters, tol=1e-14)
    assert (ends.status == Status.CONVERGED).all()
    np.testing.assert_allclose(ends.log_likelihood, reference.log_likelihood, atol=1e-6)


@pytest.mark.parametrize("solver", SLOW)
def test_solvers_without_gradients_go_up_and_count_what_they_take(solver):
    objective = cell("faithful", "gaussian-spherical", 2)
    begin = starts(objective, count=1, initializer="kmeans++")
    ends = run(objective, METHODS["scipy"](solver=solver), begin, tol=1e-11, max_passes=150)
    assert ends.log_likelihood[0] > objective.evaluate(begin).log_likelihood[0]
    assert ends.status[0] in (Status.CONVERGED, Status.BUDGET, Status.STALLED)
    assert ends.n_function_values[0] == ends.n_passes[0] <= 150


@pytest.mark.parametrize("solver", ["BFGS", "Newton-CG"])
def test_the_number_of_evaluations_is_that_which_scipy_reports(solver):
    from scipy.optimize import minimize

    objective = cell("faithful", "gaussian-full", 2)
    begin = run(objective, METHODS["em"](), starts(objective, count=1), max_passes=8).parameters

    def loss(vector):
        point = objective.from_vector(vector[None])
        value, gradient = objective.loss(vector[None], point, objective.evaluate(point))
        return value[0], gradient[0]

    products = []

    def product(vector, direction):
        products.append(vector)
        step = 1e-7 / np.linalg.norm(direction)
        return (loss(vector + step * direction)[1] - loss(vector)[1]) / step

    second = {"hessp": product} if solver == "Newton-CG" else {}
    peer = minimize(
        loss, objective.to_vector(begin)[0], jac=True, method=solver, options={"maxiter": 4}, **second
    )
    ends = run(objective, METHODS["scipy"](solver=solver), begin, tol=0, max_passes=peer.nfev + len(products))
    # differences of gradients magnify rounding by 1 / 1e-7
    np.testing.assert_allclose(-ends.log_likelihood[0] / objective.n_rows, peer.fun, rtol=1e-7)
    assert ends.n_trial_passes[0] >= len(products)


def test_scipy_moves_in_the_coordinates_of_its_settings():
    objective = cell("faithful", "gaussian-full", 3)
    begin = starts(objective, count=1)
    methods = [METHODS["scipy"](), METHODS["scipy"](weights="stick-breaking", covariances="square-factor")]
    assert methods[1].parametrisation == Parametrisation("stick-breaking", "square-factor")
    values = [run(objective, method, begin, max_passes=10).log_likelihood[0] for method in methods]
    assert abs(values[0] - values[1]) > 1e-3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"solver": "bfgs"}, ["did you mean 'BFGS'", "trust-krylov"]),
        ({"solver": "Nelder Mead"}, ["did you mean 'Nelder-Mead'"]),
        ({"solver": 3}, ["solver is 3"]),
        ({"covariances": "natural"}, ["covariances", "expected one of"]),
    ],
)
def test_unknown_solvers_are_named(settings, words):
    with pytest.raises(MixsweepError) as caught:
        METHODS["scipy"](**settings)
    for word in words:
        assert word in str(caught.value)


#: scikit-learn's covariance type, and how its precisions follow from parameters in standardised units.
PEERS = {
    "gaussian-full": ("full", lambda p: np.linalg.inv(p["cholesky"] @ p["cholesky"].swapaxes(-1, -2))),
    "gaussian-diag": ("diag", lambda p: p["deviations"] ** -2.0),
    "gaussian-spherical": ("spherical", lambda p: p["deviations"] ** -2.0),
    "gaussian-tied": ("tied", lambda p: np.linalg.inv(p["cholesky"] @ p["cholesky"].swapaxes(-1, -2))[:, 0]),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("settings", "max_passes"), [({}, 500), ({"tol": 1e-7}, 500), ({"max_iter": 3}, 9)])
@pytest.mark.parametrize("family", PEERS)
def test_scikit_learn_is_what_a_user_gets_from_the_same_start(family, settings, max_passes):
    objective = cell("faithful", family, 3)
    begin = starts(objective, count=3)
    ends = run(objective, METHODS["scikit-learn"](**settings), begin, tol=1e-300, max_passes=max_passes)
    covariance_type, precisions = PEERS[family]
    for r in range(3):
        own = take(begin, slice(r, r + 1))
        peer = GaussianMixture(
            3,
            covariance_type=covariance_type,
            weights_init=own["weights"][0],
            means_init=own["means"][0],
            precisions_init=precisions(own)[0],
            **settings,
        ).fit(objective.X)
        np.testing.assert_allclose(ends.log_likelihood[r], peer.score(objective.X) * 272, rtol=1e-9)
        np.testing.assert_allclose(ends.parameters["means"][r], peer.means_, atol=1e-6)
        assert ends.n_passes[r] == ends.n_function_values[r] == peer.n_iter_ + 1
        assert ends.n_iterations[r] == peer.n_iter_
        assert ends.status[r] == (Status.STALLED if peer.converged_ else Status.BUDGET)
    np.testing.assert_allclose(
        ends.trace_log_likelihood[:, :1], objective.evaluate(begin).log_likelihood[:, None], rtol=1e-12
    )
    last = np.nanmax(ends.trace_passes, axis=1)
    np.testing.assert_array_equal(last, ends.n_passes)


def test_scikit_learn_keeps_to_the_pass_budget():
    objective = cell("faithful", "gaussian-full", 3)
    for budget in (1, 2, 6):
        ends = run(objective, METHODS["scikit-learn"](), starts(objective, count=3), max_passes=budget)
        assert (ends.n_passes == budget).all()
        assert (ends.status == Status.BUDGET).all()


def test_where_scikit_learn_ends_is_its_endpoint_even_if_it_went_down():
    objective = cell("faithful", "gaussian-full", 2)
    best = run(objective, METHODS["em"](), starts(objective, count=1), tol=1e-12)
    ends = run(objective, METHODS["scikit-learn"](reg_covar=0.1), best.parameters, tol=1e-300)
    assert ends.n_decreases[0] == 1
    np.testing.assert_allclose(ends.largest_decrease, best.log_likelihood - ends.log_likelihood, rtol=1e-6)


@pytest.mark.parametrize("problem", ["family", "weights"])
def test_scikit_learn_refuses_what_it_does_not_have(problem):
    X = load_builtin("faithful").X
    weights = np.ones(len(X)) if problem == "weights" else None
    objective = Objective.of(X, "gaussian-full", 2, 1e-6, weights)
    if problem == "family":
        object.__setattr__(objective.family, "name", "student-t")
    words = {
        "family": "cannot fit family student-t: scikit-learn has gaussian-full",
        "weights": "rows have weights",
    }
    with pytest.raises(MixsweepError, match=words[problem]):
        run(objective, METHODS["scikit-learn"](), starts(cell("faithful", n_components=2), count=1))


def test_without_scikit_learn_its_name_and_how_to_get_it_are_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.mixture", None)
    objective = cell("faithful", "gaussian-full", 2)
    with pytest.raises(MixsweepError, match=r"not installed.*mixsweep\[scikit-learn\]"):
        run(objective, METHODS["scikit-learn"](), starts(objective, count=1))


@pytest.mark.parametrize("settings", [{"tol": -1.0}, {"reg_covar": -1.0}, {"max_iter": 0}])
def test_scikit_learn_settings_out_of_range_are_named(settings):
    with pytest.raises(MixsweepError, match=next(iter(settings))):
        METHODS["scikit-learn"](**settings)
