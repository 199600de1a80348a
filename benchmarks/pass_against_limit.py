"""The time of one pass over the time of what it cannot do without: two matrix products and its exponentials.

Usage: python benchmarks/pass_against_limit.py [--repeats 5] [n,d,K ...]

The limit is the products' operations at the rate of a product of two square matrices of 1024 rows, plus an
exponential for every row, fit and component at the rate of NumPy's on a block that stays in cache. Both
rates are measured in turn with the pass, on one thread; figures are CPU seconds.

A pass may be faster than that: where the kernel's products exceed the rate of NumPy's library, and at many
features, where it leaves out the rows that do not matter to a component (`mixsweep.kernels.listed`). At the
points taken here, near the truth, most do not.
"""

from __future__ import annotations

import common
import numpy as np
from common import Row

from mixsweep.seeds import generator

SQUARE = 1024
#: Exponentials of a block: 0.5 MB.
BLOCK = 2**16
#: How often the block's exponentials are taken in one measurement.
ROUNDS = 50
#: Length of one measurement of passes.
SECONDS = 0.3


def product_seconds() -> float:
    """Return the seconds of one multiplication and addition in a large matrix product."""
    rng = generator(1, "benchmark products")
    left, right = rng.standard_normal((2, SQUARE, SQUARE))
    room = np.empty((SQUARE, SQUARE))
    np.matmul(left, right, out=room)
    seconds, _ = common.cpu_seconds(lambda: np.matmul(left, right, out=room))
    return seconds / SQUARE**3


def exponential_seconds() -> float:
    """Return the seconds of one exponential, at arguments as they occur in a softmax."""
    values = generator(1, "benchmark exponentials").uniform(-30, 0, BLOCK)
    room = np.exp(values)

    def several() -> None:
        for _ in range(ROUNDS):
            np.exp(values, out=room)

    seconds, _ = common.cpu_seconds(several)
    return seconds / (BLOCK * ROUNDS)


def compare(n: int, d: int, K: int, restarts: int, repeats: int) -> Row:
    """Return the ratio at one size."""
    objective, starts = common.blobs_near_truth(n, d, K, restarts)
    features = 1 + d + d * (d + 1) // 2
    columns = restarts * K

    def passes(count: int) -> None:
        for _ in range(count):
            objective.evaluate(starts)

    passes(2)  # the first is slower
    count = max(1, int(SECONDS / common.cpu_seconds(lambda: passes(1))[0]))
    ratios, shares, nanoseconds = [], [], []
    for _ in range(repeats):
        seconds, _ = common.cpu_seconds(lambda: passes(count))
        products = 2 * n * features * columns * product_seconds()
        exponentials = n * columns * exponential_seconds()
        limit = products + exponentials
        ratios.append(seconds / count / limit)
        shares.append(products / limit)
        nanoseconds.append(1e9 * seconds / (count * n * columns))
    ratio = common.Spread.of(ratios)
    details = {
        "range": ratio.range,
        "restarts": str(restarts),
        "products' share of the limit": f"{common.Spread.of(shares).median:.2f}",
        "pass, a row and component": f"{common.Spread.of(nanoseconds).median:.1f} ns",
    }
    name = common.size_name(n, d, K)
    bound = 2.0 if d == 2 else 1.5
    if d == 2 or d >= 16:
        return common.at_most(name, ratio.median, "times the limit", bound, **details)
    return Row(name, ratio.median, "times the limit", details=details)


def main(argv: list[str] | None = None) -> None:
    parser = common.argument_parser(__doc__)
    common.add_sizes(parser)
    arguments = parser.parse_args(argv)
    rows = (compare(*size, arguments.repeats) for size in common.chosen(arguments))
    common.report("One pass against the limit of its arithmetic", rows, arguments.json)


if __name__ == "__main__":
    main()
