"""What is asked of Slurm, looked at without one."""

import itertools
import json
import shlex
from pathlib import Path

import pytest
from dask.config import collect_env

from snakemake_executor_plugin_dask import slurm
from snakemake_executor_plugin_dask.config import ON_WORKERS, variables
from snakemake_executor_plugin_dask.options import ClusterError, Options

OPTIONS = Options(
    workers=10,
    memory="2GiB",
    kind="slurm",
    threads=2,
    walltime="02:00:00",
    partition="short",
    account="me",
    directives=("--qos=long",),
    logs="a log",
    name="run-1",
)


def commands_in(folder: Path, *names: str) -> dict[str, str]:
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return {"PATH": str(folder)}


def test_the_script_asks_for_what_was_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    script = slurm.job_script(OPTIONS, "tls://10.0.0.1:1234", Path("/secret"))
    directives = [line.removeprefix("#SBATCH ") for line in script.splitlines() if line.startswith("#SBATCH")]
    for wanted in ("-J run-1", "--cpus-per-task=2", "--mem=2G", "-t 02:00:00", "-p short", "-A me"):
        assert wanted in directives
    assert directives[-1] == "--qos=long"
    assert f'--output="{tmp_path}/a log/dask-worker-%j.log"' in directives
    assert "export DASK_EXECUTOR_RETIRE_AFTER=6900" in script
    assert "export OMP_NUM_THREADS=2" in script
    command = shlex.split(script.splitlines()[-1])
    assert "tls://10.0.0.1:1234" in command
    options = dict(itertools.pairwise(command))
    assert options["--nthreads"] == "1"
    assert options["--tls-key"] == "/secret/key.pem"
    assert options["--dashboard-address"] == "127.0.0.1:0"
    assert "--no-dashboard" in command


def test_an_allocation_s_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    command = slurm.srun_command(OPTIONS, "tls://127.0.0.1:1", "127.0.0.1", Path("/secret"))
    assert command[:3] == ["srun", "--ntasks=10", "--cpus-per-task=2"]
    options = dict(itertools.pairwise(command))
    assert options["--host"] == "127.0.0.1"
    assert options["--tls-ca-file"] == "/secret/ca.pem"


def test_workers_elsewhere_find_the_configuration() -> None:
    found = collect_env(variables(ON_WORKERS))["distributed"]
    assert found["worker"] == {"memory": {"target": False, "spill": False, "pause": False}, "daemon": False}
    expected = ON_WORKERS["distributed.nanny.pre-spawn-environ"]
    assert json.loads(json.dumps(found["nanny"]["pre_spawn_environ"])) == expected


@pytest.mark.parametrize(
    ("kind", "names", "environ", "message"),
    [
        ("slurm", (), {}, "needs Slurm's sbatch, scancel, squeue, not found on this machine's PATH"),
        ("slurm", ("scancel", "squeue"), {}, "needs Slurm's sbatch, not found"),
        ("allocation", (), {"SLURM_JOB_ID": "1"}, "needs Slurm's srun, not found"),
        ("allocation", ("srun",), {}, "SLURM_JOB_ID is not set: this is not inside one"),
    ],
)
def test_what_is_missing_is_named(
    tmp_path: Path, kind: str, names: tuple[str, ...], environ: dict[str, str], message: str
) -> None:
    with pytest.raises(ClusterError, match=message):
        slurm.check_commands(kind, commands_in(tmp_path, *names) | environ)


def test_nothing_is_missing(tmp_path: Path) -> None:
    environ = commands_in(tmp_path, "sbatch", "scancel", "squeue", "srun")
    slurm.check_commands("slurm", environ)
    slurm.check_commands("allocation", environ | {"SLURM_JOB_ID": "1"})


def test_one_machine_or_several() -> None:
    allocation = Options(2, kind="allocation")
    assert slurm.on_one_node(allocation, {"SLURM_JOB_NUM_NODES": "1"})
    assert not slurm.on_one_node(allocation, {"SLURM_JOB_NUM_NODES": "2"})
    assert not slurm.on_one_node(OPTIONS, {"SLURM_JOB_NUM_NODES": "1"})


def test_what_sbatch_said_is_found_in_the_error() -> None:
    error = RuntimeError(
        "Command exited with non-zero exit code.\nstderr:\nsbatch: error: invalid partition specified: x\n"
        "sbatch: error: Batch job submission failed: Invalid partition name specified\n"
    )
    assert slurm.reason_of_refusal(error) == (
        "invalid partition specified: x; Batch job submission failed: Invalid partition name specified"
    )
    assert slurm.reason_of_refusal(OSError("no disk")) == "OSError: no disk"


def test_the_queue_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    squeue = tmp_path / "squeue"
    squeue.write_text(
        '#!/bin/sh\ncase "$*" in *%A*) echo "7 RUNNING"; echo "8 PENDING";; *) echo Priority;; esac\n'
    )
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert slurm.queued("run-1") == {"7": "RUNNING", "8": "PENDING"}
    assert slurm.waiting("run-1") == "1 waiting (Priority)"
    squeue.write_text("#!/bin/sh\nexit 1\n")
    assert slurm.waiting("run-1") == ""
    with pytest.raises(ClusterError, match="squeue does not answer"):
        slurm.queued("run-1")
    squeue.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    slurm.cancel("run-1")  # no Slurm, no jobs
    assert slurm.waiting("run-1") == ""


def fake_slurm(folder: Path, scancel: str) -> Path:
    """Write a Slurm whose queue is a file, which it returns."""
    queue = folder / "queue"
    queue.write_text("7 RUNNING\n9 COMPLETING\n")
    for name, body in (("squeue", f"cat {queue}"), ("scancel", scancel.format(queue=queue))):
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    return queue


def test_a_job_that_reaches_the_queue_late_is_cancelled_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # the first scancel meets job 7; job 8 was on its way
    late = "if mkdir {queue}.once; then echo 8 PENDING > {queue}; else : > {queue}; fi"
    queue = fake_slurm(tmp_path, late)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    slurm.cancel("run-1")
    assert queue.read_text() == ""
    assert capsys.readouterr().err == ""


def test_jobs_that_cannot_be_cancelled_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_slurm(tmp_path, "exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    slurm.cancel("run-1", seconds=0.5)
    assert "Slurm jobs 7 are still there; end them with: scancel --name=run-1" in capsys.readouterr().err
