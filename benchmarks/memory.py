"""Peak memory of a worker process while it fits a shard.

Usage: python benchmarks/memory.py [n,d,K,restarts,method ...]

A new process imports what a Dask worker has imported, reads the problem's file and runs `mixsweep shard` for
a few passes: memory does not depend on their number.

The figure is the whole resident memory as the system counts it, pages of libraries that all workers of a
machine share included.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import common
from common import Row

#: Rows, features, components, restarts and method.
CASES = [
    (100_000, 10, 5, 100, "em"),
    (100_000, 10, 5, 100, "lbfgs"),
    (100_000, 10, 5, 10, "em"),
    (100_000, 2, 5, 100, "em"),
    (10_000, 10, 5, 500, "em"),
    (5_000, 32, 8, 100, "em"),
]
PASSES = 4
MEGABYTE = 1e6
#: The bound: so many times the data, and what an interpreter with its libraries takes.
DATA_TIMES, ALLOWANCE = 3, 200


def write(path: str, n: int, d: int, K: int) -> None:
    """Write a problem's file."""
    from mixsweep.problems import write_problem
    from mixsweep.problems.base import Problem

    X, _, _ = common.blobs(n, d, K)
    write_problem(Problem("blobs", X, tuple(f"x{index}" for index in range(d))), Path(path))


def fit(path: str, K: int, restarts: int, method: str) -> None:
    """Run a shard."""
    from mixsweep.cli import main as mixsweep

    nothing()
    options = {
        "output": f"{path}.fits.nc",
        "timing": f"{path}.timing.nc",
        "family": "gaussian-full",
        "n-components": K,
        "method": method,
        "settings": json.dumps({"method": method}),
        "initializer": "random-points",
        "restarts": f"0:{restarts}",
        "seed": 1,
        "tol": 0,
        "max-passes": PASSES,
        "covariance-floor": 1e-6,
    }
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    with contextlib.redirect_stdout(io.StringIO()):
        mixsweep(["shard", path, *arguments], standalone_mode=False)


def nothing() -> None:
    """Do what a worker has done before its first shard."""
    import distributed  # noqa: F401


def peak(*arguments: object) -> float:
    """Return the peak resident memory, in MB, of a process that does one of the tasks above.

    The system starts a process's peak at that of the process that made it, which must therefore stay small:
    this one makes no data.
    """
    command = [sys.executable, __file__, "--task", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout) / MEGABYTE


def measure(n: int, d: int, K: int, restarts: int, method: str) -> Row:
    """Return the peak of one shard."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/problem.nc"
        peak("write", path, n, d, K)
        used = peak("fit", path, K, restarts, method)
    data = n * d * 8 / MEGABYTE
    return common.at_most(
        f"{common.size_name(n, d, K)}, {restarts} restarts, {method}",
        used,
        "MB",
        DATA_TIMES * data + ALLOWANCE,
        data=f"{data:.1f} MB",
    )


def _case(text: str) -> tuple[int, int, int, int, str]:
    n, d, K, restarts, method = text.split(",")
    return int(n), int(d), int(K), int(restarts), method


def main(argv: list[str] | None = None) -> None:
    parser = common.argument_parser(__doc__)
    parser.add_argument("cases", nargs="*", type=_case, metavar="n,d,K,restarts,method", default=CASES)
    arguments = parser.parse_args(argv)
    before = Row("a worker before its first shard", peak("nothing"), "MB")
    rows = (measure(*case) for case in arguments.cases)
    common.report("Peak memory of a worker", itertools.chain([before], rows), arguments.json)


def task(name: str, *arguments: str) -> None:
    """Do a task in this process, then print its peak resident memory in bytes."""
    numbers = [int(text) if text.isdigit() else text for text in arguments]
    {"write": write, "fit": fit, "nothing": nothing}[name](*numbers)
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--task"]:
        task(*sys.argv[2:])
    else:
        main()
