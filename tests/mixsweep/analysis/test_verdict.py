from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.helpers import ended_in, optima_of

from mixsweep.analysis.multimodality import best_known
from mixsweep.analysis.success import hit_rates
from mixsweep.analysis.verdict import missed_chance, verdict
from mixsweep.status import Status


def verdict_of(optimum, kinds, values=None, truth_optimum=-1, status=Status.CONVERGED):
    fits = ended_in(optimum)
    fits["status"] = fits["optimum"].copy(data=np.full(fits["optimum"].shape, status, np.int8))
    counts = np.bincount(np.ravel(optimum)[np.ravel(optimum) >= 0], minlength=len(kinds))
    return row_of(fits, optima_of(kinds, values, counts, truth_optimum))


def row_of(fits, optima):
    optima = optima.assign(n_copies=("optimum", np.full(optima.sizes["optimum"], 6.0)))
    return verdict(fits, optima, hit_rates(fits, best_known(optima)))


def test_the_counts_the_chance_and_the_restarts_are_in_the_sentence():
    row = verdict_of([[[0] * 6 + [1] * 4], [[0] * 9 + [1]]], ["proper", "proper"], [-10.25, -11.0])
    assert row["verdict"] == (
        "Best value -10.2500 reached by 9 of 10 fits by method1 from start0: 90.0 % (50.9 to 99.9 %), "
        "simultaneous for the 2 rates compared; 2 proper optima seen; chance that a better optimum with at "
        "least half of start space was missed: 1e-03; estimated unseen share of start space 0.0 % (0.0 to "
        "25.9 %); 5 restarts give a 95 % chance of this value (2 by the rate itself, 1 to 5 by its interval)."
    )
    assert (row["n_hits"], row["n_fits"], row["hit_rate"]) == (15, 20, 0.75)
    assert (row["best_method"], row["best_initializer"], row["restarts_95"]) == ("method1", "start0", 2)
    assert (row["restarts_95_low"], row["restarts_95_high"], row["n_rates"]) == (1, 5, 2)
    assert (row["n_optima"], row["n_proper"], row["n_failures"], row["n_copies"]) == (2, 2, 0, 6)
    assert row["missed_chance"] == pytest.approx(2**-10)
    assert (row["reason"], row["warning"]) == ("", "")
    assert row["best_log_likelihood"] == row["unrestricted_log_likelihood"] == -10.25
    assert row["unrestricted_gap"] == 0


def test_the_issue_of_rare_best_optima_is_told_as_asked_for():
    """67 hits of 1000 fits: the chance of missing as large a basin is 0.933^1000, about 1e-30."""
    row = verdict_of([[[0] * 67 + [1] * 933]], ["proper", "proper"])
    assert "reached by 67 of 1000 fits by method0 from start0: 6.7 % (5.3 to 8.4 %)" in row["verdict"]
    assert "was missed: < 1e-30" in row["verdict"]
    assert row["missed_chance"] == pytest.approx(7.7e-31, rel=0.01)


@pytest.mark.parametrize(
    ("share", "n_starts", "chance"), [(0.5, 2, 0.25), (1.0, 10, 2**-10), (0.01, 100, 0.366), (0.0, 5, 1.0)]
)
def test_the_chance_of_missing_a_basin_is_that_of_as_many_misses(share, n_starts, chance):
    assert missed_chance(share, n_starts) == pytest.approx(chance, rel=1e-3)


def verdict_by_start(optimum, initializers, truth_optimum=-1):
    """Return the verdict of two proper optima and one method; where its fits ended, by named start."""
    fits = ended_in([optimum]).assign_coords(initializer=initializers)
    fits["status"] = fits["optimum"].copy(data=np.full(fits["optimum"].shape, Status.CONVERGED, np.int8))
    counts = np.bincount(np.ravel(optimum), minlength=2)
    return row_of(fits, optima_of(["proper", "proper"], None, counts, truth_optimum))


def test_starts_that_are_copies_are_left_out_of_rates_and_warned_about():
    row = verdict_by_start([[0] * 4 + [1] * 6, [0] * 10], ["random-points", "agglomerative"])
    assert (row["n_hits"], row["n_fits"]) == (4, 10)
    assert row["best_initializer"] == "random-points"
    assert "warning: all restarts of agglomerative are copies of one start" in row["verdict"]


def test_starts_from_the_generating_parameters_are_no_evidence_of_a_search():
    row = verdict_by_start(
        [[0] * 4 + [1] * 6, [0] * 10, [0] * 10], ["random-points", "perturbed-truth", "truth"], 0
    )
    assert (row["n_hits"], row["n_fits"], row["hit_rate"]) == (4, 10, 0.4)
    assert row["best_initializer"] == "random-points"
    assert "warning: starts of perturbed-truth and of truth use the generating parameters" in row["verdict"]
    assert "missed it" not in row["verdict"]


@pytest.mark.parametrize(
    ("initializer", "truth_optimum", "words"),
    [
        ("truth", -1, "starts of truth, made from the generating parameters, led to it, but no drawn start"),
        ("perturbed-truth", -1, "starts of perturbed-truth, made from the generating parameters, led to it"),
        ("perturbed-truth", 0, "the generating parameters lead to it, but no drawn start did"),
    ],
)
def test_an_optimum_that_only_the_truth_leads_to_was_missed(initializer, truth_optimum, words):
    row = verdict_by_start([[1] * 10, [0] * 10], ["random-points", initializer], truth_optimum)
    assert row["verdict"].startswith(
        "Best value -10.0000 reached by 0 of 10 fits from drawn starts; cannot say"
    )
    assert words in row["verdict"]
    assert "the search missed it" in row["verdict"]
    assert (row["best_method"], row["hit_rate"]) == ("", 0.0)
    assert "restarts_95" not in row


def test_an_optimum_that_only_a_deterministic_start_leads_to_was_found_but_not_by_drawn_ones():
    text = verdict_by_start([[1] * 10, [0] * 10], ["random-points", "agglomerative"])["verdict"]
    assert "no drawn start led to it: it was reached from agglomerative, copies of one start" in text
    assert "missed" not in text


def test_without_drawn_starts_there_is_no_rate():
    row = verdict_by_start([[0] * 10, [0] * 9 + [1]], ["truth", "perturbed-truth"], 0)
    assert row["verdict"].startswith(
        "Best value -10.0000 reached by 0 of 0 fits from drawn starts; cannot say whether it is the global "
        "optimum, or how many restarts it takes: no start was drawn; 2 proper optima seen; warning: "
    )
    assert row["reason"].startswith("cannot say: no kind of start was drawn")
    assert (row["n_fits"], row["best_log_likelihood"]) == (0, -10.0)
    assert not {"hit_rate", "restarts_95", "missed_chance"} & set(row)
    assert np.isnan(row["unseen_share"])


def test_one_optimum_always_found_is_told_in_the_singular():
    text = verdict_of([[[0] * 100]], ["proper"])["verdict"]
    assert "; 1 restart gives a 95 % chance of this value." in text
    assert "1 proper optimum seen" in text


def test_without_a_proper_maximum_nothing_can_be_said():
    row = verdict_of([[[0, 1, 1, -1]]], ["saddle", "spurious"])
    assert row["verdict"] == (
        "Cannot say: none of 4 fits led to a proper maximum (2 other stationary points, 0 failed fits)."
    )
    absent = {"best_log_likelihood", "unrestricted_gap", "hit_rate", "restarts_95", "missed_chance"}
    assert not absent & set(row)
    assert row["unrestricted_log_likelihood"] == -10
    assert (row["n_hits"], row["best_method"]) == (0, "")
    assert row["reason"] == "cannot say: no proper optimum is known"


def test_nothing_can_be_said_when_every_fit_failed():
    row = verdict_of([[[-1, -1, -1]]], [], status=Status.COLLAPSED)
    assert row["verdict"].startswith("Cannot say: none of 3 fits")
    assert "3 failed fits" in row["verdict"]
    assert np.isnan(row["unseen_share"])


@pytest.mark.parametrize("hits", [1, 2])
def test_few_hits_say_nothing_about_restarts(hits):
    text = verdict_of([[[0] * hits + [1] * (20 - hits)]], ["proper", "proper"])["verdict"]
    assert "cannot say whether it is the global optimum, or how many restarts it takes: fewer than 3" in text
    assert "chance" not in text


def test_three_hits_are_enough_to_state_restarts():
    text = verdict_of([[[0] * 3 + [1] * 17]], ["proper", "proper"])["verdict"]
    # 5.2 to 36.0 % by Wilson's interval, as nothing was chosen
    assert "56 restarts give a 95 % chance of this value (19 by the rate itself, 7 to 56 by its" in text
    assert "rates compared" not in text
    assert "cannot say" not in text


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (["spurious", "proper"], "1 higher stationary point is set apart as spurious"),
        (
            ["spurious", "boundary", "proper"],
            "2 higher stationary points are set apart as boundary or spurious",
        ),
    ],
)
def test_higher_points_that_are_not_proper_are_named(kinds, words):
    best = len(kinds) - 1
    row = verdict_of([[[best] * 10]], kinds)
    assert row["verdict"].endswith(f"; {words}, up to -10.0000.")
    assert (row["unrestricted_log_likelihood"], row["unrestricted_gap"]) == (-10.0, best)
    assert row["best_log_likelihood"] == -10.0 - best
    assert row["n_hits"] == 10


def test_a_truth_that_leads_to_a_higher_optimum_than_any_fit_says_that_the_search_missed_it():
    row = verdict_of([[[1] * 10]], ["proper", "proper"], truth_optimum=0)
    assert row["verdict"].startswith("Best value -10.0000 reached by 0 of 10 fits from drawn starts")
    assert row["verdict"].endswith(
        "the generating parameters lead to it, but no drawn start did: the search missed it."
    )
    assert "search missed" not in verdict_of([[[0] * 10]], ["proper"], truth_optimum=0)["verdict"]


def test_the_unseen_share_is_of_the_optima_found_once():
    row = verdict_of([[[0] * 18 + [1, 2]]], ["proper", "proper", "proper"])
    assert row["unseen_share"] == pytest.approx(0.1)
    assert "estimated unseen share of start space 10.0 % (" in row["verdict"]


def test_the_cheapest_arm_is_named_not_the_one_with_most_hits():
    fits = ended_in([[[0] * 6 + [1] * 4], [[0] * 9 + [1]]])
    fits["status"] = fits["optimum"].copy(data=np.full((2, 1, 10), Status.CONVERGED, np.int8))
    fits["n_passes"][1] = 500.0
    row = row_of(fits, optima_of(["proper", "proper"], None, [15, 5], -1))
    assert row["best_method"] == "method0"
    assert "6 of 10 fits by method0 from start0" in row["verdict"]


def test_an_optimum_known_only_from_polishing_says_so():
    row = verdict_of([[[1] * 10]], ["proper", "proper"])
    assert (row["n_hits"], row["hit_rate"]) == (0, 0.0)
    assert row["verdict"].endswith("seen only by polishing endpoints that had stopped far below it.")


def one_component(family, optimum, kinds):
    fits = ended_in([[optimum]])
    fits["status"] = fits["optimum"].copy(data=np.full((1, 1, len(optimum)), Status.CONVERGED, np.int8))
    optima = optima_of(kinds).assign_attrs(family=family, n_components=1)
    return row_of(fits, optima)


@pytest.mark.parametrize("family", ["gaussian-full", "gaussian-diag", "gaussian-spherical", "gaussian-tied"])
def test_one_gaussian_component_has_one_maximum_and_nothing_can_be_missed(family):
    row = one_component(family, [0] * 10, ["proper"])
    assert row["verdict"] == (
        "Best value -10.0000 reached by 10 of 10 fits from drawn starts; the global optimum: with 1 "
        "component the likelihood has 1 maximum, in closed form."
    )
    assert row["missed_chance"] == 0
    assert (row["unseen_share"], row["unseen_share_low"], row["unseen_share_high"]) == (0, 0, 0)
    # one fit is enough
    assert "the global optimum" in one_component(family, [0], ["proper"])["verdict"]


def test_no_such_claim_is_made_for_other_families_more_components_or_doubtful_optima():
    for row in (
        one_component("student-t", [0] * 10, ["proper"]),
        one_component("gaussian-full", [0] * 9 + [1], ["proper", "proper"]),
        verdict_of([[[0] * 10]], ["proper"]),
    ):
        assert "closed form" not in row["verdict"]
        assert row["missed_chance"] > 0
    assert one_component("gaussian-full", [0] * 3, ["degenerate"])["verdict"].startswith("Cannot say")
