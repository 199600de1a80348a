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


def test_chao1_without_observations_is_unknown():
    assert np.isnan([chao1([]).estimate, chao1([0, 0]).low]).all()


def test_chao1_holds_as_often_as_stated_where_basins_are_even():
    """30 even basins, 60 starts: within 2 % of 95 %, and three sampling errors."""
    samples = generator(1, "chao1").multinomial(60, np.full(30, 1 / 30), size=800)
    held = np.mean([chao1(sample).low <= 30 <= chao1(sample).high for sample in samples])
    assert 0.93 - 0.023 < held < 0.97 + 0.023


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
    assert set(ESTIMATORS) <= set(found.attrs) & set(found.data_vars)


@pytest.mark.parametrize(("fits", "kinds"), [([[[-1, -1]]], []), ([[[-1]]], ["proper"])])
def test_without_optima_everything_is_unknown(fits, kinds):
    found = unseen_by_initializer(ended_in(fits), optima_of(kinds))
    assert found["n_optima"].values.tolist() == [0]
    for name in ("unseen_share", "unseen_share_high", "n_optima_chao1", "unseen_share_boender"):
        assert found[name].isnull().all()


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
