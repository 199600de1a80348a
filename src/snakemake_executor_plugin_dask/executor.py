"""The executor: hands Snakemake's jobs to Dask and tells Snakemake how they ended."""

# mypy: disable-error-code="import-untyped", allow-subclassing-any
# (Snakemake's interface packages have annotations, but no py.typed)

import itertools
import os
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.real import RealExecutor
from snakemake_interface_executor_plugins.settings import ExecMode

from snakemake_executor_plugin_dask import internals
from snakemake_executor_plugin_dask.attach import attach
from snakemake_executor_plugin_dask.call import run_command
from snakemake_executor_plugin_dask.connection import Connection, bounded
from snakemake_executor_plugin_dask.cpu_time import cpu_seconds
from snakemake_executor_plugin_dask.deadline import Deadline
from snakemake_executor_plugin_dask.embed import embed
from snakemake_executor_plugin_dask.ending import echo, failure, outcome_of
from snakemake_executor_plugin_dask.nested import run_nested
from snakemake_executor_plugin_dask.options import ClusterError
from snakemake_executor_plugin_dask.outcome import Outcome
from snakemake_executor_plugin_dask.plain import plain_command
from snakemake_executor_plugin_dask.progress import Tally, Ticker
from snakemake_executor_plugin_dask.resources import Advertised, required_resources, worker_resources
from snakemake_executor_plugin_dask.settings import ExecutorSettings
from snakemake_executor_plugin_dask.termination import Termination, wait_for_begun
from snakemake_executor_plugin_dask.tries import MOST_ROUNDS, begin, only_waited
from snakemake_executor_plugin_dask.under_way import UnderWay

__all__ = ["Executor"]


@dataclass(frozen=True)
class _Handed:
    """A job in the hands of the cluster.

    Attributes
    ----------
    info
        The job as Snakemake knows it.
    name
        The same in all rounds.
    submit
        Hands it to the cluster under a key.
    rounds
        How many times that was done.
    """

    info: SubmittedJobInfo
    name: str
    submit: Callable[..., Any]
    rounds: int = 1


class Executor(RealExecutor):
    """Runs jobs on a Dask cluster that is started, or connected to, with the first job."""

    def __post_init__(self) -> None:
        """Set up what does not need the cluster."""
        # there are none if Snakemake is called as a library without them
        self._settings: ExecutorSettings = self.workflow.executor_settings or ExecutorSettings()
        self._run = uuid.uuid4().hex
        self._name = f"snakemake-dask-{self._run[:12]}"
        self._check_settings()
        self._allowed = frozenset(self._settings.in_worker_commands.replace(",", " ").split())
        self._order = itertools.count()
        self._connection: Connection | None = None
        self._advertised: Advertised | None = None
        self._local: Any = None
        self._under_way = UnderWay()
        self._beside = 0  # jobs that did not go to the cluster
        self._tally = Tally()
        self._ticker: Ticker | None = None
        self._termination = Termination(self._wind_down)

    def _check_settings(self) -> None:
        settings = self._settings
        if settings.scheduler_address and settings.scheduler_file:
            raise WorkflowError("Give either --dask-scheduler-address or --dask-scheduler-file, not both.")
        if settings.workers is not None and settings.workers < 1:
            raise WorkflowError("--dask-workers has to be at least 1.")
        try:
            settings.options(settings.workers or 1, self._name)
        except (ClusterError, ValueError) as error:  # ValueError: quotes in --dask-sbatch-options
            raise WorkflowError(str(error)) from error

    @property
    def cores(self) -> int | None:
        """The cores a nested Snakemake may use: threads are already accounted for."""
        cores: int | None = self.workflow.resource_settings.cores
        return cores

    def get_exec_mode(self) -> ExecMode:
        """Return the mode of a nested Snakemake: files are the outer one's business."""
        return ExecMode.SUBPROCESS

    def get_python_executable(self) -> str:
        """Return the interpreter for a nested Snakemake."""
        return sys.executable

    @property
    def job_specific_local_groupid(self) -> bool:
        """Whether each job gets a group name of its own."""
        return False

    def additional_general_args(self) -> str:
        """Keep a nested Snakemake quiet about all but its job."""
        return "--quiet progress rules host"

    def run_job(self, job: Any) -> None:
        """Hand a job to the cluster, or to Snakemake's local executor if it belongs there."""
        if internals.is_beside_snakemake(job, self.workflow):
            self._beside += len(job)
            self._local_executor().run_job(job)
            return
        connection = self._connected()
        # Snakemake made the working directory the current one
        workdir = os.getcwd()
        function, arguments = self._call(job, workdir)
        info = SubmittedJobInfo(job=job)
        name = f"{job.name}-{job.jobid}-{job.attempt}"
        submit = partial(
            connection.client.submit,
            begin,
            self._name,
            name,
            function,
            *arguments,
            deadline=_deadline(job, f"{name}-{uuid.uuid4().hex}", workdir),
            pure=False,
            priority=-next(self._order),  # first come, first served
            resources=self._resources(job) or None,
        )
        self._tally.submitted()
        self._hand_on(_Handed(info, name, submit))

    def _hand_on(self, handed: "_Handed") -> None:
        future = handed.submit(key=f"{handed.name}-{uuid.uuid4().hex}")
        self._under_way.add(future)
        if handed.rounds == 1:
            # before the callback: Snakemake must not note the start after the end
            self.report_job_submission(handed.info)
        future.add_done_callback(partial(self._done, handed))

    def cancel(self) -> None:
        """End all jobs and the cluster at once."""
        self._end(orderly=False)
        if self._local is not None:
            self._local.cancel()

    def shutdown(self) -> None:
        """Close the connection, and the cluster if it is ours."""
        self._end(orderly=True)
        if self._local is not None:
            self._local.shutdown()

    def _local_executor(self) -> Any:
        if self._local is None:
            from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

            self._local = ExecutorPluginRegistry().get_plugin("local").executor(self.workflow, self.logger)
        return self._local

    def _connected(self) -> Connection:
        """Return the connection to the cluster; the first job that needs one makes it."""
        if self._connection is not None:
            self._connection.check()
            return self._connection
        self._termination.watch()
        try:
            if self._settings.attaches:
                self._connection = attach(self._settings, sorted(self._allowed), self.logger)
                self._advertised = Advertised(self._connection.client)
            else:
                self._connection = embed(self._settings, self._name, self.workflow, self.logger)
        except ClusterError as error:
            raise WorkflowError(str(error)) from error
        except OSError as error:  # a folder that cannot be written to, for example
            raise WorkflowError(f"The Dask cluster cannot be started: {error}") from error
        self._termination.connected()
        internals.lift_rate_limit(self.workflow)
        self._tally = Tally()
        if self._settings.progress_interval > 0:
            self._ticker = Ticker(self._settings.progress_interval, self._show_progress)
        return self._connection

    def _call(self, job: Any, workdir: str) -> tuple[Callable[..., Outcome], tuple[Any, ...]]:
        """Return what a worker is to do for a job: a function and its arguments."""
        command = plain_command(job, self.workflow, self._allowed)
        if command is None:
            return run_nested, (self.format_job_exec(job), workdir, max(job.threads, 1), self._run)
        internals.prepare(job, self.workflow)
        error_log = str(job.log[0]) if job.log else None
        return run_command, (command, workdir, self._variables(job), error_log)

    def _variables(self, job: Any) -> dict[str, str]:
        """Return the environment a command gets beside that of its worker."""
        variables: dict[str, str] = dict(self.envvars())
        folder = internals.temporary_directory(job)
        if folder is not None:
            variables |= dict.fromkeys(("TMPDIR", "TMP", "TEMP", "TEMPDIR"), folder)
        return variables

    def _resources(self, job: Any) -> dict[str, float]:
        wanted = dict(job.resources.items()) | {"threads": job.threads}
        if self._advertised is not None:
            return required_resources(wanted, self._advertised.resources())
        if self._settings.cluster != "local":
            # A worker of ours has all its resources for the one job that it runs, so there is nothing
            # to keep account of; Dask would even hand out such jobs before a worker is free.
            offered = worker_resources(self._settings.worker_threads, self._settings.worker_memory)
            required_resources(wanted, [offered])
        return {}  # on this machine --cores and --resources already are the budget

    def _done(self, handed: "_Handed", future: Any) -> None:
        """Tell Snakemake how a job ended; runs in a thread of Dask's client."""
        if future not in self._under_way:  # it has been given up
            return
        try:
            assert self._connection is not None
            if handed.rounds < MOST_ROUNDS and only_waited(future, self._name, handed.name):
                self._hand_on(replace(handed, rounds=handed.rounds + 1))
            else:
                self._report(handed.info, outcome_of(future, self._connection.cluster))
        except Exception as error:
            if self._under_way.over:  # the connection was closed meanwhile
                return
            # Dask would only log it, and Snakemake would wait for ever
            self.workflow.scheduler.executor_error_callback(error)
        finally:
            self._under_way.discard(future)

    def _report(self, info: SubmittedJobInfo, outcome: Outcome) -> None:
        self._tally.ended(outcome.returncode == 0, outcome.counts, outcome.cpu_seconds)
        if outcome.warning:
            self.logger.info(f"Warning: rule {info.job.name}, jobid {info.job.jobid}: {outcome.warning}")
        echo(outcome)
        if outcome.returncode == 0:
            self.report_job_success(info)
            return
        if internals.hides_job_errors(self.workflow):
            self.logger.error(failure(info.job, outcome.message))
        # in line with the other entries of Snakemake's message
        self.report_job_error(info, msg=outcome.message.replace("\n", "\n        "))

    def _wind_down(self) -> None:
        """Wait for no job that has not begun; runs in a thread of its own, after SIGTERM."""
        assert self._connection is not None
        given_up = wait_for_begun(self._under_way, self._connection)
        if given_up:
            jobs = "1 job" if given_up == 1 else f"{given_up} jobs"
            self.workflow.scheduler.executor_error_callback(
                WorkflowError(
                    f"{jobs} waited for a worker when the run was asked to end; the next call makes them."
                )
            )

    def _show_progress(self) -> None:
        assert self._connection is not None
        total = internals.expected_jobs(self.workflow) - self._beside
        self.logger.info(self._tally.line(total, self._connection.workers()))

    def _end(self, orderly: bool) -> None:
        if self._under_way.over:
            return
        futures = self._under_way.end()
        if self._ticker is not None:
            self._ticker.stop()
            bounded(self._show_progress)
        connection = self._connection
        if connection is None:
            return
        if not orderly:
            connection.withdraw(futures)
            connection.abort(self._run)
        futures.clear()
        connection.close(orderly)
        if orderly:
            # now that the cluster's processes have ended, theirs is known
            self.logger.info(self._tally.cpu_line(cpu_seconds(), embedded=connection.here))


def _deadline(job: Any, key: str, workdir: str) -> Deadline | None:
    """Return the time limit of a job, if its rule sets one."""
    minutes = job.resources.get("runtime")
    if not minutes:
        return None
    return Deadline(60.0 * minutes, str(Path(workdir, ".snakemake", "overdue", key)))
