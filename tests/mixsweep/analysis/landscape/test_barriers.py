from __future__ import annotations

import numpy as np
import pytest
from tests.mixsweep.helpers import fits_at

from mixsweep.analysis.census import census
from mixsweep.analysis.landscape import barriers, landscape
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.problems import load_builtin


@pytest.fixture(scope="module")
def found():
    """The landscape of the optima behind a few starts on faithful."""
    problem = load_builtin("faithful")
    rng = np.random.default_rng(3)
    chosen = np.stack([problem.X[rng.choice(272, 3, replace=False)] for _ in range(12)])
    pooled = np.broadcast_to(np.cov(problem.X.T, bias=True), (12, 3, 2, 2))
    fits = fits_at(problem, np.full((12, 3), 1 / 3), chosen, pooled)
    return landscape(problem, census(problem, fits, Thresholds()))


def test_each_pair_of_maxima_stands_once_the_higher_first(found):
    rows = barriers(found)
    count = found.sizes["leading"]
    assert count >= 2
    assert rows.sizes["pair"] == count * (count - 1) // 2
    pairs = set(zip(rows["optimum_a"].values.tolist(), rows["optimum_b"].values.tolist(), strict=True))
    assert len(pairs) == rows.sizes["pair"]
    assert {number for pair in pairs for number in pair} == set(found["leading"].values.tolist())
    assert (rows["height_a"] >= rows["height_b"]).all()


def test_barriers_are_those_of_the_landscape(found):
    rows = barriers(found)
    for pair in range(rows.sizes["pair"]):
        row = rows.isel(pair=pair)
        ends = {"leading": int(row["optimum_a"]), "leading_": int(row["optimum_b"])}
        turned = {"leading": ends["leading_"], "leading_": ends["leading"]}
        assert float(row["barrier_a"]) == float(found["barrier"].sel(ends))
        assert float(row["barrier_b"]) == float(found["barrier"].sel(turned))
        lowest = float(found["straight_level"].sel(ends))
        assert float(row["straight_barrier"]) == float(row["height_b"]) - lowest


def test_a_way_found_by_more_work_is_never_worse(found):
    rows = barriers(found)
    assert (rows["barrier_b"] >= 0).all()
    assert (rows["barrier_b"] <= rows["relaxed_barrier"] + 1e-9).all()
    assert (rows["relaxed_barrier"] <= rows["straight_barrier"] + 1e-9).all()
    above = rows["height_a"] - rows["height_b"]
    np.testing.assert_allclose(rows["barrier_a"] - rows["barrier_b"], above, atol=1e-9)


def test_a_way_without_a_finite_height_is_infinitely_deep(found):
    level = found["straight_level"].copy()
    level[0, 1] = level[1, 0] = np.nan
    rows = barriers(found.assign(straight_level=level))
    assert np.isinf(rows["straight_barrier"].values).sum() == 1
    assert np.isfinite(rows["barrier_b"]).all()


def test_one_maximum_has_no_barriers(found):
    assert barriers(found.isel(leading=slice(1), leading_=slice(1))).sizes["pair"] == 0
