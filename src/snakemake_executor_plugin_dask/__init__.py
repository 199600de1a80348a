"""Snakemake executor that runs jobs on a Dask cluster, embedded or existing.

Snakemake finds this package by its name and reads three things from it: the
settings, the settings all executors share, and the executor.
"""

# mypy: disable-error-code="import-untyped"
# (Snakemake's interface packages have annotations, but no py.typed)

from snakemake_interface_executor_plugins.settings import CommonSettings

from snakemake_executor_plugin_dask.executor import Executor
from snakemake_executor_plugin_dask.settings import ExecutorSettings

__all__ = ["Executor", "ExecutorSettings", "common_settings"]


# Snakemake calls an executor "local" when --cores is its budget and threads are
# counted against it. That is what this one wants, also with a remote cluster:
# no more jobs are under way than run, so an interrupt or a failure has little to
# wait for, and `snakemake --cores 2` needs no --jobs beside it.
common_settings = CommonSettings(
    non_local_exec=False,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    pass_envvar_declarations_to_cmd=True,
    auto_deploy_default_storage_provider=False,
)
