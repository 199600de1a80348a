"""What a chart of the report is, and what the charts of one sweep share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mixsweep.report.charts.style import INK_PARAMS, Spec, method_colours

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TOLERANCES", "Chart", "Sweep", "Variant", "base_spec", "describe"]

#: Schema that the specifications follow.
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
#: Tolerances, in nats, that the page offers; the tables have more.
TOLERANCES = (1e-2, 1e-4, 1e-6)
#: No chart draws more marks than this.
MAX_MARKS = 5000


@dataclass(frozen=True, slots=True)
class Sweep:
    """The names a sweep consists of, in its own order.

    Parameters
    ----------
    cells, families, methods, initializers, kinds, statuses : tuple of str
        Distinct values over all tables.
    tolerances : tuple of float
        Distinct tolerances in nats, widest first.
    """

    cells: tuple[str, ...]
    families: tuple[str, ...]
    methods: tuple[str, ...]
    initializers: tuple[str, ...]
    kinds: tuple[str, ...]
    statuses: tuple[str, ...]
    tolerances: tuple[float, ...]

    @property
    def colours(self) -> dict[str, str]:
        """Colour of each method, the same in every chart."""
        return method_colours(self.methods)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to draw a chart, used while at most ``max_cells`` cells are shown.

    Parameters
    ----------
    max_cells : int
        Largest number of cells this drawing suits.
    caption : str
        Definition and denominator of what is drawn.
    spec : dict
        Vega-Lite specification over the data named ``rows``.
    means_over : tuple of str
        If given, the drawing shows means of the numbers over the rows that agree in these columns, and a
        static figure holds only these means.
    """

    max_cells: int
    caption: str
    spec: Spec
    means_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure of the report with its table twin.

    Parameters
    ----------
    name : str
        File name of the static figure and anchor in the page.
    title : str
        Heading.
    dataset : str
        Table whose rows are drawn.
    variants : tuple of Variant
        Drawings in order of ``max_cells``; the last suits any number.
    whole : bool
        Whether the page keeps all rows and only fades those that the filter hides, by a field ``faint``.
    choose : tuple of (str, str)
        Fields of which one value is drawn at a time, each with the label of its selector.
    needs : tuple of str
        Numbers of which some row must have one; if none has, the first row's reason is given instead.
    missing : str
        What is said where that reason is empty.
    """

    name: str
    title: str
    dataset: str
    variants: tuple[Variant, ...]
    whole: bool = False
    choose: tuple[tuple[str, str], ...] = ()
    needs: tuple[str, ...] = ()
    missing: str = "all numbers are missing"

    @property
    def half(self) -> bool:
        """Whether the figure is a plane, of which two stand side by side."""
        return bool(self.variants[0].spec["usermeta"]["layout"]["kind"] == "plane")

    def variant(self, n_cells: int) -> Variant:
        """Return the drawing for this number of cells."""
        return next((item for item in self.variants if n_cells <= item.max_cells), self.variants[-1])


def base_spec(title: str, layout: Spec, **parts: object) -> Spec:
    """Return the outer part of a specification.

    Parameters
    ----------
    title : str
        Title of the static figure; the page shows it as a heading instead.
    layout : dict
        How the page fits the drawing to its width: ``kind`` is ``fit`` (one view, a row per value of ``y``),
        ``wrap`` (small multiples, at most one column per value of ``columns``), ``grid`` (one step per
        value of ``x`` and ``facet``) or ``plane`` (both axes on one scale).
    **parts
        The rest of the specification.
    """
    return {
        "$schema": SCHEMA,
        "title": title,
        "usermeta": {"layout": layout},
        "data": {"name": "rows"},
        "params": [dict(item) for item in INK_PARAMS],
        **parts,
    }


def describe(frames: dict[str, pd.DataFrame]) -> Sweep:
    """Collect the names of a sweep from its tables, in the order in which they appear.

    Parameters
    ----------
    frames : dict of str to DataFrame
        The tables of :data:`mixsweep.report.tables.TABLES`.
    """

    def distinct(column: str) -> tuple[str, ...]:
        found: dict[str, None] = {}
        # verdicts have every cell, and hit rates every method, in the order of the sweep; the initializer
        # "all" of the pairs stands for several
        first = {name: frames[name] for name in ("verdicts", "hit_rates")}
        for name, frame in (first | frames).items():
            if column in frame and name != "pairs":
                found.update(dict.fromkeys(str(value) for value in frame[column].unique() if value != ""))
        return tuple(found)

    tolerances = {
        float(value)
        for name in ("run_time", "convergence")
        for value in frames[name]["tolerance"].dropna().unique()
    }
    tolerances &= set(TOLERANCES)
    return Sweep(
        cells=distinct("cell"),
        families=distinct("family"),
        methods=distinct("method"),
        initializers=distinct("initializer"),
        kinds=distinct("kind"),
        statuses=distinct("status"),
        tolerances=tuple(sorted(tolerances, reverse=True)),
    )
