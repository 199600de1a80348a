from __future__ import annotations

import pytest

from mixsweep.errors import MixsweepError
from mixsweep.stand_in import SILENT, leave_stand_in, noted, stands_in, take_back


@pytest.fixture
def path(tmp_path):
    return tmp_path / "landscape.nc"


def test_what_went_wrong_outlives_the_attempt(path):
    with pytest.raises(ArithmeticError), noted(path):
        raise ArithmeticError("no way")
    assert not path.exists()
    lines = leave_stand_in(path).splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-1] == "ArithmeticError: no way"
    assert [own.name for own in path.parent.iterdir()] == [path.name]


def test_our_own_errors_are_told_as_the_command_tells_them(path):
    with pytest.raises(MixsweepError), noted(path):
        raise MixsweepError("optima.nc: no such file")
    assert leave_stand_in(path) == "Error: optima.nc: no such file\n"


def test_who_is_killed_has_left_a_note(path):
    made = noted(path)
    made.__enter__()
    assert "killed" in leave_stand_in(path)


def test_the_last_attempt_is_the_one_that_is_told(path):
    for word in ("first", "second"):
        with pytest.raises(ValueError, match=word), noted(path):
            raise ValueError(word)
    assert leave_stand_in(path).endswith("ValueError: second\n")


def test_what_goes_well_leaves_no_note(path):
    with noted(path):
        path.write_text("whole")
    assert list(path.parent.iterdir()) == [path]
    assert leave_stand_in(path) == SILENT


def test_a_folder_that_cannot_be_written_does_not_hide_the_error(tmp_path):
    with pytest.raises(ArithmeticError), noted(tmp_path / "nowhere" / "landscape.nc"):
        raise ArithmeticError("no way")


def test_only_stand_ins_are_taken_back(tmp_path):
    whole, empty, absent = (tmp_path / f"{name}.nc" for name in ("whole", "empty", "absent"))
    whole.write_text("numbers")
    leave_stand_in(empty)
    assert [stands_in(path) for path in (whole, empty, absent)] == [False, True, False]
    assert take_back([whole, empty, absent]) == [empty]
    assert list(tmp_path.iterdir()) == [whole]
    assert take_back([whole, empty, absent]) == []
