"""What the benchmarks share: one thread, timing in pairs, problems and rows of results.

Import it before NumPy, whose libraries read their number of threads once, when they are loaded.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import contextlib
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mixsweep.objective import Objective
from mixsweep.seeds import generator

Call = Callable[[], Any]

#: Share of a data eigenvalue below which a fit has collapsed; so low that no benchmark's fit is ended by it.
COVARIANCE_FLOOR = 1e-12
#: Sizes (n, d, K) at which EM is timed, and the number of restarts.
SIZES = {
    (500, 2, 3): 200,
    (2000, 2, 3): 200,
    (2000, 8, 5): 200,
    (10000, 8, 5): 40,
    (5000, 16, 8): 40,
    (5000, 32, 8): 20,
    (5000, 64, 5): 20,
    (100000, 4, 5): 20,
}


@dataclass(frozen=True)
class Row:
    """One measured figure.

    Attributes
    ----------
    name : str
        What was measured.
    value : float
        The figure.
    unit : str
        Its unit.
    target : str
        Bound, such as ``>= 100``; empty where there is none.
    reached : bool or None
        Whether the value keeps to the bound.
    details : dict of str
        More columns of the table.
    """

    name: str
    value: float
    unit: str
    target: str = ""
    reached: bool | None = None
    details: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The value with its unit."""
        return f"{self.value:.3g} {self.unit}".strip()

    @property
    def verdict(self) -> str:
        """Whether the target is reached, in a word; empty where there is none."""
        return {True: "yes", False: "no", None: ""}[self.reached]


def at_least(name: str, value: float, unit: str, bound: float, **details: str) -> Row:
    """Return a row whose value should not be below a bound."""
    return Row(name, float(value), unit, f">= {bound:g}", bool(value >= bound), details)


def at_most(name: str, value: float, unit: str, bound: float, **details: str) -> Row:
    """Return a row whose value should not be above a bound."""
    return Row(name, float(value), unit, f"<= {bound:g}", bool(value <= bound), details)


def between(name: str, value: float, unit: str, low: float, high: float, **details: str) -> Row:
    """Return a row whose value should be in a range."""
    return Row(name, float(value), unit, f"{low:.3g} to {high:.3g}", bool(low <= value <= high), details)


def provided(row: Row, holds: bool) -> Row:
    """Return a row as not reached where what its figure rests on does not hold; without a target as it is."""
    return replace(row, reached=row.reached and bool(holds))


@dataclass(frozen=True)
class Pairs:
    """CPU seconds of two calls that ran in turn, and what they returned the last time."""

    first: list[float]
    second: list[float]
    results: tuple[Any, Any]

    def ratios(self, scale: float = 1.0) -> Spread:
        """Return how many times longer the first took, pair by pair, times a scale."""
        return Spread.of([scale * a / b for a, b in zip(self.first, self.second, strict=True)])


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of repeated measurements."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of a list of figures."""
        return cls(statistics.median(values), min(values), max(values))

    @property
    def range(self) -> str:
        """Smallest and largest, in words."""
        return f"{self.low:.3g} to {self.high:.3g}"


def cpu_seconds(call: Call) -> tuple[float, Any]:
    """Return the CPU seconds of a call, those of all its threads, and its result."""
    began = time.process_time()
    result = call()
    return time.process_time() - began, result


def in_pairs(first: Call, second: Call, repeats: int) -> Pairs:
    """Time two calls in turn: what slows the machine down for a while then slows both."""
    seconds: tuple[list[float], list[float]] = ([], [])
    results: list[Any] = [None, None]
    for _ in range(repeats):
        for index, call in enumerate((first, second)):
            took, results[index] = cpu_seconds(call)
            seconds[index].append(took)
    return Pairs(*seconds, (results[0], results[1]))


def blobs(n: int, d: int, K: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of blobs with correlated features, their means and a factor of their common covariance."""
    rng = generator(1, "benchmark", n, d, K)
    means = 4.0 * rng.standard_normal((K, d))
    factor = np.eye(d) + 0.3 * rng.standard_normal((d, d))
    return means[rng.integers(K, size=n)] + rng.standard_normal((n, d)) @ factor.T, means, factor


def blobs_near_truth(n: int, d: int, K: int, restarts: int) -> tuple[Objective, dict[str, np.ndarray]]:
    """Return the likelihood of `blobs` and starts that are its true parameters, disturbed.

    For comparisons of the time of one iteration: from there no component dies, which ends some peers' fits.
    """
    X, means, factor = blobs(n, d, K)
    objective = Objective.of(X, "gaussian-full", K, COVARIANCE_FLOOR)
    noise = generator(1, "benchmark starts", K, d).standard_normal((restarts, K, d))
    scale = objective.scale
    covariance = 2 * factor @ factor.T / (scale[:, None] * scale)
    starts = objective.family.from_moments(
        np.full((restarts, K), 1 / K),
        (means + 0.3 * noise @ factor.T - objective.location) / scale,
        np.broadcast_to(covariance, (restarts, K, d, d)).copy(),
    )
    return objective, starts


def in_data_units(
    X: np.ndarray, family: str, K: int, covariance_floor: float, row_weights: np.ndarray | None = None
) -> Objective:
    """Return a likelihood whose methods see the data as they are, where `Objective.of` standardises them."""
    objective = Objective.of(X, family, K, covariance_floor, row_weights)
    smallest = objective.family.smallest_data_eigenvalue(X, row_weights)
    return replace(
        objective,
        X=X,
        location=np.zeros_like(objective.location),
        scale=np.ones_like(objective.scale),
        prepared=objective.family.prepare(X, row_weights),
        smallest_data_eigenvalue=smallest,
        eigenvalue_floor=covariance_floor * smallest,
    )


def standardised(objective: Objective, parameters: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return weights, means and covariances of parameters in the objective's own, standardised units."""
    d = objective.n_features
    return objective.family.to_reported(parameters, np.zeros(d), np.ones(d))


def argument_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options of all benchmarks."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="PATH", help="also write the rows here")
    return parser


def add_cases(parser: argparse.ArgumentParser, cases: Iterable[str]) -> None:
    """Let the user choose among cases, all of them by default."""
    names = list(cases)

    def case(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"{text!r}; expected one of {', '.join(map(repr, names))}")
        return text

    parser.add_argument("cases", nargs="*", metavar="case", type=case, default=names)


def add_sizes(parser: argparse.ArgumentParser) -> None:
    """Let the user choose among or beside `SIZES`, and how long to measure."""
    parser.add_argument(
        "sizes",
        nargs="*",
        type=_size,
        metavar="n,d,K",
        help="all of the table by default",
        default=list(SIZES),
    )
    parser.add_argument("--repeats", type=int, default=3, help="pairs of measurements")
    parser.add_argument("--restarts", type=int, help="fits in a batch; the table's by default")


def chosen(arguments: argparse.Namespace) -> list[tuple[int, int, int, int]]:
    """Return the sizes n, d, K and restarts of the arguments of `add_sizes`."""
    return [(*size, arguments.restarts or SIZES.get(size, 50)) for size in arguments.sizes]


def _size(text: str) -> tuple[int, int, int]:
    n, d, K = map(int, text.split(","))
    return n, d, K


def size_name(n: int, d: int, K: int) -> str:
    """Return the name of a size in tables."""
    return f"n={n}, d={d}, K={K}"


def report(title: str, rows: Iterable[Row], path: Path | None) -> None:
    """Print rows as a table and write them as JSON if a path is given; each is said at once on stderr."""
    done = []
    for row in rows:
        print(f"{row.name}: {row.text}", file=sys.stderr, flush=True)
        done.append(row)
    print(f"{title}\n\n{markdown(done)}\n", flush=True)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"title": title, "machine": machine(), "rows": [asdict(row) for row in done]}
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def markdown(rows: list[Row]) -> str:
    """Return a table in which every detail has a column of its own."""
    names = list(dict.fromkeys(name for row in rows for name in row.details))
    cells = [
        [row.name, row.text, *(row.details.get(name, "") for name in names), row.target, row.verdict]
        for row in rows
    ]
    return table(["measured", "value", *names, "target", "reached"], cells)


def table(header: list[str], cells: list[list[str]]) -> str:
    """Return a markdown table: text to the left in the first column, to the right in the others."""
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]

    def line(texts: list[str]) -> str:
        first, *others = zip(texts, widths, strict=True)
        aligned = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]
        return f"| {' | '.join(aligned)} |"

    rule = "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])])
    return "\n".join([line(header), f"|{rule}|", *map(line, cells)])


def machine() -> dict[str, Any]:
    """Return what the figures depend on; the load tells how quiet the machine was."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def _processor() -> str:
    with contextlib.suppress(OSError):  # Linux only
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
