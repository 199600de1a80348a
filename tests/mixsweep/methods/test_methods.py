"""Every method: what holds for all of them, and what each promises."""

from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.helpers import FAMILIES, cell, starts
from tests.mixsweep.helpers import METHODS as NAMES

from mixsweep.errors import MixsweepError
from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.shard import make_method
from mixsweep.status import Status

GRADIENT = [name for name in NAMES if name != "em"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", NAMES)
def test_all_methods_end_in_the_optimum_of_the_basin(name, family):
    objective = cell("faithful", family, 2)
    begin = run(objective, METHODS["em"](), starts(objective, count=4, initializer="kmeans++"), max_passes=15)
    ends = run(objective, METHODS[name](), begin.parameters, tol=1e-11, max_passes=4000)
    reference = run(objective, METHODS["em"](), begin.parameters, tol=1e-14, max_passes=4000)
    assert (ends.status == Status.CONVERGED).all()
    np.testing.assert_allclose(ends.log_likelihood, reference.log_likelihood, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_em_never_lowers_the_log_likelihood(family):
    objective = cell("iris", family, 3)
    ends = run(objective, METHODS["em"](), starts(objective, "iris", 20), tol=1e-10, max_passes=120)
    rise = np.diff(ends.trace_log_likelihood, axis=1)
    assert np.nanmin(rise) > -1e-10


def test_lbfgs_never_raises_the_loss_at_accepted_points():
    objective = cell("iris", "gaussian-full", 3)
    ends = run(objective, METHODS["lbfgs"](), starts(objective, "iris", 20), tol=1e-10, max_passes=120)
    assert np.nanmin(np.diff(ends.trace_log_likelihood, axis=1)) > -1e-10


def test_lbfgs_minimises_as_well_as_scipy():
    from scipy.optimize import minimize

    objective = cell("faithful", "gaussian-full", 3)
    begin = starts(objective, count=3)

    def loss(vector):
        point = objective.from_vector(vector[None])
        value, gradient = objective.loss(point, objective.evaluate(point))
        return value[0], gradient[0]

    ends = run(objective, METHODS["lbfgs"](), begin, tol=1e-13)
    for r, vector in enumerate(objective.family.to_vector(ends.parameters)):
        peer = minimize(
            loss, vector + 1e-3, jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10}
        )
        np.testing.assert_allclose(-ends.log_likelihood[r] / objective.n_rows, peer.fun, atol=1e-11)


def test_strong_wolfe_conditions_hold_at_every_accepted_step(monkeypatch):
    from mixsweep.methods import lbfgs

    seen = []
    judge = lbfgs._wolfe

    def spy(state, loss, slope):
        accepted = judge(state, loss, slope)
        bound = state["loss"] + lbfgs.SUFFICIENT_DECREASE * state["step"] * state["slope"] + 1e-13
        seen.append(np.all((loss <= bound) & (np.abs(slope) <= 0.9 * np.abs(state["slope"])) | ~accepted))
        return accepted

    monkeypatch.setattr(lbfgs, "_wolfe", spy)
    objective = cell("faithful", "gaussian-full", 3)
    run(objective, METHODS["lbfgs"](), starts(objective), max_passes=100)
    assert len(seen) > 20
    assert all(seen)


def test_natural_reading_of_settings():
    assert make_method({"method": "adam", "learning_rate": 0.01}).learning_rate == 0.01


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"method": "ademm"}, ["ademm", "did you mean 'adam'"]),
        ({"method": "adam", "learning_rat": 1}, ["learning_rat", "did you mean 'learning_rate'"]),
        ({"method": "adam", "learning_rate": 0}, ["learning_rate", "positive"]),
        ({"method": "gd", "momentum": 1.0}, ["momentum", "[0, 1)"]),
        ({"method": "lbfgs", "memory": 0}, ["memory", "at least 1"]),
        ({"method": "em", "memory": 3}, ["em", "memory"]),
    ],
)
def test_bad_settings_are_named(settings, words):
    with pytest.raises(MixsweepError) as caught:
        make_method(settings)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("name", GRADIENT)
def test_absurd_learning_rates_give_statuses_not_exceptions(name):
    objective = cell("iris", "gaussian-full", 3)
    method = METHODS[name]() if name == "lbfgs" else METHODS[name](learning_rate=1e6)
    ends = run(objective, method, starts(objective, "iris", 5), max_passes=50)
    assert set(ends.status.tolist()) <= {int(status) for status in Status} - {0}
    assert np.isfinite(ends.log_likelihood).all()
    for values in ends.parameters.values():
        assert np.isfinite(values).all()
