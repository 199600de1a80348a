from __future__ import annotations

import pytest

from mixsweep.kernels.processor import processor

FIRST = """processor\t: 0
model name\t: Some processor
cpu MHz\t\t: 2000.0
flags\t\t: fpu avx2 avx512f
"""


@pytest.fixture
def told(tmp_path):
    def told(text):
        path = tmp_path / "cpuinfo"
        path.write_text(text)
        return processor(path)

    return told


def test_instructions_and_the_model_make_a_processor_another_one(told):
    assert told(FIRST) != told(FIRST.replace(" avx512f", ""))
    assert told(FIRST) != told(FIRST.replace("Some", "Other"))


def test_its_clock_and_its_fellows_do_not(told):
    fellow = FIRST.replace("processor\t: 0", "processor\t: 1")
    assert told(FIRST) == told(FIRST.replace("2000.0", "3100.5")) == told(FIRST + "\n" + fellow)


def test_a_system_without_such_a_file_says_what_it_can(tmp_path):
    assert processor(tmp_path / "nothing")
