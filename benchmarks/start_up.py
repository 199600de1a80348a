"""How soon work begins: the import of mixsweep, and a Dask worker's way to its first shard.

Usage: python benchmarks/start_up.py [--repeats 3]

The import is timed in a new interpreter, by CPU time. The worker is one of the executor plugin's embedded
cluster; from the start of its process, by wall time, to the moment it begins with its first command,
and to the end of that command, a shard of one fit and one pass: the time until there is nearly all imports.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common
from common import Row

#: What is imported, and the bound on the CPU seconds.
IMPORTS = {"import mixsweep": 0.3, "from mixsweep import fit": None, "import mixsweep.cli": None}
#: Seconds from the start of a worker to its first shard.
WORKER_SECONDS = 2.0
TIMED = "import time; began = time.process_time(); {}; print(time.process_time() - began)"


def import_seconds(statement: str) -> float:
    """Return the CPU seconds of an import in a new interpreter."""
    command = [sys.executable, "-c", TIMED.format(statement)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def first_command(argv: tuple[str, ...], folder: str) -> tuple[float, float]:
    """Run a command in a worker; return the seconds since its process began, before and after the command."""
    import psutil

    from snakemake_executor_plugin_dask.call import run_command
    from snakemake_executor_plugin_dask.plain import PlainCommand

    process_began = psutil.Process().create_time()
    begun = time.time() - process_began
    outcome = run_command(PlainCommand(argv), folder, {})
    if outcome.returncode:
        raise RuntimeError(outcome.message)
    return begun, time.time() - process_began


def worker_seconds() -> tuple[float, float]:
    """Return the seconds from a worker's start to its first shard's start and to that shard's end."""
    from distributed import Client  # as the executor does, before the cluster

    from mixsweep.problems import write_problem
    from mixsweep.problems.builtin import load_builtin
    from snakemake_executor_plugin_dask.handle import EmbeddedCluster
    from snakemake_executor_plugin_dask.options import Options

    with tempfile.TemporaryDirectory() as folder:
        problem = Path(folder, "faithful.nc")
        write_problem(load_builtin("faithful"), problem)
        options = {
            "output": "fits.nc",
            "timing": "timing.nc",
            "family": "gaussian-full",
            "n-components": 2,
            "method": "em",
            "settings": json.dumps({"method": "em"}),
            "initializer": "random-points",
            "restarts": "0:1",
            "seed": 1,
            "tol": 0,
            "max-passes": 1,
            "covariance-floor": 1e-6,
        }
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        cluster = EmbeddedCluster(Options(workers=1, directory=folder), Path(folder, "dask.log"))
        try:
            address = cluster.wait(60)["address"]
            with Client(address, timeout=60) as client:
                argv = ("mixsweep", "shard", str(problem), *arguments)
                begun, ended = client.submit(first_command, argv, folder, pure=False).result(60)
        finally:
            cluster.close()
    return begun, ended


def main(argv: list[str] | None = None) -> None:
    parser = common.argument_parser(__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args(argv)
    # the cluster looks for the plugin, the worker for the command
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    rounds = [
        ([import_seconds(statement) for statement in IMPORTS], worker_seconds())
        for _ in range(arguments.repeats)
    ]
    rows = []
    for index, (statement, bound) in enumerate(IMPORTS.items()):
        spread = common.Spread.of([imports[index] for imports, _ in rounds])
        name, details = f"CPU time of `{statement}`", {"range": spread.range}
        if bound is None:
            rows.append(Row(name, spread.median, "s", details=details))
        else:
            rows.append(common.at_most(name, spread.median, "s", bound, **details))
    begun, ended = (common.Spread.of([worker[index] for _, worker in rounds]) for index in range(2))
    rows.append(
        common.at_most(
            "a worker's start to its first shard's start",
            begun.median,
            "s",
            WORKER_SECONDS,
            range=begun.range,
        )
    )
    details = {"range": ended.range}
    rows.append(Row("a worker's start to the end of a shard of one pass", ended.median, "s", details=details))
    common.report("How soon work begins", rows, arguments.json)


if __name__ == "__main__":
    main()
