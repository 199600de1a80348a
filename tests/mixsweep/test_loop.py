from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mixsweep import ledger, loop
from mixsweep.endpoints import CHECKPOINTS, take
from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.status import Status
from tests.mixsweep.helpers import METHODS as NAMES
from tests.mixsweep.helpers import SOLVERS, cell, starts


class CountingFamily:
    """Counts from outside how many rows are looked at, for all parameter points together."""

    def __init__(self, family):
        self.family, self.rows = family, 0

    def __getattr__(self, name):
        return getattr(self.family, name)

    def evaluate(self, prepared, parameters, assignment=None):
        self.rows += len(parameters["weights"]) * prepared.design.n_rows
        return self.family.evaluate(prepared, parameters, assignment)


# scikit-learn takes passes that this family does not see; they are held against its own count elsewhere
@pytest.mark.parametrize("name", sorted({*NAMES} - {"scikit-learn"}))
def test_passes_are_counted_exactly(name):
    objective = cell("faithful", "gaussian-full", 3)
    counting = CountingFamily(objective.family)
    objective = dataclasses.replace(objective, family=counting)
    begin = starts(objective)
    before = counting.rows
    ends = run(objective, METHODS[name](), begin, max_passes=60)
    # what is known at the end takes a pass more, which is no part of the method
    passes = (counting.rows - before) / objective.n_rows - len(begin["weights"])
    np.testing.assert_allclose(ends.n_passes.sum(), passes, rtol=1e-12)
    assert ends.n_passes.max() <= 60
    assert (ends.n_trial_passes < ends.n_passes).all()
    assert (ends.n_function_values >= ends.n_passes).all()


# solvers with a loop of their own stop where they find no further progress, cem where the partition is fixed
@pytest.mark.parametrize("name", sorted({*NAMES} - {*SOLVERS, "cem"}))
def test_tol_zero_runs_to_the_budget(name):
    objective = cell("faithful", "gaussian-full", 2)
    ends = run(objective, METHODS[name](), starts(objective, count=3), tol=0, max_passes=40)
    assert (ends.status == Status.BUDGET).all()
    assert (ends.n_passes == 40).all()


#: Passes and tolerance where differences of gradients magnify the last bits, which depend on the batch, by
#: 1 / 1e-8, and conjugate gradients near negative curvature do so again.
MAGNIFYING = {"newton-cg": (6, 1e-6), "trust": (12, 1e-6), "em+newton": (12, 1e-6)}


@pytest.mark.parametrize("name", NAMES)
def test_batching_and_refilling_change_nothing(name, monkeypatch):
    # 25 passes: near saddles the last bits, which depend on the batch, grow by a factor a pass
    max_passes, rtol = MAGNIFYING.get(name, (25, 1e-9))
    objective = cell("faithful", "gaussian-full", 3)
    begin = starts(objective, count=11)
    together = run(objective, METHODS[name](), begin, max_passes=max_passes)
    monkeypatch.setattr(loop, "BATCH_COLUMNS", 6)
    narrow = run(objective, METHODS[name](), begin, max_passes=max_passes)
    np.testing.assert_allclose(together.log_likelihood, narrow.log_likelihood, rtol=rtol)
    np.testing.assert_array_equal(together.status, narrow.status)
    for r in (0, 7):
        own, seed = take(begin, slice(r, r + 1)), np.array([r])
        alone = run(objective, METHODS[name](), own, max_passes=max_passes, seeds=seed)
        np.testing.assert_allclose(alone.log_likelihood[0], together.log_likelihood[r], rtol=rtol)


@pytest.mark.parametrize(
    ("columns", "numbers", "fewest", "width"),
    [(6, 10**6, 1, 2), (9, 45, 1, 2), (9, 40, 1, 1), (1, 1, 1, 1), (12, 1, 9, 3), (6, 1, 9, 2)],
)
def test_a_batch_keeps_to_its_columns_and_numbers(columns, numbers, fewest, width, monkeypatch):
    monkeypatch.setattr(loop, "BATCH_COLUMNS", columns)
    monkeypatch.setattr(loop, "BATCH_NUMBERS", numbers)
    monkeypatch.setattr(loop, "FEWEST_COLUMNS", fewest)
    # 3 weights, 3 x 2 means and 3 x 4 entries of factors
    objective = cell("faithful", "gaussian-full", 3)
    sizes, evaluate = [], loop.evaluate

    def counting(objective, request):
        sizes.append(len(request.parameters["weights"]))
        return evaluate(objective, request)

    monkeypatch.setattr(loop, "evaluate", counting)
    run(objective, METHODS["em"](), starts(objective, count=5), max_passes=3)
    assert max(sizes) == width


@pytest.mark.parametrize("max_passes", [1, 2, 5, 100, 2000, 100_000])
def test_checkpoints_fit_and_begin_densely(max_passes):
    columns = ledger._checkpoint_columns(max_passes, CHECKPOINTS)
    kept = np.flatnonzero(columns >= 0)
    assert len(kept) <= CHECKPOINTS - 1
    assert kept[0] == 1
    assert kept[-1] == max_passes
    np.testing.assert_array_equal(columns[kept], np.arange(len(kept)))


def test_short_budgets_keep_every_pass():
    np.testing.assert_array_equal(ledger._checkpoint_columns(127, CHECKPOINTS), np.arange(-1, 127))
    np.testing.assert_array_equal(ledger._checkpoint_columns(500, 501), np.arange(-1, 500))


def test_traces_are_exact_at_the_ends():
    objective = cell("faithful", "gaussian-full", 3)
    begin = starts(objective)
    ends = run(objective, METHODS["em"](), begin)
    np.testing.assert_array_equal(ends.trace_passes[:, 0], 1)
    np.testing.assert_allclose(
        ends.trace_log_likelihood[:, 0], objective.evaluate(begin).log_likelihood, rtol=1e-12
    )
    np.testing.assert_array_equal(np.nanmax(ends.trace_passes, axis=1), ends.n_passes)
    last = np.isfinite(ends.trace_passes).sum(axis=1) - 1
    np.testing.assert_array_equal(ends.trace_log_likelihood[np.arange(6), last], ends.log_likelihood)


def test_endpoints_are_consistent():
    objective = cell("faithful", "gaussian-full", 3)
    ends = run(objective, METHODS["lbfgs"](), starts(objective))
    again = objective.evaluate(ends.parameters)
    np.testing.assert_allclose(again.log_likelihood, ends.log_likelihood, rtol=1e-12)
    assert (again.decrement < 1e-8).all()
    assert (ends.seconds > 0).all()


def test_a_collapsing_component_is_a_status():
    # two rows far from the rest and a component on each side of them
    X = np.random.default_rng(0).normal(size=(40, 1))
    X[:2] = [[50.0], [50.0 + 1e-9]]
    from mixsweep.objective import Objective

    objective = Objective.of(X, "gaussian-full", 2, 1e-6)
    begin = objective.family.from_moments(
        np.array([[0.5, 0.5]]), np.array([[[X[5:].mean()], [objective.X[0, 0]]]]), np.full((1, 2, 1, 1), 0.5)
    )
    for name in ("em", "lbfgs"):
        ends = run(objective, METHODS[name](), begin, max_passes=3000)
        assert Status(ends.status[0]) is Status.COLLAPSED, name
        assert np.isfinite(ends.log_likelihood).all()


def test_one_component_is_solved_at_once():
    objective = cell("faithful", "gaussian-full", 1)
    ends = run(objective, METHODS["em"](), starts(objective))
    assert (ends.status == Status.CONVERGED).all()
    np.testing.assert_allclose(ends.log_likelihood + objective.log_likelihood_offset, -1289.7967, atol=1e-3)
    assert ends.n_passes.max() <= 3


class Moody(METHODS["em"]):
    """EM that raises an exception when the first mean is high."""

    def tell(self, objective, state, parameters, evaluation):
        if (parameters["means"][:, 0, 0] > 0.8).any():
            raise ZeroDivisionError("a high mean")
        return super().tell(objective, state, parameters, evaluation)


def test_a_method_that_raises_costs_only_its_own_fits(caplog):
    objective = cell("faithful", "gaussian-full", 2)
    begin = starts(objective, count=12)
    ends = run(objective, Moody(), begin, max_passes=50)
    peers = run(objective, METHODS["em"](), begin, max_passes=50)
    wrong = ends.status == Status.ERROR
    assert 0 < wrong.sum() < 12
    assert (wrong >= (begin["means"][:, 0, 0] > 0.8)).all()
    np.testing.assert_allclose(ends.log_likelihood[~wrong], peers.log_likelihood[~wrong], rtol=1e-9)
    assert "a high mean" in caplog.text


def test_a_method_cannot_change_the_rows_of_other_fits(caplog):
    class Careless(METHODS["em"]):
        """EM that centres the rows of the objective in their place."""

        name = "careless"

        def tell(self, objective, state, parameters, evaluation):
            objective.X[:] -= 1.0
            return super().tell(objective, state, parameters, evaluation)

    objective = cell("faithful", "gaussian-full", 2)
    before = objective.X.copy()
    ends = run(objective, Careless(), starts(objective, count=3))
    assert (ends.status == Status.ERROR).all()
    assert "read-only" in caplog.text
    np.testing.assert_array_equal(objective.X, before)


def test_a_late_exception_keeps_what_the_fit_has_cost_and_found(caplog):
    class Late(METHODS["em"]):
        """EM that raises an exception in the 21st pass of one fit."""

        def start(self, objective, parameters, seeds):
            return {**super().start(objective, parameters, seeds), "seed": seeds, "pass": 0 * seeds}

        def tell(self, objective, state, parameters, evaluation):
            number, seed = state.pop("pass") + 1, state.pop("seed")
            if (number[seed == 3] > 20).any():
                raise RuntimeError("late")
            state, step = super().tell(objective, state, parameters, evaluation)
            return {**state, "seed": seed, "pass": number}, step

    objective = cell("faithful", "gaussian-full", 3)
    begin = starts(objective, count=5)
    budget = {"tol": 0, "max_passes": 30}
    ends = run(objective, Late(), begin, **budget)
    assert [Status(status).label for status in ends.status] == [*["budget"] * 3, "error", "budget"]
    seeds = np.array([2])
    own = take(begin, slice(3, 4))
    twenty = run(objective, METHODS["em"](), own, seeds=seeds, tol=0, max_passes=20)
    assert (ends.n_passes[3], ends.n_trial_passes[3], ends.n_iterations[3]) == (21, 1, 19)
    np.testing.assert_array_equal(ends.trace_passes[3, :22], [*range(1, 22), np.nan])
    np.testing.assert_array_equal(ends.trace_log_likelihood[3, :20], twenty.trace_log_likelihood[0, :20])
    assert ends.trace_log_likelihood[3, 20] == ends.log_likelihood[3] == twenty.log_likelihood[0]
    assert ends.em_decrement[3] == twenty.em_decrement[0]
    np.testing.assert_array_equal(ends.parameters["means"][3], twenty.parameters["means"][0])
    assert ends.seconds[3] > 0


def test_a_solver_that_raises_keeps_what_the_fit_has_cost_and_found(caplog):
    class Climber(METHODS["slsqp"]):
        def solve(self, objective, start, probe):
            maximised = probe(start).maximised
            probe(maximised)
            raise RuntimeError("tired")

    objective = cell("faithful", "gaussian-full", 2)
    begin = starts(objective, count=2)
    ends = run(objective, Climber(), begin)
    twice = run(objective, METHODS["em"](), begin, tol=0, max_passes=2)
    assert (ends.status == Status.ERROR).all()
    np.testing.assert_array_equal(ends.n_passes, 2)
    np.testing.assert_allclose(ends.log_likelihood, twice.log_likelihood, rtol=1e-12)
    assert (ends.seconds > 0).all()


def test_a_fit_that_never_began_has_no_cost_and_no_trace(caplog):
    class Reluctant(METHODS["em"]):
        def start(self, objective, parameters, seeds):
            raise ValueError("no")

    objective = cell("faithful", "gaussian-full", 2)
    begin = starts(objective, count=2)
    ends = run(objective, Reluctant(), begin)
    assert (ends.status == Status.ERROR).all()
    np.testing.assert_array_equal(ends.n_passes, 0)
    assert np.isnan(ends.log_likelihood).all()
    assert np.isnan(ends.trace_passes).all()
    np.testing.assert_array_equal(ends.parameters["means"], begin["means"])


@pytest.mark.parametrize("name", ["em", "slsqp"])
def test_no_starts_have_no_ends(name):
    objective = cell("faithful", "gaussian-full", 2)
    ends = run(objective, METHODS[name](), take(starts(objective), slice(0, 0)))
    assert ends.status.shape == (0,)
    assert ends.trace_passes.shape == (0, CHECKPOINTS)


def test_errors_of_the_machine_are_no_fits_fault():
    class Unlucky(METHODS["em"]):
        def tell(self, *arguments):
            raise OSError("no space left on device")

    objective = cell("faithful", "gaussian-full", 2)
    with pytest.raises(OSError, match="no space"):
        run(objective, Unlucky(), starts(objective), max_passes=5)
