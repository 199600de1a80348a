"""The executor: hands Snakemake's jobs to Dask and tells Snakemake how they ended."""

# mypy: disable-error-code="import-untyped", allow-subclassing-any
# (Snakemake's interface packages have annotations, but no py.typed)

import itertools
import os
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.real import RealExecutor
from snakemake_interface_executor_plugins.settings import ExecMode

from snakemake_executor_plugin_dask import credentials, internals, slurm
from snakemake_executor_plugin_dask.attach import (
    address_from_file,
    check_commands,
    check_versions,
    connect,
    refuse_open_network,
    required_resources,
    worker_resources,
)
from snakemake_executor_plugin_dask.call import run_command
from snakemake_executor_plugin_dask.cpu_time import cpu_seconds
from snakemake_executor_plugin_dask.deadline import Deadline
from snakemake_executor_plugin_dask.handle import EmbeddedCluster
from snakemake_executor_plugin_dask.leftovers import remove_leftovers, sign
from snakemake_executor_plugin_dask.nested import abort, run_nested
from snakemake_executor_plugin_dask.options import ClusterError, Options
from snakemake_executor_plugin_dask.outcome import Outcome
from snakemake_executor_plugin_dask.plain import plain_command
from snakemake_executor_plugin_dask.progress import Tally, Ticker
from snakemake_executor_plugin_dask.termination import Termination

__all__ = ["Executor"]

_LOOK_SECONDS = 0.5
_ADVERTISED_SECONDS = 5.0


class Executor(RealExecutor):
    """Runs jobs on a Dask cluster that is started, or connected to, with the first job."""

    def __post_init__(self) -> None:
        """Set up what does not need the cluster."""
        # of the whole package, which imports this module
        from snakemake_executor_plugin_dask import ExecutorSettings

        # there are none if Snakemake is called as a library without them
        self._settings: ExecutorSettings = self.workflow.executor_settings or ExecutorSettings()
        if self._settings.scheduler_address and self._settings.scheduler_file:
            raise WorkflowError("Give either --dask-scheduler-address or --dask-scheduler-file, not both.")
        if self._settings.workers is not None and self._settings.workers < 1:
            raise WorkflowError("--dask-workers has to be at least 1.")
        self._allowed = frozenset(self._settings.in_worker_commands.replace(",", " ").split())
        self._run = uuid.uuid4().hex
        self._name = f"snakemake-dask-{self._run[:12]}"
        try:
            self._settings.options(self._settings.workers or 1, self._name)
        except (ClusterError, ValueError) as error:  # ValueError: quotes in --dask-sbatch-options
            raise WorkflowError(str(error)) from error
        self._order = itertools.count()
        self._cluster: EmbeddedCluster | None = None
        self._client: Any = None
        self._local: Any = None
        self._futures: set[Any] = set()
        self._lock = threading.Lock()
        self._ending = False
        self._beside = 0  # jobs that did not go to the cluster
        self._tally = Tally()
        self._ticker: Ticker | None = None
        self._termination = Termination(self._wind_down)
        self._workers_resources: list[dict[str, float]] = []
        self._advertised_until = -1.0

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
        client = self._connected()
        # Snakemake made the working directory the current one
        workdir = os.getcwd()
        function: Callable[..., Outcome]
        arguments: tuple[Any, ...]
        command = plain_command(job, self.workflow, self._allowed)
        if command is not None:
            internals.prepare(job, self.workflow)
            function = run_command
            error_log = str(job.log[0]) if job.log else None
            arguments = (command, workdir, self._variables(job), error_log)
        else:
            function = run_nested
            arguments = (self.format_job_exec(job), workdir, max(job.threads, 1), self._run)
        key = f"{job.name}-{job.jobid}-{job.attempt}-{uuid.uuid4().hex}"
        future = client.submit(
            function,
            *arguments,
            deadline=_deadline(job, key, workdir),
            key=key,
            pure=False,
            priority=-next(self._order),  # first come, first served
            resources=self._resources(job) or None,
        )
        info = SubmittedJobInfo(job=job)
        with self._lock:
            self._futures.add(future)
        self._tally.submitted()
        # before the callback: Snakemake must not note the start after the end
        self.report_job_submission(info)
        future.add_done_callback(partial(self._done, info))

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

    def _connected(self) -> Any:
        """Return the client; the first job that needs one makes it."""
        if self._client is not None:
            if self._cluster is not None and not self._cluster.alive:
                raise WorkflowError(
                    f"The embedded Dask cluster ended unexpectedly: {self._cluster.last_words} "
                    f"(see {self._cluster.log})."
                )
            if self._client.status != "running":
                raise WorkflowError(
                    "The Dask scheduler is gone. What is finished stays; call snakemake again for the rest."
                )
            return self._client
        self._termination.watch()
        try:
            self._client = self._attached() if self._attaches else self._embedded()
        except ClusterError as error:
            if self._cluster is not None:
                self._cluster.close(orderly=False)
            raise WorkflowError(str(error)) from error
        except OSError as error:  # a folder that cannot be written to, for example
            raise WorkflowError(f"The Dask cluster cannot be started: {error}") from error
        self._termination.connected()
        internals.lift_rate_limit(self.workflow)
        self._tally = Tally()
        if self._settings.progress_interval > 0:
            self._ticker = Ticker(self._settings.progress_interval, self._show_progress)
        return self._client

    @property
    def _here(self) -> bool:
        """Whether all workers are started by this process, and belong to it."""
        return self._cluster is not None and self._settings.cluster == "local"

    @property
    def _attaches(self) -> bool:
        return bool(self._settings.scheduler_address or self._settings.scheduler_file)

    def _attached(self) -> Any:
        settings = self._settings
        if settings.scheduler_file:
            address = address_from_file(Path(settings.scheduler_file), settings.connect_timeout)
        else:
            address = str(settings.scheduler_address)
        tls = None if settings.tls_directory is None else Path(settings.tls_directory)
        if tls is not None:
            credentials.check(tls)
        elif not settings.unencrypted:
            refuse_open_network(address)
        try:
            client = connect(address, settings.connect_timeout, tls)
        except WorkflowError as error:
            if settings.scheduler_file:
                raise WorkflowError(f"{error} {_age(Path(settings.scheduler_file))}") from error
            raise
        try:
            check_versions(client.get_versions())
            check_commands(client, sorted(self._allowed))
        except WorkflowError:
            client.close(timeout=2)
            raise
        threads = client.nthreads()
        dashboard = f", dashboard at {client.dashboard_link}" if client.dashboard_link else ""
        self.logger.info(
            f"Dask: using the cluster at {address} ({len(threads)} workers, {sum(threads.values())} threads)"
            f"{dashboard}."
        )
        return client

    def _embedded(self) -> Any:
        settings = self._settings
        if settings.cluster != "local":
            slurm.check_commands(settings.cluster)
        options = settings.options(settings.workers or self._sensible_workers(), self._name)
        log = Path(
            settings.log_directory, f"{time.strftime('%Y-%m-%dT%H%M%S')}.{os.getpid()}.dask.log"
        ).absolute()
        self._cluster = EmbeddedCluster(options, log)
        if self._cluster.credentials is not None:
            sign(self._cluster.credentials.parent)
            remove_leftovers(self._cluster.credentials.parent.parent)
        # worth a second, which the cluster's process needs for the same
        import distributed  # noqa: F401

        report = self._cluster.wait(settings.connect_timeout)
        if self.workflow.resource_settings.nodes is not None:
            self.logger.info("Dask: --jobs lifts the limit that --cores is; leave it out, also of profiles.")
        link = f", dashboard at {report['dashboard']}" if report["dashboard"] else ""
        self.logger.info(f"Dask: {_what_was_started(options)}{link}.")
        return connect(report["address"], settings.connect_timeout, self._cluster.credentials)

    def _sensible_workers(self) -> int:
        cores: int = self.workflow.resource_settings.cores
        if self._settings.cluster == "allocation":
            # a worker a task: with --cores above that, jobs wait in Dask
            return int(os.environ.get("SLURM_NTASKS", cores))
        if internals.has_checkpoints(self.workflow):
            return cores
        return max(1, min(cores, internals.expected_jobs(self.workflow)))

    def _variables(self, job: Any) -> dict[str, str]:
        """Return the environment a command gets beside that of its worker."""
        variables: dict[str, str] = dict(self.envvars())
        folder = internals.temporary_directory(job)
        if folder is not None:
            variables |= dict.fromkeys(("TMPDIR", "TMP", "TEMP", "TEMPDIR"), folder)
        return variables

    def _resources(self, job: Any) -> dict[str, float]:
        wanted = dict(job.resources.items()) | {"threads": job.threads}
        if self._attaches:
            return required_resources(wanted, self._advertised())
        if self._settings.cluster != "local":
            # A worker of ours has all its resources for the one job that it runs, so there is nothing
            # to keep account of; Dask would even hand out such jobs before a worker is free.
            required_resources(wanted, [self._offered()])
        return {}  # on this machine --cores and --resources already are the budget

    def _advertised(self) -> list[dict[str, float]]:
        """Return what each worker of an attached cluster offers, or did a moment ago."""
        # for each job anew, two hundred workers would take 16 ms
        if time.monotonic() > self._advertised_until:
            workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
            self._workers_resources = [worker["resources"] for worker in workers]
            self._advertised_until = time.monotonic() + _ADVERTISED_SECONDS
        return self._workers_resources

    def _offered(self) -> dict[str, float]:
        return worker_resources(self._settings.worker_threads, self._settings.worker_memory)

    def _done(self, info: SubmittedJobInfo, future: Any) -> None:
        """Tell Snakemake how a job ended; runs in a thread of Dask's client."""
        with self._lock:
            if self._ending or future not in self._futures:  # the latter have been given up
                return
        try:
            outcome = _outcome(future, self._cluster)
            self._tally.ended(outcome.returncode == 0, outcome.counts, outcome.cpu_seconds)
            if outcome.warning:
                self.logger.info(f"Warning: rule {info.job.name}, jobid {info.job.jobid}: {outcome.warning}")
            _echo(outcome)
            if outcome.returncode == 0:
                self.report_job_success(info)
            else:
                if internals.hides_job_errors(self.workflow):
                    self.logger.error(_failure(info.job, outcome.message))
                # in line with the other entries of Snakemake's message
                self.report_job_error(info, msg=outcome.message.replace("\n", "\n        "))
        except Exception as error:
            if self._ending:  # the connection was closed meanwhile
                return
            # Dask would only log it, and Snakemake would wait for ever
            self.workflow.scheduler.executor_error_callback(error)
        finally:
            with self._lock:
                self._futures.discard(future)

    def _wind_down(self) -> None:
        """Give up the jobs that no worker has begun, and wait for the others; runs in a thread of its own."""
        given_up = 0
        before: set[Any] = set()
        while self._futures and not self._ending:
            begun = self._begun()
            with self._lock:
                waiting = {
                    future
                    for future in self._futures
                    if begun is not None and future.key not in begun and not future.done()
                }
                # at the next look: a job may be on its way to a worker, or back
                lost = waiting & before
                self._futures -= lost
            if lost:
                given_up += len(lost)
                _bounded(partial(self._client.cancel, list(lost), force=True), 5)
            before = waiting
            time.sleep(_LOOK_SECONDS)
        if given_up:
            jobs = "1 job" if given_up == 1 else f"{given_up} jobs"
            self.workflow.scheduler.executor_error_callback(
                WorkflowError(
                    f"{jobs} waited for a worker when the run was asked to end; the next call makes them."
                )
            )

    def _begun(self) -> set[Any] | None:
        """Return the keys of the jobs that workers run; `None` if they cannot be found out."""
        # A worker that is too busy to answer has the jobs that the scheduler gave to it, more than it runs.
        for ask in (self._client.call_stack, self._client.processing):
            answers: list[Any] = []
            _bounded(lambda ask=ask, answers=answers: answers.append(ask()), 5)  # type: ignore[misc]
            if answers:
                return set(itertools.chain.from_iterable(answers[0].values()))
        return None

    def _show_progress(self) -> None:
        workers = ""
        if not self._here:
            count = len(self._client.nthreads()) if self._client.status == "running" else 0
            workers = f"{count} worker{'' if count == 1 else 's'}"
            if self._cluster is not None and (queue := slurm.waiting(self._name)):
                workers += f", {queue}"
        self.logger.info(self._tally.line(internals.expected_jobs(self.workflow) - self._beside, workers))

    def _end(self, orderly: bool) -> None:
        if self._ending:
            return
        self._ending = True
        if self._ticker is not None:
            self._ticker.stop()
            _bounded(self._show_progress, 5)
        client, cluster = self._client, self._cluster
        if client is not None:
            if not orderly:
                futures = list(self._futures)
                _bounded(lambda: client.cancel(futures, force=True), 5)
                if not self._here:
                    _bounded(lambda: client.run(abort, self._run, on_error="ignore"), 5)
            self._futures.clear()
            _bounded(lambda: client.close(timeout=2), 5)
        if cluster is not None:
            cluster.close(orderly=orderly)
        if client is not None and orderly:
            # now that the cluster's processes have ended, theirs is known
            self.logger.info(self._tally.cpu_line(cpu_seconds(), embedded=self._here))


def _deadline(job: Any, key: str, workdir: str) -> Deadline | None:
    """Return the time limit of a job, if its rule sets one."""
    minutes = job.resources.get("runtime")
    if not minutes:
        return None
    return Deadline(60.0 * minutes, str(Path(workdir, ".snakemake", "overdue", key)))


def _age(file: Path) -> str:
    written = time.strftime("%Y-%m-%d %H:%M", time.localtime(file.stat().st_mtime))
    return f"The address is from {file}, written {written}: the cluster that wrote it may have ended since."


def _what_was_started(options: Options) -> str:
    workers = f"{options.workers} worker{'s' if options.workers > 1 else ''}"
    if options.kind == "local":
        return f"started {workers} on this machine"
    each = f"{options.threads} CPU{'s' if options.threads > 1 else ''}, {options.memory}"
    if options.kind == "allocation":
        return f"started {workers} ({each}) in this Slurm allocation; their log is in {options.logs}"
    return (
        f"asks Slurm for {options.minimum} to {options.workers} workers ({each}, {options.walltime}), jobs "
        f"named {options.name}; their logs are in {options.logs}"
    )


def _outcome(future: Any, cluster: EmbeddedCluster | None) -> Outcome:
    """Return how a job ended, whatever happened to its worker or to the cluster."""
    from distributed import KilledWorker

    if future.status == "finished":
        outcome: Outcome = future.result()
        return outcome
    if future.status == "error":
        error = future.exception()
        if isinstance(error, KilledWorker):
            return Outcome(
                1,
                "The worker process died each time the job was tried, the last time on "
                f"{error.last_worker.address}. Either the job needs more memory than a worker has, or "
                "its command ends or crashes the process"
                + (f" (see {cluster.log})." if cluster is not None else "."),
            )
        lines = "".join(traceback.format_exception(type(error), error, future.traceback())).strip()
        return Outcome(1, f"The worker could not run the job:\n{lines}")
    reason = ""
    if cluster is not None and not cluster.alive:
        reason = f" {cluster.last_words} (see {cluster.log})."
    return Outcome(1, "The connection to the Dask scheduler was lost while the job ran." + reason)


def _failure(job: Any, message: str) -> str:
    """Return what to say about a failed job where Snakemake says nothing."""
    files = [
        f"    {kind}: {', '.join(map(str, names))}"
        for kind, names in (("output", job.output), ("log", job.log))
        if names
    ]
    return "\n".join([f"Error in rule {job.name}, jobid {job.jobid}: {message}", *files])


def _echo(outcome: Outcome) -> None:
    """Show what a job printed where a job of the local executor would have shown it."""
    for text, stream in ((outcome.stdout, sys.stdout), (outcome.stderr, sys.stderr)):
        if text:
            print(text, file=stream, flush=True)


def _bounded(function: Callable[[], object], seconds: float) -> None:
    """Call a function that a lost connection may keep waiting, for a limited time."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    thread.join(seconds)
