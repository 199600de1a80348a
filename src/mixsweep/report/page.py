"""The report: one page that opens from disk, and its figures beside it."""

from __future__ import annotations

import base64
import hashlib
import os
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mixsweep.io import write_text
from mixsweep.report.bundle import drawing_script
from mixsweep.report.charts import Chart, Sweep
from mixsweep.report.charts.style import DARK, KIND_COLOURS, LIGHT, STATUS_COLOURS
from mixsweep.report.columns import TABLE_COLUMNS
from mixsweep.report.frames import MAX_POINTS, MAX_ROWS, encode, safe_json
from mixsweep.report.landscapes import LANDSCAPES
from mixsweep.report.material import Material
from mixsweep.report.sections import SECTIONS, Table
from mixsweep.report.summary import counts, findings, provenance, sentence
from mixsweep.report.tables import TABLES

__all__ = ["write_report"]

_SCRIPTS = ("data.js", "table.js", "charts.js", "page.js")


def write_report(results: Path, output: Path) -> None:
    """Write the page of a results folder.

    Parameters
    ----------
    results : Path
        A results folder; tables that are missing or empty are shown as such.
    output : Path
        The page to write. It links to the figures of `write_figures` in ``figures`` beside it.

    Raises
    ------
    MixsweepError
        If the folder does not exist or a table cannot be understood.
    """
    write_text(output, _render(Material.of(results), output))


def _render(material: Material, output: Path) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    results, frames = material.results, material.frames
    sweep, charts = material.sweep, material.charts
    payload = {
        "tables": {name: encode(frames[name], _most_rows(name)) for name in _shown(charts)},
        "charts": {name: _chart(chart) for name, chart in charts.items()},
        "columns": {name: _columns(name, sweep) for name in TABLE_COLUMNS},
        "colours": {"method": sweep.colours, "kind": KIND_COLOURS, "status": STATUS_COLOURS},
        "config": {"light": LIGHT, "dark": DARK},
        "first": material.first,
    }
    scripts = [drawing_script(), "\n".join(_static(name) for name in _SCRIPTS)]
    facts, config = provenance(results.plan)
    environment = Environment(
        loader=PackageLoader("mixsweep.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("index.html").render(
        policy=_policy(scripts),
        scripts=[Markup(script) for script in scripts],
        style=Markup(_static("report.css")),
        payload=Markup(safe_json(payload)),
        sentence=sentence(results, sweep),
        counts=counts(results, sweep),
        findings=findings(results.tables),
        sections=SECTIONS,
        is_table=lambda item: isinstance(item, Table),
        charts=charts,
        empty={name for name, frame in frames.items() if frame.empty},
        facts=facts,
        config=config,
        files=_files(results.folder, output.parent),
    )


def _shown(charts: dict[str, Chart]) -> list[str]:
    """Return the tables that the page draws or lists."""
    listed = [item.name for section in SECTIONS for item in section.items if isinstance(item, Table)]
    return list(dict.fromkeys([*listed, *(chart.dataset for chart in charts.values())]))


def _most_rows(name: str) -> int:
    """Return how many rows of a table the page holds: what was thinned or has no csv file is there whole."""
    return MAX_POINTS if name in ("run_time", *LANDSCAPES) else MAX_ROWS


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "title": chart.title,
        "dataset": chart.dataset,
        "whole": chart.whole,
        "needs": list(chart.needs),
        "missing": chart.missing,
        "choose": [{"field": field, "label": label} for field, label in chart.choose],
        "variants": [
            {"max_cells": variant.max_cells, "caption": variant.caption.strip(), "spec": variant.spec}
            for variant in chart.variants
        ],
    }


def _columns(name: str, sweep: Sweep) -> list[dict[str, Any]]:
    return [column for column in TABLE_COLUMNS[name] if column["name"] != "family" or len(sweep.families) > 1]


def _static(name: str) -> str:
    return files("mixsweep.report").joinpath("static", name).read_text(encoding="utf-8")


def _policy(scripts: list[str]) -> str:
    """Allow exactly these scripts and no request: markup from a table could not run even if it got in."""
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    sources = " ".join(f"'sha256-{value}'" for value in hashes)
    return (
        f"default-src 'none'; script-src {sources}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"
    )


def _files(folder: Path, start: Path) -> list[tuple[str, str]]:
    """List the files behind the page that exist, with links relative to it."""
    names = ["sweep.nc", "plan.json", *(file for file, _ in TABLES.values())]
    present = [name for name in names if (folder / name).is_file()]
    return [(name, quote(os.path.relpath(folder / name, start).replace(os.sep, "/"))) for name in present]
