from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.helpers import ended_in

from mixsweep.analysis.adaptive import restarts_wanted


def wanted(n_hits, n_restarts, target=0.99, maximum=5000, best=0):
    fits = ended_in([[[0] * n_hits + [1] * (n_restarts - n_hits)], [[1] * n_restarts]])
    return int(restarts_wanted(fits, best, 200, target, maximum)["wanted"])


def test_enough_is_left_alone_and_too_few_at_most_double():
    assert wanted(50, 100) == 100
    assert wanted(3, 100) == 200
    # 12 % at the low end of 20 %, of which 37 are needed
    assert wanted(20, 100, 0.99) == 100
    assert wanted(6, 30, 0.95) == 44


def test_the_maximum_is_kept_and_what_is_there_is_never_taken_away():
    assert wanted(1, 100, maximum=150) == 150
    assert wanted(1, 100, maximum=50) == 100


@pytest.mark.parametrize("n_hits", [0, 1, 2])
def test_few_hits_are_not_believed(n_hits):
    assert wanted(n_hits, 4, target=0.5) == 8


def test_no_best_known_and_no_fits_double():
    assert wanted(5, 10, best=-1) == 20
    fits = ended_in([[[0, 0]]])
    fits["n_passes"][:] = np.nan
    assert int(restarts_wanted(fits, 0, 200, 0.99, 5000)["wanted"]) == 2


def test_rounds_end_near_the_number_that_the_rate_needs():
    """Known rates: the rounds stop with the target reached or at the maximum, never short of both."""
    rng = np.random.default_rng(0)
    for rate in (0.5, 0.05, 0.005, 0.0):
        outcome = (rng.random(5000) >= rate).astype(int)
        n = 20
        for _ in range(12):
            found = restarts_wanted(ended_in([[outcome[:n]]]), 0, 200, 0.99, 5000)
            if int(found["wanted"]) == n:
                break
            n = int(found["wanted"])
        assert n == 5000 or 1 - (1 - rate) ** n > 0.99
        assert n <= max(20, 20 / max(rate, 1e-9))


@pytest.mark.parametrize("reference", ["truth", "perturbed-truth", "agglomerative"])
def test_copies_and_oracles_that_hit_are_no_reason_to_stop(reference):
    fits = ended_in([[[1] * 100, [0] * 100]])
    search = fits.isel(initializer=[0]).assign_coords(initializer=["random-points"])
    both = fits.assign_coords(initializer=["random-points", reference])
    alone = restarts_wanted(search, 0, 200, 0.99, 5000)
    assert int(alone["wanted"]) == 200
    assert restarts_wanted(both, 0, 200, 0.99, 5000).identical(alone)


def test_copies_alone_get_no_more_copies():
    fits = ended_in([[[1] * 10]]).assign_coords(initializer=["agglomerative"])
    assert int(restarts_wanted(fits, 0, 200, 0.99, 5000)["wanted"]) == 10
    assert int(restarts_wanted(fits, 0, 2000, 0.99, 5000)["wanted"]) == 20


def test_an_arm_that_looks_best_by_chance_is_no_reason_to_stop():
    """Of 16 arms of one rate, the rounds go on until the restarts of the best one keep their word."""
    rng, ended = np.random.default_rng(3), []
    for _ in range(40):
        outcome = (rng.random((16, 1, 640)) >= 0.05).astype(int)
        n = 20
        while (more := int(restarts_wanted(ended_in(outcome[..., :n]), 0, 200, 0.95, 640)["wanted"])) > n:
            n = more
        ended.append(n)
    assert np.mean(1 - 0.95 ** np.array(ended) >= 0.95) >= 0.95
