"""A job that runs inside a worker: the call of a console command, as a shell would run it."""

import contextlib
import functools
import importlib.metadata
import os
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dask

from snakemake_executor_plugin_dask.cpu_time import cpu_seconds
from snakemake_executor_plugin_dask.deadline import Deadline
from snakemake_executor_plugin_dask.outcome import Outcome
from snakemake_executor_plugin_dask.plain import PlainCommand, Redirect
from snakemake_executor_plugin_dask.scratch import COUNTS_VARIABLE, read_counts, scratch, tail
from snakemake_executor_plugin_dask.streams import opened, redirected

__all__ = ["run_command"]

# argv, cwd, environment and the output streams belong to the process, so only
# one command at a time; matters only for workers with several threads.
_one_at_a_time = threading.Lock()


def run_command(
    command: PlainCommand,
    workdir: str,
    environ: Mapping[str, str],
    error_log: str | None = None,
    deadline: Deadline | None = None,
) -> Outcome:
    """Call a console command in this process as a shell would run it.

    Parameters
    ----------
    command
        The command line.
    workdir
        Folder that relative paths refer to.
    environ
        Variables to set during the call.
    error_log
        File that gets what the command wrote to stderr, if it fails and its
        command line does not redirect stderr.
    deadline
        When this process is to be ended, and the job with it.

    Returns
    -------
    Outcome
        With the exit code the command would have had.
    """
    name = command.argv[0]
    try:
        script = _console_script(name)
    except LookupError as error:
        return Outcome(127, str(error.args[0]))
    if deadline is not None and deadline.had_its_time():
        return Outcome(1, f"{name} {deadline.message}.")
    try:
        return _run(script, command, workdir, environ, error_log, deadline)
    except OSError as error:  # such as a log file in a folder that does not exist
        return Outcome(1, f"{name} could not be run: {error}")


def _run(
    script: importlib.metadata.EntryPoint,
    command: PlainCommand,
    workdir: str,
    environ: Mapping[str, str],
    error_log: str | None,
    deadline: Deadline | None,
) -> Outcome:
    with (
        _one_at_a_time,
        scratch() as folder,
        _process_state(command.argv, workdir, {**environ, COUNTS_VARIABLE: str(folder / "counts")}),
        contextlib.ExitStack() as files,
    ):
        stdout = files.enter_context(opened(command.stdout, folder / "stdout"))
        stderr = stdout if command.merged else files.enter_context(opened(command.stderr, folder / "stderr"))
        start = os.fstat(stderr.fileno()).st_size
        limit = contextlib.nullcontext() if deadline is None else deadline.ends_process()
        with redirected(stdout.fileno(), stderr.fileno()), limit:
            begin = cpu_seconds()
            code, reason = _call(lambda: script.load()())
            used = cpu_seconds() - begin
        counts, warning = read_counts(folder / "counts")
        log = command.stdout if command.merged else command.stderr
        errors = tail(log.path if log else folder / "stderr", start)
        if code != 0 and log is None and error_log is not None:
            with open(error_log, "ab") as file:
                file.write((folder / "stderr").read_bytes())
        return Outcome(
            code,
            _message(script.name, code, reason, log, errors) if code != 0 else "",
            "" if command.stdout else tail(folder / "stdout"),
            "" if log or code != 0 else errors,
            counts,
            warning,
            used,
        )


def _message(name: str, code: int, reason: str, log: Redirect | None, errors: str) -> str:
    """Return why a command failed, and the end of what it wrote to its standard error."""
    message = f"{name} {reason or f'ended with exit code {code}'}"
    if reason and log:
        message += f" (log: {log.path})"
    return f"{message}:\n{errors}" if errors else message


@functools.cache
def _console_script(name: str) -> importlib.metadata.EntryPoint:
    found = importlib.metadata.entry_points(group="console_scripts", name=name)
    if not found:
        raise LookupError(
            f"{name} may run inside the workers (--dask-in-worker-commands), but no installed package of "
            f"{sys.executable} has a console script of this name"
        )
    return next(iter(found))


def _call(function: Callable[[], Any]) -> tuple[int, str]:
    """Return the exit code, and a reason if the command raised an exception."""
    try:
        status = function()
    except SystemExit as end:
        status = end.code
    except KeyboardInterrupt:
        return 130, "was interrupted"
    except Exception as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next  # none of the user's business
        traceback.print_exception(type(error), error, trace)
        return 1, "failed with " + "".join(traceback.format_exception_only(error)).strip()
    # what sys.exit() makes of it
    if status is None:
        return 0, ""
    if isinstance(status, int):
        return status & 0xFF, ""
    print(status, file=sys.stderr)
    return 1, ""


@contextlib.contextmanager
def _process_state(argv: tuple[str, ...], workdir: str, environ: Mapping[str, str]) -> Iterator[None]:
    old_argv, old_cwd, old_environ = sys.argv, os.getcwd(), dict(os.environ)
    # A command may leave any of these changed; the next one must not notice.
    try:
        os.chdir(workdir)
        os.environ.update(environ)
        tempfile.tempdir = None  # look at TMPDIR again
        sys.argv = list(argv)
        # No shell gives a command a cluster. With one in sight xarray asks its scheduler for a lock at every
        # access to a file that it writes: a hundred messages for a small file.
        with dask.config.set(scheduler="threads"):
            yield
    finally:
        sys.argv = old_argv
        for name in os.environ.keys() - old_environ.keys():
            del os.environ[name]
        os.environ.update(old_environ)
        tempfile.tempdir = None
        os.chdir(old_cwd)
