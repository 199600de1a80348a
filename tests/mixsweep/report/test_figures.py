from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from pathlib import Path

from click.testing import CliRunner

from mixsweep.cli.figures import figures as command
from mixsweep.report.charts import all_charts, describe
from mixsweep.report.figures import write_figure
from mixsweep.report.material import Material
from mixsweep.report.tables import read_results


def test_every_chart_is_there_as_drawing_rows_and_specification(figures: Path, results: Path) -> None:
    names = list(all_charts(describe(read_results(results).tables)))
    for name in names:
        spec = json.loads((figures / f"{name}.json").read_text())
        with (figures / f"{name}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert spec["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
        assert len(spec["data"]["values"]) == len(rows) > 0
        assert (figures / f"{name}.svg").read_text().startswith("<svg")
    expected = {f"{name}.{suffix}" for name in names for suffix in ("svg", "csv", "json")}
    assert {path.name for path in figures.iterdir()} == expected


def test_same_input_gives_same_bytes(figures: Path, results: Path, tmp_path: Path) -> None:
    copy = tmp_path / "results"
    shutil.copytree(results, copy, ignore=shutil.ignore_patterns("report"))
    material = Material.of(copy)
    # A few stand for all of them.
    for name in ("optima", "hit_rates", "basins"):
        write_figure(material, name, tmp_path / "figures")
    written = list((tmp_path / "figures").iterdir())
    assert len(written) == 9
    for path in written:
        assert path.read_bytes() == (figures / path.name).read_bytes(), path.name


def test_a_figure_has_long_names_whole(results: Path, tmp_path: Path) -> None:
    material = Material.of(results)
    name = "a-name-that-is-far-longer-than-the-page-has-room-for-beside-a-figure"
    frame = material.frames["verdicts"].assign(cell=name)
    long = dataclasses.replace(material, frames=material.frames | {"verdicts": frame})
    write_figure(long, "copies", tmp_path)
    assert f">{name}</text>" in (tmp_path / "copies.svg").read_text()


def test_the_command_writes_beside_the_page_and_says_what_is_missing(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    done = CliRunner().invoke(command, [str(results)])
    assert done.exit_code == 0, done.output
    assert str(results / "report" / "figures") in done.output
    assert "Nothing to show" in (results / "report" / "figures" / "optima.svg").read_text()
