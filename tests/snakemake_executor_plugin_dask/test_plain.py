from types import SimpleNamespace

import pytest
from snakemake_interface_executor_plugins.settings import DeploymentMethod

from snakemake_executor_plugin_dask.plain import PlainCommand, Redirect, parse, plain_command


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cmd", PlainCommand(("cmd",))),
        ("  cmd a  b \n", PlainCommand(("cmd", "a", "b"))),
        ("cmd 'a b' \"c d\" e\\ f", PlainCommand(("cmd", "a b", "c d", "e f"))),
        ("""cmd '{"a": [1, "$x"]}' --x='a*b'""", PlainCommand(("cmd", '{"a": [1, "$x"]}', "--x=a*b"))),
        (r'cmd "a\"b" "a\b" "\\"', PlainCommand(("cmd", 'a"b', r"a\b", "\\"))),
        ("cmd ''", PlainCommand(("cmd", ""))),
        ("cmd a \\\n  b", PlainCommand(("cmd", "a", "b"))),
        ("cmd x=1 a,b a@b:c%d ünï", PlainCommand(("cmd", "x=1", "a,b", "a@b:c%d", "ünï"))),
        ("cmd > out", PlainCommand(("cmd",), Redirect("out"))),
        ("cmd >out", PlainCommand(("cmd",), Redirect("out"))),
        ("cmd 1> out", PlainCommand(("cmd",), Redirect("out"))),
        ("cmd >> out", PlainCommand(("cmd",), Redirect("out", append=True))),
        ("cmd 2> log", PlainCommand(("cmd",), None, Redirect("log"))),
        ("cmd 2>> log", PlainCommand(("cmd",), None, Redirect("log", append=True))),
        ("cmd > out 2> log", PlainCommand(("cmd",), Redirect("out"), Redirect("log"))),
        ("cmd 2> log >out", PlainCommand(("cmd",), Redirect("out"), Redirect("log"))),
        ("cmd > 'a b' 2>&1", PlainCommand(("cmd",), Redirect("a b"), None, merged=True)),
        ("cmd &> log", PlainCommand(("cmd",), Redirect("log"), None, merged=True)),
        ("cmd &>> log", PlainCommand(("cmd",), Redirect("log", append=True), None, merged=True)),
        # the digit is part of the argument, unless it stands alone
        ("cmd a 2", PlainCommand(("cmd", "a", "2"))),
    ],
)
def test_plain_lines(line: str, expected: PlainCommand) -> None:
    assert parse(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "",
        "> out",
        "cmd | cat",
        "cmd; cmd",
        "cmd && cmd",
        "cmd || cmd",
        "cmd &",
        "cmd\ncmd",
        "cmd $HOME",
        'cmd "$HOME"',
        "cmd `date`",
        'cmd "`date`"',
        "cmd $(date)",
        "cmd *.txt",
        "cmd a?",
        "cmd [ab]",
        "cmd {a,b}",
        "cmd ~/x",
        "cmd # comment",
        "cmd < in",
        "cmd << end",
        "cmd <(a)",
        "cmd >(a)",
        "(cmd)",
        "cmd > a b",
        "cmd > a > b",
        "cmd &> a 2> b",
        "cmd > a &> b",
        "cmd 2>&1",
        "cmd 2>&1 > a",
        "cmd 2> a 2>&1",
        "cmd > a 2>&1 b",
        "cmd >",
        "cmd a2> b",
        "cmd 3> b",
        "cmd >& b",
        "cmd >| b",
        "cmd > &1",
        "cmd 'open",
        'cmd "open',
        "cmd \\",
    ],
)
def test_lines_for_a_shell(line: str) -> None:
    assert parse(line) is None


def job(**changes: object) -> SimpleNamespace:
    usual = {
        "shellcmd": "cmd a",
        "threads": 1,
        "is_shell": True,
        "is_shadow": False,
        "benchmark": None,
        "rule": SimpleNamespace(is_handover=False, cache=False),
        "input": [],
        "output": [],
        "log": [],
        "conda_env_spec": None,
        "container_img_url": None,
        "env_modules": None,
        "resources": {},
    }
    return SimpleNamespace(**(usual | changes))


def workflow(*deployment: DeploymentMethod, cache: object = None) -> SimpleNamespace:
    return SimpleNamespace(
        deployment_settings=SimpleNamespace(deployment_method=set(deployment)),
        workflow_settings=SimpleNamespace(cache=cache),
    )


def test_jobs_that_may_run_in_a_worker() -> None:
    assert plain_command(job(), workflow(), {"cmd"}) == PlainCommand(("cmd", "a"))
    assert plain_command(job(), workflow(), {"other"}) is None
    assert plain_command(job(), workflow(), set()) is None


@pytest.mark.parametrize(
    ("attribute", "method"),
    [
        ("conda_env_spec", DeploymentMethod.CONDA),
        ("container_img_url", DeploymentMethod.APPTAINER),
        ("env_modules", DeploymentMethod.ENV_MODULES),
    ],
)
def test_environments_count_only_when_switched_on(attribute: str, method: DeploymentMethod) -> None:
    wants_it = job(**{attribute: "x"})
    assert plain_command(wants_it, workflow(), {"cmd"}) is not None
    assert plain_command(wants_it, workflow(method), {"cmd"}) is None
    assert plain_command(job(), workflow(method), {"cmd"}) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"threads": 2},
        {"is_shell": False},
        {"is_shadow": True},
        {"benchmark": "b.txt"},
        {"rule": SimpleNamespace(is_handover=True, cache=False)},
        {"input": [SimpleNamespace(is_storage=True)]},
        {"output": [SimpleNamespace(is_storage=True)]},
        {"resources": {"shell_exec": "sh"}},
        {"shellcmd": "cmd | cat"},
    ],
)
def test_jobs_that_need_snakemake(changes: dict[str, object]) -> None:
    assert plain_command(job(**changes), workflow(), {"cmd"}) is None


def test_cached_rules_need_snakemake() -> None:
    cached = job(rule=SimpleNamespace(is_handover=False, cache=True))
    assert plain_command(cached, workflow(), {"cmd"}) is not None
    assert plain_command(cached, workflow(cache=["rule"]), {"cmd"}) is None


def test_a_shell_prefix_needs_snakemake(monkeypatch: pytest.MonkeyPatch) -> None:
    from snakemake.shell import shell

    monkeypatch.setattr(shell, "_process_prefix", "module load x;")
    assert plain_command(job(), workflow(), {"cmd"}) is None
