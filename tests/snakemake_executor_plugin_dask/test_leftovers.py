"""Only what a dead process of this machine has left is removed."""

import json
import os
import signal
import subprocess
import sys

import pytest

from snakemake_executor_plugin_dask.leftovers import OWNER, remove_leftovers, sign

SIGNER = """
import sys
from pathlib import Path
from snakemake_executor_plugin_dask.leftovers import sign

sign(Path(sys.argv[1]))
print("signed", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "dask-credentials-abc"
    (folder / "tls").mkdir(parents=True)
    (folder / "tls/key.pem").write_text("secret")
    return folder


def test_a_living_owner_s_stays_and_a_dead_one_s_goes(folder) -> None:
    other = folder.with_name("something-else")
    other.mkdir()
    command = [sys.executable, "-c", SIGNER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout.readline() == b"signed\n"
        assert remove_leftovers(folder.parent) == []
        assert (folder / "tls/key.pem").exists()
        owner.kill()
    assert remove_leftovers(folder.parent) == [folder]
    assert [path.name for path in folder.parent.iterdir()] == ["something-else"]


def test_ours_stays(folder) -> None:
    sign(folder)
    assert remove_leftovers(folder.parent) == []


@pytest.mark.parametrize("change", [{"host": "another"}, {"process": None}, None])
def test_whose_owner_is_not_known_stays(folder, change) -> None:
    sign(folder)
    owner = json.loads((folder / OWNER).read_text())
    (folder / OWNER).write_text(
        "" if change is None else json.dumps(owner | {"process": [2**22 + 1, 0]} | change)
    )
    assert remove_leftovers(folder.parent) == []


def test_a_number_that_another_process_has_by_now_does_not_protect(folder) -> None:
    sign(folder)
    owner = json.loads((folder / OWNER).read_text())
    owner["process"] = [os.getpid(), 1.0]
    (folder / OWNER).write_text(json.dumps(owner))
    assert remove_leftovers(folder.parent) == [folder]


def test_the_next_run_removes_what_a_killed_one_has_left(make_flow, wait) -> None:
    flow = make_flow(
        """
        rule all:
            input: "slow.end"

        rule slow:
            output: "slow.end"
            shell: "toycmd sleep {config[seconds]} slow.start {output}"
        """
    )
    scratch = flow.folder / "scratch"
    options = ["--dask-local-directory", str(scratch), "--rerun-incomplete", "--nolock", "--config"]
    snakemake = flow.start(*options, "seconds=100")
    wait((flow.folder / "slow.start").exists, 60)
    (left,) = scratch.glob("dask-credentials-*")
    (cluster,) = [p for p in flow.processes() if "snakemake_executor_plugin_dask.cluster" in p.cmdline()]
    # the cluster's process first, stopped so that it cannot clean up after Snakemake
    cluster.send_signal(signal.SIGSTOP)
    snakemake.kill()
    snakemake.wait()
    cluster.kill()
    flow.wait_until_gone()
    assert left.exists()
    result = flow.run(*options, "seconds=0")
    assert result.returncode == 0, result.stdout
    assert not list(scratch.glob("dask-credentials-*"))
