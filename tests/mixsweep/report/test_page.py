from __future__ import annotations

import html
import json
import re
import shutil
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from click.testing import CliRunner

from mixsweep.cli.report import report
from mixsweep.report import write_report
from mixsweep.report.charts import describe
from mixsweep.report.landscapes import LANDSCAPES
from mixsweep.report.sections import SECTIONS, Table
from mixsweep.report.summary import counts, findings, provenance, sentence
from mixsweep.report.tables import TABLES, read_results

MARKUP = "<img src=x onerror=alert(1)></script>"


def payload(page: Path) -> dict[str, dict[str, object]]:
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="payload">(.*?)</script>', text, re.S)
    assert found is not None
    loaded: dict[str, dict[str, object]] = json.loads(found[1])
    return loaded


def test_page_is_one_small_file_that_asks_for_nothing(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert page.stat().st_size < 3_000_000
    assert not re.search(r"<(script|img|iframe|link)[^>]+(src|href)=[\"']?(https?:)?//", text)
    assert "default-src 'none'" in html.unescape(text)
    assert re.findall(r'<link [^>]*href="([^"]*)"', text) == ["data:,"]


def test_page_holds_every_table(page: Path) -> None:
    assert set(payload(page)["tables"]) == {*TABLES, *LANDSCAPES, "first_failures", "timing"}
    assert set(payload(page)["columns"]) >= {
        item.name for section in SECTIONS for item in section.items if isinstance(item, Table)
    }


def test_same_input_gives_same_bytes(page: Path, results: Path, tmp_path: Path) -> None:
    copy = tmp_path / "results"
    shutil.copytree(results, copy, ignore=shutil.ignore_patterns("report"))
    write_report(copy, copy / "report" / "index.html")
    assert (copy / "report" / "index.html").read_bytes() == page.read_bytes()


def test_an_empty_folder_gives_a_page_that_says_so(tmp_path: Path) -> None:
    tmp_path.joinpath("results").mkdir()
    page = tmp_path / "elsewhere" / "page.html"
    write_report(tmp_path / "results", page)
    text = page.read_text(encoding="utf-8")
    assert "no analysed cell yet" in text
    assert "holds no plan.json" in text


#: Tables that the page does more with than show them.
USED = ("verdicts", "optima", "basin_shares", "hit_rates", "costs", "convergence", "run_time", "failures")


@pytest.mark.parametrize("missing", [*([name] for name in USED), sorted(set(TABLES) - {"verdicts"})])
def test_each_table_may_be_missing(small: Path, missing: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mixsweep.report.page.drawing_script", lambda: "")
    for name in missing:
        (small / TABLES[name][0]).unlink()
    write_report(small, small / "report" / "index.html")
    assert "2 likelihood surfaces" in (small / "report" / "index.html").read_text(encoding="utf-8")


@pytest.fixture
def small(synthetic: ModuleType, tmp_path: Path) -> Path:
    cells = [("faithful", "gaussian-full", 2), ("iris", "gaussian-full", 3)]
    folder: Path = synthetic.write_results(tmp_path / "results", cells, 10, ("em", "lbfgs"))
    return folder


def test_links_are_relative_and_only_to_files_that_exist(page: Path, figures: Path) -> None:
    links = re.findall(r'<a href="([^"#]+)"', page.read_text(encoding="utf-8"))
    assert "../tables/failures.csv" in links
    assert "../sweep.nc" not in links
    assert all((page.parent / link).is_file() for link in links)


def test_names_from_the_tables_are_escaped(small: Path) -> None:
    for path in (small / "verdicts.csv", *(small / "tables").glob("*.csv")):
        path.write_text(path.read_text().replace("faithful", MARKUP).replace("gaussian-full", MARKUP))
    plan = json.loads((small / "plan.json").read_text()) | {"machine": {MARKUP: MARKUP}}
    (small / "plan.json").write_text(json.dumps(plan))
    page = small / "report" / "index.html"
    write_report(small, page)
    assert "<img src=x" not in page.read_text(encoding="utf-8")
    assert MARKUP in payload(page)["tables"]["verdicts"]["columns"]["problem"]["levels"]  # type: ignore[index]


def test_summary_in_words(results: Path) -> None:
    found = read_results(results)
    sweep = describe(found.tables)
    assert sentence(found, sweep) == (
        "21 likelihood surfaces (11 problems, gaussian-full, K = 1 to 6), each climbed by 4 methods (em, "
        "lbfgs, adam, gd) from the same starts of 2 initializers (random-points, kmeans++): 16,800 fits."
    )
    assert [topic for topic, _ in findings(found.tables)] == [
        "Multimodality",
        "Global optimum",
        "Convergence speed",
    ]
    tiles = {tile["label"]: tile["value"] for tile in counts(found, sweep)}
    assert tiles["fits"] == "16,800"
    assert tiles["failures"] == f"{len(found.tables['failures']):,}"


def test_what_starts_from_the_truth_find_is_no_finding(results: Path) -> None:
    tables = dict(read_results(results).tables)
    oracle = tables["hit_rates"].assign(role="oracle", initializer="truth", hit_rate=1.0)
    with_oracle = pd.concat([tables["hit_rates"], oracle], ignore_index=True)
    assert findings(tables | {"hit_rates": with_oracle}) == findings(tables)
    only = dict(findings(tables | {"hit_rates": oracle}))
    assert "Global optimum" not in only


def test_provenance_shows_what_is_there() -> None:
    facts, config = provenance(
        {"seed": 3, "versions": {"numpy": "2"}, "n_fits": 1200, "config": {"restarts": 5}}
    )
    assert facts == [("seed", "3"), ("versions: numpy", "2"), ("number of fits", "1,200")]
    assert config == "restarts: 5\n"
    assert provenance({}) == ([], "")
    # the page's first table has the cells
    assert provenance({"cells": [{"problem": "iris"}], "warnings": [], "words": ["a", "b"]})[0] == [
        ("words", "a, b")
    ]


def test_command_writes_to_the_default_place(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(report, [str(tmp_path)])
    assert outcome.exit_code == 0, outcome.output
    assert (tmp_path / "report" / "index.html").is_file()
    assert "index.html" in outcome.output
