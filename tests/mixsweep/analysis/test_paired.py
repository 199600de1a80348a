from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tests.mixsweep.helpers import ended_in

from mixsweep.analysis.intervals import paired_difference
from mixsweep.analysis.paired import holm, mid_p, paired_comparison, pooled_comparison


@given(st.integers(0, 400), st.integers(0, 400))
def test_mid_p_is_the_exact_value_less_the_chance_of_what_was_seen(only_a, only_b):
    total = only_a + only_b
    value = float(mid_p(only_a, only_b))
    assert value == mid_p(only_b, only_a)
    if total == 0:
        assert value == 1
        return
    chance = stats.binom.pmf(only_a, total, 0.5)
    if only_a == only_b:
        assert value == pytest.approx(1 - chance / 2)
    else:
        assert value == pytest.approx(stats.binomtest(only_a, total).pvalue - chance, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("differing", [0.1, 0.5])
def test_mid_p_rejects_as_often_as_it_says_when_methods_are_equal(differing):
    # 40 000 samples of 200 starts: Monte Carlo standard error 0.0011
    rng = np.random.default_rng(0)
    total = rng.binomial(200, differing, 40_000)
    only_a = rng.binomial(total, 0.5)
    assert (mid_p(only_a, total - only_a) <= 0.05).mean() == pytest.approx(0.05, abs=0.01)


def test_holm_by_hand_keeps_order_and_leaves_out_what_was_not_tested():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, np.nan]), [0.03, 0.06, 0.06, np.nan])
    np.testing.assert_array_equal(holm([0.9, 0.8]), [1, 1])
    assert holm(np.zeros((0, 2))).shape == (0, 2)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_the_value_and_bonferroni(values):
    adjusted = holm(values)
    assert (adjusted >= np.array(values) - 1e-15).all()
    assert (adjusted <= np.minimum(np.array(values) * len(values), 1) + 1e-15).all()
    order = np.argsort(values, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()


def test_holm_controls_the_chance_of_any_false_claim():
    # ten true hypotheses, 4000 times: Monte Carlo standard error 0.0034
    values = np.random.default_rng(1).random((4000, 10))
    false_claim = np.array([(holm(row) <= 0.05).any() for row in values])
    assert false_claim.mean() == pytest.approx(0.05, abs=0.01)


def test_every_pair_is_compared_on_its_shared_starts():
    fits = ended_in([[[0, 0, 0, 1, -1]], [[0, 1, 1, 1, 0]], [[0, 0, 0, 1, -1]]])
    found = paired_comparison(fits, 0)
    assert list(zip(found["method_a"].values, found["method_b"].values, strict=True)) == [
        ("method0", "method1"),
        ("method0", "method2"),
        ("method1", "method2"),
    ]
    counts = [found[name].values[:, 0].tolist() for name in ("n_both", "n_only_a", "n_only_b", "n_neither")]
    assert counts == [[1, 3, 1], [2, 0, 1], [1, 0, 2], [1, 2, 1]]
    np.testing.assert_allclose(found["difference"].values[:, 0], [0.2, 0, -0.2])
    assert found["p_value"].values[1, 0] == 1
    expected = paired_difference(*counts)
    np.testing.assert_allclose(found["difference_low"].values[:, 0], expected[1])
    np.testing.assert_allclose(found["difference_high"].values[:, 0], expected[2])


def test_pooled_over_initializers_adds_the_counts():
    rng = np.random.default_rng(0)
    fits = ended_in(rng.integers(-1, 2, (3, 2, 40)))
    each, pooled = paired_comparison(fits, 0), pooled_comparison(fits, 0)
    for name in ("n_both", "n_only_a", "n_only_b", "n_neither", "n_starts"):
        np.testing.assert_array_equal(pooled[name], each[name].sum("initializer"))
    np.testing.assert_allclose(pooled["p_value"], mid_p(pooled["n_only_a"], pooled["n_only_b"]))


def test_a_start_counts_only_where_both_methods_ran():
    fits = ended_in([[[0, 0, 0]], [[0, 1, 1]]])
    fits["n_passes"][1, 0, 2] = np.nan
    assert paired_comparison(fits, 0)["n_starts"].item() == 2


def test_one_method_has_no_pairs():
    for found in (paired_comparison(ended_in([[[0, 1]]]), 0), pooled_comparison(ended_in([[[0, 1]]]), 0)):
        assert found.sizes["pair"] == 0
        assert "p_value" in found


def test_without_a_best_known_optimum_or_fits_nothing_is_compared():
    fits = ended_in([[[0, 1]], [[1, 1]]])
    found = paired_comparison(fits, -1)
    for name in ("difference", "difference_low", "difference_high", "p_value"):
        assert np.isnan(found[name]).all()
    assert (found["reason"] == "cannot say: no proper optimum is known").all()
    fits["n_passes"][:] = np.nan
    found = paired_comparison(fits, 0)
    assert np.isnan(found["p_value"]).all()
    assert (found["reason"] == "cannot say: no fits were run").all()


def test_one_restart_proves_nothing():
    found = paired_comparison(ended_in([[[0]], [[1]]]), 0)
    assert found["p_value"].item() == 0.5
    assert found["difference_low"].item() < 0 < found["difference_high"].item()
