"""A tiny sweep, to its end, with every profile for clusters, on a real Slurm."""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slurm

Jobs = Callable[[str], list[str]]
Wait = Callable[[Callable[[], bool], float, Callable[[], str]], None]


@pytest.fixture(scope="module")
def reference(module_folder) -> bytes:
    """Return the fits of the sweep, run without Dask and Slurm."""
    module_folder.call(module_folder.command("default", "--executor", "local", "--cores", "2"))
    return module_folder.fits()


def test_workers_as_slurm_jobs(folder, reference: bytes, jobs: Jobs, wait: Wait) -> None:
    command = folder.command("slurm", "--cores", "3", "--dask-workers", "3", "--dask-interface", "lo")
    printed = folder.call(command)
    assert folder.fits() == reference
    assert "Dask: asks Slurm for 1 to 3 workers (1 CPU, 2GiB, 01:00:00)" in printed
    (name,) = re.findall(r"jobs named (\S+);", printed)
    wait(lambda: not jobs(name), 20, lambda: f"still there: {jobs(name)}")
    left = sorted(path.name for path in (folder.path / ".snakemake" / "log").iterdir())
    assert not [name for name in left if "credentials" in name]
    assert [name for name in left if name.startswith("dask-worker-")]


def test_one_allocation(folder, reference: bytes, jobs: Jobs, wait: Wait) -> None:
    target = folder.command("slurm-allocation")[3]
    mixsweep = [sys.executable, "-m", "mixsweep.cli", "cluster", "job-script", "slurm-allocation"]
    mixsweep += ["--tasks", "2", "--walltime", "00:10:00", "--memory", "1GiB"]
    script = folder.path / "job.sh"
    script.write_text(subprocess.run(mixsweep, capture_output=True, text=True, check=True).stdout)
    submission = ["sbatch", "--parsable", "job.sh", "--config", "sweep.yaml", target]
    number = subprocess.run(
        submission, cwd=folder.path, env=folder.environ, capture_output=True, text=True, check=True
    ).stdout.strip()
    log = folder.path / f"mixsweep-{number}.log"
    wait(lambda: not jobs(number), 120, log.read_text)
    assert "Dask: started 2 workers (1 CPU, 0) in this Slurm allocation" in log.read_text()
    assert folder.fits() == reference


def test_a_slurm_job_for_each_shard(folder, reference: bytes, slurm_plugin: Path, jobs: Jobs) -> None:
    folder.variables["PYTHONPATH"] = str(slurm_plugin)
    command = folder.command("slurm-jobs", "--slurm-no-account", "--jobs", "2")
    command[3] = command[3].replace("optima.nc", "fits.nc")  # every job takes its time
    command += ["--slurm-init-seconds-before-status-checks", "3", "--seconds-between-status-checks", "2"]
    printed = folder.call(command)
    assert folder.fits() == reference
    (name,) = re.findall(r"SLURM run ID: (\S+)", printed)
    assert jobs(name) == []


@pytest.fixture
def cluster(folder, wait: Wait) -> Iterator[Path]:
    """Start a Dask cluster as somebody would by hand, in a Slurm job, with TLS; return its credentials."""
    from snakemake_executor_plugin_dask import credentials

    tls = folder.path / "tls"
    credentials.make(tls)
    assert stat.S_IMODE(tls.stat().st_mode) == 0o700
    options = f"--tls-ca-file {tls}/ca.pem --tls-cert {tls}/cert.pem --tls-key {tls}/key.pem"
    common = "--scheduler-file scheduler.json --no-dashboard --dashboard-address 127.0.0.1:0"
    (folder.path / "cluster.sh").write_text(
        "#!/usr/bin/env bash\n"
        f"{sys.executable} -m distributed.cli.dask_scheduler {common} {options} "
        "--host tls://127.0.0.1 --port 0 &\n"
        "while [ ! -s scheduler.json ]; do sleep 0.1; done\n"
        f"exec {sys.executable} -m distributed.cli.dask_worker {common} {options} --host 127.0.0.1 "
        "--nthreads 1 --nworkers 2\n"
    )
    number = subprocess.run(
        ["sbatch", "--parsable", "--ntasks=2", "cluster.sh"],
        cwd=folder.path,
        env=folder.environ,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    yield tls
    subprocess.run(["scancel", number], check=True)


def test_an_existing_cluster(folder, reference: bytes, cluster: Path) -> None:
    arguments = ["--cores", "2", "--dask-tls-directory", str(cluster), "--dask-connect-timeout", "60"]
    printed = folder.call(folder.command("attach", *arguments))
    assert folder.fits() == reference
    assert "Dask: using the cluster at tls://127.0.0.1:" in printed
    os.chmod(cluster / "key.pem", 0o644)
    again = folder.call(folder.command("attach", *arguments, "--forceall"), code=1)
    assert f"Others may read the key {cluster}/key.pem" in again
