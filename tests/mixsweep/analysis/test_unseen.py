from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.helpers import cell_fits, ended_in, optima_of

from mixsweep.analysis.census import census
from mixsweep.analysis.intervals import unseen_share
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.analysis.unseen import (
    CAVEAT,
    ESTIMATORS,
    boender_rinnooy_kan,
    chao1,
    incidence,
    unseen_by_initializer,
    unseen_by_method,
)
from mixsweep.problems import load_builtin
from mixsweep.seeds import generator


def test_chao1_by_hand():
    # 6 seen, 3 of them once, 1 twice, of 12 observations
    found = chao1([1, 1, 1, 2, 3, 4, 0])
    assert found.estimate == pytest.approx(6 + 11 / 12 * 3 * 2 / (2 * 2))
    assert 6 <= found.low < found.estimate < found.high


@pytest.mark.parametrize("counts", [[5, 3, 2], [1], [1, 1, 1], [2, 2], [7]])
def test_chao1_is_never_below_what_was_seen(counts):
    found = chao1(counts)
    assert len(counts) <= found.low <= found.estimate + 1e-9
    assert found.estimate <= found.high + 1e-9


@pytest.mark.parametrize("shape", [(1, 40), (4, 40), (3, 0), (0, 5)])
def test_starts_count_once_for_each_optimum_that_any_method_reached(shape):
    ended = generator(1, "incidence", *shape).integers(-1, 6, size=shape)
    counts, total = incidence(ended, 8)
    reached = [{int(number) for number in start if number >= 0} for start in ended.T]
    assert counts.tolist() == [sum(number in start for start in reached) for number in range(8)]
    assert total == sum(bool(start) for start in reached)


def test_chao1_without_observations_is_unknown():
    assert np.isnan([chao1([]).estimate, chao1([0, 0]).low]).all()


@pytest.mark.parametrize("number", [10, 30, 200])
@pytest.mark.parametrize("starts_each", [1.5, 2, 3, 3.3, 5, 7, 10])
def test_chao1_holds_as_often_as_stated_or_more_where_basins_are_even(number, starts_each):
    """Also where all optima have been seen, or nearly so."""
    total = int(number * starts_each)
    samples = generator(1, "chao1", number).multinomial(total, np.full(number, 1 / number), size=800)
    found = [chao1(sample) for sample in samples]
    assert all(each.low == round(each.low) and each.high == round(each.high) for each in found)
    # 2 % below nominal, and three sampling errors
    assert np.mean([each.low <= number <= each.high for each in found]) > 0.93 - 0.027


def test_chao1_is_too_low_where_basins_are_uneven():
    shares = np.geomspace(1, 1e-4, 60)
    samples = generator(1, "chao1 uneven").multinomial(100, shares / shares.sum(), size=200)
    assert np.mean([chao1(sample).estimate for sample in samples]) < 0.8 * 60


def test_boender_rinnooy_kan_by_hand():
    number, share = boender_rinnooy_kan(5, 50)
    assert number == pytest.approx(5 * 49 / 43)
    assert share == pytest.approx(5 * 6 / (50 * 49))
    assert boender_rinnooy_kan(8, 10)[0] == np.inf
    assert np.isnan(boender_rinnooy_kan(1, 1)).all()
    assert np.isnan(boender_rinnooy_kan(0, 10)).all()


def test_estimates_are_by_initializer_and_count_starts_once():
    row = [0] * 7 + [1] + [2] * 2
    fits = ended_in([[row, [0] * 10], [row, [0] * 9 + [-1]]])
    found = unseen_by_initializer(fits, optima_of(["proper", "proper", "spurious"]))
    assert found["n_optima"].values.tolist() == [3, 1]
    assert found["n_starts_ended"].values.tolist() == [10, 10]
    share, low, high = unseen_share([7, 1, 2])
    first = found.isel(initializer=0)
    np.testing.assert_allclose(
        [first["unseen_share"], first["unseen_share_low"], first["unseen_share_high"]], [share, low, high]
    )
    assert float(first["n_optima_chao1"]) == chao1([7, 1, 2]).estimate
    assert found.attrs["caveat"] == CAVEAT
    own = unseen_by_method(fits, optima_of(["proper", "proper", "spurious"]))
    assert own.attrs["caveat"] == CAVEAT
    stated = set(ESTIMATORS) & set(found.attrs) | set(ESTIMATORS) & set(own.attrs)
    assert stated == set(ESTIMATORS)
    assert set(found.attrs) - {"caveat"} <= set(found.data_vars)
    assert set(own.attrs) - {"caveat"} <= set(own.data_vars)


def test_the_model_of_boender_and_rinnooy_kan_is_for_one_method():
    row, other = [0] * 7 + [1] + [2] * 2, [0] * 9 + [3]
    fits = ended_in([[row], [other]])
    assert unseen_by_initializer(fits, optima_of(["proper"] * 4))["n_optima"].item() == 4
    found = unseen_by_method(fits, optima_of(["proper"] * 4)).isel(initializer=0)
    assert found["n_optima_arm"].values.tolist() == [3, 2]
    assert found["n_fits_ended"].values.tolist() == [10, 10]
    expected = [boender_rinnooy_kan(3, 10), boender_rinnooy_kan(2, 10)]
    np.testing.assert_array_equal(found["n_optima_boender"], [number for number, _ in expected])
    np.testing.assert_array_equal(found["unseen_share_boender"], [share for _, share in expected])
    # as if the other had not run
    alone = unseen_by_method(fits.isel(method=[0]), optima_of(["proper"] * 4))
    assert alone["unseen_share_boender"].item() == expected[0][1]


def test_failed_fits_do_not_count_for_boender_and_rinnooy_kan():
    found = unseen_by_method(ended_in([[[0, 1, 0, 0, -1, -1]]]), optima_of(["proper"] * 2))
    assert found["n_fits_ended"].item() == 4
    assert found["unseen_share_boender"].item() == boender_rinnooy_kan(2, 4)[1]


@pytest.fixture(scope="module")
def urns():
    """Urns from the model's prior, 50 starts each: how many optima there are and were seen, and what was not.

    Any number up to 300 is as likely as any other, and so is any division of start space among them. The
    model has no largest number, which matters only to samples that see nearly as many optima as starts.
    """
    rng = generator(1, "urns")
    rows = []
    for number in rng.integers(1, 301, size=30_000):
        shares = rng.dirichlet(np.ones(number))
        counts = rng.multinomial(50, shares)
        rows.append((number, (counts > 0).sum(), shares[counts == 0].sum()))
    return np.array(rows).T


def test_boender_rinnooy_kan_is_right_for_urns_of_its_model(urns):
    number, seen, unseen = urns
    few = 0
    for low, high in ((1, 5), (6, 12), (13, 20), (21, 28)):
        chosen = np.flatnonzero((seen >= low) & (seen <= high))
        few += len(chosen)
        estimate = np.array([boender_rinnooy_kan(int(w), 50) for w in seen[chosen]]).T
        for truth, guess in ((number[chosen], estimate[0]), (unseen[chosen], estimate[1])):
            error = truth - guess
            assert abs(error.mean()) < 4 * error.std() / np.sqrt(len(chosen)), (low, high)
    assert few > 1000


def test_boender_rinnooy_kan_is_too_sure_of_uneven_urns_and_good_turing_is_not():
    # two large basins, and forty which together are a fifth of start space
    shares = np.array([0.6, 0.2, *np.full(40, 0.005)])
    samples = generator(1, "uneven urns").multinomial(50, shares, size=2000)
    truth = np.array([shares[sample == 0].sum() for sample in samples])
    model = np.array([boender_rinnooy_kan(int((sample > 0).sum()), 50)[1] for sample in samples])
    turing = np.array([unseen_share(sample)[0] for sample in samples])
    # by the factor that the estimate's warning names
    assert 2 < truth.mean() / model.mean() < 4
    assert abs((turing - truth).mean()) < 0.05 * truth.mean()


@pytest.mark.parametrize(("fits", "kinds"), [([[[-1, -1]]], []), ([[[-1]]], ["proper"])])
def test_without_optima_everything_is_unknown(fits, kinds):
    found = unseen_by_initializer(ended_in(fits), optima_of(kinds))
    assert found["n_optima"].values.tolist() == [0]
    for name in ("unseen_share", "unseen_share_high", "n_optima_chao1"):
        assert found[name].isnull().all()
    own = unseen_by_method(ended_in(fits), optima_of(kinds))
    assert own["n_fits_ended"].values.tolist() == [[0]]
    assert own["unseen_share_boender"].isnull().all()


def test_calibration_on_iris(tmp_path):
    """Good-Turing is right on average, Boender-Rinnooy Kan is not: 0.191 and 0.098 for a true 0.194.

    The first 50 of 600 starts predict the rest, over random orders.
    """
    fits = cell_fits(load_builtin("iris"), tmp_path, n_components=3, restarts=600, tol=1e-10, max_passes=2000)
    optima = census(load_builtin("iris"), fits, Thresholds())
    ended = optima["fit_optimum"].values.reshape(-1)
    rng = generator(1, "calibration")
    truth, turing, boender = [], [], []
    for _ in range(200):
        order = rng.permutation(ended)
        first, rest = order[:50], order[50:]
        counts, total = incidence(first[None], optima.sizes["optimum"])
        truth.append(np.mean(~np.isin(rest[rest >= 0], first)))
        turing.append(unseen_share(counts)[0])
        boender.append(boender_rinnooy_kan(int((counts > 0).sum()), total)[1])
    assert np.mean(truth) == pytest.approx(0.194, abs=0.02)
    assert np.mean(turing) == pytest.approx(np.mean(truth), abs=0.015)
    assert np.mean(boender) == pytest.approx(0.098, abs=0.015)
