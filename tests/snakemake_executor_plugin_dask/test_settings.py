from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.cli import parse_args
from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

import snakemake_executor_plugin_dask
from snakemake_executor_plugin_dask import Executor, ExecutorSettings, common_settings


def settings(*arguments: str) -> ExecutorSettings:
    _, parsed = parse_args(["--executor", "dask", "--cores", "2", "--workflow-profile", "none", *arguments])
    return ExecutorPluginRegistry().get_plugin("dask").get_settings(parsed)


def test_snakemake_finds_the_plugin() -> None:
    plugin = ExecutorPluginRegistry().get_plugin("dask")
    assert plugin.executor is Executor
    assert plugin.common_settings is common_settings


def test_every_setting_has_a_help_text_and_a_default() -> None:
    assert settings() == ExecutorSettings()
    for setting in fields(ExecutorSettings):
        assert setting.metadata["help"].endswith("."), setting.name


def test_settings_have_their_types() -> None:
    given = settings(
        "--dask-workers", "3", "--dask-in-worker-commands", "a, b", "--dask-connect-timeout", "5"
    )
    assert given == ExecutorSettings(workers=3, in_worker_commands="a, b", connect_timeout=5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"workers": 0}, "at least 1"),
        ({"worker_memory": "plenty"}, "has to be a size such as 2GiB"),
        ({"sbatch_options": "'open"}, "No closing quotation"),
        ({"scheduler_address": "tcp://a:1", "scheduler_file": "b"}, "not both"),
    ],
)
def test_settings_that_make_no_sense(wrong: dict[str, object], message: str) -> None:
    workflow = SimpleNamespace(executor_settings=ExecutorSettings(**wrong), main_snakefile="", dag=None)
    with pytest.raises(WorkflowError, match=message):
        Executor(workflow, None)


def test_the_readme_explains_every_setting() -> None:
    readme = Path(snakemake_executor_plugin_dask.__file__).with_name("README.md").read_text()
    table = readme[readme.index("## Settings") :]
    for setting in fields(ExecutorSettings):
        assert f"`--dask-{setting.name.replace('_', '-')}`" in table
