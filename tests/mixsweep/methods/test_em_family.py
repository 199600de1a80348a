"""The relatives of EM, and what they ask of families: what theory says of each."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.mixsweep.helpers import FAMILIES, GAUSSIAN, blobs, cell, scattered_points, starts

from mixsweep import loop
from mixsweep.endpoints import take
from mixsweep.errors import MixsweepError
from mixsweep.families import FAMILIES as REGISTERED
from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.objective import Objective
from mixsweep.shard import make_method
from mixsweep.status import Status

FULL, DIAG, SPHERICAL = "gaussian-full", "gaussian-diag", "gaussian-spherical"
#: Cells with one dominant basin each, so that methods that leave their basin come back.
CELLS = [("faithful", FULL, 2), ("iris", DIAG, 2), ("galaxies", SPHERICAL, 3)]


def offering(*hooks):
    return [name for name in FAMILIES if all(hasattr(REGISTERED[name], hook) for hook in hooks)]


def coordinates_gradient(objective, parameters, evaluation):
    """Gradient of Q(. | point of the evaluation) in default coordinates."""
    own = objective.family.complete_gradient(parameters, evaluation)
    vector = objective.to_vector(parameters)
    return objective.parametrisation.gradient(objective.family, vector, parameters, own)


def responsibilities(objective, parameters):
    logits = objective.logits(parameters)
    share = np.exp(logits - logits.max(axis=1, keepdims=True))
    return share / share.sum(axis=1, keepdims=True)


class Recorded:
    """A method that remembers every request and what was found there."""

    def __init__(self, method):
        self.method, self.requests, self.found, self.steps = method, [], [], []

    def __getattr__(self, name):
        return getattr(self.method, name)

    def ask(self, objective, state):
        self.requests.append(self.method.ask(objective, state))
        return self.requests[-1]

    def tell(self, objective, state, parameters, evaluation):
        state, step = self.method.tell(objective, state, parameters, evaluation)
        self.found.append(evaluation)
        self.steps.append(step)
        return state, step

    @property
    def values(self):
        return np.array([evaluation.log_likelihood for evaluation in self.found])


def recorded(objective, name, begin, max_passes=60, **settings):
    """Run a batch to its budget with no fit leaving it early; return the record and the endpoints."""
    watched = Recorded(METHODS[name](**settings))
    return watched, run(objective, watched, begin, tol=0, max_passes=max_passes)


# what families offer


@pytest.mark.parametrize("family", offering("complete_gradient"))
def test_the_gradient_of_q_at_the_pass_is_that_of_the_log_likelihood(family):
    objective = cell("iris", family)
    points = scattered_points(objective)
    evaluation = objective.evaluate(points)
    found = objective.family.complete_gradient(points, evaluation)
    for name, derivative in objective.family.gradient(points, evaluation).items():
        scale = np.abs(derivative).max()
        np.testing.assert_allclose(found[name], derivative, rtol=1e-9, atol=1e-11 * scale)


@pytest.mark.parametrize("family", GAUSSIAN)
def test_the_gradient_of_q_away_from_the_pass_agrees_with_central_differences(family):
    objective = cell("iris", family)
    points = scattered_points(objective, count=2)
    evaluation, share = objective.evaluate(points), responsibilities(objective, points)
    elsewhere = objective.to_vector(points)
    elsewhere += 0.1 * np.random.default_rng(1).standard_normal(elsewhere.shape)
    gradient = coordinates_gradient(objective, objective.from_vector(elsewhere), evaluation)
    h = 1e-5
    for j in range(elsewhere.shape[1]):
        step = np.zeros_like(elsewhere)
        step[:, j] = h
        up, down = (
            (share * objective.logits(objective.from_vector(elsewhere + sign * step))).sum(axis=(1, 2))
            for sign in (1, -1)
        )
        # central differences of values near 1e3: rounding 1e-13 / 1e-5, and h^2 times third derivatives
        np.testing.assert_allclose(gradient[:, j], (up - down) / (2 * h), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("family", GAUSSIAN)
def test_the_gradient_of_q_vanishes_at_the_m_step(family):
    objective = cell("iris", family)
    points = scattered_points(objective)
    evaluation = objective.evaluate(points)
    gradient = coordinates_gradient(objective, evaluation.maximised, evaluation)
    np.testing.assert_allclose(gradient, 0, atol=1e-10 * objective.n_rows)


@pytest.mark.parametrize("family", offering("complete_gradient", "conditional_step"))
def test_conditional_steps_maximise_q_over_their_block_and_leave_the_others(family):
    objective = cell("iris", family)
    points = scattered_points(objective)
    evaluation = objective.evaluate(points)
    charts = objective.parametrisation.charts(objective.family)
    shapes = objective.family.shapes(objective.n_components, objective.n_features)
    edges = np.cumsum([0, *(chart.size(shapes[name]) for name, chart in charts.items())])
    place = {name: slice(*edges[i : i + 2]) for i, name in enumerate(charts)}
    seen = []
    for cycle in range(objective.family.n_cycles):
        moved = objective.family.conditional_step(points, evaluation, cycle)
        assert list(moved) == list(points)
        block = [name for name in points if not np.array_equal(moved[name], points[name])]
        gradient = coordinates_gradient(objective, moved, evaluation)
        for name in block:
            np.testing.assert_allclose(gradient[:, place[name]], 0, atol=1e-8 * objective.n_rows)
        seen += block
    assert sorted(seen) == sorted(points)


@pytest.mark.parametrize("family", offering("moment_step"))
def test_a_whole_step_in_moments_is_an_em_step(family):
    objective = cell("iris", family)
    points = scattered_points(objective)
    evaluation = objective.evaluate(points)
    for name, values in objective.family.moment_step(points, evaluation, np.ones(4)).items():
        np.testing.assert_allclose(values, evaluation.maximised[name], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("n_batches", [50, 150])
def test_a_step_in_moments_of_fewer_rows_than_features_is_right(n_batches):
    # three rows of four features, or one: covariances without Cholesky factors
    objective = cell("iris", FULL)
    points = scattered_points(objective)
    evaluation = objective.evaluate_mini_batch(points, 5, n_batches)
    rows = objective.X[objective.mini_batch_rows(5, n_batches)]
    share = responsibilities(dataclasses.replace(objective, prepared=objective.family.prepare(rows)), points)
    found = objective.family.moment_step(points, evaluation, np.full(4, 0.2))

    def moments(parameters):
        centres = parameters["means"]
        second = parameters["cholesky"] @ parameters["cholesky"].swapaxes(-1, -2)
        second += centres[..., :, None] * centres[..., None, :]
        weights = parameters["weights"]
        return weights, weights[..., None] * centres, weights[..., None, None] * second

    of_rows = (
        np.einsum(form, share, *[rows] * count) / len(rows)
        for count, form in enumerate(("rki->rk", "rki,ia->rka", "rki,ia,ib->rkab"))
    )
    for after, before, target in zip(moments(found), moments(points), of_rows, strict=True):
        np.testing.assert_allclose(after, 0.8 * before + 0.2 * target, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("family", offering("moment_step"))
def test_a_component_without_rows_keeps_its_parameters_but_the_weight(family):
    objective = cell("iris", family)
    points = scattered_points(objective)
    points["means"][:, 1] += 1e4
    if "tails" in points:
        points["tails"][:, 1] = 0  # normal ones: no others are ever exactly without rows
    evaluation = objective.evaluate_mini_batch(points, 0, 10)
    assert (evaluation.counts[:, 1] == 0).all()
    with np.errstate(all="ignore"):  # as in the loop
        found = objective.family.moment_step(points, evaluation, np.full(4, 0.2))
    np.testing.assert_allclose(found["weights"][:, 1], 0.8 * points["weights"][:, 1], rtol=1e-14)
    np.testing.assert_array_equal(found["means"][:, 1], points["means"][:, 1])
    assert not objective.outside(found).any()
    assert all(np.isfinite(values).all() for values in found.values())


@pytest.mark.parametrize("family", [DIAG, SPHERICAL])
def test_of_a_component_with_one_row_the_variance_is_zero_not_undefined(family):
    objective = cell("iris", family)
    points = scattered_points(objective, count=20)
    for index in range(10):
        evaluation = objective.evaluate_mini_batch(points, index, objective.n_rows)
        weighty = evaluation.counts > 1e-290
        deviations = evaluation.maximised["deviations"][weighty]
        assert np.isfinite(deviations).all()
        assert deviations.max() < 1e-5  # rounding of squares of 5, relative 1e-15, under a root


# gem


def test_gem_with_one_step_is_gradient_ascent():
    objective = cell("faithful", FULL, 3)
    begin = starts(objective)
    gem, _ = recorded(objective, "gem", begin, 20, n_steps=1, learning_rate=0.04)
    gd, _ = recorded(objective, "gd", begin, 20, momentum=0.0, learning_rate=0.04)
    np.testing.assert_allclose(gem.values, gd.values, rtol=1e-11)


@pytest.mark.parametrize("family", GAUSSIAN)
def test_gem_with_many_steps_approaches_em(family):
    objective = cell("faithful", family, 2)
    points = run(objective, METHODS["em"](), scattered_points(objective), tol=0, max_passes=3).parameters
    evaluation = objective.evaluate(points)
    distances = []
    for n_steps in (100, 6000):  # components of weight 0.09 are slow
        method = METHODS["gem"](n_steps=n_steps)
        state, _ = method.tell(objective, method.start(objective, points, np.arange(4)), points, evaluation)
        found = objective.from_vector(state["vector"])
        distances.append(max(np.abs(found[name] - evaluation.maximised[name]).max() for name in found))
    assert distances[1] < 1e-6
    assert distances[1] < 1e-3 * distances[0]


def test_gem_is_monotone_with_short_steps_and_the_ledger_counts_where_it_is_not():
    objective = cell("faithful", FULL, 3)
    begin = starts(objective)
    short = run(objective, METHODS["gem"](learning_rate=0.01), begin, tol=0, max_passes=200)
    long = run(objective, METHODS["gem"](learning_rate=0.5), begin, tol=0, max_passes=200)
    assert (short.n_decreases == 0).all()
    assert (long.n_decreases > 0).all()
    assert (long.largest_decrease > 0.1).all()


# ecm


@pytest.mark.parametrize("family", offering("conditional_step"))
def test_ecm_takes_a_pass_before_every_block_and_never_lowers_the_log_likelihood(family):
    objective = cell("iris", family, 3)
    begin = starts(objective, "iris", 10)
    watched, ends = recorded(objective, "ecm", begin, 61)
    assert (ends.n_decreases == 0).all()
    n_cycles = objective.family.n_cycles
    for k in range(len(watched.found) - 1):
        before, after = watched.requests[k].parameters, watched.requests[k + 1].parameters
        if len(before["weights"]) != len(after["weights"]):
            break  # a fit has collapsed and left
        expected = objective.family.conditional_step(before, watched.found[k], k % n_cycles)
        for name, values in expected.items():
            np.testing.assert_array_equal(after[name], values)
    assert k >= n_cycles


def test_ecm_takes_more_passes_than_em_to_the_same_optimum():
    objective = cell("faithful", FULL, 2)
    begin = starts(objective)
    ecm, em = (run(objective, METHODS[name](), begin, tol=1e-10) for name in ("ecm", "em"))
    np.testing.assert_allclose(ecm.log_likelihood, em.log_likelihood, atol=1e-6)
    assert np.median(ecm.n_passes / em.n_passes) > 1.3


def test_blocks_take_turns_in_a_batch_whose_fits_began_at_different_times(monkeypatch):
    objective = cell("faithful", FULL, 3)
    begin = starts(objective, count=9)
    together = run(objective, METHODS["ecm"](), begin, tol=1e-4)
    monkeypatch.setattr(loop, "BATCH_COLUMNS", 6)
    refilled = run(objective, METHODS["ecm"](), begin, tol=1e-4)
    assert len(np.unique(together.n_passes % 2)) == 2  # so that turns differ after refilling
    np.testing.assert_array_equal(refilled.n_passes, together.n_passes)
    np.testing.assert_allclose(refilled.log_likelihood, together.log_likelihood, rtol=1e-9)


# cem


@pytest.mark.parametrize(
    ("name", "family", "n_components"), [("faithful", FULL, 2), ("iris", DIAG, 3), ("galaxies", SPHERICAL, 3)]
)
def test_cem_raises_the_classification_likelihood_to_a_fixed_partition(name, family, n_components):
    objective = cell(name, family, n_components)
    begin = starts(objective, name, 1)
    watched = Recorded(METHODS["cem"]())
    ends = run(objective, watched, begin)
    assert Status(ends.status[0]) is Status.STALLED
    criterion, labels = [], []
    for request in watched.requests:
        logits = objective.logits(request.parameters)[0]
        criterion.append(logits.max(axis=0).sum())
        labels.append(logits.argmax(axis=0))
    assert np.diff(criterion).min() > -1e-9
    np.testing.assert_array_equal(labels[-1], labels[-2])
    # the last pass is plain, and says how far from an optimum of the mixture this is
    hard = [request.assignment.changed[0] for request in watched.requests]
    assert hard == [True] * (len(labels) - 1) + [False]
    assert ends.em_decrement[0] > 1e-6
    # the partition's own moments
    for k in range(n_components):
        own = objective.X[labels[-1] == k]
        np.testing.assert_allclose(ends.parameters["weights"][0, k], len(own) / objective.n_rows, rtol=1e-12)
        np.testing.assert_allclose(ends.parameters["means"][0, k], own.mean(axis=0), atol=1e-10)


def test_cem_is_biased_where_components_overlap():
    objective = cell("faithful", FULL, 3)
    begin = starts(objective, count=20)
    cem, em = (run(objective, METHODS[name](), begin) for name in ("cem", "em"))
    assert (cem.status == Status.STALLED).all()
    assert cem.log_likelihood.max() < em.log_likelihood.max() - 1
    assert (cem.n_decreases > 0).any()  # of the mixture's log-likelihood
    again = run(objective, METHODS["em"](), cem.parameters)
    assert (again.log_likelihood > cem.log_likelihood + 1e-3).all()


def test_cem_converges_where_components_do_not_overlap():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(40, 2)), rng.normal(100, 1, (60, 2))])
    objective = Objective.of(X, FULL, 2, 1e-6)
    ends = run(objective, METHODS["cem"](), starts(objective, "apart", 4, "kmeans++"))
    assert (ends.status == Status.CONVERGED).all()
    assert (ends.n_passes < 10).all()


def test_an_emptied_component_of_cem_collapses():
    objective = cell("faithful", FULL, 3)
    begin = starts(objective, count=2)
    begin["weights"][0] = [1e-6, 0.5, 0.5 - 1e-6]
    begin["means"][0, 0] = begin["means"][0, 1]  # never the most probable one
    ends = run(objective, METHODS["cem"](), begin)
    assert [Status(status) for status in ends.status] == [Status.COLLAPSED, Status.STALLED]
    assert np.isfinite(ends.log_likelihood).all()


# sem


def test_sem_begins_em_at_the_best_point_that_it_visited():
    objective = cell("faithful", FULL, 3)
    watched, ends = recorded(objective, "sem", starts(objective, count=10), 60, n_stochastic=30)
    accepted = np.array([step.accepted for step in watched.steps])
    assert (ends.n_decreases > 0).all()
    best = watched.values[:30].max(axis=0)
    np.testing.assert_allclose(watched.values[30], best, rtol=1e-12)
    assert accepted[30:].all()
    assert np.diff(watched.values[30:], axis=0).min() > -1e-9
    assert all(request.assignment is None for request in watched.requests[30:])


def test_sem_moves_to_the_m_step_of_the_drawn_partition():
    objective = cell("iris", DIAG, 3)
    watched, _ = recorded(objective, "sem", starts(objective, "iris", 3), 4)
    request, following = watched.requests[1], watched.requests[2].parameters
    share = responsibilities(objective, request.parameters)
    drawn = (np.cumsum(share, axis=1) <= request.assignment.uniforms[:, None]).sum(axis=1)
    moved = watched.steps[1].accepted
    assert moved.any()
    for r in np.flatnonzero(moved):
        for k in range(3):
            own = objective.X[drawn[r] == k]
            np.testing.assert_allclose(following["weights"][r, k], len(own) / objective.n_rows, rtol=1e-12)
            np.testing.assert_allclose(following["deviations"][r, k], own.std(axis=0), rtol=1e-9)


def test_sem_is_reproducible_whatever_the_batch_and_depends_on_the_seed(monkeypatch):
    objective = cell("faithful", FULL, 3)
    begin, seeds = starts(objective, count=7), np.arange(100, 107)
    together = run(objective, METHODS["sem"](n_stochastic=10), begin, max_passes=20, seeds=seeds)
    monkeypatch.setattr(loop, "BATCH_COLUMNS", 6)
    narrow = run(objective, METHODS["sem"](n_stochastic=10), begin, max_passes=20, seeds=seeds)
    np.testing.assert_allclose(narrow.log_likelihood, together.log_likelihood, rtol=1e-9)
    alone = run(
        objective, METHODS["sem"](n_stochastic=10), take(begin, slice(4, 5)), max_passes=20, seeds=seeds[4:5]
    )
    np.testing.assert_allclose(alone.log_likelihood, together.log_likelihood[4:5], rtol=1e-9)
    same_start = take(begin, np.zeros(7, dtype=int))
    spread = run(objective, METHODS["sem"](n_stochastic=10), same_start, max_passes=10, seeds=seeds)
    assert len(np.unique(spread.log_likelihood)) == 7


def test_a_draw_that_leaves_too_few_rows_is_rejected_not_taken():
    objective = cell("faithful", FULL, 3)
    begin = starts(objective, count=8)
    begin["weights"][:] = [0.004, 0.496, 0.5]  # about one row of 272, whose covariance is singular
    begin["means"][:, 0] = begin["means"][:, 1]
    watched, ends = recorded(objective, "sem", begin, 30, n_stochastic=25)
    accepted = np.array([step.accepted for step in watched.steps])
    assert (~accepted[:25]).any()
    assert (ends.status == Status.BUDGET).all()
    np.testing.assert_array_equal(ends.n_trial_passes, (~accepted).sum(axis=0))
    before, after = watched.requests[0].parameters, watched.requests[1].parameters
    for name, values in before.items():
        np.testing.assert_array_equal(after[name][~accepted[0]], values[~accepted[0]])


# daem


def test_daem_from_power_one_is_em():
    objective = cell("faithful", FULL, 3)
    begin = starts(objective)
    daem, em = (run(objective, method, begin) for method in (METHODS["daem"](beta_start=1), METHODS["em"]()))
    for field in dataclasses.fields(em):
        if field.name not in ("parameters", "seconds"):
            np.testing.assert_array_equal(getattr(daem, field.name), getattr(em, field.name))


@pytest.mark.parametrize(("beta_start", "factor"), [(0.1, 1.2), (0.25, 2.0), (0.1, 10.0), (0.008, 5.0)])
def test_daem_powers_rise_by_the_factor_to_exactly_one(beta_start, factor):
    objective = cell("faithful", FULL, 2)
    settings = {"beta_start": beta_start, "factor": factor, "n_passes": 2}
    watched, _ = recorded(objective, "daem", starts(objective, count=2), 40, **settings)
    powers = [
        1.0 if request.assignment is None else request.assignment.power[0] for request in watched.requests
    ]
    rises = int(np.ceil(np.log(1 / beta_start) / np.log(factor) - 1e-9))
    expected = np.minimum(beta_start * factor ** (np.arange(40) // 2), 1)
    np.testing.assert_allclose(powers, expected, rtol=1e-12)
    assert powers[2 * rises] == 1
    assert powers[2 * rises - 1] < 1


def test_daem_forgets_its_start_and_without_draws_never_parts_again():
    objective = cell("faithful", FULL, 2)
    begin = starts(objective)
    still = run(objective, METHODS["daem"](perturbation=0.0), begin)
    assert (still.status == Status.SADDLE).all()
    moved = run(objective, METHODS["daem"](), begin)
    assert (moved.status == Status.CONVERGED).all()
    assert moved.log_likelihood.min() > still.log_likelihood.max() + 100


def test_daem_draws_depend_on_the_seed_alone(monkeypatch):
    objective = cell("faithful", FULL, 3)
    begin, seeds = starts(objective, count=5), np.arange(100, 105)
    method = METHODS["daem"](beta_start=0.5, n_passes=3)
    together = run(objective, method, begin, max_passes=12, seeds=seeds)
    monkeypatch.setattr(loop, "BATCH_COLUMNS", 6)
    narrow = run(objective, method, begin, max_passes=12, seeds=seeds)
    np.testing.assert_allclose(narrow.log_likelihood, together.log_likelihood, rtol=1e-9)
    spread = run(objective, method, take(begin, np.zeros(5, dtype=int)), max_passes=12, seeds=seeds)
    assert len(np.unique(spread.log_likelihood)) == 5


def test_components_with_a_common_covariance_do_not_part_once_they_are_one():
    # a difference of means becomes covariance of the data x common covariance^-1 x itself: the same
    objective = cell("faithful", "gaussian-tied", 2)
    ends = run(objective, METHODS["daem"](), starts(objective), max_passes=400)
    distance = np.abs(np.diff(ends.parameters["means"], axis=1)).max(axis=(1, 2))
    assert (distance < 0.1).sum() >= 4


# online-em


def test_online_em_costs_are_fractions_exactly():
    objective = cell("faithful", FULL, 3)
    watched, ends = recorded(objective, "online-em", starts(objective), 14, batch_size=30, epochs_per_check=2)
    parts = np.array([request.mini_batch[0] for request in watched.requests])
    n_parts = watched.requests[0].n_mini_batches
    assert n_parts == 10  # of 272 rows, 27 or 28 each
    assert np.flatnonzero(parts == -1).tolist() == [0, 21, 42, 63, 84]
    assert (np.sort(parts[1:21].reshape(2, 10)) == np.arange(10)).all()
    rows = [objective.n_rows if p < 0 else len(objective.mini_batch_rows(p, 10)) for p in parts]
    assert sum(rows) == 14 * objective.n_rows
    assert (ends.n_passes == 14).all()
    assert (ends.n_function_values == len(parts)).all()


def test_online_em_follows_its_recursion():
    objective = cell("iris", DIAG, 3)
    watched, _ = recorded(objective, "online-em", starts(objective, "iris", 3), 3, alpha=0.7, t0=3.0)
    weights = watched.requests[0].parameters["weights"]
    means = weights[..., None] * watched.requests[0].parameters["means"]
    for t, evaluation in enumerate(watched.found[:-1]):
        rate = (t + 3.0) ** -0.7
        share = evaluation.counts / evaluation.counts.sum(axis=1, keepdims=True)
        weights = (1 - rate) * weights + rate * share
        means = (1 - rate) * means + rate * share[..., None] * evaluation.maximised["means"]
        after = watched.requests[t + 1].parameters
        np.testing.assert_allclose(after["weights"], weights, rtol=1e-10)
        np.testing.assert_allclose(after["means"], means / weights[..., None], rtol=1e-9, atol=1e-12)
    assert t >= 5


def test_online_em_with_few_rows_a_batch_stays_inside_and_nears_the_optimum():
    # four rows of four features leave every batch's covariances singular
    objective = cell("iris", FULL, 2)
    ends = run(objective, METHODS["em"](), starts(objective, "iris", 4, "kmeans++"), tol=1e-12)
    best = ends.log_likelihood.argmax()
    optimum = objective.to_vector(take(ends.parameters, np.full(4, best)))
    moved = optimum + 0.1 * np.random.default_rng(0).standard_normal(optimum.shape)
    gaps = []
    for max_passes in (1, 7, 61):
        # early rates below 0.2: two batches alone do not make a covariance
        method = METHODS["online-em"](batch_size=4, t0=20.0)
        near = run(objective, method, objective.from_vector(moved), tol=0, max_passes=max_passes)
        assert (near.status == Status.BUDGET).all()
        assert (near.n_constraint_violations == 0).all()
        gaps.append((ends.log_likelihood[best] - near.log_likelihood).max())
    # about quadratic in the rate: 0.17 at first, 0.040 after 7 passes, 0.011 after 61
    assert gaps[0] > 5 * gaps[1] > 25 * gaps[2] > 0


def test_online_em_gains_more_in_its_first_passes_than_em():
    objective = Objective.of_problem(blobs(n=4000, k=5, spread=2.0), FULL, 5, 1e-6)
    begin = starts(objective, "blobs", 10)
    online, em = (
        run(objective, METHODS[name](), begin, tol=0, max_passes=7).log_likelihood
        for name in ("online-em", "em")
    )
    assert np.median(online - em) > 30
    assert (online > em).mean() >= 0.9


# all of them


@pytest.mark.parametrize(("name", "family", "n_components"), CELLS)
@pytest.mark.parametrize("method", ["gem", "ecm", "sem", "daem", "online-em"])
def test_the_optimum_of_the_basin_is_reached(method, name, family, n_components):
    objective = cell(name, family, n_components)
    begin = run(objective, METHODS["em"](), starts(objective, name, 60), tol=1e-6)
    begin = take(begin.parameters, np.argsort(begin.log_likelihood)[-2:])
    reference = run(objective, METHODS["em"](), begin, tol=1e-14, max_passes=5000)
    # mini-batches only come near the optimum, as their rates fall
    settings = {"online-em": {"batch_size": None}}.get(method, {})
    ends = run(objective, METHODS[method](**settings), begin, tol=1e-11, max_passes=5000)
    assert (ends.status == Status.CONVERGED).all()
    np.testing.assert_allclose(ends.log_likelihood, reference.log_likelihood, atol=1e-6)


@pytest.mark.parametrize("method", ["gem", "ecm", "cem", "online-em"])
@pytest.mark.parametrize("family", GAUSSIAN)
def test_permuting_components_permutes_the_fit(family, method):
    objective = cell("iris", family, 3)
    begin, order = starts(objective, "iris", 4), np.array([2, 0, 1])
    shapes = objective.family.shapes(3, 4)
    own = [name for name in begin if shapes[name][0] == 3]
    permuted = {name: values[:, order] if name in own else values for name, values in begin.items()}
    first, second = (
        run(objective, METHODS[method](), points, tol=0, max_passes=13) for points in (begin, permuted)
    )
    np.testing.assert_allclose(second.log_likelihood, first.log_likelihood, rtol=1e-9)
    for name, values in first.parameters.items():
        expected = values[:, order] if name in own else values
        np.testing.assert_allclose(second.parameters[name], expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("method", "hook"),
    [
        ("gem", "complete_gradient"),
        ("ecm", "conditional_step"),
        ("online-em", "moment_step"),
        ("natural-gradient", "moment_step"),
    ],
)
def test_a_family_that_lacks_what_a_method_needs_is_named(method, hook):
    class Bare:
        name = "bare"

    bare = dataclasses.replace(cell("faithful", FULL, 2), family=Bare())
    with pytest.raises(MixsweepError, match=rf"method {method} cannot fit family bare: .*{hook}"):
        run(bare, METHODS[method](), {})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"method": "gem", "n_steps": 0}, ["gem", "n_steps", "at least 1"]),
        ({"method": "gem", "learning_rate": 0}, ["gem", "learning_rate", "positive"]),
        ({"method": "gem", "weights": "softmaxx"}, ["gem", "weights", "softmax"]),
        ({"method": "ecm", "n_cycles": 2}, ["ecm", "n_cycles"]),
        ({"method": "cem", "n_steps": 2}, ["cem", "n_steps"]),
        ({"method": "sem", "n_stochastic": 2.5}, ["sem", "n_stochastic", "integer"]),
        ({"method": "daem", "beta_start": 0}, ["daem", "beta_start", "(0, 1]"]),
        ({"method": "daem", "factor": 1}, ["daem", "factor", "above 1"]),
        ({"method": "daem", "n_passes": 0}, ["daem", "n_passes", "at least 1"]),
        ({"method": "daem", "perturbation": -1}, ["daem", "perturbation", "at least 0"]),
        ({"method": "online-em", "batch_size": 0}, ["online-em", "batch_size", "at least 1"]),
        ({"method": "online-em", "alpha": 0.5}, ["online-em", "alpha", "(0.5, 1]"]),
        ({"method": "online-em", "t0": 0.5}, ["online-em", "t0", "at least 1"]),
        ({"method": "online-em", "epochs_per_check": 0}, ["online-em", "epochs_per_check", "at least 1"]),
    ],
)
def test_bad_settings_are_named(settings, words):
    with pytest.raises(MixsweepError) as caught:
        make_method(settings)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("gem", {"learning_rate": 1e6}),
        ("sem", {"n_stochastic": 10**9}),
        ("daem", {"beta_start": 1e-12, "factor": 1e6, "perturbation": 1e6}),
        ("online-em", {"batch_size": 1, "t0": 1.0}),
        ("cem", {}),
        ("ecm", {}),
    ],
)
def test_absurd_settings_give_statuses_not_exceptions(method, settings):
    objective = cell("iris", FULL, 3)
    ends = run(objective, METHODS[method](**settings), starts(objective, "iris", 5), max_passes=50)
    assert set(ends.status.tolist()) <= {int(status) for status in Status} - {0, int(Status.ERROR)}
    assert np.isfinite(ends.log_likelihood).all()
    for values in ends.parameters.values():
        assert np.isfinite(values).all()
