"""The sections of the page: what stands in each, in order, and the words before it."""

from __future__ import annotations

from dataclasses import dataclass

from mixsweep.analysis.unseen import ESTIMATORS

__all__ = ["SECTIONS", "Section", "Table"]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the page.

    Parameters
    ----------
    name : str
        Its rows.
    heading : str
        What it is called.
    words : str
        What must be known to read it.
    first : int
        Rows shown at first.
    open : bool
        Whether it is shown without being asked for.
    """

    name: str
    heading: str
    words: str = ""
    first: int = 25
    open: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page; ``items`` are tables and the names of figures."""

    anchor: str
    heading: str
    words: str
    items: tuple[str | Table, ...]


SECTIONS = (
    Section(
        "verdicts",
        "Verdicts",
        "One row per likelihood surface. Choose a row to see only that surface on the whole page.",
        (
            Table("verdicts", "", first=40, open=True),
            Table(
                "advice",
                "Advice for each problem",
                "Method, start and number of restarts for a 95 % chance of the best known optimum in the "
                "hardest of the problem's cells, by the low end of the hit rate's interval. It holds for all "
                "rates compared at one time: the best of several looks better than it is.",
                open=True,
            ),
        ),
    ),
    Section(
        "multimodality",
        "Multimodality",
        "How many maxima does each likelihood surface have, how far below the best do they lie, how often "
        "does "
        "a start lead to them, what has not been seen, and does it matter?",
        (
            "optima_count",
            "optima",
            Table("optima", "the optima"),
            "copies",
            "basins",
            Table("basin_shares", "basin shares by method and initializer"),
            "unseen",
            "unseen_number",
            Table(
                "unseen",
                "what the starts of each initializer have not shown",
                "Of all methods together, which share the starts; those of a start count once.",
            ),
            "unseen_by_method",
            Table(
                "unseen_by_method",
                "what each method by itself has not shown",
                ESTIMATORS["unseen_share_boender"],
            ),
            "rarefaction",
            "agreement",
            Table("agreement", "agreement of the leading optima"),
            "selection",
            Table("selection", "choice of K"),
        ),
    ),
    Section(
        "landscape",
        "Landscape",
        "How do the leading maxima lie to each other: how deep are the valleys between them, how far apart "
        "are they, and what does the surface look like? Of one cell at a time.",
        (
            "tree",
            "paths",
            "slice",
            "map",
            Table(
                "barriers",
                "barriers between the leading maxima",
                "Upper bounds, in nats: a way that was not found may be higher. Direct paths are measured "
                "down from the second optimum.",
            ),
        ),
    ),
    Section(
        "global-optimum",
        "Global optimum",
        "How often does a start lead to the best optimum known, how many starts and what cost does it take "
        "to be "
        "sure to have seen it, and how do the methods compare? “Best known” is the highest proper optimum "
        "over "
        "all methods and starts of the cell: no experiment can say that it is the highest there is.",
        (
            "hit_rates",
            "restarts",
            Table("hit_rates", "hit rates and restarts needed"),
            "costs",
            Table("costs", "costs of the first hit"),
            Table("cheapest", "cheapest method and start of each cell"),
            "pairs",
            Table("pairs", "methods in pairs"),
            "flow",
            Table("flow", "flow between optima"),
            "by_components",
            Table("decay", "decay of the hit rate in K"),
            "trend",
            "difficulty",
            Table("trend", "trend: coefficients"),
            Table(
                "nesting",
                "Nesting audit",
                "The maximised log-likelihood cannot fall when K grows or a constraint is lifted. A cell "
                "below a "
                "cell that it contains is proven not to be at its maximum; one that is not may still be "
                "below it.",
                first=12,
                open=True,
            ),
        ),
    ),
    Section(
        "convergence",
        "Convergence speed",
        "How much work until a fit is close to the optimum it ends in, or to the best known? Cost is counted "
        "in "
        "passes: one evaluation of the log-likelihood and the expected sufficient statistics over all rows, "
        "the "
        "same on every machine.",
        (
            "run_time",
            "passes",
            Table("convergence", "passes and seconds to each tolerance"),
            "gaps",
            "performance_profiles",
            "data_profiles",
            "ratios",
            Table("ratios", "EM against the other methods"),
            "rates",
            Table("rates", "rates of convergence"),
            "timing",
            Table("timing", "seconds measured apart from the sweep"),
            Table("step_sizes", "hit rate and speed against the step size"),
            Table("tuning", "what finding a step size costs"),
            Table("parametrisations", "spread between coordinates"),
        ),
    ),
    Section(
        "failures",
        "Failures",
        "Which fits did not end well, why, and how to run them again; and which methods stepped down or left "
        "the "
        "mixtures on the way.",
        (
            "statuses",
            Table("statuses", "fits by status"),
            "conduct",
            Table("conduct", "steps down and broken constraints"),
            Table(
                "failures",
                "Failed fits by shard",
                "Fits of one status, cell, method and initializer in one shard, most frequent first. The "
                "command "
                "computes the whole shard again.",
                first=15,
                open=True,
            ),
            Table("first_failures", "the first failed fits, one by one"),
        ),
    ),
)
