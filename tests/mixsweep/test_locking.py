from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mixsweep.errors import MixsweepError
from mixsweep.locking import claim, holder

HOLDER = """
import sys
from pathlib import Path
from mixsweep.locking import claim

claim(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Return a results folder that another process holds, and that process."""
    results = tmp_path / "results"
    command = [sys.executable, "-c", HOLDER, str(results)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield results, process
        process.kill()


def test_a_folder_in_use_is_refused_with_who_uses_it(other):
    results, process = other
    assert f"process {process.pid} on " in holder(results)
    with pytest.raises(MixsweepError, match=f"another run is using .* .process {process.pid} on"):
        claim(results)


def test_a_killed_process_holds_nothing(other):
    results, process = other
    process.kill()
    process.wait()
    assert holder(results) == ""
    claim(results)


def test_one_process_may_claim_twice_and_still_holds_the_folder(tmp_path):
    claim(tmp_path / "results")
    claim(tmp_path / "results")
    look = "import sys, pathlib, mixsweep.locking as l; print(l.holder(pathlib.Path(sys.argv[1])))"
    command = [sys.executable, "-c", look, str(tmp_path / "results")]
    seen = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"process {os.getpid()} on " in seen


def test_nobody_uses_a_folder_without_runs(tmp_path):
    assert holder(tmp_path) == ""
    assert holder(tmp_path / "none") == ""


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MixsweepError, match="this results folder cannot be written"):
        claim(tmp_path / "file" / "results")
