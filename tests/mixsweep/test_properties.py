"""What holds for the pass and for EM whatever the data, the family and the parameters."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mixsweep.endpoints import take
from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.objective import Objective
from tests.mixsweep.helpers import FAMILIES, starts

#: A few EM steps: near saddles the last bits grow by a factor a pass.
PASSES = 8


@st.composite
def cells(draw):
    """Data, a family and a number of components: rows of a few blobs on any scale, repeated rows included."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    d, k = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    n = draw(st.integers(12 * (d + k), 300))
    centres = draw(st.floats(0, 6)) * rng.standard_normal((k, d))
    X = centres[rng.integers(k, size=n)] + rng.standard_normal((n, d))
    if draw(st.booleans()):
        X = np.concatenate([X, X[: n // 3]])
    unit, shift = 10.0 ** draw(st.integers(-6, 6)), draw(st.floats(-100, 100))
    return unit * (X + shift), draw(st.sampled_from(FAMILIES)), draw(st.integers(1, 4))


def objective_of(X, family, n_components, row_weights=None):
    return Objective.of(X, family, n_components, 1e-6, row_weights)


def assert_alike(first, second, rtol=1e-8):
    for name in ("log_likelihood", "counts", "decrement"):
        a, b = getattr(first, name), getattr(second, name)
        # a decrement is a difference of terms near 1
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12, err_msg=name)


@settings(max_examples=25, deadline=None)
@given(cells(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_plays_no_part(cell, random):
    X, family, n_components = cell
    objective = objective_of(X, family, n_components)
    points = starts(objective, count=3)
    order = list(range(len(X)))
    random.shuffle(order)
    assert_alike(objective.evaluate(points), objective_of(X[order], family, n_components).evaluate(points))


@settings(max_examples=25, deadline=None)
@given(cells(), st.randoms(use_true_random=False))
def test_permuted_starts_make_permuted_fits(cell, random):
    X, family, n_components = cell
    objective = objective_of(X, family, n_components)
    begin = starts(objective, count=3)
    order = list(range(n_components))
    random.shuffle(order)
    sizes = objective.family.shapes(n_components, objective.n_features)
    own = [name for name, shape in sizes.items() if shape[0] == n_components and name in begin]
    shared = family == "gaussian-tied"
    permuted = {
        name: values[:, order] if name in own and not (shared and name == "cholesky") else values
        for name, values in begin.items()
    }
    a, b = (run(objective, METHODS["em"](), points, tol=0, max_passes=PASSES) for points in (begin, permuted))
    np.testing.assert_allclose(a.log_likelihood, b.log_likelihood, rtol=1e-7, atol=1e-7)
    np.testing.assert_array_equal(a.status, b.status)
    np.testing.assert_allclose(a.parameters["means"][:, order], b.parameters["means"], rtol=1e-5, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(cells(), st.integers(-8, 8), st.floats(-1e3, 1e3))
def test_other_units_shift_the_log_likelihood_and_change_no_fit(cell, exponent, shift):
    X, family, n_components = cell
    unit = 10.0**exponent
    spread = X.std(axis=0)
    objective = objective_of(X, family, n_components)
    # a shift of some standard deviations, so that no digits are lost in the sum
    scaled = objective_of(unit * (X + shift * 1e-2 * spread), family, n_components)
    begin = starts(objective, count=3)
    a, b = (run(each, METHODS["em"](), begin, tol=0, max_passes=PASSES) for each in (objective, scaled))
    np.testing.assert_allclose(a.log_likelihood, b.log_likelihood, rtol=1e-6, atol=1e-6)
    expected = objective.log_likelihood_offset - len(X) * objective.n_features * np.log(unit)
    np.testing.assert_allclose(scaled.log_likelihood_offset, expected, rtol=1e-9, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(cells())
def test_a_fit_does_not_depend_on_what_it_is_batched_with(cell):
    X, family, n_components = cell
    objective = objective_of(X, family, n_components)
    points = starts(objective, count=5)
    together = objective.evaluate(points)
    for r in range(5):
        alone = objective.evaluate(take(points, slice(r, r + 1)))
        assert_alike(alone, together.take(np.array([r])))


@settings(max_examples=25, deadline=None)
@given(cells())
def test_em_never_falls_and_its_gain_is_at_least_the_decrement(cell):
    X, family, n_components = cell
    objective = objective_of(X, family, n_components)
    points = starts(objective, count=3)
    for _ in range(PASSES):
        evaluation = objective.evaluate(points)
        points = evaluation.maximised
        following = objective.evaluate(points)
        sound = np.isfinite(following.log_likelihood) & ~objective.collapsed(points, following)
        gain = (following.log_likelihood - evaluation.log_likelihood)[sound] / objective.n_rows
        assert (gain >= evaluation.decrement[sound] - 1e-9).all()
        if not sound.all():
            break


@settings(max_examples=25, deadline=None)
@given(cells(), st.floats(0.1, 50))
def test_weights_of_all_rows_together_change_no_fit(cell, weight):
    X, family, n_components = cell
    objective = objective_of(X, family, n_components)
    weighted = objective_of(X, family, n_components, np.full(len(X), weight))
    points = starts(objective, count=3)
    a, b = objective.evaluate(points), weighted.evaluate(points)
    np.testing.assert_allclose(weight * a.log_likelihood, b.log_likelihood, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(a.decrement, b.decrement, rtol=1e-7, atol=1e-12)
