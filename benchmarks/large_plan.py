"""Sweeps that are too large for a laptop, on paper: how long planning takes, and how much memory.

Usage: python benchmarks/large_plan.py [--shards 2000]

A plan of a hundred million fits is made in a new interpreter. `snakemake -n` is called on sweeps of two
thousand shards, as a user would: of few cells with many shards, and of many cells with two. Wall time and the
largest resident memory have bounds; the CPU time tells how busy the machine was.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import common
from common import Row

ROOT = Path(__file__).parents[1]
PLANNED = """
import json, sys
from pathlib import Path
from mixsweep.config import load_config
from mixsweep.plan import make_plan

plan = make_plan(load_config(Path(sys.argv[1])))
json.dumps(plan.as_json())
print(json.dumps({"fits": plan.n_fits, "shards": len(plan.shards)}))
"""


def config(cells: int, restarts: int, initializers: str = "random-points, kmeans++") -> str:
    """Return a sweep of simulated problems with two components, by two methods from some kinds of start."""
    return (
        "seed: 1\n"
        f"problems: {{blobs: {{simulate: {{n: 20, d: 1, k: 2, separation: 2, replicates: {cells}}}}}}}\n"
        "n_components: 2\n"
        "methods: [em, lbfgs]\n"
        f"initializers: [{initializers}]\n"
        f"restarts: {restarts}\n"
        "max_passes: 50\n"
    )


def measured(command: list[str], folder: Path) -> tuple[float, float, float, str]:
    """Return a command's wall and CPU seconds, its largest resident memory in GB, and what it printed."""
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = perf_counter()
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    seconds = perf_counter() - began
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    # of the largest child so far
    return seconds, cpu, used.ru_maxrss * 1024 / 1e9, done.stdout


def rows(shards: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plan.yaml").write_text(config(cells=50, restarts=500_000), encoding="utf-8")
        seconds, cpu, memory, output = measured([sys.executable, "-c", PLANNED, "plan.yaml"], folder)
        counts = json.loads(output)
        details = {"shards": str(counts["shards"]), "fits": f"{counts['fits']:,}", "CPU": f"{cpu:.1f} s"}
        yield common.at_most("plan: wall time", seconds, "s", 60, **details)
        yield common.at_most("plan: memory", memory, "GB", 2, **details)

        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
        sweeps = {
            "few cells": config(shards // 8, 200),
            "many cells": config(shards // 2, 100, "random-points"),
        }
        for which, sweep in sweeps.items():
            (folder / "config.yaml").write_text(sweep, encoding="utf-8")
            seconds, cpu, memory, output = measured([*command, "--quiet", "rules", "-n"], folder)
            found = next(line.split()[1] for line in output.splitlines() if line.startswith("shard "))
            details = {"shards": found, "fits": f"{100 * int(found):,}", "CPU": f"{cpu:.1f} s"}
            yield common.at_most(f"snakemake -n, {which}: wall time", seconds, "s", 15, **details)
            yield Row(f"snakemake -n, {which}: memory", memory, "GB", details=details)


def main(argv: list[str] | None = None) -> None:
    parser = common.argument_parser(__doc__)
    parser.add_argument("--shards", type=int, default=2000, help="of the dry run")
    arguments = parser.parse_args(argv)
    common.report("Large sweeps on paper", rows(arguments.shards), arguments.json)


if __name__ == "__main__":
    main()
