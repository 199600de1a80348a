"""Seconds of one pass of one fit against rows, components and restarts, with the slopes of their logarithms.

Usage: python benchmarks/cost_curve.py [--doublings 5] [--repeats 3]

One size is doubled at a time, the others stay in the middle. A slope of 1 means twice the time for twice the
size. Restarts share their passes: the time of one fit should not grow with them. The rows are normal and the
starts random points, so that the same happens at every size. EM on one thread, CPU time, median of the
rounds, each of which takes all sizes in turn.
"""

from __future__ import annotations

import common
import numpy as np
from common import Row

from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.objective import Objective
from mixsweep.seeds import generator
from mixsweep.shard import make_starts

#: The size that stays while another is doubled, and where the doubled one begins.
MIDDLE = {"n": 4000, "d": 4, "K": 4, "restarts": 64}
SMALLEST = {"n": 1000, "K": 2, "restarts": 8}
NAMES = {"n": "rows", "K": "components", "restarts": "restarts"}
PASSES = 10


def seconds(n: int, d: int, K: int, restarts: int) -> float:
    """Return the CPU seconds of one pass of one fit."""
    X = generator(1, "benchmark cost", d).standard_normal((n, d))
    objective = Objective.of(X, "gaussian-full", K, common.COVARIANCE_FLOOR)
    starts = make_starts(objective, "normal", "random-points", range(restarts), seed=1)
    took, _ = common.cpu_seconds(
        lambda: run(objective, METHODS["em"](), starts, tol=0, max_passes=PASSES),
    )
    return took / (PASSES * restarts)


def curve(name: str, doublings: int, repeats: int) -> list[Row]:
    """Return the times along one size and their slope."""
    sizes = [SMALLEST[name] * 2**index for index in range(doublings + 1)]
    rounds = [[seconds(**{**MIDDLE, name: size}) for size in sizes] for _ in range(repeats)]
    slopes = common.Spread.of([float(np.polyfit(np.log(sizes), np.log(times), 1)[0]) for times in rounds])
    spreads = [common.Spread.of(times) for times in zip(*rounds, strict=True)]
    others = ", ".join(f"{other}={value}" for other, value in MIDDLE.items() if other != name)
    rows = [
        Row(
            f"{name}={size} ({others})",
            1e6 * spread.median,
            "us",
            details={"range": f"{1e6 * spread.low:.3g} to {1e6 * spread.high:.3g}"},
        )
        for size, spread in zip(sizes, spreads, strict=True)
    ]
    return [*rows, Row(f"slope in {NAMES[name]}", slopes.median, "", details={"range": slopes.range})]


def main(argv: list[str] | None = None) -> None:
    parser = common.argument_parser(__doc__)
    parser.add_argument("--doublings", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3, help="rounds over all sizes")
    arguments = parser.parse_args(argv)
    seconds(**MIDDLE)  # the first call is slower
    rows = (row for name in NAMES for row in curve(name, arguments.doublings, arguments.repeats))
    common.report("One pass of one fit by EM", rows, arguments.json)


if __name__ == "__main__":
    main()
