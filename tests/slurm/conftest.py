"""A Slurm of one machine, started for these tests and ended with them; skipped where it cannot be."""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from tests.processes import marked, wait_for

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "srun", "scancel", "squeue", "sinfo")
# Commands inside jobs look here: Snakemake's plugin for Slurm drops SLURM_CONF.
SYSTEM_CONFIG = Path("/etc/slurm/slurm.conf")
LOOPBACK = "127.0.0.1"

# One partition that takes jobs, and one that does not. Without cgroups, accounting and systemd; the daemons
# run as root and listen on loopback alone.
CONFIG = """
ClusterName=tests
SlurmctldHost={host}({loopback})
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
SlurmdParameters=config_overrides
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=100000,bf_interval=5
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=500
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MinJobAge=300
ReturnToService=2
InactiveLimit=0
KillWait=5
Waittime=0
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
NodeName={host} NodeAddr={loopback} CPUs=16 RealMemory={memory} State=UNKNOWN
PartitionName=open Nodes={host} Default=YES MaxTime=INFINITE State=UP
PartitionName=closed Nodes={host} MaxTime=INFINITE State=INACTIVE
"""


def why_not() -> str | None:
    """Return why there can be no Slurm here, if so."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a throw-away Slurm has to be started by root, on Linux"
    missing = [name for name in DAEMONS + COMMANDS if shutil.which(name) is None]
    if missing:
        return (
            f"Slurm is not installed: no {', '.join(missing)} (Debian: slurmctld slurmd slurm-client munge)"
        )
    if SYSTEM_CONFIG.exists():
        return f"this machine has a Slurm of its own ({SYSTEM_CONFIG}), which is left alone"
    try:
        socket.gethostbyname(socket.gethostname().partition(".")[0])
    except OSError:
        return "the name of this machine has no address, which Slurm needs"
    return None


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.fixture(scope="session")
def wait() -> Callable[[Callable[[], bool], float, Callable[[], str]], None]:
    return wait_for


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Start munged, slurmctld and slurmd, wait until the node takes jobs, and end all of them afterwards."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    # sockets have short names
    folder = tmp_path_factory.mktemp("slurm")
    host = socket.gethostname().partition(".")[0]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 * 9 // 10
    config = folder / "slurm.conf"
    config.write_text(
        CONFIG.format(
            host=host,
            loopback=LOOPBACK,
            controller_port=free_port(),
            node_port=free_port(),
            folder=folder,
            memory=memory,
        )
    )
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    munge = [f"--{option}={folder}/munge.{file}" for option, file in files.items()]
    SYSTEM_CONFIG.parent.mkdir(exist_ok=True)
    SYSTEM_CONFIG.unlink(missing_ok=True)  # of a run that was killed: it leads nowhere
    SYSTEM_CONFIG.symlink_to(config)
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        for command in (
            ["munged", "--foreground", "--force", *munge],
            ["slurmctld", "-D", "-i"],
            ["slurmd", "-D"],
        ):
            with open(folder / f"{command[0]}.output", "wb") as log:
                daemons.append(
                    subprocess.Popen(
                        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent
                    )
                )
            if command[0] == "munged":
                wait_for((folder / "munge.socket").exists, 10, lambda: "munged does not start")
        wait_for(
            lambda: (
                "idle" in subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True).stdout
            ),
            30,
            lambda: (folder / "slurmctld.output").read_text()[-2000:],
        )
        yield
    finally:
        with contextlib.suppress(subprocess.SubprocessError):
            subprocess.run(["scancel", "--user=root"], timeout=20, capture_output=True, check=False)
            wait_for(lambda: not output("squeue", "-h", "-t", "R,CG,PD"), 20, lambda: "jobs do not end")
        for daemon in reversed(daemons):
            daemon.terminate()
            try:
                daemon.wait(15)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        SYSTEM_CONFIG.unlink(missing_ok=True)


SWEEP = """
seed: 5
problems: {faithful: {n_components: [2]}}
methods: [em]
restarts: 200
max_passes: 200
"""
OPTIMA = "results/cells/faithful/gaussian-full/K2/optima.nc"


# The first attempt at `long` takes for ever, the second ends at once: Snakemake does not retry, Dask does.
TOY = """
rule all:
    input: "long.done", "short.done"

rule long:
    output: "long.done"
    shell: "if mkdir long.started; then sleep 1000; fi; touch {output}"

rule short:
    output: "short.done"
    shell: "sleep 1; touch {output}"
"""


@dataclass
class Folder:
    """A folder in which Snakemake is called, and what its calls print."""

    path: Path
    marker: str = field(default_factory=lambda: uuid.uuid4().hex)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "TOY_MARKER": self.marker, **self.variables}

    def processes(self) -> list[psutil.Process]:
        """Return all live processes that were started from here, in Slurm jobs too."""
        return marked("TOY_MARKER", self.marker)

    def command(self, profile: str, *arguments: str) -> list[str]:
        """Return a call of Snakemake on the sweep here, with a profile that comes with it."""
        (self.path / "sweep.yaml").write_text(SWEEP)
        fixed = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", "sweep.yaml", "--nocolor"]
        chosen = ["--workflow-profile", str(ROOT / "profiles" / profile)]
        return [sys.executable, "-m", "snakemake", OPTIMA, *fixed, *chosen, *arguments]

    def toy(self, *arguments: str) -> list[str]:
        """Return a call of Snakemake on a toy workflow, with workers that are Slurm jobs."""
        (self.path / "Snakefile").write_text(TOY)
        usual = "--executor dask --cores 2 --dask-cluster slurm --dask-worker-memory 1GiB --dask-interface lo"
        return [sys.executable, "-m", "snakemake", *usual.split(), "--nocolor", *arguments]

    def start(self, command: list[str]) -> subprocess.Popen[bytes]:
        with open(self.path / "output", "wb") as stream:
            return subprocess.Popen(
                command,
                cwd=self.path,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def call(self, command: list[str], code: int = 0) -> str:
        """Call Snakemake and return what it printed."""
        process = self.start(command)
        try:
            returned = process.wait(150)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(30)
        assert returned == code, self.printed
        return self.printed

    @property
    def printed(self) -> str:
        return (self.path / "output").read_text()

    def fits(self) -> bytes:
        return (self.path / OPTIMA).with_name("fits.nc").read_bytes()


@pytest.fixture
def folder(slurm: None, tmp_path: Path) -> Iterator[Folder]:
    """Return an empty folder; nothing that was started from it may stay."""
    folder = Folder(tmp_path)
    yield folder
    try:
        wait_for(lambda: not folder.processes(), 20, lambda: f"still there: {folder.processes()}")
    finally:
        for process in folder.processes():
            process.kill()


@pytest.fixture(scope="module")
def module_folder(slurm: None, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return Folder(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session", autouse=True)
def doomed(
    slurm: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Folder, subprocess.Popen[bytes]]]:
    """Start a run whose worker meets its wall time. It takes a minute, in which the other tests run."""
    folder = Folder(tmp_path_factory.mktemp("doomed"))
    process = folder.start(folder.toy("--dask-walltime", "1", "--dask-retire-before", "20"))
    yield folder, process
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(30)
    for left in folder.processes():
        left.kill()


@pytest.fixture(scope="session")
def slurm_plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the packages of the profile slurm-jobs."""
    target = tmp_path_factory.mktemp("packages")
    required = Path(__file__).with_name("requirements.txt")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
    done = subprocess.run([*command, "-r", str(required)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"snakemake-executor-plugin-slurm cannot be installed: {done.stderr.strip()[-200:]}")
    return target


@pytest.fixture(scope="session")
def jobs() -> Callable[[str], list[str]]:
    """Return a function that tells which Slurm jobs of a run, named by a job's number or name, wait or run.

    Of a run, as `doomed` goes on beside the tests.
    """

    def of_run(run: str) -> list[str]:
        lines = output("squeue", "-h", "-t", "PD,R,CF", "-o", "%A %j %T").splitlines()
        return [line for line in lines if run in line.split()[:2]]

    return of_run
