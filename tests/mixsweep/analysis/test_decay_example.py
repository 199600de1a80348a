"""The shipped sweep on the decay of random starts, on some of its cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from tests.mixsweep.helpers import cell_fits

from mixsweep.analysis.census import Thresholds, census
from mixsweep.analysis.multimodality import best_known
from mixsweep.analysis.success import hit_rates
from mixsweep.analysis.trend import decay_in_k
from mixsweep.config import load_config

CONFIG = Path(__file__).parents[3] / "workflow/examples/decay-in-k.yaml"
CHOSEN = ("islands-n1000-d2-k3-s10-r1", "islands-n1000-d2-k4-s10-r1", "islands-n1000-d2-k6-s10-r1")


@pytest.fixture(scope="module")
def rates(tmp_path_factory):
    config = load_config(CONFIG)
    entries = {entry.name: entry for entry in config.entries}
    parts = []
    for name in CHOSEN:
        problem = entries[name].source.load(name, config.seed)
        own = {"n_components": entries[name].n_components[0], "restarts": 60, "seed": config.seed}
        fits = cell_fits(problem, tmp_path_factory.mktemp(name), **own)
        optima = census(problem, fits, Thresholds())
        # the generating parameters lead to the best optimum that is known
        assert best_known(optima) == int(optima.attrs["truth_optimum"])
        parts.append(hit_rates(fits.assign(optimum=optima["fit_optimum"]), best_known(optima)))
    return xr.concat(parts, "cell").assign(n_components=("cell", [3, 4, 6]))


def test_random_starts_fail_more_often_the_more_components_there_are(rates):
    assert (np.diff(rates["hit_rate"].values.ravel()) < 0).all()
    # Jin et al. (2016): exponentially. For islands in a row and known variances the slope of the log is -0.33
    # for one component more
    assert -0.6 < decay_in_k(rates)["decay"].item() < -0.1
