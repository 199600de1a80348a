"""What the page and the static figures are made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mixsweep.report.charts import Chart, Sweep, all_charts, describe
from mixsweep.report.frames import first_choices, page_frames
from mixsweep.report.landscapes import landscape_frames
from mixsweep.report.tables import Results, read_results
from mixsweep.report.timings import timing_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Material"]


@dataclass(frozen=True, slots=True)
class Material:
    """A results folder as charts and the rows that they draw.

    Attributes
    ----------
    results : Results
        What the folder holds.
    sweep : Sweep
        Cells, methods and their colours.
    charts : dict of str to Chart
        The charts by name.
    frames : dict of str to DataFrame
        The rows of everything that is drawn or listed, by dataset.
    first : dict of str to str
        What charts that show one value of a field at a time show, where it is not the first.
    """

    results: Results
    sweep: Sweep
    charts: dict[str, Chart]
    frames: dict[str, pd.DataFrame]
    first: dict[str, str]

    @classmethod
    def of(cls, folder: Path) -> Material:
        """Read a results folder; tables that are missing or empty have no rows.

        Raises
        ------
        MixsweepError
            If the folder does not exist or a table cannot be understood.
        """
        results = read_results(folder)
        sweep = describe(results.tables)
        frames = page_frames(results.tables) | landscape_frames(results) | {"timing": timing_frame(results)}
        return cls(results, sweep, all_charts(sweep), frames, first_choices(results.tables))
