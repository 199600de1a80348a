"""Whole sweeps in folders of their own, small enough to be run many times."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import wait_for
from tests.workflow.sweeps import CONFIG, Done, Sweep


@pytest.fixture(scope="session")
def wait() -> Callable[[Callable[[], bool], float], None]:
    return wait_for


@pytest.fixture(scope="session")
def make_sweep() -> Iterator[Callable[..., Sweep]]:
    """Return a function that makes a sweep in a folder; whatever its calls leave is ended afterwards."""
    sweeps: list[Sweep] = []

    def make(folder: Path, **changes: Any) -> Sweep:
        sweep = Sweep(folder, copy.deepcopy(CONFIG | changes))
        sweep.directory.mkdir(parents=True)
        sweeps.append(sweep)
        return sweep

    yield make
    for sweep in sweeps:
        for process in sweep.processes():
            process.kill()


@pytest.fixture(scope="session")
def whole(make_sweep: Callable[..., Sweep], tmp_path_factory: pytest.TempPathFactory) -> tuple[Sweep, Done]:
    """Return a sweep that has been run from beginning to end on two workers; tests leave it as it is."""
    sweep = make_sweep(tmp_path_factory.mktemp("whole"))
    return sweep, sweep.run("--cores", "2")


@pytest.fixture
def copied(whole: tuple[Sweep, Done], tmp_path: Path) -> Sweep:
    """Return a copy of the finished sweep."""
    return whole[0].copied_to(tmp_path / "copy")
