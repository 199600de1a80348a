from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mixsweep.analysis.intervals import (
    clustered,
    jeffreys,
    paired_difference,
    restarts_needed,
    unseen_share,
    wilson,
)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_scipy(counts):
    hits, trials = counts
    expected = stats.binomtest(hits, trials).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(wilson(hits, trials), (expected.low, expected.high), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_wilson_agrees_with_scipy_at_other_levels(level):
    expected = stats.binomtest(7, 40).proportion_ci(level, method="wilson")
    np.testing.assert_allclose(wilson(7, 40, level), (expected.low, expected.high), rtol=1e-12)


def test_wilson_is_exact_at_the_ends_and_says_nothing_without_trials():
    low, high = wilson([0, 20, 0], [20, 20, 0])
    np.testing.assert_array_equal([low[0], high[1], low[2], high[2]], [0, 1, 0, 1])
    assert 0 < high[0] < 0.2
    assert 0.8 < low[1] < 1


@pytest.mark.parametrize("trials", [20, 200])
def test_wilson_covers_as_often_as_it_says(trials):
    rng = np.random.default_rng(0)
    rate = rng.uniform(0.01, 0.99, 20_000)
    low, high = wilson(rng.binomial(trials, rate), trials)
    assert ((low <= rate) & (rate <= high)).mean() == pytest.approx(0.95, abs=0.012)


def test_no_number_of_restarts_finds_what_is_never_hit_and_one_finds_what_always_is():
    np.testing.assert_array_equal(restarts_needed([0.0, 1.0], 0.95), [np.inf, 1])
    assert np.isnan(restarts_needed(np.nan, 0.95))


@given(st.integers(1, 10_000), st.sampled_from([0.5, 0.95, 0.99]))
def test_restarts_needed_inverts_the_chance_of_a_hit(restarts, chance):
    rate = -np.expm1(np.log1p(-chance) / restarts)
    assert restarts_needed(rate, chance) == restarts


@given(st.floats(1e-5, 1 - 1e-9), st.floats(0.01, 0.999))
def test_restarts_needed_is_the_smallest_number_that_suffices(rate, chance):
    restarts = float(restarts_needed(rate, chance))

    def chance_of(count):
        return -np.expm1(count * np.log1p(-rate))

    assert chance_of(restarts) >= chance - 1e-9
    assert restarts == 1 or chance_of(restarts - 1) < chance + 1e-9


def test_unseen_share_of_known_counts():
    share, low, high = unseen_share([10, 5, 2, 2, 1, 0])
    assert share == pytest.approx(1 / 20)
    z = stats.norm.ppf(0.975)
    # at the upper end the estimate is as many of the end's own standard errors away
    assert abs(share - high) == pytest.approx(z * np.sqrt(high * (1 - high) / 20 + 2 * 2 / 20**2))
    assert low == 0
    share, low, high = unseen_share([1] * 60 + [2] * 20)
    assert share == pytest.approx(0.6)
    assert abs(share - low) == pytest.approx(z * np.sqrt(low * (1 - low) / 100 + (2 * 20 + z**2) / 100**2))
    assert 0 < low < share < high < 1


def test_unseen_share_falls_back_on_the_rule_of_three():
    share, low, high = unseen_share([70, 30])
    assert (share, low) == (0, 0)
    assert high == pytest.approx(3 / 100, rel=0.02)


def test_unseen_share_without_fits_is_unknown():
    assert np.isnan(unseen_share([])).all()
    assert np.isnan(unseen_share([0, 0])).all()


@pytest.mark.parametrize(("optima", "draws"), [(12, 7), (30, 10), (100, 20), (500, 40)])
def test_optima_all_found_once_have_a_lower_end_that_even_urns_reach(optima, draws):
    share, low, high = unseen_share([1] * draws)
    assert (share, high) == (1, 1)
    # an even urn that leaves so little unseen gives different draws in 2.5 % of samples at most
    fewest = draws / (1 - low)
    assert np.prod(1 - np.arange(draws) / fewest) == pytest.approx(0.025)
    rng = np.random.default_rng(1)
    samples = np.sort(rng.integers(optima, size=(20_000, draws)), axis=1)
    different = (np.diff(samples, axis=1) > 0).all(axis=1).mean()
    assert different == pytest.approx(np.prod(1 - np.arange(draws) / optima), abs=0.01)


@given(st.lists(st.floats(0.01, 1), min_size=4, max_size=7), st.integers(2, 4), st.floats(0, 1))
def test_no_urn_gives_different_draws_and_leaves_little_more_often_than_the_bound(weights, draws, least):
    shares = np.array(weights) / np.sum(weights)
    chance = sum(
        math.factorial(draws) * math.prod(chosen)
        for chosen in itertools.combinations(shares, draws)
        if sum(chosen) >= least
    )
    assert chance <= np.prod(1 - np.arange(draws) * least / draws) + 1e-12


def test_a_few_optima_all_found_once_may_be_all_there_are():
    assert unseen_share([1]) == (1, 0, 1)
    assert unseen_share([1, 1, 1]) == (1, 0, 1)


@pytest.mark.parametrize("methods", [1, 2, 4])
@pytest.mark.parametrize("agreement", [0.0, 0.5, 1.0])
def test_unseen_share_covers_when_methods_share_starts(methods, agreement):
    rng = np.random.default_rng(1)
    shares = 1 / np.arange(1, 61)
    shares /= shares.sum()
    covered = []
    for _ in range(400):
        first = rng.choice(60, 100, p=shares)
        ended = np.stack([first, *(rng.choice(60, 100, p=shares) for _ in range(methods - 1))])
        ended = np.where(rng.random(ended.shape) < agreement, first, ended)
        seen = [number for number in range(60) if (ended == number).any()]
        truth = 1 - shares[seen].sum()
        _, low, high = unseen_share(
            [(ended == number).sum() for number in seen],
            [(ended == number).any(axis=0).sum() for number in seen],
            100,
        )
        covered.append(low <= truth <= high)
    # 400 samples: three Monte Carlo standard errors below 2 % under the nominal level
    assert np.mean(covered) > 0.93 - 3 * np.sqrt(0.93 * 0.07 / 400)


def urn(shape, optima):
    """Return the shares of start space of an urn's optima."""
    shares = {
        "even": np.ones(optima),
        "harmonic": 1 / np.arange(1, optima + 1),
        "geometric": np.geomspace(1, 1e-3, optima),
        "two sizes": np.r_[np.full(optima // 2, 3.0), np.ones(optima - optima // 2)],
    }[shape]
    return shares / shares.sum()


@pytest.mark.parametrize("shape", ["even", "harmonic", "geometric", "two sizes"])
@pytest.mark.parametrize(
    ("optima", "draws"),
    [(30, 10), (100, 20), (800, 50), (400, 70), (5, 10), (10, 15), (30, 100), (200, 300), (1000, 1000)],
)
def test_unseen_share_covers_as_often_as_it_says_or_more(shape, optima, draws):
    # never 2 % too seldom, though often too often: where less than 1/N is unseen no count tells how much less
    rng = np.random.default_rng(0)
    shares = urn(shape, optima)
    counts = rng.multinomial(draws, shares, size=3000)
    truth = ((counts == 0) * shares).sum(axis=1)
    estimate, low, high = np.array([unseen_share(row) for row in counts]).T
    # the estimate is of one draw less
    assert estimate.mean() == pytest.approx(truth.mean(), abs=2 / draws)
    assert (low <= estimate).all()
    assert (estimate <= high).all()
    slack = 1e-9
    assert ((low <= truth + slack) & (truth <= high + slack)).mean() > 0.93


def test_jeffreys_is_the_beta_interval_with_exact_ends():
    low, high = jeffreys([0, 3, 20], 20)
    np.testing.assert_allclose((low[1], high[1]), stats.beta.ppf([0.025, 0.975], 3.5, 17.5))
    assert (low[0], high[2]) == (0, 1)
    assert 0 < high[0] < 0.2
    np.testing.assert_array_equal(jeffreys(0, 0), (0, 1))


@pytest.mark.parametrize("trials", [20, 200])
def test_jeffreys_covers_as_often_as_it_says(trials):
    # 40 000 draws: Monte Carlo standard error 0.0011
    rng = np.random.default_rng(0)
    rate = rng.uniform(0, 1, 40_000)
    low, high = jeffreys(rng.binomial(trials, rate), trials)
    assert ((low <= rate) & (rate <= high)).mean() == pytest.approx(0.95, abs=0.012)


@given(st.tuples(*[st.integers(0, 300)] * 4).filter(any))
def test_paired_difference_is_antisymmetric_and_holds_its_estimate(counts):
    both, only_a, only_b, neither = counts
    difference, low, high = paired_difference(*counts)
    assert difference == pytest.approx((only_a - only_b) / sum(counts))
    assert -1 <= low <= difference + 1e-12
    assert difference - 1e-12 <= high <= 1
    other, other_low, other_high = paired_difference(both, only_b, only_a, neither)
    np.testing.assert_allclose([-other, -other_high, -other_low], [difference, low, high], atol=1e-12)


def test_paired_difference_of_unrelated_outcomes_is_that_of_independent_proportions():
    # without association square-and-add is Newcombe's (1998b) method 10 for independent samples
    _, low, high = paired_difference(12, 28, 18, 42)  # 40 % and 30 %, product of the margins
    (low_a, low_b), (high_a, high_b) = wilson([40, 30], 100)
    assert low == pytest.approx(0.1 - np.hypot(0.4 - low_a, high_b - 0.3))
    assert high == pytest.approx(0.1 + np.hypot(0.3 - low_b, high_a - 0.4))


def test_agreement_on_every_trial_narrows_the_difference_around_zero():
    _, low, high = paired_difference(50, 0, 0, 50)
    _, wide_low, wide_high = paired_difference(25, 25, 25, 25)
    assert wide_low < low < 0
    assert 0 < high < wide_high


def test_paired_difference_says_nothing_without_trials():
    np.testing.assert_array_equal(paired_difference(0, 0, 0, 0), (np.nan, -1, 1))


@pytest.mark.parametrize("trials", [50, 200])
def test_paired_difference_covers_as_often_as_it_says(trials):
    # 40 000 tables from laws spread evenly over all there are: Monte Carlo standard error 0.0011
    rng = np.random.default_rng(2)
    law = rng.dirichlet(np.ones(4), 40_000)
    _, low, high = paired_difference(*rng.multinomial(trials, law).T)
    truth = law[:, 1] - law[:, 2]
    assert ((low <= truth) & (truth <= high)).mean() == pytest.approx(0.95, abs=0.012)
    # rare hits, often alike: counts of 0 make it too wide, as they do Wilson's, never too narrow
    law = rng.dirichlet([0.3, 0.3, 0.3, 3], 40_000)
    _, low, high = paired_difference(*rng.multinomial(trials, law).T)
    truth = law[:, 1] - law[:, 2]
    assert ((low <= truth) & (truth <= high)).mean() > 0.95


@pytest.mark.parametrize("chance", [0.9, 0.95, 0.99])
def test_restarts_needed_cover_as_often_as_the_rate(chance):
    # rates of 1 to 10 %: above, few whole numbers are possible and an interval with ends rounded up holds the
    # truth too often; 40 000 draws: Monte Carlo standard error 0.0011
    rng = np.random.default_rng(3)
    rate = rng.uniform(0.01, 0.1, 40_000)
    low, high = wilson(rng.binomial(500, rate), 500)
    truth = restarts_needed(rate, chance)
    covered = (restarts_needed(high, chance) <= truth) & (truth <= restarts_needed(low, chance))
    assert covered.mean() == pytest.approx(0.95, abs=0.02)


def shares_of_clusters(rng, share, alike, shape):
    """Chances of success in clusters that have the share on average, from all the same to none or all."""
    if alike == 0:
        return np.full(shape, share)
    if alike == 1:
        return (rng.random(shape) < share).astype(float)
    spread = (1 - alike) / alike
    return rng.beta(share * spread, (1 - share) * spread, shape)


@pytest.mark.parametrize("alike", [0, 0.3, 0.7, 1])
@pytest.mark.parametrize("sizes", [[6] * 4, [3] * 30, [5, 5, 3, *[1] * 8], [200] * 8])
def test_clustered_covers_as_often_as_it_says_or_more(sizes, alike):
    rng = np.random.default_rng(0)
    for share in (0.05, 0.3, 0.5, 0.8):
        hits = rng.binomial(sizes, shares_of_clusters(rng, share, alike, (4000, len(sizes))))
        low, high = clustered(hits, sizes)
        assert ((low <= share) & (share <= high)).mean() > 0.93
    # and it narrows where the trials of a cluster are independent
    independent = clustered(rng.binomial(sizes, 0.5, (500, len(sizes))), sizes)
    same = clustered(np.array(sizes) * (rng.random((500, len(sizes))) < 0.5), sizes)
    assert (independent[1] - independent[0]).mean() < (same[1] - same[0]).mean()


def test_clustered_of_single_trials_is_hardly_wider_than_the_exact_one():
    exact = stats.binomtest(30, 100).proportion_ci(0.95, method="exact")
    low, high = clustered([1] * 30 + [0] * 70, 1)
    assert (low, high) == (pytest.approx(exact.low, abs=0.005), pytest.approx(exact.high, abs=0.005))
    assert low <= exact.low
    assert exact.high <= high


def test_clustered_at_the_ends_counts_clusters():
    exact = stats.binomtest(4, 4).proportion_ci(0.95, method="exact")
    assert clustered([6, 6, 6, 6], 6) == (pytest.approx(exact.low), 1)
    assert clustered([0, 0, 0, 0], 6) == (0, pytest.approx(1 - exact.low))
    np.testing.assert_array_equal(clustered([0, 0], [0, 0]), (0, 1))
    # one without trials is none
    assert clustered([3, 2, 0], [6, 6, 0]) == clustered([3, 2], 6)
    low, high = clustered([3], [6])
    assert low < 0.03
    assert high > 0.97
