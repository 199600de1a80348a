"""What a reader does with the report, in a real browser, from disk."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from mixsweep.report import write_report

CHARTS = (
    *("optima_count", "optima", "copies", "basins", "unseen", "unseen_number", "unseen_by_method"),
    *("rarefaction", "agreement", "selection", "tree", "paths", "slice", "map"),
    *("hit_rates", "restarts", "costs", "pairs", "flow", "by_components"),
    *("trend", "difficulty", "run_time"),
    *("passes", "gaps", "performance_profiles", "data_profiles", "ratios", "rates", "timing"),
    *("conduct", "statuses"),
)
MARKUP = "<img src=x onerror=window.hit=1>"
ROWS = "[data-table=verdicts] tbody tr"

Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: BrowserContext) -> Iterator[Open]:
    """Open a file; at the end nothing may have been asked for outside it, nor any error have been written."""
    page = browser.new_page()
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: errors.append(message.text) if message.type in ("error", "warning") else None,
    )

    def open_file(path: Path, fragment: str = "") -> Page:
        page.goto("about:blank")
        page.goto(path.as_uri() + fragment)
        ready(page)
        return page

    yield open_file
    page.close()
    assert [url for url in requests if not url.startswith(("file://", "about:", "data:", "blob:"))] == []
    assert len({url.partition("#")[0] for url in requests if url.startswith("file://")}) == 1
    assert errors == []


def ready(page: Page) -> None:
    page.locator("body[data-ready=yes]").wait_for(timeout=20_000)


def marks(page: Page, chart: str) -> int:
    return page.locator(
        f"[data-chart={chart}] svg [aria-roledescription$=mark], [data-chart={chart}] svg path"
    ).count()


def test_every_chart_has_marks_and_fits(open_page: Open, report: Path) -> None:
    page = open_page(report)
    for chart in CHARTS:
        assert marks(page, chart) > 5, chart
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    wide = "[...document.querySelectorAll('.chart')].filter((n) => n.scrollWidth > n.clientWidth + 1).length"
    assert page.evaluate(wide) == 0
    assert page.locator(ROWS).count() == 21


def test_problem_filters_rows_and_charts_and_survives_reload(open_page: Open, report: Path) -> None:
    page = open_page(report)
    page.locator("select[name=problem]").select_option("iris")
    ready(page)
    assert page.locator(ROWS).count() == 3
    assert "problem=iris" in page.url
    # Few cells are drawn one panel each, with intervals.
    expect(page.locator("[data-chart=hit_rates]")).to_contain_text("iris, K = 2")
    expect(page.locator("[data-chart=hit_rates]")).not_to_contain_text("faithful")
    page.reload()
    ready(page)
    assert page.locator(ROWS).count() == 3
    expect(page.locator("select[name=problem]")).to_have_value("iris")
    page.locator("#reset").click()
    ready(page)
    assert page.locator(ROWS).count() == 21
    assert "problem" not in page.url


def test_row_selects_its_cell_everywhere(open_page: Open, report: Path) -> None:
    page = open_page(report)
    page.locator(ROWS).nth(2).locator("td").nth(2).click()
    ready(page)
    assert page.locator(ROWS).count() == 1
    expect(page.locator(ROWS)).to_have_class("chosen")
    expect(page.locator("[data-chart=optima] figcaption")).to_contain_text("Each line is an optimum")
    assert {"problem=faithful", "k=3"} <= set(page.url.partition("#")[2].split("&"))
    page.go_back()
    ready(page)
    assert page.locator(ROWS).count() == 21


def test_row_can_be_chosen_by_keyboard(open_page: Open, report: Path) -> None:
    page = open_page(report)
    button = page.locator(ROWS).nth(1).get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    ready(page)
    assert page.locator(ROWS).count() == 1


def test_square_of_the_heat_map_selects_its_cell(open_page: Open, report: Path) -> None:
    page = open_page(report)
    page.locator("[data-chart=optima_count] .mark-text text").nth(7).click()
    ready(page)
    assert page.locator(ROWS).count() == 1
    assert marks(page, "optima_count") > 20


def test_address_restores_a_view(open_page: Open, report: Path) -> None:
    page = open_page(report, "#method=em&method=gd&initializer=kmeans%2B%2B&tolerance=0.0001&at=convergence")
    expect(page.locator("[data-chips=method] button[aria-pressed=true]")).to_have_count(2)
    expect(page.locator("[data-chips=initializer] button[aria-pressed=true]")).to_have_text("kmeans++")
    assert page.evaluate("document.activeElement.id") == "convergence"
    expect(page.locator("[data-size=convergence]")).to_have_text("(168 rows)")
    expect(page.locator("[data-chart=run_time]")).not_to_contain_text("within 1e-2")


def test_columns_sort_both_ways_with_the_missing_last(open_page: Open, report: Path) -> None:
    page = open_page(report)
    heading = page.locator("[data-table=verdicts] th", has_text="Hit rate")
    shares = f"[...document.querySelectorAll('{ROWS}')].map((row) => parseFloat(row.cells[4].textContent))"
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    ascending = page.evaluate(shares)
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    assert ascending == sorted(ascending)
    assert page.evaluate(shares) == sorted(ascending, reverse=True)


@pytest.mark.parametrize("chart", ["hit_rates", "run_time"])
def test_downloads_hold_what_is_drawn(open_page: Open, report: Path, chart: str) -> None:
    page = open_page(report, "#problem=iris&method=em")
    saved = {}
    for what in ("csv", "svg", "spec"):
        with page.expect_download() as download:
            page.locator(f"[data-chart={chart}] [data-save={what}]").click()
        saved[what] = Path(download.value.path()).read_text(encoding="utf-8")
        assert download.value.suggested_filename == f"mixsweep-{chart}.{'json' if what == 'spec' else what}"
    rows = list(csv.DictReader(saved["csv"].splitlines()))
    assert {(row["problem"], row["method"]) for row in rows} == {("iris", "em")}
    assert saved["svg"].startswith("<svg")
    assert len(json.loads(saved["spec"])["data"]["values"]) == len(rows)


def test_a_selector_changes_every_figure_of_its_field(open_page: Open, report: Path) -> None:
    page = open_page(report)
    selects = page.locator("select[data-pick=cell]")
    selects.first.select_option("galaxies, K = 4")
    ready(page)
    assert {selects.nth(i).input_value() for i in range(selects.count())} == {"galaxies, K = 4"}
    assert "pick.cell=galaxies" in page.url
    page.reload()
    ready(page)
    assert selects.first.input_value() == "galaxies, K = 4"
    with page.expect_download() as download:
        page.locator("[data-chart=rarefaction] [data-save=csv]").click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text(encoding="utf-8").splitlines()))
    assert {(row["problem"], row["n_components"]) for row in rows} == {("galaxies", "4")}
    # One cell is left by the filter: there is nothing to choose.
    page.locator(ROWS).nth(2).locator("td").nth(2).click()
    ready(page)
    assert not selects.first.is_visible()


def test_cells_without_a_landscape_say_why(open_page: Open, synthetic: ModuleType, tmp_path: Path) -> None:
    cells = [("p", "gaussian-full", 4), ("q", "gaussian-full", 4)]
    results = synthetic.write_results(tmp_path / "results", cells, 5, ("em", "gd"))
    (results / "cells" / "q" / "gaussian-full" / "K4" / "landscape.nc").unlink()
    write_report(results, results / "report" / "index.html")
    page = open_page(results / "report" / "index.html", "#pick.cell=p%2C+K+%3D+4")
    assert marks(page, "tree") > 5
    # both axes of a plane are on one scale
    box = page.locator("[data-chart=map] .mark-rect path").first.bounding_box()
    ends = "(({x_low, x_high, y_low, y_high}) => (x_high - x_low) / (y_high - y_low))"
    ratio = page.evaluate(f"{ends}(rowsOf('map').find((row) => row.problem === 'p'))")
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(ratio, rel=0.02)
    page.locator("[data-chart=tree] select[data-pick=cell]").select_option("q, K = 4")
    ready(page)
    for chart in ("tree", "paths", "slice", "map"):
        expect(page.locator(f"[data-chart={chart}] .empty")).to_have_text(
            "Nothing to show: the cell has no landscape.nc."
        )


def test_numbers_that_are_missing_leave_their_reason(
    open_page: Open, synthetic: ModuleType, tmp_path: Path
) -> None:
    results = synthetic.write_results(tmp_path / "results", [("p", "gaussian-full", 2)], 5, ("em", "gd"))
    path = results / "tables" / "trend.csv"
    rows = list(csv.DictReader(path.read_text().splitlines()))
    for row in rows:
        row |= {"estimate": "", "estimate_low": "", "estimate_high": "", "reason": "cannot say: too few"}
    synthetic.write_csv(path, rows)
    write_report(results, results / "report" / "index.html")
    page = open_page(results / "report" / "index.html")
    expect(page.locator("[data-chart=trend] .empty")).to_have_text("Nothing to show: cannot say: too few.")
    page.locator("summary", has_text="trend: coefficients").click()
    expect(page.locator("[data-table=trend]")).to_contain_text("Missing because")
    expect(page.locator("[data-table=costs]")).not_to_contain_text("Missing because")


def test_a_cell_that_no_fit_solved_is_drawn_without_warnings(
    open_page: Open, synthetic: ModuleType, tmp_path: Path
) -> None:
    results = synthetic.write_results(tmp_path / "results", [("p", "gaussian-full", 4)], 5, ("em", "gd"))
    nothing = {"n_hits": 0, "hit_rate": 0, "hit_rate_low": 0, "cost_median": "inf", "cost_median_low": "inf"}
    nothing |= {f"restarts_95{end}": "inf" for end in ("", "_low", "_high")}
    nothing |= dict.fromkeys(("passes_per_hit", "seconds_per_hit", "n_optima_boender"), "inf")
    for name in ("hit_rates", "costs", "convergence", "unseen_by_method"):
        path = results / "tables" / f"{name}.csv"
        rows = list(csv.DictReader(path.read_text().splitlines()))
        synthetic.write_csv(path, [row | {key: nothing[key] for key in row.keys() & nothing} for row in rows])
    write_report(results, results / "report" / "index.html")
    page = open_page(results / "report" / "index.html")
    expect(page.locator("[data-chart=restarts] .empty")).to_have_text("Nothing to show: there is no hit.")
    # at the ends of their intervals
    assert marks(page, "by_components") > 5


def test_legend_fades_what_was_not_picked(open_page: Open, report: Path) -> None:
    page = open_page(report)
    before = page.locator(
        "[data-chart=restarts] .mark-rule line[opacity], [data-chart=restarts] svg [opacity]"
    ).count()
    page.locator("[data-chart=restarts] .role-legend-symbol path").first.click()
    page.wait_for_function(
        "document.querySelectorAll('[data-chart=restarts] svg [opacity=\"0.08\"]').length > 0"
    )
    assert before > 0


def test_names_do_not_become_markup(open_page: Open, synthetic: ModuleType, tmp_path: Path) -> None:
    results = synthetic.write_results(
        tmp_path / "results", [(MARKUP, "gaussian-full", 2), (MARKUP, MARKUP, 3)], 10, (MARKUP, "em")
    )
    path = results / "verdicts.csv"
    path.write_text(path.read_text().replace("Best known", f"{MARKUP}</script><script>window.hit=1</script>"))
    page_path = results / "report" / "index.html"
    write_report(results, page_path)
    page = open_page(page_path)
    expect(page.locator(ROWS).first).to_contain_text(MARKUP)
    page.locator("[data-chart=hit_rates] .mark-symbol path").first.hover()
    expect(page.locator("#vg-tooltip-element")).to_contain_text("hit rate")
    assert page.evaluate("window.hit") is None
    assert page.locator("img").count() == 0


def test_policy_refuses_foreign_scripts(browser: BrowserContext, report: Path) -> None:
    page = browser.new_page()
    page.goto(report.as_uri())
    ready(page)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=window.hit=1>')")
    page.wait_for_timeout(200)
    assert page.evaluate("window.hit") is None
    page.close()


def test_empty_results_are_said_to_be_empty(open_page: Open, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    path = tmp_path / "results" / "report" / "index.html"
    write_report(tmp_path / "results", path)
    page = open_page(path)
    assert page.get_by_text("Nothing to show: the table has no rows.").count() >= len(CHARTS)


@pytest.mark.parametrize("width", [360, 800])
def test_narrow_and_dark_pages_do_not_overflow(open_page: Open, report: Path, width: int) -> None:
    page = open_page(report)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": width, "height": 800})
    page.reload()
    ready(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 28)"
    for chart in CHARTS:
        assert marks(page, chart) > 5, chart
