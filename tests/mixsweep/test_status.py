from __future__ import annotations

import pytest

from mixsweep.status import FAILURES, Status


def test_the_values_are_fixed_because_files_hold_them():
    assert {status.label: int(status) for status in Status} == {
        "not-run": 0,
        "converged": 1,
        "budget": 2,
        "collapsed": 3,
        "diverged": 4,
        "stalled": 5,
        "saddle": 6,
        "error": 7,
    }
    assert Status.labels() == [status.label for status in sorted(Status)]


@pytest.mark.parametrize("status", Status)
def test_words_and_values_are_two_ways_of_saying_the_same(status):
    assert Status.from_label(status.label) is status
    assert Status(int(status)) is status


def test_an_unknown_word_is_no_status():
    with pytest.raises(KeyError):
        Status.from_label("finished")


def test_fits_that_ended_as_they_should_are_no_failures():
    assert not {Status.NOT_RUN, Status.CONVERGED, Status.BUDGET, Status.SADDLE} & set(FAILURES)
