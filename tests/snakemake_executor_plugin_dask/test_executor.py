"""Whole runs of Snakemake on the embedded cluster."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

STARTED = "Dask: started"

USUAL = """
    shell.executable("bash")
    localrules: beside

    rule all:
        input:
            expand("shards/{i}.json", i=range(3)),
            expand("{name}.json", name=["conda", "piped", "bench", "threads", "log"]),
            "script.txt", "beside.json", "printed", "shadow.json", "from-pipe",

    rule shard:
        output: "shards/{i}.json"
        log: "logs/{i}.log"
        shell: "toycmd record {output} 2> {log}"

    rule conda:
        output: "conda.json"
        conda: "env.yaml"
        shell: "toycmd record {output}"

    rule piped:
        output: "piped.json"
        shell: "toycmd record {output} | cat"

    rule bench:
        output: "bench.json"
        benchmark: "bench.tsv"
        shell: "toycmd record {output}"

    rule threads:
        output: "threads.json"
        threads: 2
        shell: "toycmd record {output}"

    rule log:
        output: "log.json"
        resources: tmpdir="own-tmp"
        shell:
            '''
            toycmd record {output} \\
                > printed.log 2>&1
            '''

    rule printed:
        output: "printed"
        shell: "toycmd print {output}"

    rule beside:
        output: "beside.json"
        shell: "toycmd record {output}"

    rule shadow:
        output: "shadow.json"
        shadow: "minimal"
        shell: "toycmd record {output}"

    rule producer:
        output: pipe("pipe")
        shell: "echo through the pipe > {output}"

    rule consumer:
        input: "pipe"
        output: "from-pipe"
        shell: "cat {input} > {output}"

    rule script:
        input: "shards/0.json"
        output: "script.txt"
        script: "script.py"
"""


@pytest.fixture(scope="module")
def usual(make_flow):
    flow = make_flow(USUAL)
    (flow.folder / "script.py").write_text("open(snakemake.output[0], 'w').write('from the script')\n")
    (flow.folder / "env.yaml").write_text("dependencies: [none]\n")
    arguments = ("--dask-local-directory", str(flow.folder / "scratch"), "--dask-progress-interval", "1")
    flow.result = flow.run(*arguments)
    assert flow.result.returncode == 0, flow.result.stdout
    return flow


def facts(flow, name: str) -> dict:
    return json.loads((flow.folder / f"{name}.json").read_text())


def test_plain_jobs_run_in_the_workers(usual) -> None:
    for name in ("shards/0", "shards/1", "shards/2", "conda", "log"):
        assert facts(usual, name)["in_worker"], name
    shard = facts(usual, "shards/1")
    assert shard["argv"] == ["toycmd", "record", "shards/1.json"]
    assert shard["cwd"] == str(usual.folder)
    assert (usual.folder / "logs/1.log").exists()
    assert len({facts(usual, f"shards/{i}")["pid"] for i in range(3)}) <= 2


def test_other_jobs_run_by_a_snakemake_of_their_own(usual) -> None:
    for name in ("piped", "bench", "threads", "shadow"):
        assert not facts(usual, name)["in_worker"], name
    assert (usual.folder / "bench.tsv").exists()
    assert (usual.folder / "script.txt").read_text() == "from the script"
    assert "from the script" not in usual.result.stdout


def test_local_rules_stay_beside_snakemake(usual) -> None:
    beside = facts(usual, "beside")
    assert not beside["in_worker"]
    assert set(beside["listening"]) == set()


def test_jobs_connected_by_a_pipe_run_at_the_same_time(usual) -> None:
    assert (usual.folder / "from-pipe").read_text() == "through the pipe\n"


def test_threads(usual) -> None:
    threads = facts(usual, "shards/0")["threads"]
    assert {threads[f"{name}_NUM_THREADS"] for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")} == {"1"}
    assert facts(usual, "threads")["threads"]["OMP_NUM_THREADS"] == "2"


def test_temporary_directory_of_the_rule(usual) -> None:
    assert facts(usual, "log")["tmpdir"] == "own-tmp"


def test_output_without_redirection_is_shown(usual) -> None:
    assert "to stdout\nfrom C\n" in usual.result.stdout
    assert "to stderr\n" in usual.result.stdout


def test_only_loopback_is_listened_on(usual) -> None:
    # of the worker and of its parent, which holds the scheduler
    shard = facts(usual, "shards/0")
    assert len(shard["listening"]) >= 2
    assert set(shard["listening"]) == {"127.0.0.1"}


def test_counts_and_progress_are_shown(usual) -> None:
    lines = [line for line in usual.result.stdout.splitlines() if line.startswith("Dask: ")]
    # 3 shards, conda, log, and the nested ones: piped, bench, threads, shadow
    assert "fits 45" in lines[-2]
    assert "failures 9" in lines[-2]
    assert "11 of 11 jobs done, 0 running, 0 failed" in lines[-2]
    assert len(lines) >= 4


def test_cpu_time_is_shown_last(usual) -> None:
    lines = [line for line in usual.result.stdout.splitlines() if line.startswith("Dask: ")]
    found = re.fullmatch(
        r"Dask: worker computation ([\d.]+) s CPU, everything else ([\d.]+) s CPU \(\d+%\)", lines[-1]
    )
    assert found
    commands, rest = map(float, found.groups())
    # toy commands hardly compute; four Snakemakes of their own and the cluster take seconds each
    assert 0 < commands < 5 < rest


def test_nothing_is_left_behind(usual) -> None:
    usual.wait_until_gone()
    assert usual.scratch_folders() == []


def test_dask_s_messages_go_to_its_own_log(usual) -> None:
    assert "from Dask" not in usual.result.stdout
    (log,) = (usual.folder / ".snakemake" / "log").glob("*.dask.log")
    assert "from Dask" in log.read_text()


def test_nothing_to_do_starts_no_cluster(usual) -> None:
    again = usual.run()
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout
    assert STARTED not in again.stdout


def test_what_does_not_run_starts_no_cluster(usual) -> None:
    (usual.folder / "shards" / "2.json").rename(usual.folder / "moved")
    dry = usual.run("--dry-run")
    assert dry.returncode == 0
    assert "shard" in dry.stdout
    (usual.folder / "moved").rename(usual.folder / "shards" / "2.json")
    touch = usual.run("--touch", "--forceall")
    assert touch.returncode == 0
    unlock = usual.run("--unlock")
    assert unlock.returncode == 0
    assert STARTED not in dry.stdout + touch.stdout + unlock.stdout


def test_a_missing_shard_alone_is_made_again(usual, finished) -> None:
    (usual.folder / "shards" / "1.json").unlink()
    result = usual.run("shards/1.json")
    assert result.returncode == 0
    assert finished(result.stdout) == ["shard"]
    assert "started 1 worker on" in result.stdout


def test_the_profile_needs_only_two_lines(usual, finished) -> None:
    profile = usual.folder / "profiles" / "default" / "config.yaml"
    profile.parent.mkdir(parents=True)
    profile.write_text("executor: dask\ndask-in-worker-commands: toycmd, other\n")
    (usual.folder / "shards" / "1.json").unlink()
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "shards/1.json"]
    result = subprocess.run(
        command, cwd=usual.folder, env=usual.environ, capture_output=True, text=True, timeout=60, check=False
    )
    profile.unlink()
    assert result.returncode == 0, result.stderr
    assert facts(usual, "shards/1")["in_worker"]


FAILING = """
    from pathlib import Path

    rule all:
        input: expand("{name}.json", name=["good", "raises", "exits", "dies", "diesonce", "again", "nested"])

    rule good:
        output: "good.json"
        shell: "toycmd record {output}"

    rule raises:
        output: "raises.json"
        log: "raises.log"
        shell: "toycmd raise {output} 2> {log}"

    rule exits:
        output: "exits.json"
        shell: "toycmd exit 7"

    rule dies:
        output: "dies.json"
        shell: "toycmd die"

    rule diesonce:
        output: "diesonce.json"
        shell: "toycmd die-once {output} died"

    rule again:
        output: "again.json"
        retries: 1
        resources: attempt=lambda wildcards, attempt: attempt
        shell: "toycmd second-attempt {resources.attempt} {output}"

    rule nested:
        output: "nested.json"
        script: "fails.py"
"""


@pytest.fixture(scope="module")
def failing(make_flow):
    flow = make_flow(FAILING)
    (flow.folder / "fails.py").write_text("raise RuntimeError('the script has a bug')\n")
    flow.result = flow.run("--keep-going", "--dask-local-directory", str(flow.folder / "scratch"))
    return flow


def test_failures_do_not_stop_the_others(failing, finished) -> None:
    assert failing.result.returncode == 1
    assert finished(failing.result.stdout) == ["again", "diesonce", "good"]


def test_why_a_job_failed_is_shown(failing) -> None:
    output = failing.result.stdout
    assert "toycmd failed with ValueError: a bad value (log: raises.log):" in output
    assert "Traceback (most recent call last):" in output
    assert "toycmd ended with exit code 7:" in output
    assert "what went wrong" in output
    assert "RuntimeError" in output
    assert "the script has a bug" in output
    assert "Traceback" in (failing.folder / "raises.log").read_text()


def test_a_job_whose_worker_died_runs_again_elsewhere(failing) -> None:
    assert (failing.folder / "died").exists()
    assert facts(failing, "diesonce")["in_worker"]


def test_a_job_that_always_kills_its_worker_fails(failing) -> None:
    assert "The worker process died each time the job was tried" in failing.result.stdout
    assert ".dask.log)." in failing.result.stdout


def test_retries(failing) -> None:
    assert failing.result.stdout.count("not yet") == 1
    assert facts(failing, "again")["in_worker"]


def test_a_failed_run_leaves_nothing_behind(failing) -> None:
    failing.wait_until_gone()
    assert failing.scratch_folders() == []


def test_without_keep_going_a_failure_ends_the_run(make_flow) -> None:
    flow = make_flow(
        """
        rule all:
            input: expand("{i}.json", i=range(5)), "no"

        rule no:
            output: "no"
            priority: 1
            shell: "toycmd raise"

        rule later:
            output: "{i}.json"
            shell: "toycmd record {output}"
        """
    )
    result = flow.run("--cores", "1")
    assert result.returncode == 1
    assert "a bad value" in result.stdout
    assert not list(Path(flow.folder).glob("*.json"))
    flow.wait_until_gone()
    # Dask had nothing to say
    assert not list((flow.folder / ".snakemake" / "log").glob("*.dask.log"))


def test_failures_are_told_also_if_snakemake_is_quiet_about_rules(make_flow) -> None:
    flow = make_flow("""
        rule raises:
            output: "raises.json"
            log: "raises.log"
            shell: "toycmd raise {output} > {log} 2>&1"
    """)
    result = flow.run("--quiet", "rules")
    assert result.returncode == 1
    assert "Error in rule raises, jobid 0: toycmd failed with ValueError: a bad value" in result.stdout
    assert "    output: raises.json\n    log: raises.log" in result.stdout
    result = flow.run()
    assert result.stdout.count("Error in rule raises") == 1
