"""A sweep in a folder of its own, the calls that run it, and what they leave."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.processes import marked

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

# 3 cells x 2 methods x 2 blocks: 12 shards of 100 fits.
# Blocks end at multiples of 100, so more restarts are more blocks.
CONFIG: dict[str, Any] = {
    "seed": 11,
    "problems": {
        "faithful": {"n_components": [2]},
        "blobs": {"simulate": {"n": 60, "d": 2, "k": 2, "separation": 3}, "n_components": [2, 3]},
    },
    "methods": {"em": {}, "lbfgs": {}},
    "restarts": 200,
    "max_passes": 500,
}


@dataclass(frozen=True)
class Done:
    """A finished call: its exit code and all it printed."""

    code: int
    output: str

    @property
    def jobs(self) -> dict[str, int]:
        """How many jobs of each rule were finished."""
        rules = re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)$", self.output, re.MULTILINE)
        return {rule: rules.count(rule) for rule in sorted(set(rules))}

    @property
    def fits(self) -> int:
        """How many fits the workers computed, by the executor's last count."""
        found: list[str] = re.findall(r"^Dask: .*; fits (\d+)", self.output, re.MULTILINE)
        return int(found[-1]) if found else 0


@dataclass
class Sweep:
    """A config and the folder in which it is run, which is not the one that snakemake is called in."""

    folder: Path
    config: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(CONFIG))
    variables: dict[str, str] = field(default_factory=dict)
    marker: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def directory(self) -> Path:
        return self.folder / "run"

    @property
    def results(self) -> Path:
        return self.directory / "results"

    def command(self, *arguments: str) -> list[str]:
        (self.folder / "sweep.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False))
        fixed = ["--snakefile", str(ROOT / "Snakefile"), "--directory", "run", "--nocolor"]
        return [sys.executable, "-m", "snakemake", *arguments, "--configfile", "sweep.yaml", *fixed]

    @property
    def environ(self) -> dict[str, str]:
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "SWEEP_MARKER": self.marker, **self.variables}

    def call(self, command: list[str], folder: Path) -> Done:
        done = subprocess.run(
            command,
            cwd=folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )
        return Done(done.returncode, done.stdout)

    def run(self, *arguments: str, code: int = 0) -> Done:
        done = self.call(self.command(*arguments), self.folder)
        assert done.code == code, done.output
        return done

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with open(self.folder / "output", "wb") as output:
            return subprocess.Popen(
                self.command(*arguments),
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def mixsweep(self, *arguments: str, code: int = 0) -> str:
        done = self.call([str(BIN / "mixsweep"), *arguments], self.directory)
        assert done.code == code, done.output
        return done.output

    @property
    def cells(self) -> list[str]:
        """Targets: what the fits of all cells lead to, without the report."""
        folders = ["faithful/gaussian-full/K2"]
        blobs = "blobs-n60-d2-k2-s3-r1/gaussian-full"
        folders += [f"{blobs}/K{k}" for k in self.config["problems"]["blobs"]["n_components"]]
        return [f"results/cells/{folder}/{name}.nc" for folder in folders for name in ("fits", "optima")]

    def bytes(self) -> dict[str, bytes]:
        """Return the contents of the files that have to be the same on every run."""
        return {target: (self.directory / target).read_bytes() for target in self.cells}

    def shards(self) -> dict[str, tuple[int, int]]:
        """Return each finished shard with what would change if it were written again."""
        files = (path for path in (self.results / "shards").rglob("*.nc") if not path.name.startswith("."))
        return {
            str(path.relative_to(self.results)): (path.stat().st_mtime_ns, path.stat().st_ino)
            for path in files
            if not path.name.endswith(".timing.nc")
        }

    def tree(self) -> dict[str, int]:
        """Return all files of the results and when they were written."""
        return {str(path): path.stat().st_mtime_ns for path in self.results.rglob("*") if path.is_file()}

    def processes(self) -> list[psutil.Process]:
        """Return all live processes that the calls have started."""
        return marked("SWEEP_MARKER", self.marker)

    def copied_to(self, folder: Path) -> Sweep:
        """Return a copy, as good as the original because its paths are relative."""
        shutil.copytree(self.folder, folder, symlinks=True, dirs_exist_ok=True)
        return Sweep(folder, copy.deepcopy(self.config))
