from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.analysis.traced import traced

from mixsweep.analysis.intervals import paired_difference
from mixsweep.analysis.sensitivity import learning_rates, parametrisation_spread, tuning_costs
from mixsweep.analysis.settings import labels_of, variants
from mixsweep.analysis.success import hit_rates

METHODS = {
    "em": {"method": "em"},
    "adam": {"method": "adam"},
    "adam-slow": {"method": "adam", "learning_rate": 0.005},
    "adam-other": {"method": "adam", "learning_rate": 0.01, "beta1": 0.5},
    "lbfgs": {"method": "lbfgs"},
    "lbfgs-ratio": {"method": "lbfgs", "weights": "ratio"},
    "gd": {"method": "gd"},
}


def fits_of(optimum, passes=(1, 2, 4), names=("adam-slow", "adam")):
    """Fits of one initializer, every one of a method after as many checkpoints as it is given."""
    rows = []
    for own, count in zip(optimum, passes, strict=False):
        gaps = np.full((len(own), 4), np.nan)
        gaps[:, :count] = np.append(np.full(count - 1, 5.0), 0.0)
        rows.append([gaps])
    return traced(rows, np.array(optimum)[:, None], methods=list(names))


def test_variants_differ_in_the_setting_and_in_nothing_else():
    (adam,) = variants(METHODS, ("learning_rate",))
    assert adam.labels == ("adam-slow", "adam")
    assert adam.values == ((0.005,), (0.05,))
    (lbfgs,) = variants(METHODS, ("weights", "covariances"))
    assert set(lbfgs.labels) == {"lbfgs", "lbfgs-ratio"}
    assert variants({"em": {"method": "em"}, "again": {"method": "em"}}, ("learning_rate",)) == []
    assert labels_of(METHODS, "adam") == ["adam", "adam-slow", "adam-other"]


def test_hit_rate_and_speed_stand_beside_the_step_size():
    fits = fits_of([[0] * 6 + [1] * 2, [0] * 8], passes=(4, 2))
    found = learning_rates(fits, 0, METHODS)
    assert found["learning_rate"].values.tolist() == [0.005, 0.05]
    assert found["method"].values.tolist() == ["adam-slow", "adam"]
    assert found["optimiser"].values.tolist() == ["adam", "adam"]
    np.testing.assert_allclose(found["hit_rate"].values[:, 0], [0.75, 1])
    assert found["cost_median"].values[:, 0].tolist() == [8, 2]
    assert found["passes_per_hit"].values[:, 0].tolist() == [64 / 6, 2]
    np.testing.assert_allclose(found["hit_rate_low"][:, 0], hit_rates(fits, 0)["hit_rate_low"].values[:, 0])
    assert (found["reason"] == "").all()


def test_the_tuning_cost_is_all_passes_over_those_of_the_best_step_size():
    found = tuning_costs(fits_of([[0] * 8, [0] * 8], passes=(4, 2)), 0, METHODS)
    assert found["tuning_cost"].item() == (64 + 16) / 16
    assert found["best_learning_rate"].item() == 0.05
    assert found["n_tried"].item() == 2
    # the quick one never hits: the best is the other
    other = tuning_costs(fits_of([[0] * 8, [1] * 8], passes=(4, 2)), 0, METHODS)
    assert other["tuning_cost"].item() == (64 + 16) / 64
    assert other["best_learning_rate"].item() == 0.005


def test_the_spread_is_between_the_highest_and_the_lowest_hit_rate():
    optimum = [[0] * 5 + [1] * 5, [0] * 8 + [1] * 2]
    fits = fits_of(optimum, names=("lbfgs", "lbfgs-ratio"))
    found = parametrisation_spread(fits, 0, METHODS)
    assert found["hit_rate_spread"].item() == pytest.approx(0.3)
    _, low, high = paired_difference(5, 3, 0, 2)
    assert found["hit_rate_spread_low"].item() == pytest.approx(float(low))
    assert found["hit_rate_spread_high"].item() == pytest.approx(float(high))
    assert found["best_parametrisation"].item() == "lbfgs-ratio"
    assert found["worst_parametrisation"].item() == "lbfgs"
    # one and two passes for each of ten fits, over 5 and 8 hits
    assert found["cost_spread"].item() == pytest.approx((20 / 8) / (10 / 5))
    assert found["reason"].item() == ""


def test_equal_parametrisations_have_no_spread():
    fits = fits_of([[0, 1, 0, 1]] * 2, names=("lbfgs", "lbfgs-ratio"))
    found = parametrisation_spread(fits, 0, METHODS)
    assert found["hit_rate_spread"].item() == 0
    assert found["best_parametrisation"].item() != found["worst_parametrisation"].item()


@pytest.mark.parametrize(
    ("optimum", "best", "reason"),
    [
        ([[-1] * 4, [-1] * 4], -1, "cannot say: no proper optimum is known"),
        ([[1] * 4, [1] * 4], -1, "cannot say: no proper optimum is known"),
        ([[0], [0]], 0, "cannot say: fewer than 3 fits ended in the best known optimum"),
    ],
)
def test_what_cannot_be_said_has_its_reason(optimum, best, reason):
    found = tuning_costs(fits_of(optimum), best, METHODS)
    assert (found["reason"] == reason).all()
    assert np.isnan(found["tuning_cost"]).all()
    assert np.isnan(found["best_learning_rate"]).all()
    rates = learning_rates(fits_of(optimum), best, METHODS)
    assert (rates["reason"] != "").all()
    if best < 0:
        assert np.isnan(rates["hit_rate"]).all()
        spread = parametrisation_spread(fits_of(optimum, names=("lbfgs", "lbfgs-ratio")), best, METHODS)
        assert (spread["reason"] == reason).all()
        assert np.isnan(spread["hit_rate_spread"]).all()


def test_a_spread_without_hits_has_no_cost():
    spread = parametrisation_spread(fits_of([[1] * 4] * 2, names=("lbfgs", "lbfgs-ratio")), 0, METHODS)
    assert spread["hit_rate_spread"].item() == 0
    assert np.isnan(spread["cost_spread"].item())
    assert spread["reason"].item().startswith("cannot say what a hit costs")


def test_methods_without_variants_give_empty_tables():
    fits = fits_of([[0] * 4], names=("em",))
    for function in (learning_rates, tuning_costs, parametrisation_spread):
        found = function(fits, 0, METHODS)
        assert found["reason"].size == 0
