from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixsweep.linalg import (
    SLICE,
    cholesky,
    in_slices,
    log_volume_ratio,
    lower_indices,
    triangular_inverse,
    upper_indices,
)

pytestmark = pytest.mark.usefixtures("either_kernel")


def positive_definite(shape, d, seed=0):
    root = np.random.default_rng(seed).normal(size=(*shape, d, d))
    return root @ root.swapaxes(-1, -2) + 0.1 * np.eye(d)


@pytest.mark.parametrize("d", [1, 2, 5, 13, 17])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 4)])
def test_factors_and_inverses_agree_with_numpy(shape, d):
    matrices = positive_definite(shape, d)
    factors = cholesky(matrices)
    np.testing.assert_allclose(factors, np.linalg.cholesky(matrices), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(triangular_inverse(factors), np.linalg.inv(factors), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("d", [1, 3])
def test_a_singular_matrix_gives_zeros_and_a_broken_one_nan_and_the_others_their_factors(d):
    matrices = positive_definite((3, 5), d)
    expected = np.linalg.cholesky(matrices)
    matrices[0, 1] = 0.0
    matrices[1, 4] = -np.eye(d)
    matrices[2, 0] = np.nan
    expected[0, 1] = expected[1, 4] = 0.0
    expected[2, 0] = np.tril(np.full((d, d), np.nan))
    np.testing.assert_allclose(cholesky(matrices), expected, rtol=1e-12, atol=1e-14)


@settings(deadline=None)  # the first example may load the kernels
@given(st.lists(st.sampled_from(["sound", "singular", "broken"]), max_size=12))
def test_bad_matrices_never_touch_their_neighbours(states):
    matrices = positive_definite((len(states),), 2)
    expected = np.linalg.cholesky(matrices)
    for i, state in enumerate(states):
        if state == "singular":
            matrices[i] = [[1.0, 1.0], [1.0, 1.0]]
            expected[i] = 0.0
        elif state == "broken":
            matrices[i] = np.nan
            expected[i] = np.tril(np.full((2, 2), np.nan))
    found = cholesky(matrices)
    # [[1, 1], [1, 1]] fails exactly: the last pivot is 1 - 1 = 0
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_only_the_lower_triangle_is_read():
    matrix = positive_definite((), 3)
    upper = matrix + np.triu(np.ones((3, 3)), 1)
    np.testing.assert_array_equal(cholesky(upper), cholesky(matrix))


def test_no_matrices_give_no_factors():
    assert cholesky(np.zeros((0, 2, 2))).shape == (0, 2, 2)
    assert triangular_inverse(np.zeros((0, 2, 2))).shape == (0, 2, 2)


def test_the_inverse_of_a_singular_factor_is_not_finite():
    with np.errstate(all="ignore"):
        inverse = triangular_inverse(np.zeros((1, 2, 2)))
    assert not np.isfinite(np.diagonal(inverse[0])).any()


@pytest.mark.parametrize("d", [1, 2, 4])
def test_triangles_include_the_diagonal_and_are_computed_once(d):
    for indices, expected in ((lower_indices, np.tril_indices(d)), (upper_indices, np.triu_indices(d))):
        np.testing.assert_array_equal(indices(d), expected)
        assert indices(d) is indices(d)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("size", [1, SLICE // 2, SLICE // 3, 2 * SLICE])
def test_slices_of_fits_cover_every_fit_once_and_keep_within_their_size(count, size):
    lengths = []

    def double(values, small):
        lengths.append(len(values))
        return 2 * values, small + 1

    values = np.arange(float(count * size)).reshape(count, size)
    doubled, more = in_slices(double, values, np.arange(float(count)))
    np.testing.assert_array_equal(doubled, 2 * values)
    np.testing.assert_array_equal(more, 1 + np.arange(count))
    assert sum(lengths) == count
    assert max(lengths) <= max(1, SLICE // size)


def test_the_ratio_of_volumes_is_that_of_determinants():
    rng = np.random.default_rng(0)
    new, old = (np.tril(rng.uniform(0.5, 2, (4, 3, 5, 5))) for _ in range(2))
    expected = np.log(np.linalg.det(new) / np.linalg.det(old))
    np.testing.assert_allclose(log_volume_ratio(new, triangular_inverse(old)), expected, atol=1e-12)
