"""A million fits collected and analysed: time and memory of the two commands that see the whole sweep.

Usage: python benchmarks/sweep_at_scale.py [--cells 250] [--restarts 500]

A cell is fitted and its optima are found for every number of components. Copies of it with the restarts in
another order stand for the same cell of many problems, so that every file is as in a real sweep. Then
`mixsweep collect`, `analyse` and `speed` are called as the workflow calls them, one after the other.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import perf_counter

import common
import xarray as xr
from common import Row

from mixsweep.analysis.census import census
from mixsweep.analysis.thresholds import Thresholds
from mixsweep.cell import CellSpec, assemble
from mixsweep.collect import cell_group
from mixsweep.config import parse_config
from mixsweep.io import write_dataset
from mixsweep.plan import make_plan
from mixsweep.problems import Problem, write_problem
from mixsweep.provenance import write_plan_file
from mixsweep.seeds import generator
from mixsweep.shard import fit_shard
from mixsweep.shard_file import timing_path

#: Numbers of components, each of which is fitted once.
COMPONENTS = (2, 3, 4, 5, 6)
FAMILY = "gaussian-full"
#: Fits of a cell for each restart: methods times kinds of start.
METHODS, INITIALIZERS = ("em", "squarem", "lbfgs", "daarem"), ("random-points", "kmeans++")
#: What the two commands together may take, wall time and resident memory.
SECONDS, GIGABYTES = 300, 6


def sweep(problems: int, restarts: int) -> dict[str, object]:
    """Return the config of a sweep over so many simulated problems of two features."""
    simulated = {"n": 200, "d": 2, "k": 4, "separation": 2, "replicates": problems}
    return {
        "seed": 1,
        "problems": {"blobs": {"simulate": simulated}},
        "n_components": list(COMPONENTS),
        "methods": {name: {} for name in METHODS},
        "initializers": list(INITIALIZERS),
        "restarts": restarts,
        "max_passes": 500,
    }


def fitted(problem: Problem, spec: CellSpec, folder: Path) -> tuple[xr.Dataset, xr.Dataset]:
    """Return the fits and the times of a cell, by way of its shards' files."""
    for shard, made in spec.shard_specs(problem):
        path = folder / shard.method / Path(shard.path).name
        fits, timing = fit_shard(problem, made)
        write_dataset(fits, path)
        write_dataset(timing, timing_path(path))
    return assemble(problem, spec, folder)


def copied(datasets: tuple[xr.Dataset, ...], name: str, folder: Path) -> None:
    """Write the files of a cell of another problem, with the same fits in another order."""
    restarts = datasets[0]["restart"].values
    order = generator(1, "benchmark order", name).permutation(len(restarts))
    for dataset, kind in zip(datasets, ("fits", "timing", "optima"), strict=True):
        turned = dataset.isel(restart=order).assign_coords(restart=restarts)
        write_dataset(turned.assign_attrs(problem=name), folder / f"{kind}.nc")


def make_results(results: Path, cells: int, restarts: int) -> tuple[int, float]:
    """Write the files of a sweep; return how many fits it has, and the CPU seconds of a cell's census."""
    plan = make_plan(parse_config(sweep(-(-cells // len(COMPONENTS)), restarts), Path(), "config"))
    write_plan_file(plan, results / "plan.json")
    first = plan.problems[0]
    problem = first.entry.source.load(first.name, plan.config.seed)
    for each in plan.problems:
        write_problem(dataclasses.replace(problem, name=each.name), results / "problems" / f"{each.name}.nc")
    seconds = 0.0
    for n_components in COMPONENTS:
        spec = CellSpec(
            family=FAMILY,
            n_components=n_components,
            methods={label: each.as_json() for label, each in plan.config.method_specs.items()},
            initializers=INITIALIZERS,
            restarts=restarts,
            seed=plan.config.seed,
            tol=plan.config.tol,
            max_passes=plan.config.max_passes,
            covariance_floor=plan.config.covariance_floor,
        )
        fits, timing = fitted(problem, spec, results / "shards" / f"K{n_components}")
        took, optima = common.cpu_seconds(partial(census, problem, fits, Thresholds()))
        seconds += took / len(COMPONENTS)
        for each in plan.problems:
            folder = results / "cells" / cell_group((each.name, FAMILY, n_components))
            copied((fits, timing, optima), each.name, folder)
    return plan.n_fits, seconds


def measured(arguments: list[str], folder: Path) -> tuple[float, float, float]:
    """Return the wall and CPU seconds of a mixsweep command and its largest resident memory in GB.

    That of this process is the least that is seen, half a GB.
    """
    command = [sys.executable, "-m", "mixsweep.cli", *arguments]
    began = perf_counter()
    with (folder / "log").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        # the usage of this child alone
        _, status, used = os.wait4(process.pid, 0)
        log.seek(0)
        if status:
            raise RuntimeError(log.read())
    return perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9


def rows(cells: int, restarts: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        results = Path(name) / "results"
        n_fits, census_seconds = make_results(results, cells, restarts)
        size = sum(path.stat().st_size for path in results.glob("cells/**/*.nc")) / 1e9
        details = {"fits": f"{n_fits:,}", "CPU": "", "size": f"{size:.2g} GB", "load": ""}
        steps = {
            "collect": ["collect", "--cells", "cells", "--plan", "plan.json", "--output", "sweep.nc"],
            "analyse": ["analyse", "sweep.nc", "--tables", "tables", "--verdicts", "verdicts.csv"],
            "speed": ["speed", "sweep.nc", "--tables", "tables"],
        }
        total, largest = 0.0, 0.0
        for step, arguments in steps.items():
            load = f"{os.getloadavg()[0]:.1f}"
            seconds, cpu, memory = measured(arguments, results)
            total, largest = total + seconds, max(largest, memory)
            details |= {"CPU": f"{cpu:.0f} s", "load": load}
            yield Row(f"{step}: wall time", seconds, "s", details=dict(details))
            yield Row(f"{step}: memory", memory, "GB", details=dict(details))
        details |= {"CPU": "", "load": ""}
        yield common.at_most("collect and analyse: wall time", total, "s", SECONDS, **details)
        yield common.at_most("collect and analyse: memory", largest, "GB", GIGABYTES, **details)
        yield Row("census of one cell: CPU time", census_seconds, "s", details=details)


def main(argv: list[str] | None = None) -> None:
    parser = common.argument_parser(__doc__)
    parser.add_argument("--cells", type=int, default=250)
    parser.add_argument("--restarts", type=int, default=500, help="of each method and kind of start")
    arguments = parser.parse_args(argv)
    common.report(
        "A large sweep collected and analysed", rows(arguments.cells, arguments.restarts), arguments.json
    )


if __name__ == "__main__":
    main()
