"""Sweeps whose restarts grow in rounds, only where a verdict needs them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xarray as xr


def test_rounds_add_restarts_where_they_are_needed_and_refit_nothing(
    make_sweep: Callable[..., Any], tmp_path: Path
) -> None:
    sweep = make_sweep(tmp_path)
    # the best optimum of faithful is rare with three components, and common with two
    sweep.config = {
        "problems": {"faithful": {"n_components": [2, 3]}},
        "methods": {"em": {}},
        "restarts": {"target": 0.9, "max": 300},
        "seed": 11,
    }
    mixsweep = str(Path(sys.executable).parent / "mixsweep")
    arguments = [mixsweep, "run", "--config", "sweep.yaml", "--cores", "2", "--directory", "run"]
    sweep.command()  # writes the config
    first = sweep.run("--cores", "2")
    assert "1 cells want more restarts" in first.output
    kept = sweep.shards()
    assert len(kept) == 2

    done = sweep.call([*arguments, "-e", "local"], sweep.folder)
    assert done.code == 0, done.output
    assert "Nothing to be done" in done.output
    now = sweep.shards()
    assert {path: now[path] for path in kept} == kept
    wanted = json.loads((sweep.results / "restarts.json").read_text())
    assert wanted["faithful/gaussian-full/K2"] == 100
    assert wanted["faithful/gaussian-full/K3"] in (200, 300)
    assert len(now) == sum(wanted.values()) // 100
    with xr.open_dataset(sweep.results / "sweep.nc") as root:
        ran = (root["status"] != 0).sum(["method", "initializer", "restart"]).squeeze(drop=True)
        assert ran.values.tolist() == list(wanted.values())
    assert "done, 0 missing, 0 failed" in sweep.mixsweep("status", "results")
