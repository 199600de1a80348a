"""The sweep in words and numbers, and where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mixsweep.analysis.barrier_table import FAILED
from mixsweep.report.charts import Sweep
from mixsweep.report.charts.base import TOLERANCES
from mixsweep.report.tables import Results
from mixsweep.status import FAILURES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["counts", "findings", "provenance", "sentence"]


def _plural(number: float, noun: str) -> str:
    return f"{number:,.0f} {noun}" + ("" if number == 1 else "s")


def _listed(words: tuple[str, ...], most: int = 6) -> str:
    shown = words[:most]
    rest = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(shown) + rest


def sentence(results: Results, sweep: Sweep) -> str:
    """Return what was done, in one sentence.

    Parameters
    ----------
    results : Results
        What the results folder holds.
    sweep : Sweep
        The names the sweep consists of.
    """
    verdicts = results.tables["verdicts"]
    fits = _n_fits(results)
    if not sweep.cells:
        return "This results folder holds no analysed cell yet."
    ks = sorted({int(value) for value in verdicts["n_components"].dropna()})
    across = f"K = {ks[0]}" + (f" to {ks[-1]}" if len(ks) > 1 else "") if ks else "no component counts"
    text = (
        f"{_plural(len(sweep.cells), 'likelihood surface')} "
        f"({_plural(verdicts['problem'].nunique(), 'problem')}, {_listed(sweep.families)}, {across})"
    )
    if sweep.methods:
        text += f", each climbed by {_plural(len(sweep.methods), 'method')} ({_listed(sweep.methods)})"
    if sweep.initializers:
        starts = f"{_plural(len(sweep.initializers), 'initializer')} ({_listed(sweep.initializers)})"
        text += f" from the same starts of {starts}"
    return text + (f": {fits:,.0f} fits." if fits else ".")


def _n_fits(results: Results) -> float:
    for name in ("statuses", "hit_rates", "verdicts"):
        if len(results.tables[name]):
            return float(results.tables[name]["n_fits"].sum())
    return 0.0


def findings(tables: dict[str, pd.DataFrame]) -> list[tuple[str, str]]:
    """Return the answers to the three questions over the whole sweep, and what is missing: (topic, sentence).

    Parameters
    ----------
    tables : dict of str to DataFrame
        The tables of the results folder.
    """
    made = {
        "Multimodality": _multimodality(tables["verdicts"]),
        "Global optimum": _global(tables["hit_rates"]),
        "Convergence speed": _speed(tables["convergence"]),
        "Missing": _without_landscape(tables["barriers"]),
    }
    return [(topic, text) for topic, text in made.items() if text]


def _multimodality(verdicts: pd.DataFrame) -> str:
    known = verdicts.dropna(subset=["n_proper"])
    if known.empty:
        return ""
    several = int((known["n_proper"] > 1).sum())
    most = known.sort_values("n_proper", ascending=False, kind="stable").iloc[0]
    return (
        f"{several} of {_plural(len(known), 'likelihood surface')} have more than one proper optimum; "
        f"the most are {most['n_proper']:.0f}, on {most['cell']}."
    )


def _global(hit_rates: pd.DataFrame) -> str:
    # what starts made from the generating parameters find is no search's merit; nor do copies have a rate
    known = hit_rates[~hit_rates["role"].isin(["oracle", "copies"])].dropna(subset=["hit_rate"])
    if known.empty:
        return ""
    mean = known.groupby(["method", "initializer"], sort=False)["hit_rate"].mean()
    ranked = mean.sort_values(ascending=False, kind="stable").reset_index()
    best, worst = ranked.iloc[0], ranked.iloc[-1]
    text = f"{best['method']} from {best['initializer']} finds the best known optimum most often, in "
    text += f"{best['hit_rate']:.1%} of its fits"
    if len(ranked) > 1:
        text += f"; {worst['method']} from {worst['initializer']} least often, in {worst['hit_rate']:.1%}"
    return text + f" (means over {_plural(known['cell'].nunique(), 'cell')})."


def _speed(convergence: pd.DataFrame) -> str:
    tolerances = sorted(set(convergence["tolerance"].dropna()) & set(TOLERANCES), reverse=True)
    if not tolerances:
        return ""
    tolerance = tolerances[len(tolerances) // 2]
    rows = convergence[
        (convergence["tolerance"] == tolerance)
        & (convergence["reference"] == "own")
        & (convergence["unit"] == "passes")
    ]
    # A median that is missing means that half of the fits never arrived: infinitely many passes, not no data.
    median = rows["cost_median"].fillna(float("inf")).groupby(rows["method"], sort=False).median()
    if not (median < float("inf")).any():
        return f"No method brings half of its fits to within {tolerance:g} nats of their own optimum."
    ranked = ", ".join(
        f"{name} {passes:,.0f}" if passes < float("inf") else f"{name} never"
        for name, passes in median.sort_values(kind="stable").head(6).items()
    )
    return (
        f"Median passes to within {tolerance:g} nats of the fit's own optimum, median over cells: {ranked}."
    )


def _without_landscape(barriers: pd.DataFrame) -> str:
    cells = [f"of {cell}" for cell in barriers.loc[barriers["reason"].str.startswith(FAILED), "cell"]]
    if not cells:
        return ""
    named = _listed(tuple(cells))
    return f"{_plural(len(cells), 'landscape')} could not be made, {named}; the table of barriers says why."


def counts(results: Results, sweep: Sweep) -> list[dict[str, str]]:
    """Return the numbers at the head of the page, each with a label and a note.

    Parameters
    ----------
    results : Results
        What the results folder holds.
    sweep : Sweep
        The names the sweep consists of.
    """
    plan, statuses = results.plan, results.tables["statuses"]
    fits = _n_fits(results)
    tiles = [
        ("cells", f"{len(sweep.cells):,}", "likelihood surfaces"),
        ("fits", f"{fits:,.0f}", _planned(plan, fits)),
    ]
    by_status = statuses.groupby("status", sort=False)["n_fits"].sum()
    labels = [status.label for status in FAILURES]
    failed = {name: float(by_status[name]) for name in labels if by_status.get(name, 0) > 0}
    if len(statuses):
        words = ", ".join(f"{count:,.0f} {name}" for name, count in failed.items()) or "none"
        tiles.append(("failures", f"{sum(failed.values()):,.0f}", words))
        budget = float(by_status.get("budget", 0))
        tiles.append(("out of budget", f"{budget:,.0f}", f"{budget / fits:.1%} of all fits" if fits else ""))
    optima = results.tables["verdicts"]["n_optima"].sum()
    tiles.append(("distinct optima", f"{optima:,.0f}", "over all cells"))
    if _is_number(plan.get("n_passes")):
        tiles.append(("passes", f"{plan['n_passes']:,.0f}", "over the data"))
    for key, label in (("wall_seconds", "wall time"), ("cpu_seconds", "CPU time")):
        if _is_number(plan.get(key)):
            tiles.append((label, _duration(float(plan[key])), ""))
    return [dict(zip(("label", "value", "note"), tile, strict=True)) for tile in tiles]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _planned(plan: dict[str, Any], fits: float) -> str:
    planned = plan.get("n_fits")
    return f"of {planned:,.0f} planned" if _is_number(planned) and planned != fits else ""


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:,.1f} s"
    return f"{seconds / 60:,.1f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def provenance(plan: dict[str, Any]) -> tuple[list[tuple[str, str]], str]:
    """Return the facts of ``plan.json`` as (name, value) and the configuration as YAML.

    Parameters
    ----------
    plan : dict
        The contents of ``plan.json``, possibly empty.
    """
    import yaml

    facts = [
        item
        for key, value in plan.items()
        if key != "config"
        for item in _facts(key.replace("_", " "), value)
    ]
    config = plan.get("config")
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=100) if config else ""
    return facts, text


def _facts(name: str, value: object) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [fact for key, inner in value.items() for fact in _facts(f"{name}: {key}", inner)]
    if isinstance(value, list):
        # cells and their sizes are a table of the page; what is empty says nothing
        if not value or isinstance(value[0], dict):
            return []
        return [(name, ", ".join(str(item) for item in value))]
    if isinstance(value, int) and not isinstance(value, bool) and name.startswith("n "):
        return [(name.replace("n ", "number of ", 1), f"{value:,}")]
    return [(name, str(value))]
