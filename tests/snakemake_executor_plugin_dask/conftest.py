"""A toy console command, and runs of Snakemake on toy workflows that use it."""

import json
import os
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from tests.processes import marked, wait_for

TOYCMD = '''
import ctypes, json, logging, os, signal, sys, time
import psutil


def record(path):
    """Write down where and how this command runs."""
    me, parent = psutil.Process(), psutil.Process().parent()
    listening = [c.laddr.ip for p in (me, parent) for c in p.net_connections() if c.status == "LISTEN"]
    facts = {
        "pid": os.getpid(),
        "in_worker": any("spawn_main" in part for part in me.cmdline()),
        "argv": sys.argv,
        "cwd": os.getcwd(),
        "listening": listening,
        "threads": {k: v for k, v in os.environ.items() if k.endswith("_NUM_THREADS")},
        "parent": parent.pid,
        "tmpdir": os.environ.get("TMPDIR"),
    }
    with open(path, "w") as file:
        json.dump(facts, file)


def main():
    action, *args = sys.argv[1:]
    if action == "record":
        record(args[0])
        if counts := os.environ.get("DASK_EXECUTOR_COUNTS"):
            with open(counts, "a") as file:
                file.write(json.dumps({"fits": 5, "failures": 1}) + "\\n")
    elif action == "print":
        print("to stdout", flush=True)
        print("to stderr", file=sys.stderr)
        logging.getLogger("distributed").warning("from Dask")
        ctypes.CDLL(None).puts(b"from C")
        open(args[0], "w").close()
    elif action == "raise":
        raise ValueError("a bad value")
    elif action == "exit":
        print("what went wrong", file=sys.stderr)
        sys.exit(int(args[0]))
    elif action == "die":
        time.sleep(float(args[0]) if args else 0)
        os._exit(1)
    elif action == "die-once":
        if not os.path.exists(args[1]):
            open(args[1], "w").close()
            os._exit(1)
        record(args[0])
    elif action == "second-attempt":
        if args[0] == "1":
            sys.exit("not yet")
        record(args[1])
    elif action == "sleep":
        open(args[1], "w").close()
        time.sleep(float(args[0]))
        open(args[2], "w").close()
    elif action == "return":
        return int(args[0])
    elif action == "untidy":
        os.environ["UNTIDY"] = "1"
        os.environ.pop("HOME", None)
        os.chdir("/")
        sys.argv.append("more")
    elif action == "log":
        logger = logging.getLogger("toy")
        if not logger.handlers:
            logger.addHandler(logging.StreamHandler())
        logger.warning(args[0])
    elif action == "scheduler":
        from dask.base import get_scheduler
        print(get_scheduler().__module__)
    elif action == "count":
        with open(os.environ["DASK_EXECUTOR_COUNTS"], "a") as file:
            file.write(args[0] + "\\n")
'''


@pytest.fixture(scope="session")
def toy_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for PYTHONPATH in which the console script `toycmd` is installed."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "toycmd.py").write_text(TOYCMD)
    info = folder / "toycmd-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toycmd\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[console_scripts]\ntoycmd = toycmd:main\nbroken = no_such_module:main\n"
    )
    # what an installer would have made, for the jobs that go through a shell
    script = folder / "toycmd"
    script.write_text(f"#!{sys.executable}\nimport sys, toycmd\nsys.exit(toycmd.main())\n")
    script.chmod(0o755)
    return folder


# A scheduler with as many workers as asked for, and their resources; it ends with its standard input.
CLUSTER = """
import json, os, sys
from distributed import LocalCluster

if __name__ == "__main__":
    workers, resources = int(sys.argv[2]), json.loads(sys.argv[3])
    with LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None, resources=resources
    ) as cluster:
        with open(sys.argv[1] + ".new", "w") as file:
            json.dump({"address": cluster.scheduler_address}, file)
        os.replace(sys.argv[1] + ".new", sys.argv[1])
        sys.stdin.read()
"""


@dataclass
class Flow:
    """A workflow in a folder of its own, and the processes of its runs."""

    folder: Path
    toy_path: Path
    marker: str = field(default_factory=lambda: uuid.uuid4().hex)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        return (
            dict(
                os.environ,
                PYTHONPATH=str(self.toy_path),
                PATH=f"{self.toy_path}:{os.environ['PATH']}",
                TOY_MARKER=self.marker,
                XDG_CONFIG_HOME=str(self.folder / "config"),
                XDG_CACHE_HOME=str(self.folder / "cache"),
            )
            | self.variables
        )

    def write(self, snakefile: str) -> None:
        (self.folder / "Snakefile").write_text(textwrap.dedent(snakefile))

    def command(self, *arguments: str) -> list[str]:
        usual = "--executor dask --cores 2 --dask-in-worker-commands toycmd --scheduler greedy --nocolor"
        return [sys.executable, "-m", "snakemake", *usual.split(), *arguments]

    def run(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run Snakemake to its end; stdout has its messages too."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start Snakemake in a process group of its own."""
        with open(self.folder / "output", "wb") as output:
            return subprocess.Popen(
                self.command(*arguments),
                cwd=self.folder,
                env=self.environ,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def processes(self) -> list[psutil.Process]:
        """Return all live processes that a run of this workflow has started."""
        return marked("TOY_MARKER", self.marker)

    def wait_until_gone(self, seconds: float = 15) -> None:
        wait_for(lambda: not self.processes(), seconds, lambda: f"still there: {self.processes()}")

    def scratch_folders(self) -> list[Path]:
        return list((self.folder / "scratch").glob("*"))


@pytest.fixture(scope="module")
def make_flow(tmp_path_factory: pytest.TempPathFactory, toy_path: Path) -> Iterator[Callable[[str], Flow]]:
    """Return a function that makes a workflow; whatever its runs leave is ended afterwards."""
    flows: list[Flow] = []

    def make(snakefile: str) -> Flow:
        flow = Flow(tmp_path_factory.mktemp("flow"), toy_path)
        (flow.folder / "scratch").mkdir()
        flow.write(snakefile)
        flows.append(flow)
        return flow

    yield make
    for flow in flows:
        for process in flow.processes():
            process.kill()


@pytest.fixture(scope="module")
def start_cluster() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Return a function that starts a cluster beside a workflow, which finds it by ``scheduler.json``."""
    started: list[subprocess.Popen[bytes]] = []

    def start(flow: Flow, workers: int = 1, **resources: float) -> subprocess.Popen[bytes]:
        (flow.folder / "cluster.py").write_text(CLUSTER)
        file = flow.folder / "scheduler.json"
        environ = flow.environ
        del environ["TOY_MARKER"]  # it does not belong to the run
        command = [sys.executable, "cluster.py", str(file), str(workers), json.dumps(resources)]
        process = subprocess.Popen(command, cwd=flow.folder, env=environ, stdin=subprocess.PIPE)
        started.append(process)
        wait_for(file.exists, 60)
        return process

    yield start
    for process in started:
        process.communicate(timeout=20)


@pytest.fixture(scope="session")
def wait() -> Callable[..., None]:
    return wait_for


def rules_run(output: str) -> Sequence[str]:
    """Return the names of the rules that ran, one for each finished job."""
    lines = (line for line in output.splitlines() if line.startswith("Finished jobid"))
    return sorted(line.split("Rule: ")[1].rstrip(")") for line in lines)


@pytest.fixture(scope="session")
def finished() -> Callable[[str], Sequence[str]]:
    return rules_run
