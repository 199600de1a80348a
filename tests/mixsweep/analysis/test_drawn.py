from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.helpers import ended_in

from mixsweep.analysis.drawn import counted_once, drawn, is_oracle, role_of, warnings_in_words
from mixsweep.initializers import INITIALIZERS
from mixsweep.initializers.agglomerative import MAX_ROWS


def test_an_oracle_is_what_needs_the_generating_parameters():
    assert [name for name in INITIALIZERS.names() if is_oracle(name)] == ["perturbed-truth", "truth"]
    assert not is_oracle("an initializer of a distribution that is gone")


def test_an_oracle_that_somebody_adds_is_one_too(monkeypatch):
    class Leaked:
        needs = "truth"

    monkeypatch.setitem(INITIALIZERS._loaded, "leaked-truth", Leaked)
    assert role_of("leaked-truth", 100) == "oracle"


@pytest.mark.parametrize(
    ("name", "n_rows", "role"),
    [
        ("truth", 100, "oracle"),
        ("perturbed-truth", 100, "oracle"),
        ("agglomerative", MAX_ROWS, "copies"),
        ("agglomerative", MAX_ROWS + 1, "drawn"),
        ("random-points", 100, "drawn"),
        ("user-starts", 100, "drawn"),
    ],
)
def test_the_role_of_a_start(name, n_rows, role):
    assert role_of(name, n_rows) == role
    assert (name in drawn([name], n_rows)) == (role == "drawn")


def test_what_must_be_known_of_a_start_is_said():
    assert warnings_in_words(["random-points"], 100) == ""
    both = warnings_in_words(["truth", "perturbed-truth"], 100)
    assert "starts of truth and of perturbed-truth use the generating parameters" in both
    assert "all restarts of truth are copies of one start" in both
    assert "were chosen, not drawn" in warnings_in_words(["user-starts"], 100)


def test_copies_of_a_start_count_once():
    fits = ended_in([[[0, 1, 1], [0, 0, 0], [1, 1, 1]]] * 2)
    fits = fits.assign_coords(initializer=["random-points", "truth", "agglomerative"])
    once = counted_once(fits, 200)
    assert once["n_passes"].notnull().sum("restart").values.tolist() == [[3, 1, 1]] * 2
    np.testing.assert_array_equal(once["optimum"][0], [[0, 1, 1], [0, -1, -1], [1, -1, -1]])
    # of many rows each restart takes its own
    many = counted_once(fits, MAX_ROWS + 1)
    assert many["n_passes"].notnull().sum("restart").values.tolist() == [[3, 1, 3]] * 2
