from __future__ import annotations

import pytest

from mixsweep.config import parse_config
from mixsweep.errors import MixsweepError
from mixsweep.plan import blocks, make_plan
from mixsweep.rounds import read_rounds, round_up, write_rounds


def config(tmp_path, **restarts):
    sweep = {"problems": {"iris": {}}, "n_components": [2, 3], "restarts": restarts}
    return parse_config(sweep, tmp_path)


@pytest.mark.parametrize(
    ("wanted", "maximum", "expected"),
    [(1, 5000, 100), (101, 5000, 200), (1000, 5000, 1000), (1001, 5000, 2000), (4500, 4800, 4800)],
)
def test_restarts_grow_to_the_ends_of_blocks(wanted, maximum, expected):
    assert round_up(wanted, maximum) == expected


def test_no_block_is_cut_before_the_maximum():
    for wanted in (1, 350, 1700, 23_000):
        restarts = round_up(wanted, 10**6)
        assert wanted <= restarts
        assert blocks(restarts, 100)[-1] == blocks(10**6, 100)[len(blocks(restarts, 100)) - 1]


def test_rounds_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "restarts.json"
    assert read_rounds(path) == {}
    write_rounds(path, {"b/K2": 200, "a/K3": 100})
    assert read_rounds(path) == {"a/K3": 100, "b/K2": 200}


@pytest.mark.parametrize("text", ["", "[1, 2]", '{"a/K2": "many"}'])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "restarts.json").write_text(text)
    with pytest.raises(MixsweepError, match=r"restarts\.json: not readable .* Delete it"):
        read_rounds(tmp_path / "restarts.json")


def test_the_plan_has_the_restarts_of_the_last_round(tmp_path):
    checked = config(tmp_path, target=0.99, max=500)
    assert [make_plan(checked).restarts_of(cell) for cell in make_plan(checked).cells] == [100, 100]
    plan = make_plan(checked, {"iris/gaussian-full/K3": 300})
    assert [plan.restarts_of(cell) for cell in plan.cells] == [100, 300]
    assert plan.n_fits == 400
    assert [len(plan.shards_of(cell)) for cell in plan.cells] == [1, 3]


@pytest.mark.parametrize(
    ("restarts", "message"),
    [
        ({"target": 1.5, "max": 500}, r"restarts\.target: expected a number between 0 and 1; found 1\.5"),
        ({"target": 0.9}, r"restarts\.max: this key is missing"),
        ({"target": 0.9, "max": 500, "firsst": 100}, r"unknown key 'restarts\.firsst'.*'first'"),
        ({"target": 0.9, "max": 500, "first": 50}, r"restarts\.first: found 50; expected a multiple of 100"),
        ({"target": 0.9, "max": 100, "first": 200}, r"restarts\.max: found 100; expected at least .* 200"),
    ],
)
def test_bad_targets_are_named(tmp_path, restarts, message):
    with pytest.raises(MixsweepError, match=message):
        config(tmp_path, **restarts)
