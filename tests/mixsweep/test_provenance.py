"""The record of a results folder, and the refusal to go on with another config or version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mixsweep import provenance
from mixsweep.config import parse_config
from mixsweep.errors import MixsweepError
from mixsweep.plan import Plan, make_plan
from mixsweep.provenance import check_results, read_plan_file, sweep_record, write_plan_file

BASE: dict[str, Any] = {
    "problems": {"mine": {"file": "mine.csv"}, "iris": {}},
    "n_components": [1, 2],
    "methods": {"em": {}, "adam": {"learning_rate": 0.1}},
    "restarts": 200,
}
# 2 problems x 2 component counts x 2 methods x 2 blocks
ALL = 16


def planned(folder: Path, **changes: Any) -> Plan:
    return make_plan(parse_config(BASE | changes, folder))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the results of `BASE`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text("a,b\n" + "".join(f"{i},{(i * i) % 7}\n" for i in range(30)))
    plan = planned(tmp_path)
    for shard in plan.shards:
        path = tmp_path / "results" / shard.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("made")
        path.with_suffix(".timing.nc").write_text("made")
    write_plan_file(plan, tmp_path / "results/plan.json")
    return tmp_path


@pytest.mark.parametrize(
    ("change", "told", "shards"),
    [
        ({"seed": 2}, "seed was 1, is now 2", ALL),
        ({"tol": 1e-6}, "tol was 1e-08, is now 1e-06", ALL),
        ({"max_passes": 10}, "max_passes was 2000, is now 10", ALL),
        ({"covariance_floor": 1e-3}, "covariance_floor was 1e-06, is now 0.001", ALL),
        ({"methods": {"em": {"method": "lbfgs"}}}, "methods.em was", ALL // 2),
        ({"methods": {"adam": {"learning_rate": 0.2}}}, '"learning_rate":0.2', ALL // 2),
        ({"problems": {"mine": {"builtin": "iris"}}}, "problems.mine was", ALL // 2),
        ({"problems": {"mine": {"file": "mine.csv", "columns": ["a"]}}}, "problems.mine was", ALL // 2),
    ],
)
def test_what_changes_numbers_is_refused(
    folder: Path, change: dict[str, Any], told: str, shards: int
) -> None:
    with pytest.raises(MixsweepError) as caught:
        check_results(planned(folder, **change), folder / "results", folder)
    for part in (told, f"would replace {shards} finished shards", "--config replace=true", "--directory"):
        assert part in str(caught.value)
    check_results(planned(folder, replace=True, **change), folder / "results", folder)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"restarts": 250},
        {"restarts": 100},
        {"n_components": [1, 3]},
        {"families": ["gaussian-diag"]},
        {"initializers": ["kmeans++"]},
        {"methods": {"em": {}, "gd": {}}},
        {"problems": {"iris": {}, "faithful": {}}},
        {"pathvars": {"logs": "elsewhere"}},
    ],
)
def test_additions_and_omissions_are_welcome(folder: Path, change: dict[str, Any]) -> None:
    check_results(planned(folder, **change), folder / "results", folder)


def test_other_data_under_the_same_name(folder: Path) -> None:
    with (folder / "mine.csv").open("a") as stream:
        stream.write("99,1\n")
    with pytest.raises(MixsweepError, match=r"problems\.mine was .* is now .*SHA-256"):
        check_results(planned(folder), folder / "results", folder)


def test_the_same_data_elsewhere(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "mine.csv").rename(folder / "sub/other.csv")
    plan = planned(folder, problems={"mine": {"file": "sub/other.csv"}})
    check_results(plan, folder / "results", folder)


def test_other_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "NUMERICS_VERSION", "next")
    with pytest.raises(MixsweepError, match=r'numerics_version was "[0-9]+", is now "next"'):
        check_results(planned(folder), folder / "results", folder)


def test_folder_without_shards_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_plan_file(planned(tmp_path, problems={"iris": {}}), tmp_path / "results/plan.json")
    check_results(planned(tmp_path, problems={"iris": {}}, seed=9), tmp_path / "results", tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"format_version": "0"}', "\x00"])
def test_damaged_plan_is_named(folder: Path, text: str) -> None:
    path = folder / "results/plan.json"
    path.write_text(text)
    with pytest.raises(MixsweepError, match=r"plan\.json: (not readable|format version)"):
        check_results(planned(folder), folder / "results", folder)


def test_record_is_complete_and_ordered_as_the_config(folder: Path) -> None:
    contents = read_plan_file(folder / "results/plan.json")
    assert contents["config"] == json.loads(json.dumps(sweep_record(planned(folder), folder)))
    assert list(contents["config"]["problems"]) == ["mine", "iris"]
    assert contents["config"]["problems"]["mine"]["spec"] == {"file": "mine.csv"}
    assert (contents["n_cells"], contents["n_shards"], contents["n_fits"]) == (4, ALL, 1600)
    for key in ("versions", "machine", "git_revision", "created_at", "config_sha256", "mixsweep_version"):
        assert key in contents
