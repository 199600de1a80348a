"""What a batch system would be given."""

from __future__ import annotations

import itertools
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from snakemake.cli import parse_args

from mixsweep.cli import main
from mixsweep.cli.run import find_snakefile

PROFILES = find_snakefile().parent / "profiles"
NAMES = sorted(path.parent.name for path in PROFILES.glob("*/config.yaml"))


def job_script(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["cluster", "job-script", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_the_profiles() -> None:
    assert NAMES == ["attach", "default", "slurm", "slurm-allocation", "slurm-jobs"]


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_a_profile_has_its_reason(name: str) -> None:
    lines = (PROFILES / name / "config.yaml").read_text().splitlines()
    reasons = [above for above, line in itertools.pairwise(lines) if re.match("[a-z]", line)]
    assert len(reasons) == len(yaml.safe_load("\n".join(lines)))
    # the cluster's kind and the executor have one in common
    assert all(re.match("# |executor: dask", reason) for reason in reasons), reasons


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"slurm-jobs"}))  # its plugin is not installed here
def test_snakemake_knows_every_setting(name: str) -> None:
    _, parsed = parse_args(["--cores", "2", "--workflow-profile", str(PROFILES / name)])
    assert parsed.executor == "dask"
    assert parsed.dask_in_worker_commands == "mixsweep"
    assert parsed.scheduler == "greedy"
    assert parsed.keep_going
    assert parsed.rerun_incomplete
    assert parsed.keep_incomplete
    assert parsed.persistence_backend.name == "DB"


def test_what_is_submitted_for_each_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    script = job_script("--partition", "short", "--walltime", "02:00:00")
    assert "#SBATCH -p short\n" in script
    assert "#SBATCH -t 02:00:00\n" in script
    assert "#SBATCH --mem=2G\n" in script
    assert "tls://SCHEDULER:PORT" in script
    assert job_script("slurm", "--memory", "3GiB") != script
    assert "#SBATCH --mem=3G\n" in job_script("slurm", "--memory", "3GiB")
    assert list(tmp_path.iterdir()) == []


def test_a_script_for_an_allocation(tmp_path: Path) -> None:
    script = job_script("slurm-allocation", "--tasks", "8", "--account", "me", "--memory", "1500MiB")
    for line in ("--ntasks=8", "--mem-per-cpu=1500M", "--time=01:00:00", "--account=me"):
        assert f"#SBATCH {line}\n" in script
    assert "--partition" not in script
    command = shlex.split(script.splitlines()[-1])
    assert command[0] == "exec"
    assert command[command.index("--workflow-profile") + 1] == str(PROFILES / "slurm-allocation")
    (tmp_path / "job.sh").write_text(script)
    subprocess.run(["bash", "-n", "job.sh"], cwd=tmp_path, check=True)


def test_a_profile_of_one_s_own(tmp_path: Path) -> None:
    content = "executor: dask\ndask-cluster: slurm\ndask-worker-memory: 4GiB\ndask-unencrypted: true\n"
    (tmp_path / "config.yaml").write_text(content)
    script = job_script(str(tmp_path))
    assert "#SBATCH --mem=4G\n" in script
    assert "tcp://SCHEDULER:PORT" in script
    assert "--tls" not in script


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("slurn", "there is no profile slurn: .* did you mean 'slurm'"),
        ("default", "has no workers on Slurm, so it submits no job script"),
        ("slurm-jobs", "runs jobs by the executor slurm, which makes its submissions itself"),
    ],
)
def test_profiles_that_submit_nothing(profile: str, message: str) -> None:
    output = job_script(profile, code=2)
    assert re.search(message, output)
    assert "Traceback" not in output


def test_mistakes_in_a_profile(tmp_path: Path) -> None:
    usual = "executor: dask\ndask-cluster: slurm\ndask-worker-memory: 4GiB\n"
    for line, message in (
        ("dask-wall-time: 1", "settings that the executor does not know: ['wall_time']"),
        ("dask-walltime: soon", "--dask-walltime has to be a time"),
    ):
        (tmp_path / "config.yaml").write_text(usual + line)
        assert message in job_script(str(tmp_path), code=2)
