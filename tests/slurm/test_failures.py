"""What happens to a run when somebody ends its workers, or Slurm will not have them."""

import re
import signal
import subprocess
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.slurm

Jobs = Callable[[str], list[str]]
Wait = Callable[[Callable[[], bool], float, Callable[[], str]], None]


def test_a_worker_s_job_is_cancelled_in_the_middle(folder, jobs: Jobs, wait: Wait) -> None:
    snakemake = folder.start(folder.toy("long.done"))
    wait((folder.path / "long.started").exists, 60, lambda: folder.printed)
    (name,) = re.findall(r"jobs named (\S+);", folder.printed)
    subprocess.run(["scancel", f"--name={name}"], check=True)
    assert snakemake.wait(90) == 0, folder.printed
    assert (folder.path / "long.done").exists()
    wait(lambda: not jobs(name), 20, lambda: f"still there: {jobs(name)}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["interrupt", "kill"])
def test_the_end_of_snakemake_cancels_the_workers(
    folder, jobs: Jobs, wait: Wait, number: signal.Signals
) -> None:
    snakemake = folder.start(folder.toy("long.done"))
    wait((folder.path / "long.started").exists, 60, lambda: folder.printed)
    (name,) = re.findall(r"jobs named (\S+);", folder.printed)
    snakemake.send_signal(number)
    assert snakemake.wait(30) == (1 if number == signal.SIGINT else -number)
    wait(lambda: not jobs(name), 20, lambda: f"still there: {jobs(name)}")
    logs = folder.path / ".snakemake" / "log"
    wait(lambda: not list(logs.glob("*credentials*")), 10, lambda: "the credentials are still there")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--dask-partition", "nowhere"), "Slurm refuses the workers: .*[Ii]nvalid partition name"),
        (("--dask-partition", "closed"), "Slurm refuses the workers: .*partition not available"),
        (("--dask-sbatch-options=--mem=99T",), "Slurm refuses the workers: .*[Mm]emory"),
        (("--dask-interface", "lo9"), "has no network interface lo9 with an IPv4 address; it has .*lo"),
        (("--dask-worker-memory", "auto"), "Slurm jobs need a memory limit of their own"),
    ],
)
def test_workers_that_cannot_be(folder, arguments: tuple[str, ...], message: str) -> None:
    printed = folder.call(folder.toy(*arguments), code=1)
    assert re.search(message, printed), printed
    assert "Traceback" not in printed
