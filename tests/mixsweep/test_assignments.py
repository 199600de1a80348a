from __future__ import annotations

import numpy as np
import pytest

from mixsweep.assignments import Hard, Sampled, Tempered
from mixsweep.endpoints import take
from tests.mixsweep.helpers import FAMILIES, cell, scattered_points


def probabilities(n_restarts=3, n_components=4, n=50, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(n_components), (n_restarts, n)).swapaxes(1, 2)


def rules(count, n):
    chosen = np.arange(count) % 2 == 0
    uniforms = np.random.default_rng(1).random((count, n))
    return [Hard(chosen), Tempered(np.where(chosen, 0.5, 1.0)), Sampled(chosen, uniforms)]


@pytest.mark.parametrize("index", range(3))
def test_responsibilities_still_sum_to_one_and_other_fits_keep_theirs(index):
    before = probabilities()
    after = before.copy()
    rule = rules(3, 50)[index]
    rule.apply(slice(0, 50), after)
    np.testing.assert_allclose(after.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_array_equal(after[~rule.changed], before[~rule.changed])
    assert (after[rule.changed] != before[rule.changed]).any()


def test_hard_gives_every_row_to_its_most_probable_component():
    before = probabilities()
    after = before.copy()
    Hard(np.ones(3, dtype=bool)).apply(slice(0, 50), after)
    np.testing.assert_array_equal(after.argmax(axis=1), before.argmax(axis=1))
    assert set(np.unique(after)) == {0.0, 1.0}


def test_draws_have_the_posterior_probabilities():
    n = 40_000
    before = np.repeat(probabilities(1, 3, 1), n, axis=2)
    after = before.copy()
    uniforms = np.random.default_rng(2).random((1, n))
    Sampled(np.ones(1, dtype=bool), uniforms).apply(slice(0, n), after)
    # four standard errors of a share of n draws
    np.testing.assert_allclose(after.mean(axis=2), before[..., 0], atol=4 * 0.5 / np.sqrt(n))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("index", range(3))
def test_a_pass_keeps_the_log_likelihood_and_has_no_decrement_where_changed(family, index):
    objective = cell("iris", family)
    parameters = scattered_points(objective)
    rule = rules(4, objective.n_rows)[index]
    plain, changed = objective.evaluate(parameters), objective.evaluate(parameters, rule)
    np.testing.assert_allclose(changed.log_likelihood, plain.log_likelihood, rtol=1e-13)
    assert np.isnan(changed.decrement[rule.changed]).all()
    np.testing.assert_allclose(changed.decrement[~rule.changed], plain.decrement[~rule.changed], rtol=1e-9)
    np.testing.assert_allclose(changed.counts.sum(axis=1), objective.n_rows, rtol=1e-12)
    alone = objective.evaluate(take(parameters, slice(2, 3)), rule.take(np.array([2])))
    np.testing.assert_allclose(alone.counts[0], changed.counts[2], rtol=1e-9)
