from __future__ import annotations

import logging
import subprocess
import sys

import numpy as np
import pytest

from mixsweep import kernels
from mixsweep.errors import MixsweepError
from mixsweep.kernels import library
from mixsweep.linalg import reference_inverse, triangular_inverse
from mixsweep.passes import Design, linear_logits, linear_pass, reference_pass

needs_numba = pytest.mark.skipif(kernels.load() is None, reason="numba is not in use")
if kernels.load() is not None:
    from mixsweep.kernels.linear import DEPTH, exponential
    from mixsweep.kernels.listed import CAPACITY
    from mixsweep.kernels.room import BLOCK, COLUMNS, MANY
    from mixsweep.kernels.tiles import LANES, WIDTH
else:
    BLOCK, COLUMNS, DEPTH, MANY, CAPACITY, LANES, WIDTH = 192, 128, 128, 100, 192, 8, 32

ROWS = [1, LANES - 1, LANES, WIDTH + 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7]
FEATURES = [1, 2, LANES, WIDTH - 1, WIDTH + LANES + 1, MANY, MANY + 1, DEPTH, DEPTH + 45]
#: Fits and components: rows of tiles that are full or not, groups of fits that are full or not.
BATCHES = [(1, 1), (1, 5), (2, 2), (5, 3), (COLUMNS + 3, 1), (30, 7), (3, COLUMNS + 1)]


@pytest.fixture
def choose(monkeypatch):
    """Decide anew which kernels to use, now and after the test."""

    def choose(value):
        monkeypatch.setenv(kernels.VARIABLE, value)
        kernels.load.cache_clear()

    kernels.load.cache_clear()
    yield choose
    kernels.load.cache_clear()


def case(n, n_restarts=3, n_components=4, p=5, spread=1.0, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, p))
    features[:, 0] = 1
    return features, spread * rng.normal(size=(n_restarts, n_components, p)) / np.sqrt(p)


def assert_same_pass(design, coefficients):
    found, expected = linear_pass(design, coefficients), reference_pass(design, coefficients)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12, atol=1e-12 * design.total_weight)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12, atol=1e-12 * design.total_weight)


@needs_numba
@pytest.mark.parametrize("n", ROWS)
@pytest.mark.parametrize("weighted", [False, True])
def test_any_number_of_rows_gives_the_reference(n, weighted):
    features, coefficients = case(n)
    weights = np.random.default_rng(1).uniform(0.1, 3, n) if weighted else None
    assert_same_pass(Design.of(features, weights), coefficients)


@needs_numba
@pytest.mark.parametrize("p", FEATURES)
def test_any_number_of_features_gives_the_reference(p):
    features, coefficients = case(BLOCK + 50, p=p)
    assert_same_pass(Design.of(features), coefficients)


@needs_numba
@pytest.mark.parametrize(("n_restarts", "n_components"), BATCHES)
def test_any_batch_gives_the_reference(n_restarts, n_components):
    features, coefficients = case(BLOCK + 50, n_restarts, n_components)
    assert_same_pass(Design.of(features), coefficients)


@needs_numba
@pytest.mark.parametrize("d", [1, 2, 7, 20, 40])
def test_features_that_are_products_are_made_in_the_kernel(d):
    base = np.concatenate([np.ones((300, 1)), np.random.default_rng(2).normal(size=(300, d))], axis=1)
    pairs = np.triu_indices(1 + d)
    design = Design.of_products(base, pairs)
    np.testing.assert_array_equal(design.by_row, base[:, pairs[0]] * base[:, pairs[1]])
    coefficients = np.random.default_rng(3).normal(size=(3, 4, len(pairs[0]))) / (1 + d)
    assert_same_pass(design, coefficients)


@needs_numba
@pytest.mark.parametrize("spread", [30.0, 1000.0])
def test_responsibilities_that_are_almost_or_exactly_zero(spread):
    features, coefficients = case(400, spread=spread)
    assert_same_pass(Design.of(features), coefficients)


@needs_numba
def test_a_component_without_weight_takes_no_row():
    features, coefficients = case(400)
    coefficients[1, 2, 0] = -np.inf
    _, statistics = linear_pass(Design.of(features), coefficients)
    assert_same_pass(Design.of(features), coefficients)
    assert (statistics[1, 2] == 0).all()


@needs_numba
def test_a_fit_is_the_same_to_the_last_bit_in_any_batch_and_on_repeat():
    features, coefficients = case(3 * BLOCK + 7, n_restarts=60, n_components=5, p=45)
    design = Design.of(features)
    together, statistics = linear_pass(design, coefficients)
    for part in (slice(0, 1), slice(17, 20), slice(20, 60), slice(None)):
        alone, own = linear_pass(design, coefficients[part])
        np.testing.assert_array_equal(alone, together[part])
        np.testing.assert_array_equal(own, statistics[part])


def mixtures(n, d, distances, weights=None, n_components=3):
    """Return the design of all products of [1, x], and a fit for each distance of its components."""
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(n_components, d))
    X = centres[rng.integers(n_components, size=n)] + rng.normal(size=(n, d))
    base = np.concatenate([np.ones((n, 1)), X / X.std(axis=0)], axis=1)
    first, second = np.triu_indices(1 + d)
    coefficients = np.zeros((len(distances), n_components, len(first)))
    for r, distance in enumerate(distances):
        moved = distance * centres
        coefficients[r, :, 0] = -0.5 * np.square(moved).sum(axis=1) + rng.normal(size=n_components)
        coefficients[r, :, 1 : 1 + d] = moved
    coefficients[:, :, 1 + d :] = np.where(first == second, -0.5, 0.01)[1 + d :]
    return Design.of_products(base, (first, second), weights), coefficients


#: From components of which no responsibility is negligible to components of which almost all are.
DISTANCES = [0.0, 0.3, 1.0, 3.0, 10.0, 100.0]


@needs_numba
@pytest.mark.parametrize("d", [27, 28, 32, 45])
@pytest.mark.parametrize("weight", [None, 1.0, 1e-40])
def test_many_features_with_negligible_responsibilities_give_the_reference(d, weight):
    n = 5 * CAPACITY + 3
    weights = None if weight is None else weight * np.random.default_rng(6).uniform(0.1, 3, n)
    design, coefficients = mixtures(n, d, DISTANCES, weights)
    found, expected = linear_pass(design, coefficients), reference_pass(design, coefficients)
    scale = design.total_weight
    np.testing.assert_allclose(found[0] / scale, expected[0] / scale, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found[1] / scale, expected[1] / scale, rtol=1e-12, atol=1e-12)


@needs_numba
def test_what_is_left_out_does_not_change_a_component_with_a_millionth_of_a_row():
    design, coefficients = mixtures(2 * CAPACITY, 32, [10.0])
    logits = linear_logits(design, coefficients)[0]
    coefficients[0, 0, 0] -= (logits[0] - logits[1:].max(axis=0)).max() + 20
    found, expected = (take(design, coefficients)[1][0, 0] for take in (linear_pass, reference_pass))
    assert 1e-10 < expected[0] < 1e-6
    np.testing.assert_allclose(found / found[0], expected / expected[0], rtol=1e-12, atol=1e-12)


@needs_numba
def test_listed_fits_are_the_same_to_the_last_bit_in_any_batch():
    design, coefficients = mixtures(3 * CAPACITY, 32, DISTANCES * 9)
    together, statistics = linear_pass(design, coefficients)
    for part in (slice(3, 4), slice(0, 5), slice(2, 44)):
        alone, own = linear_pass(design, coefficients[part])
        np.testing.assert_array_equal(alone, together[part])
        np.testing.assert_array_equal(own, statistics[part])


@needs_numba
def test_a_fit_that_is_not_finite_leaves_no_trace_in_listed_ones():
    design, coefficients = mixtures(3 * CAPACITY, 32, [10.0, 0.0, 10.0])
    expected = linear_pass(design, coefficients)
    coefficients[0] = np.nan
    found = linear_pass(design, coefficients)
    assert np.isnan(found[1][0]).all()
    for new, old in zip(found, expected, strict=True):
        np.testing.assert_array_equal(new[1:], old[1:])


@needs_numba
def test_only_all_products_of_columns_are_summed_by_lists():
    n, p = CAPACITY, 410
    rng = np.random.default_rng(7)
    features = np.concatenate([np.ones((n, 1)), rng.normal(size=(n, p - 1))], axis=1)
    coefficients = 50 * rng.normal(size=(4, 3, p)) / np.sqrt(p)
    assert_same_pass(Design.of(features), coefficients)


@needs_numba
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_fit_that_is_not_finite_leaves_no_trace_in_the_others(bad):
    features, coefficients = case(300, n_restarts=6, n_components=3)
    expected = linear_pass(Design.of(features), coefficients)
    coefficients[2] = bad
    found = linear_pass(Design.of(features), coefficients)
    assert not np.isfinite(found[0][2])
    others = [0, 1, 3, 4, 5]
    for new, old in zip(found, expected, strict=True):
        np.testing.assert_array_equal(new[others], old[others])


@needs_numba
def test_arguments_may_be_read_only_and_stay_as_they_were():
    features, coefficients = case(300)
    design = Design.of(features, np.ones(300))
    before = coefficients.copy()
    for array in (design.base, design.base_by_feature, *design.pairs, design.row_weights, coefficients):
        array.setflags(write=False)
    plain, weighted = linear_pass(Design.of(features), coefficients), linear_pass(design, coefficients)
    np.testing.assert_allclose(plain[0], weighted[0], rtol=1e-13)
    np.testing.assert_array_equal(coefficients, before)


@needs_numba
def test_the_exponential_is_as_exact_as_that_of_numpy():
    x = np.concatenate([np.linspace(-708, 0, 200_001), -np.geomspace(1e-300, 1, 1000)])
    found = np.array([exponential(each) for each in x])
    np.testing.assert_allclose(found, np.exp(x), rtol=5e-16)
    assert [exponential(each) for each in (0.0, -708.5, -1e300, -np.inf)] == [1.0, 0.0, 0.0, 0.0]
    assert np.isnan(exponential(np.nan))


@needs_numba
@pytest.mark.parametrize("d", [1, 2, 3, 9, 40])
def test_inverses_are_those_of_the_reference(d):
    rng = np.random.default_rng(4)
    factors = np.tril(rng.normal(size=(3, 5, d, d))) / d + np.eye(d)
    np.testing.assert_allclose(
        triangular_inverse(factors), reference_inverse(factors), rtol=1e-12, atol=1e-12
    )


@needs_numba
def test_what_is_in_use_names_numba_and_its_version():
    import numba

    assert kernels.in_use().startswith(f"numba {numba.__version__}")


def test_the_environment_can_ask_for_numpy(choose):
    choose("numpy")
    assert kernels.load() is None
    assert kernels.in_use() == "numpy"
    features, coefficients = case(300)
    for found, expected in zip(
        linear_pass(Design.of(features), coefficients),
        reference_pass(Design.of(features), coefficients),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)


def test_another_value_in_the_environment_is_refused(choose):
    choose("fortran")
    with pytest.raises(MixsweepError, match=r"MIXSWEEP_KERNELS='fortran'; expected 'numba' or 'numpy'"):
        kernels.load()


def test_without_numba_the_pass_is_numpy_and_nothing_is_said(choose, monkeypatch, caplog):
    choose("numba")
    monkeypatch.setattr(kernels.importlib.util, "find_spec", lambda name: None)
    assert kernels.load() is None
    assert not caplog.records


def test_a_numba_that_does_not_work_is_told_once_and_replaced(choose, monkeypatch, caplog, tmp_path):
    choose("numba")
    monkeypatch.setattr(kernels.importlib.util, "find_spec", lambda name: object())
    monkeypatch.delitem(sys.modules, "mixsweep.kernels.compiled", raising=False)
    monkeypatch.delattr(kernels, "compiled", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(library, "linker", lambda: None)
    monkeypatch.setitem(sys.modules, "mixsweep.kernels.entries", None)  # so that importing it fails
    features, coefficients = case(50)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            linear_pass(Design.of(features), coefficients)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "numba is installed but does not work here" in record.getMessage()


def test_numba_is_not_imported_before_it_is_needed():
    code = "import sys, mixsweep, mixsweep.cli, mixsweep.passes; print('numba' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


@needs_numba
@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3), np.float32), "float32"),
        (np.zeros((2, 3), np.int64), "int64"),
        (np.zeros((3, 2)).T, "memory order"),
    ],
)
def test_other_arrays_than_the_machine_code_expects_are_refused(array, message):
    from mixsweep.kernels.compiled import LinearPass

    columns = np.zeros(3, np.int64)
    with pytest.raises(TypeError, match=message):
        LinearPass(array, np.zeros((3, 2)), (columns, columns), None)


@needs_numba
def test_coefficients_of_other_features_are_refused():
    features, coefficients = case(50)
    with pytest.raises(ValueError, match="expected coefficients of 5 features; found 4"):
        linear_pass(Design.of(features), coefficients[..., 1:])
