"""The plan: cells, shards, and blocks which do not move."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixsweep.config import load_config, parse_config
from mixsweep.cost import BLOCK_SECONDS, CAPS, block_cap, expected_passes, memory_mb, seconds_per_pass
from mixsweep.plan import MANY_SHARDS, Plan, blocks, make_plan

ROOT = Path(__file__).parents[2]
RESTARTS = st.integers(min_value=1, max_value=30_000)
CAP = st.sampled_from([cap for cap in CAPS if cap >= 10])


def planned(**changes: object) -> Plan:
    base: dict[str, object] = {
        "problems": {"iris": {}},
        "methods": ["em"],
        "n_components": [2, 3],
        "restarts": 200,
    }
    return make_plan(parse_config(base | changes, Path()))


@given(RESTARTS, CAP)
def test_blocks_cover_exactly(restarts: int, cap: int) -> None:
    cuts = blocks(restarts, cap)
    assert cuts[0][0] == 0
    assert cuts[-1][1] == restarts
    assert all(before[1] == after[0] for before, after in pairwise(cuts))
    assert all(0 < stop - start <= cap for start, stop in cuts)


@given(RESTARTS, RESTARTS, CAP)
def test_more_restarts_keep_every_full_block(few: int, more: int, cap: int) -> None:
    before, after = blocks(few, cap), blocks(few + more, cap)
    assert before[:-1] == after[: len(before) - 1]
    assert before[-1][0] == after[len(before) - 1][0]


@given(RESTARTS, CAP)
def test_smaller_caps_divide_blocks(restarts: int, cap: int) -> None:
    fine = {edge for block in blocks(restarts, 10) for edge in block}
    coarse = {edge for block in blocks(restarts, cap) for edge in block}
    if cap % 10 == 0:
        assert coarse <= fine


def test_block_edges() -> None:
    assert blocks(220, 10_000) == [(0, 100), (100, 200), (200, 220)]
    assert blocks(2200, 10_000)[-3:] == [(900, 1000), (1000, 2000), (2000, 2200)]
    assert blocks(22_000, 10_000)[-2:] == [(10_000, 20_000), (20_000, 22_000)]
    assert blocks(110, 25)[-2:] == [(75, 100), (100, 110)]
    assert blocks(3, 1) == [(0, 1), (1, 2), (2, 3)]


@given(st.floats(min_value=1e-6, max_value=1e6))
def test_cap_keeps_blocks_short(seconds: float) -> None:
    cap = block_cap(seconds)
    assert cap in CAPS
    assert cap == 1 or cap * seconds <= BLOCK_SECONDS


def test_default_sweep() -> None:
    plan = make_plan(load_config(ROOT / "config.yaml"))
    assert (len(plan.cells), plan.n_fits) == (21, 16_800)
    assert len(plan.shards) < 500
    assert plan.warnings == []
    assert sum(shard.n_fits for shard in plan.shards) == plan.n_fits


def test_shard_paths_are_distinct_and_as_documented() -> None:
    plan = planned(initializers=["random-points", "kmeans++"], methods=["em", "lbfgs"])
    paths = [shard.path for shard in plan.shards]
    assert len(set(paths)) == len(paths) == 16
    assert paths[0] == "shards/iris/gaussian-full/K2/em/random-points-000000-000100.nc"
    assert plan.shards[0].log == "shard/iris/gaussian-full/K2/em/random-points-000000-000100.log"


@pytest.mark.parametrize(
    ("change", "new"),
    [
        ({"restarts": 250}, 2),
        ({"methods": ["em", "lbfgs"]}, 4),
        ({"n_components": [2, 3, 4]}, 2),
        ({"initializers": ["random-points", "kmeans++"]}, 4),
        ({"problems": {"iris": {}, "faithful": {}}}, 4),
        ({"families": ["gaussian-full", "gaussian-diag"]}, 4),
    ],
)
def test_additions_make_new_shards_only(change: dict[str, object], new: int) -> None:
    before = {shard.path for shard in planned().shards}
    after = {shard.path for shard in planned(**change).shards}
    assert before < after
    assert len(after - before) == new


def test_a_large_plan_is_quick_and_warned_about() -> None:
    grid = {"n": 100, "d": 2, "k": 3, "separation": 2, "replicates": 100}
    begin = time.perf_counter()
    plan = planned(problems={"a": {"simulate": grid}}, n_components=3, restarts=1_000_000)
    assert plan.n_fits == 100_000_000
    assert len(plan.shards) > MANY_SHARDS
    assert "Snakemake" in plan.warnings[0]
    assert time.perf_counter() - begin < 20


def test_cost_grows_with_every_size() -> None:
    base = seconds_per_pass("gaussian-full", 500, 4, 3)
    assert seconds_per_pass("gaussian-full", 5000, 4, 3) > base
    assert seconds_per_pass("gaussian-full", 500, 8, 3) > base
    assert seconds_per_pass("gaussian-full", 500, 4, 5) > base
    assert seconds_per_pass("gaussian-diag", 500, 4, 3) < base
    assert memory_mb("gaussian-full", 10**6, 8, 5, 50) > memory_mb("gaussian-full", 100, 8, 5, 50)


def test_expected_passes_stay_below_the_budget() -> None:
    assert expected_passes("em", 10) == 10
    assert expected_passes("adam", 2000) == 2000
    assert 50 <= expected_passes("em", 2000) < 2000
