from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp, softmax

from mixsweep.passes import (
    BLOCK_ROWS,
    LOGARITHM_STRIDE,
    Design,
    linear_logits,
    linear_pass,
    row_blocks,
    softmax_pass,
)

SIZES = [1, 2, LOGARITHM_STRIDE, LOGARITHM_STRIDE + 1, BLOCK_ROWS, BLOCK_ROWS + 1, 3 * BLOCK_ROWS + 7]


pytestmark = pytest.mark.usefixtures("either_kernel")


def case(n, n_restarts=3, n_components=4, p=5, spread=1.0, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, p))
    features[:, 0] = 1
    return features, spread * rng.normal(size=(n_restarts, n_components, p))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("spread", [1.0, 100.0])
def test_the_pass_agrees_with_scipy(n, spread):
    features, coefficients = case(n, spread=spread)
    log_likelihood, statistics = linear_pass(Design.of(features), coefficients)
    logits = coefficients @ features.T
    np.testing.assert_allclose(log_likelihood, logsumexp(logits, axis=1).sum(axis=1), rtol=1e-12)
    expected = softmax(logits, axis=1) @ features
    np.testing.assert_allclose(statistics, expected, rtol=1e-10, atol=1e-11 * n)


def test_extreme_logits_neither_overflow_nor_underflow():
    features, coefficients = case(500)
    coefficients[..., 0] += np.array([1e4, -1e4, 0.0])[:, None]
    log_likelihood, statistics = linear_pass(Design.of(features), coefficients)
    expected = logsumexp(coefficients @ features.T, axis=1).sum(axis=1)
    np.testing.assert_allclose(log_likelihood, expected, rtol=1e-12)
    np.testing.assert_allclose(statistics[..., 0].sum(axis=1), 500)


def test_one_component_takes_every_row():
    features, coefficients = case(300, n_components=1)
    log_likelihood, statistics = linear_pass(Design.of(features), coefficients)
    np.testing.assert_allclose(log_likelihood, (coefficients[:, 0] @ features.T).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(statistics, np.broadcast_to(features.sum(axis=0), statistics.shape))


def test_very_many_components_do_not_overflow_the_product_of_masses():
    features, coefficients = case(130, n_restarts=1, n_components=2000, p=2)
    coefficients[:] = coefficients[:, :1]
    log_likelihood, _ = linear_pass(Design.of(features), coefficients)
    expected = (coefficients[0, 0] @ features.T + np.log(2000)).sum()
    assert log_likelihood[0] == pytest.approx(expected, rel=1e-12)


def test_a_fit_does_not_depend_on_what_it_is_batched_with():
    features, coefficients = case(600, n_restarts=40)
    together, statistics = linear_pass(Design.of(features), coefficients)
    for r in (0, 17, 39):
        alone, own = linear_pass(Design.of(features), coefficients[r : r + 1])
        np.testing.assert_allclose(alone, together[r : r + 1], rtol=1e-14)
        np.testing.assert_allclose(own, statistics[r : r + 1], rtol=1e-12, atol=1e-12)


def test_a_fit_that_is_not_finite_leaves_the_others_alone():
    features, coefficients = case(300)
    expected, _ = linear_pass(Design.of(features), coefficients)
    coefficients[1] = np.nan
    found, _ = linear_pass(Design.of(features), coefficients)
    np.testing.assert_array_equal(np.isnan(found), [False, True, False])
    np.testing.assert_allclose(found[[0, 2]], expected[[0, 2]], rtol=1e-14)


def test_the_arguments_are_left_as_they_were():
    features, coefficients = case(300)
    before = features.copy(), coefficients.copy()
    linear_pass(Design.of(features), coefficients)
    np.testing.assert_array_equal(features, before[0])
    np.testing.assert_array_equal(coefficients, before[1])


def test_the_density_of_each_row_adds_up_to_the_log_likelihood():
    features, coefficients = case(700)
    density = logsumexp(linear_logits(Design.of(features), coefficients), axis=1)
    assert density.shape == (3, 700)
    np.testing.assert_allclose(
        density.sum(axis=1), linear_pass(Design.of(features), coefficients)[0], rtol=1e-12
    )


@pytest.mark.parametrize("n", SIZES)
def test_responsibilities_of_every_row_are_handed_over_once_and_sum_to_one(n):
    features, coefficients = case(n)
    seen = np.zeros(n, int)

    def accumulate(rows, responsibilities):
        seen[rows] += 1
        np.testing.assert_allclose(responsibilities.sum(axis=1), 1)

    softmax_pass(n, 3, 4, lambda rows: coefficients @ features[rows].T, accumulate)
    assert (seen == 1).all()


@given(st.integers(1, 10**6))
def test_blocks_cover_the_rows_once_and_are_nearly_equal(n):
    blocks = row_blocks(n)
    lengths = [rows.stop - rows.start for rows in blocks]
    assert blocks[0].start == 0
    assert blocks[-1].stop == n
    assert all(before.stop == after.start for before, after in pairwise(blocks))
    assert 1 <= min(lengths)
    assert max(lengths) <= BLOCK_ROWS
    assert max(lengths) - min(lengths) <= 1


def test_the_design_holds_the_features_along_memory_both_ways():
    features, _ = case(20)
    design = Design.of(np.asfortranarray(features))
    assert design.by_row.flags.c_contiguous
    assert design.by_feature.flags.c_contiguous
    np.testing.assert_array_equal(design.by_row, design.by_feature.T)
    assert design.n_rows == 20
