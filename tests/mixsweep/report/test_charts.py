from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import vl_convert

from mixsweep.report.charts import all_charts
from mixsweep.report.charts.hit_rates import hit_rates, restarts
from mixsweep.report.charts.style import KIND_COLOURS, STATUS_COLOURS, method_colours
from mixsweep.report.figures import choose, standalone
from mixsweep.report.material import Material
from mixsweep.status import Status

NAMES = (
    *("optima_count", "optima", "copies", "basins", "unseen", "unseen_number", "unseen_by_method"),
    *("rarefaction", "agreement", "selection", "tree", "paths", "slice", "map"),
    *("hit_rates", "restarts", "costs", "pairs", "flow", "by_components"),
    *("trend", "difficulty", "run_time"),
    *("passes", "gaps", "performance_profiles", "data_profiles", "ratios", "rates", "timing"),
    *("conduct", "statuses"),
)
#: What a caption says of its denominator.
WORDS = ("among all", "all fits", "at least one", "every kind", "denominator")


@pytest.fixture(scope="module")
def sweep(results: Path) -> tuple[Any, Any, Any]:
    material = Material.of(results)
    return material.sweep, material.charts, material.frames


def test_every_chart_states_its_denominator(sweep: tuple[Any, Any, Any]) -> None:
    _, charts, _ = sweep
    assert tuple(charts) == NAMES
    for chart in charts.values():
        assert [item.max_cells for item in chart.variants] == sorted(
            item.max_cells for item in chart.variants
        )
        for variant in chart.variants:
            assert variant.caption.strip().endswith(".")
            assert any(word in variant.caption for word in WORDS), chart.name


def test_starts_from_the_generating_parameters_are_said_to_be_for_reference(
    sweep: tuple[Any, Any, Any],
) -> None:
    found, charts, _ = sweep
    for make in (hit_rates, restarts):
        captions = [item.caption for item in make(replace(found, initializers=("truth",))).variants]
        assert all("For reference: truth starts from the generating parameters" in text for text in captions)
        assert all("For reference" not in item.caption for item in charts[make.__name__].variants)


@pytest.mark.parametrize("name", NAMES)
def test_every_variant_draws(sweep: tuple[Any, Any, Any], name: str) -> None:
    found, charts, frames = sweep
    chart = charts[name]
    frame, chosen = choose(chart, frames[chart.dataset], {"cell": found.cells[1]})
    for variant in chart.variants:
        n_cells = min(variant.max_cells, len(found.cells))
        some = frame[frame["cell"].isin(found.cells[:n_cells])] if "cell" in frame else frame
        svg = vl_convert.vegalite_to_svg(standalone(chart, some, n_cells, chosen))
        assert svg.count("aria-roledescription") > 3
        assert all(word in svg for word in chosen)
        assert "NaN" not in svg
        assert "undefined" not in svg


def test_an_empty_table_is_drawn_as_such(sweep: tuple[Any, Any, Any]) -> None:
    _, charts, frames = sweep
    for chart in charts.values():
        spec = standalone(chart, frames[chart.dataset].head(0), 0)
        assert spec["data"]["values"] == [{"text": "Nothing to show: the table has no rows."}]
    assert "Nothing to show" in vl_convert.vegalite_to_svg(spec)


def test_numbers_that_are_all_missing_leave_their_reason(sweep: tuple[Any, Any, Any]) -> None:
    _, charts, frames = sweep
    for chart in charts.values():
        if chart.needs:
            frame = frames[chart.dataset].assign(**dict.fromkeys(chart.needs, float("nan")))
            if "reason" in frame:
                frame["reason"] = "cannot say: no fits were run"
            (row,) = standalone(chart, frame, 1)["data"]["values"]
            assert row["text"].startswith("Nothing to show: "), chart.name
            assert row["text"].endswith(("no fits were run.", "missing.")), chart.name


def test_colours_are_distinct_and_stable() -> None:
    colours = method_colours(["em", "lbfgs", *(f"m{index}" for index in range(14))])
    assert len(set(colours.values())) == 16
    assert method_colours(["em", "lbfgs"]) == {name: colours[name] for name in ("em", "lbfgs")}
    assert set(STATUS_COLOURS) == {status.label for status in Status} - {"not-run"}
    assert len(set(KIND_COLOURS.values())) == 7


def test_methods_have_one_colour_everywhere(sweep: tuple[Any, Any, Any]) -> None:
    found, charts, _ = sweep
    text = json.dumps([variant.spec for chart in charts.values() for variant in chart.variants])
    scale = json.dumps({"domain": list(found.colours), "range": list(found.colours.values())})
    assert text.count(scale) >= 5


def test_marks_are_capped_on_a_large_sweep(synthetic: ModuleType, tmp_path: Path) -> None:
    cells = [(f"p{index}", "gaussian-full", k) for index in range(70) for k in (2, 3, 4)]
    material = Material.of(synthetic.write_results(tmp_path / "results", cells, 5, ("em", "gd")))
    found, frames = material.sweep, material.frames
    assert len(found.cells) == 210
    for chart in all_charts(found).values():
        frame, _ = choose(chart, frames[chart.dataset], {})
        spec = standalone(chart, frame, 210)
        if chart.name not in (
            "optima_count",
            "optima",
            "copies",
            "unseen",
            "unseen_number",
            "unseen_by_method",
            "hit_rates",
            "restarts",
            "costs",
            "passes",
            "tree",
            "paths",
            "slice",
            "map",
        ):
            continue  # curves, or drawn cell by cell
        svg = vl_convert.vegalite_to_svg(spec)
        marks = Counter(part.split('"', 1)[0] for part in svg.split('aria-roledescription="')[1:])
        assert sum(count for kind, count in marks.items() if "mark container" not in kind) <= 5000, chart.name
