"""Snakemake executor that runs jobs on a Dask cluster, embedded or existing.

Snakemake finds this package by its name and reads three things from it: the
settings, the settings all executors share, and the executor.
"""

# mypy: disable-error-code="import-untyped", allow-subclassing-any
# (Snakemake's interface packages have annotations, but no py.typed)

from dataclasses import dataclass, field

from snakemake_interface_executor_plugins.settings import CommonSettings, ExecutorSettingsBase

from snakemake_executor_plugin_dask.executor import Executor

__all__ = ["Executor", "ExecutorSettings", "common_settings"]


@dataclass
class ExecutorSettings(ExecutorSettingsBase):
    """Settings of the executor; each is a command line option with the prefix ``--dask-``."""

    scheduler_address: str | None = field(
        default=None,
        metadata={
            "help": "Use the running Dask cluster whose scheduler has this address, such as "
            "tcp://10.0.0.1:8786, instead of starting one. Nothing is started if it cannot be reached.",
            "type": str,
        },
    )
    scheduler_file: str | None = field(
        default=None,
        metadata={
            "help": "Use the running Dask cluster that wrote this scheduler file, instead of starting one. "
            "The file may appear up to --dask-connect-timeout seconds late.",
            "type": str,
        },
    )
    in_worker_commands: str = field(
        default="",
        metadata={
            "help": "Console commands, separated by commas or blanks, that may run inside a worker process: "
            "a shell rule that is one plain call of such a command costs milliseconds instead of a new "
            "interpreter. They have to be Python console scripts that can be called again and again in one "
            "process.",
            "type": str,
        },
    )
    workers: int | None = field(
        default=None,
        metadata={
            "help": "Worker processes of the embedded cluster, of one thread each (default: one for each of "
            "--cores, but no more than there are jobs).",
            "type": int,
        },
    )
    worker_memory: str = field(
        default="auto",
        metadata={
            "help": "Memory at which a worker of the embedded cluster is ended and its job tried again, such "
            "as 2GiB; 0 for no limit, auto for an equal share of the machine's memory.",
            "type": str,
        },
    )
    local_directory: str | None = field(
        default=None,
        metadata={
            "help": "Folder in which the embedded cluster makes its scratch folder, removed when it ends "
            "(default: the system's folder for temporary files).",
            "type": str,
        },
    )
    dashboard_port: int | None = field(
        default=None,
        metadata={
            "help": "Serve the dashboard of the embedded cluster on this port of 127.0.0.1; 0 for any free "
            "one (default: no dashboard).",
            "type": int,
        },
    )
    connect_timeout: int = field(
        default=60,
        metadata={
            "help": "Seconds to wait for the cluster, embedded or existing, before giving up.",
            "type": int,
        },
    )
    progress_interval: int = field(
        default=30,
        metadata={
            "help": "Seconds between two lines that tell how far the run is; 0 for none.",
            "type": int,
        },
    )


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
