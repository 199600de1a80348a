"""What the ledger records of every fit, whatever its method."""

from __future__ import annotations

import numpy as np
import pytest

from mixsweep import ledger
from mixsweep.analysis.census import Thresholds, census
from mixsweep.endpoints import take
from mixsweep.families import FAMILIES as FAMILY_CLASSES
from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.methods.ability import why_unable
from mixsweep.methods.base import Request, Step
from mixsweep.methods.em import EM
from mixsweep.objective import Objective
from mixsweep.problems import Problem
from mixsweep.schema import KINDS
from mixsweep.status import Status
from tests.mixsweep.helpers import FAMILIES, SOLVERS, cell, fits_at, scattered_points, starts
from tests.mixsweep.helpers import METHODS as NAMES


class Told:
    """Visits given points one after the other, EM points between them."""

    name = "told"
    expected_passes = 10

    def __init__(self, change):
        self.change = change

    def start(self, objective, parameters, seeds):
        return {**parameters, "pass": np.zeros(len(seeds))}

    def ask(self, objective, state):
        return Request({name: values for name, values in state.items() if name != "pass"})

    def tell(self, objective, state, parameters, evaluation):
        number = int(state["pass"][0]) + 1
        moved = {name: values.copy() for name, values in evaluation.maximised.items()}
        self.change(number, moved, parameters)
        return {**moved, "pass": state["pass"] + 1}, Step.taken(evaluation)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", ["em", "lbfgs", "squarem", "adam", "newton-cg"])
def test_identical_components_end_in_a_saddle_and_do_not_count_as_converged(family, method):
    objective = cell("faithful", family, 2)
    begin = starts(objective, count=3)
    begin["means"][:, 1] = begin["means"][:, 0]
    ends = run(objective, METHODS[method](), begin, tol=1e-9, max_passes=1500)
    assert not (ends.status == Status.CONVERGED).any()
    known = ends.status == Status.SADDLE
    # Adam, and EM toward infinite degrees of freedom, may use up their passes near it
    if (method, family) != ("em", "student-t") and method != "adam":
        assert known.all()
    assert objective.coincident({name: values[known] for name, values in ends.parameters.items()}).all()


@pytest.mark.parametrize("family", ["gaussian-full", "gaussian-diag", "gaussian-tied"])
@pytest.mark.parametrize("method", ["em", "squarem", "lbfgs"])
def test_nearly_identical_components_do_not_end_as_converged_beside_the_saddle(family, method):
    objective = cell("faithful", family, 3)
    for apart in (1e-10, 1e-9, 1e-8, 1e-7, 1e-6):
        begin = starts(objective, count=3)
        begin["means"][:, 1] = begin["means"][:, 0] + apart
        begin["weights"][:] = [0.2, 0.3, 0.5]
        ends = run(objective, METHODS[method](), begin, tol=1e-8, max_passes=600)
        converged = np.flatnonzero(ends.status == Status.CONVERGED)
        # where EM goes on it leaves a saddle, and stays at a maximum
        on = run(objective, EM(), take(ends.parameters, converged), tol=0, max_passes=600)
        assert (on.log_likelihood - ends.log_likelihood[converged] < 0.1).all()


def test_fits_called_saddles_rise_when_em_goes_on():
    # a family and data where starts lead EM beside such points: no maximum may be among them
    objective = cell("galaxies", "gaussian-tied", 4)
    ends = run(objective, EM(), starts(objective, "galaxies", 40), tol=1e-6, max_passes=400)
    beside = np.flatnonzero(ends.status == Status.SADDLE)
    near = take(ends.parameters, beside)
    driven = objective.driven_apart(near, objective.evaluate(near).maximised)
    assert driven.sum() > 10
    # or the components were equal within rounding, which EM keeps
    assert (driven | objective.coincident(near)).all()
    on = run(objective, EM(), take(near, driven), tol=0, max_passes=2000)
    assert (on.log_likelihood - ends.log_likelihood[beside[driven]] > 0.1).all()


def test_a_saddle_of_distinct_components_is_called_converged_and_found_by_the_census():
    # the start and the rows are mirror images of themselves, and so is every EM step
    rng = np.random.default_rng(0)
    quarter = np.abs(rng.standard_normal((30, 2))) * [0.3, 1.0] + [3.0, 0.0]
    X = np.concatenate([quarter * signs for signs in ([1, 1], [1, -1], [-1, 1], [-1, -1])])
    problem = Problem("mirrored", X, ("x", "y"))
    objective = Objective.of_problem(problem, "gaussian-full", 2, 1e-6)
    covariances = np.broadcast_to(objective.covariance, (1, 2, 2, 2))
    means = np.array([[[0.0, 1.0], [0.0, -1.0]]])
    begin = objective.family.from_moments(np.full((1, 2), 0.5), means, covariances)
    ends = run(objective, EM(), begin, tol=1e-12)
    assert ends.status[0] == Status.CONVERGED
    assert np.ptp(ends.parameters["means"][0, :, 1]) > 0.1
    reported = objective.family.to_reported(ends.parameters, objective.location, objective.scale)
    optima = census(problem, fits_at(problem, **reported), Thresholds())
    assert KINDS[int(optima["kind"][int(optima["fit_optimum"][0, 0, 0])])] == "saddle"


def test_a_fit_that_diverges_keeps_the_best_point_it_visited():
    objective = cell("faithful", "gaussian-full", 2)
    begin = starts(objective, count=2)

    def change(number, moved, parameters):
        if number == 6:
            moved["means"] += 1.0  # a bad point ...
        if number == 7:
            moved["means"][:] = np.nan  # ... from which it runs away

    ends = run(objective, Told(change), begin, tol=0, max_passes=50)
    assert (ends.status == Status.DIVERGED).all()
    best = run(objective, EM(), begin, tol=0, max_passes=6)
    np.testing.assert_allclose(ends.log_likelihood, best.log_likelihood, rtol=1e-12)
    again = objective.evaluate(ends.parameters)
    np.testing.assert_allclose(again.log_likelihood, ends.log_likelihood, rtol=1e-12)
    assert (ends.n_decreases == 1).all()
    assert (ends.largest_decrease > 1).all()


def test_points_outside_the_constraints_are_counted():
    objective = cell("faithful", "gaussian-full", 2)

    def change(number, moved, parameters):
        if number in (3, 5):
            moved["weights"] = moved["weights"] * [[-1.0, 3.0]]
        if number in (4, 6):  # back to where it was
            for name, values in parameters.items():
                moved[name] = np.abs(values)

    ends = run(objective, Told(change), starts(objective, count=2), tol=0, max_passes=4)
    np.testing.assert_array_equal(ends.n_constraint_violations, 1)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_gradient_at_the_end_is_that_of_the_endpoint(family):
    objective = cell("iris", family)
    ends = run(objective, METHODS["lbfgs"](covariances="matrix-logarithm"), scattered_points(objective))
    vector = objective.to_vector(ends.parameters)
    _, gradient = objective.loss(vector, ends.parameters, objective.evaluate(ends.parameters))
    np.testing.assert_allclose(ends.gradient_norm, np.linalg.norm(gradient, axis=1), rtol=1e-6)


@pytest.mark.parametrize(
    ("family", "name"),
    [
        (family, name)
        for family in ("gaussian-full", "student-t")
        for name in sorted({*NAMES} - {*SOLVERS})
        if not why_unable(METHODS[name](), FAMILY_CLASSES[family])
    ],
)
def test_the_pass_that_ends_a_fit_describes_its_end_as_one_more_would(family, name, monkeypatch):
    objective = cell("faithful", family, 3)
    method, begin = METHODS[name](), starts(objective)
    monkeypatch.setattr(ledger, "WORTH_REUSE", np.inf)
    measured = run(objective, method, begin, max_passes=20)
    monkeypatch.setattr(ledger, "WORTH_REUSE", 0)
    reused = run(objective, method, begin, max_passes=20)
    for field in ("n_floored_components", "n_vanishing_components", "log_likelihood"):
        np.testing.assert_array_equal(getattr(reused, field), getattr(measured, field))
    # a decrement is a difference that loses its last digits as it falls
    np.testing.assert_allclose(reused.em_decrement, measured.em_decrement, rtol=1e-6, atol=1e-14)
    np.testing.assert_allclose(reused.gradient_norm, measured.gradient_norm, rtol=1e-6, atol=1e-12)


def test_a_long_pass_that_ends_fits_is_not_taken_again(monkeypatch):
    objective = cell("faithful", "gaussian-full", 2)
    taken = []
    evaluate = type(objective).evaluate

    def counting(self, parameters, *arguments):
        taken.append(len(parameters["weights"]))
        return evaluate(self, parameters, *arguments)

    monkeypatch.setattr(type(objective), "evaluate", counting)
    monkeypatch.setattr(ledger, "WORTH_REUSE", 4 * 2 * objective.n_rows)
    run(objective, EM(), starts(objective, count=4), tol=0, max_passes=5)
    assert taken == [4] * 5
    taken.clear()
    run(objective, EM(), starts(objective, count=3), tol=0, max_passes=5)
    assert taken == [3] * 6


def test_a_vanishing_component_and_one_below_the_floor_are_counted():
    objective = cell("faithful", "gaussian-full", 2)
    begin = starts(objective, count=2)
    begin["means"][0, 1] = objective.X[0]
    begin["cholesky"][0, 1] = 1e-6 * np.eye(2)
    begin["weights"][1] = [1 - 1e-5, 1e-5]
    begin["means"][1] = begin["means"][1, :1] + [[0.0, 0.0], [50.0, 50.0]]
    ends = run(objective, EM(), begin, tol=0, max_passes=1)
    np.testing.assert_array_equal(ends.n_floored_components, [1, 0])
    np.testing.assert_array_equal(ends.n_vanishing_components[1], 1)


def test_a_line_search_that_tries_in_vain_has_trial_passes():
    objective = cell("iris", "gaussian-full", 3)
    ends = run(objective, METHODS["lbfgs"](), starts(objective, "iris", 10), tol=1e-8)
    assert (ends.n_trial_passes > 0).any()
    accepted = ends.n_passes - ends.n_trial_passes
    np.testing.assert_allclose(accepted, ends.n_iterations + 1)
