"""What Snakemake and the executor plugin take for each shard, and how well many workers are kept busy.

Usage: python benchmarks/plugin_scaling.py [--shards 100 1000] [--workers 200] [--rounds 3] [--seconds 60]

Everything is real but the shards, which sleep, and the workers, which are threads of one process: two hundred
of them fit on a small machine, which they keep busy by being there: the CPU time of Snakemake with the plugin
is told beside. The bookkeeping is the wall time of a run of shards that sleep for no time, with the time of a
run of one shard subtracted. The efficiency is that of so many rounds of sleeping shards,
from the start of the first to the end of the last.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import common
from common import Row

HERE = Path(__file__).parent
SNAKEFILE = """
from mixsweep.records import do_not_wait_for_disk

onstart:
    do_not_wait_for_disk(workflow.persistence)

rule all:
    input: expand("shards/{{i}}", i=range({shards}))

rule shard:
    output: "shards/{{i}}"
    shell: "mixsweep sleep {seconds} {{output}}"
"""
CLUSTER = """
import sys
import dask
from distributed import LocalCluster

# what every worker looks at many times a second, for nothing here, and two hundred in one process too often
dask.config.set({
    "distributed.worker.profile.enabled": False, "distributed.admin.system-monitor.interval": "30s",
})
cluster = LocalCluster(
    n_workers=int(sys.argv[1]), threads_per_worker=1, processes=False, dashboard_address=None,
    host="127.0.0.1", protocol="tcp://", memory_limit=0,
)
print(cluster.scheduler_address, flush=True)
sys.stdin.read()
"""
RUN = """
import plugin_scaling
from snakemake.cli import main
from snakemake_executor_plugin_dask import executor

executor.run_command = plugin_scaling.sleep
main()
"""


def sleep(command: Any, workdir: str, *_: Any, **__: Any) -> Any:
    """Stand in for the call of a command in a worker: sleep, and write when that began and ended."""
    from snakemake_executor_plugin_dask.outcome import Outcome

    _, _, seconds, output = command.argv
    began = time.time()
    time.sleep(float(seconds))
    Path(workdir, output).write_text(f"{began} {time.time()}", encoding="utf-8")
    return Outcome(0, "")


def environ() -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(HERE),
    }


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """Start a scheduler with workers that are threads; give its address."""
    command = [sys.executable, "-c", CLUSTER, str(workers)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environ(),
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def processor_seconds() -> float:
    """Return the CPU time of all that has been waited for: Snakemake's calls, the cluster not among them."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(shards: int, seconds: float, workers: int, address: str) -> tuple[float, float, float]:
    """Run sleeping shards.

    Returns
    -------
    whole, cpu, spent : float
        Seconds of the whole run, Snakemake's CPU seconds in it, and seconds from the first start of a shard
        to the last end of one.
    """
    with tempfile.TemporaryDirectory() as folder:
        snakefile = SNAKEFILE.format(shards=shards, seconds=seconds)
        Path(folder, "Snakefile").write_text(snakefile, encoding="utf-8")
        # as the profiles and the Snakefile say
        options = (
            "--executor dask --scheduler greedy --scheduler-subsample 500 --persistence-backend db".split()
        )
        options += ["--cores", str(workers), "--quiet", "rules", "progress"]
        options += ["--dask-in-worker-commands", "mixsweep", "--dask-scheduler-address", address]
        command = [sys.executable, "-c", RUN, *options]
        began, used = time.perf_counter(), processor_seconds()
        done = subprocess.run(command, cwd=folder, env=environ(), capture_output=True, text=True, check=False)
        whole, cpu = time.perf_counter() - began, processor_seconds() - used
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        times = [list(map(float, path.read_text().split())) for path in Path(folder, "shards").iterdir()]
        return whole, cpu, max(end for _, end in times) - min(start for start, _ in times)


def rows(sizes: list[int], workers: int, rounds: int, seconds: float) -> Iterator[Row]:
    with cluster(workers) as address:
        alone, alone_cpu, _ = run(1, 0, workers, address)
        yield Row("a run of one shard", alone, "s", details={"CPU": f"{alone_cpu:.1f} s"})
        for shards in sizes:
            whole, cpu, _ = run(shards, 0, workers, address)
            yield Row(
                f"bookkeeping of a shard, {shards} shards", 1000 * (whole - alone) / (shards - 1), "ms",
                details={
                    "whole run": f"{whole:.1f} s",
                    "Snakemake's CPU": f"{1000 * (cpu - alone_cpu) / (shards - 1):.1f} ms",
                },
            )  # fmt: skip
        shards = rounds * workers
        _, _, spent = run(shards, seconds, workers, address)
        yield common.at_least(
            f"efficiency of {workers} workers, {shards} shards of {seconds:g} s",
            rounds * seconds / spent,
            "",
            0.9, **{"whole run": f"{spent:.1f} s"},
        )  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    parser = common.argument_parser(__doc__)
    parser.add_argument("--shards", nargs="*", type=int, default=[100, 1000, 2000, 5000], metavar="N")
    parser.add_argument("--workers", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args(argv)
    found = rows(arguments.shards, arguments.workers, arguments.rounds, arguments.seconds)
    common.report("Sleeping shards on many workers", found, arguments.json)


if __name__ == "__main__":
    main()
