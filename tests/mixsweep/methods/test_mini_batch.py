"""Methods on mini-batches: what they look at, what it costs, and their steps."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from tests.mixsweep.helpers import cell, scattered_points, starts
from tests.mixsweep.test_loop import CountingFamily

from mixsweep.errors import MixsweepError
from mixsweep.loop import evaluate, run
from mixsweep.methods import METHODS
from mixsweep.methods.mini_batch import Schedule
from mixsweep.objective import Objective
from mixsweep.shard import make_method
from mixsweep.status import Status

STOCHASTIC = ("sgd", "adam", "rmsprop")


@pytest.mark.parametrize("n_mini_batches", [2, 5, 9])
@pytest.mark.parametrize("epochs_per_check", [1, 3])
def test_every_epoch_visits_every_part_once_between_passes_over_all_rows(n_mini_batches, epochs_per_check):
    schedule = Schedule(n_mini_batches, epochs_per_check)
    cycle = 1 + epochs_per_check * n_mini_batches
    seen = schedule.parts(np.arange(4.0 * cycle)).reshape(4, cycle)
    assert (seen[:, 0] == -1).all()
    epochs = seen[:, 1:].reshape(-1, n_mini_batches)
    np.testing.assert_array_equal(np.sort(epochs, axis=1), [range(n_mini_batches)] * len(epochs))
    assert len(np.unique(epochs, axis=0)) > 1


@pytest.mark.parametrize(
    ("batch_size", "count"), [(None, 1), (272, 1), (1000, 1), (271, 2), (64, 5), (1, 272)]
)
def test_parts_have_at_most_the_size_of_a_batch_and_hold_every_row_once(batch_size, count):
    objective = cell()
    schedule = Schedule.of(objective.n_rows, batch_size, 5)
    assert schedule.n_mini_batches == count
    rows = [objective.mini_batch_rows(index, count) for index in range(count)]
    np.testing.assert_array_equal(np.sort(np.concatenate(rows)), np.arange(objective.n_rows))
    assert max(map(len, rows)) <= (batch_size or objective.n_rows)
    assert max(map(len, rows)) - min(map(len, rows)) <= 1


def test_all_rows_at_every_pass_are_no_mini_batches():
    objective = cell()
    method = METHODS["sgd"](batch_size=objective.n_rows)
    state = method.start(objective, starts(objective), np.arange(6))
    assert method.ask(objective, state).mini_batch is None


@pytest.mark.parametrize("name", STOCHASTIC)
@pytest.mark.parametrize("batch_size", [100, 50, 7])
def test_a_mini_batch_costs_its_share_of_a_pass(name, batch_size):
    objective = cell()
    counting = CountingFamily(objective.family)
    objective = dataclasses.replace(objective, family=counting)
    begin = starts(objective, count=2)
    method = METHODS[name](batch_size=batch_size, epochs_per_check=2)
    before = counting.rows
    # two passes over all rows and two epochs between them, then an epoch
    ends = run(objective, method, begin, tol=0, max_passes=5)
    taken = Fraction(counting.rows - before, objective.n_rows)
    assert taken == 2 * 5 + 2  # and what is known at the end
    np.testing.assert_array_equal(ends.n_passes, 5)
    parts = -(-objective.n_rows // batch_size)
    np.testing.assert_array_equal(ends.n_function_values, 2 + 3 * parts)
    np.testing.assert_array_equal(ends.n_iterations, 1 + 3 * parts)
    assert (ends.n_trial_passes == 0).all()


def test_the_trace_has_the_passes_over_all_rows():
    objective = cell()
    method = METHODS["sgd"](batch_size=50, epochs_per_check=3)
    ends = run(objective, method, starts(objective, count=2), tol=0, max_passes=12)
    for passes, values in zip(ends.trace_passes, ends.trace_log_likelihood, strict=True):
        known = np.isfinite(passes)
        np.testing.assert_array_equal(passes[known], [1, 5, 9, 12])
        # the budget ended with an epoch of mini-batches: what is known is that of pass 9
        assert values[known][-1] == values[known][-2]


def test_gradients_of_the_parts_average_to_the_gradient():
    objective = cell("iris", "gaussian-full", 3)
    points = scattered_points(objective)
    vector = objective.to_vector(points)
    _, whole = objective.loss(vector, points, objective.evaluate(points))
    mean = np.zeros_like(whole)
    for index in range(7):
        _, part = objective.loss(vector, points, objective.evaluate_mini_batch(points, index, 7))
        mean += len(objective.mini_batch_rows(index, 7)) / objective.n_rows * part
    np.testing.assert_allclose(mean, whole, rtol=1e-9, atol=1e-12)


def path(method, points, objective, passes):
    """Coordinates asked for and gradients found there, passes first, restarts second."""
    state, seen = method.start(objective, points, np.arange(len(points["weights"]))), []
    for _ in range(passes):
        vector, request = state["vector"], method.ask(objective, state)
        evaluation, _ = evaluate(objective, request)
        _, gradient = objective.loss(vector, request.parameters, evaluation)
        seen.append((vector, gradient))
        state, _ = method.tell(objective, state, request.parameters, evaluation)
    return [np.array(column) for column in zip(*seen, strict=True)]


@pytest.mark.parametrize("decay_epochs", [None, 2.0])
def test_sgd_follows_its_recursion(decay_epochs):
    objective = cell()
    method = METHODS["sgd"](batch_size=100, learning_rate=0.02, decay_epochs=decay_epochs, momentum=0.7)
    points, gradients = path(method, starts(objective, count=3), objective, 20)
    velocity = np.zeros_like(points[0])
    for k in range(19):
        rate = 0.02 if decay_epochs is None else 0.02 / (1 + k / 3 / decay_epochs)  # 3 parts
        velocity = 0.7 * velocity - rate * gradients[k]
        np.testing.assert_allclose(points[k + 1], points[k] + velocity, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("batch_size", [None, 60])
def test_adam_follows_its_recursion(batch_size):
    objective = cell()
    method = METHODS["adam"](batch_size=batch_size, beta1=0.8, beta2=0.9)
    points, gradients = path(method, starts(objective, count=3), objective, 20)
    first = second = np.zeros_like(points[0])
    for k in range(19):
        first, second = 0.8 * first + 0.2 * gradients[k], 0.9 * second + 0.1 * gradients[k] ** 2
        move = 0.05 * first / (1 - 0.8 ** (k + 1)) / (np.sqrt(second / (1 - 0.9 ** (k + 1))) + 1e-8)
        np.testing.assert_allclose(points[k + 1], points[k] - move, rtol=1e-9, atol=1e-12)


def test_sgd_on_all_rows_at_a_constant_rate_is_gradient_descent():
    objective = cell()
    begin = starts(objective, count=3)
    sgd = METHODS["sgd"](batch_size=None, learning_rate=0.02, decay_epochs=None, momentum=0.9)
    gd = METHODS["gd"](learning_rate=0.02, momentum=0.9)
    np.testing.assert_allclose(
        path(sgd, begin, objective, 30)[0], path(gd, begin, objective, 30)[0], rtol=1e-9, atol=1e-12
    )


def test_falling_rates_come_nearer_to_the_optimum_than_constant_ones():
    objective = cell(n_components=2)
    begin = run(objective, METHODS["em"](), starts(objective, count=6, initializer="kmeans++"), tol=1e-3)
    best = run(objective, METHODS["em"](), begin.parameters, tol=1e-13).log_likelihood

    def gap(decay_epochs):
        method = METHODS["sgd"](decay_epochs=decay_epochs)
        ends = run(objective, method, begin.parameters, max_passes=200)
        assert (ends.status == Status.BUDGET).all()
        return np.median(best - ends.log_likelihood)

    constant, falling = gap(None), gap(5.0)
    assert 0 <= falling < 0.05 < constant


def test_only_passes_over_all_rows_are_found_converged():
    objective = cell(n_components=2)
    begin = run(objective, METHODS["em"](), starts(objective, count=4, initializer="kmeans++"), tol=1e-12)
    method = METHODS["adam"](batch_size=64, learning_rate=1e-5, epochs_per_check=1)
    ends = run(objective, method, begin.parameters, tol=1e-7)
    assert (ends.status == Status.CONVERGED).all()
    np.testing.assert_array_equal(ends.n_passes % 2, 1)


def test_a_component_without_rows_in_a_mini_batch_stays_where_it_is():
    # two rows so far from the rest, and a component so tight around them, that others underflow to zero
    X = np.random.default_rng(0).normal(size=(40, 1))
    X[:2] = [[500.0], [500.5]]
    objective = Objective.of(X, "gaussian-full", 2, 1e-12)
    z = objective.X
    points = objective.family.from_moments(
        np.array([[0.5, 0.5]]),
        np.array([[[z[2:].mean()], [z[:2].mean()]]]),
        np.array([[[[z[2:].var()]], [[z[:2].var()]]]]),
    )
    holders = {int(part) for part in range(10) for row in objective.mini_batch_rows(part, 10) if row < 2}
    absent = next(part for part in range(10) if part not in holders)
    assert (objective.evaluate_mini_batch(points, absent, 10).counts[:, 1] == 0).all()
    method = METHODS["sgd"](batch_size=4, learning_rate=1e-4, momentum=0.0)
    coordinates, gradients = path(method, points, objective, 40)
    lost = ~np.isfinite(gradients[:-1])
    # of two logits, two means and two logarithms of deviations: mean and deviation of the second component
    np.testing.assert_array_equal(lost.any(axis=(0, 1)), [False, False, False, True, False, True])
    np.testing.assert_array_equal(np.diff(coordinates, axis=0)[lost], 0.0)
    ends = run(objective, method, points, max_passes=30)
    assert Status(ends.status[0]) is Status.BUDGET


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"method": "sgd", "learning_rate": 0}, ["sgd", "learning_rate", "positive"]),
        ({"method": "sgd", "learning_rate": -1.0}, ["sgd", "learning_rate", "-1.0", "positive"]),
        ({"method": "sgd", "decay_epochs": 0}, ["sgd", "decay_epochs", "positive"]),
        ({"method": "sgd", "momentum": 1}, ["sgd", "momentum", "[0, 1)"]),
        ({"method": "sgd", "batch_size": 0}, ["sgd", "batch_size", "at least 1"]),
        ({"method": "adam", "batch_size": 2.5}, ["adam", "batch_size", "2.5", "integer"]),
        ({"method": "rmsprop", "epochs_per_check": 0}, ["rmsprop", "epochs_per_check", "at least 1"]),
        ({"method": "sgd", "epochs_per_check": None}, ["sgd", "epochs_per_check", "integer"]),
        ({"method": "sgd", "weights": "natural"}, ["sgd", "weights", "softmax"]),
    ],
)
def test_bad_settings_are_named(settings, words):
    with pytest.raises(MixsweepError) as caught:
        make_method(settings)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("name", STOCHASTIC)
def test_absurd_rates_give_statuses_not_exceptions(name):
    objective = cell("iris", "gaussian-full", 3)
    method = METHODS[name](batch_size=20, learning_rate=1e6)
    ends = run(objective, method, starts(objective, "iris", 5), max_passes=20)
    assert set(ends.status.tolist()) <= {int(status) for status in Status} - {0}
    assert np.isfinite(ends.log_likelihood).all()
