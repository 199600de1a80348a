"""What a worker does for one job: call a console command, or run a nested Snakemake.

Everything here runs in the worker. Only small results travel back: an exit code,
the end of what was printed, and counts.
"""

import contextlib
import ctypes
import functools
import importlib.metadata
import io
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_dask.deadline import Deadline
from snakemake_executor_plugin_dask.plain import PlainCommand, Redirect

__all__ = [
    "COUNTS_VARIABLE",
    "THREAD_VARIABLES",
    "Outcome",
    "abort",
    "cpu_seconds",
    "run_command",
    "run_nested",
]

COUNTS_VARIABLE = "DASK_EXECUTOR_COUNTS"

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)

_TAIL_BYTES = 8000
_TAIL_LINES = 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended.

    Attributes
    ----------
    returncode
        0 if it succeeded.
    message
        Why it failed, for the user.
    stdout, stderr
        The end of what it printed and its command line did not redirect.
    counts
        What the command reported to have done.
    warning
        Something about the job that is wrong without making it fail.
    cpu_seconds
        CPU time of the worker, and of what it started and waited for, during the
        call of an in-worker command; 0 for other jobs.
    """

    returncode: int
    message: str = ""
    stdout: str = ""
    stderr: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    warning: str = ""
    cpu_seconds: float = field(default=0.0, compare=False)


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
    name = script.name
    with (
        _one_at_a_time,
        _scratch() as scratch,
        _process_state(command.argv, workdir, {**environ, COUNTS_VARIABLE: str(scratch / "counts")}),
        contextlib.ExitStack() as files,
    ):
        stdout = files.enter_context(_open(command.stdout, scratch / "stdout"))
        stderr = stdout if command.merged else files.enter_context(_open(command.stderr, scratch / "stderr"))
        start = os.fstat(stderr.fileno()).st_size
        limit = contextlib.nullcontext() if deadline is None else deadline.ends_process()
        with _redirected(stdout.fileno(), stderr.fileno()), limit:
            begin = cpu_seconds()
            code, reason = _call(lambda: script.load()())
            used = cpu_seconds() - begin
        counts, warning = _read_counts(scratch / "counts")
        to_file = command.stdout if command.merged else command.stderr
        errors = _tail(to_file.path if to_file else scratch / "stderr", start)
        message = ""
        if code != 0:
            if error_log is not None and to_file is None:
                with open(error_log, "ab") as log:
                    log.write((scratch / "stderr").read_bytes())
            message = f"{name} {reason or f'ended with exit code {code}'}"
            if reason and to_file:
                message += f" (log: {to_file.path})"
            if errors:
                message += f":\n{errors}"
        return Outcome(
            code,
            message,
            "" if command.stdout else _tail(scratch / "stdout"),
            "" if to_file or code != 0 else errors,
            counts,
            warning,
            used,
        )


def cpu_seconds() -> float:
    """Return the CPU time of this process and of all that it started and waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


_nested: dict[str, set[int]] = {}


def run_nested(
    script: str, workdir: str, threads: int, run: str, deadline: Deadline | None = None
) -> Outcome:
    """Run a shell script that calls Snakemake for one job.

    Parameters
    ----------
    script
        The script, as Snakemake made it.
    workdir
        Folder to run it in.
    threads
        Threads the job may use.
    run
        Name of the Snakemake run that `abort` ends.
    deadline
        When the job is to be ended.

    Returns
    -------
    Outcome
        The message has the end of what the nested Snakemake printed.
    """
    with (
        _scratch() as scratch,
        open(scratch / "stdout", "wb") as stdout,
        open(scratch / "stderr", "wb") as stderr,
    ):
        environ = dict(os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads)))
        environ[COUNTS_VARIABLE] = str(scratch / "counts")
        process = subprocess.Popen(
            script,
            shell=True,
            cwd=workdir,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,  # so that abort reaches all it starts
        )
        _nested.setdefault(run, set()).add(process.pid)
        try:
            with _ends_with_worker(process.pid):
                code = process.wait(None if deadline is None else deadline.seconds)
        except subprocess.TimeoutExpired:
            assert deadline is not None
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return Outcome(1, f"the job {deadline.message}.")
        finally:
            _nested[run].discard(process.pid)
        counts, warning = _read_counts(scratch / "counts")
        errors = _tail(scratch / "stderr")
        message = f"the job's own Snakemake ended with exit code {code}:\n{errors}" if code else ""
        return Outcome(code, message, _tail(scratch / "stdout"), "" if code else errors, counts, warning)


@contextlib.contextmanager
def _ends_with_worker(group: int) -> Iterator[None]:
    """Have a process group killed if this process dies meanwhile, by whatever hand.

    A batch system that ends a worker may know only the worker's own process group.
    """
    read, write = os.pipe()
    watch = subprocess.Popen(
        ["/bin/sh", "-c", f"read line; kill -KILL -{group}"],  # reads the end of what nobody writes
        stdin=read,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(read)
    try:
        yield
    finally:
        watch.kill()  # before it can read
        watch.wait()
        os.close(write)


def abort(run: str) -> int:
    """End the nested Snakemakes of a run on this worker, with all they started.

    Returns
    -------
    int
        How many were ended.
    """
    groups = list(_nested.get(run, ()))
    for group in groups:
        with contextlib.suppress(ProcessLookupError):  # ended by itself meanwhile
            os.killpg(group, signal.SIGKILL)
    return len(groups)


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
def _scratch() -> Iterator[Path]:
    """Make a folder that lives as long as the job, in the worker's own folder if there is one."""
    from distributed import get_worker

    try:
        base = get_worker().local_directory
    except ValueError:  # not in a worker
        base = None
    with tempfile.TemporaryDirectory(prefix="job-", dir=base) as folder:
        yield Path(folder)


@contextlib.contextmanager
def _process_state(argv: tuple[str, ...], workdir: str, environ: Mapping[str, str]) -> Iterator[None]:
    old_argv, old_cwd, old_environ = sys.argv, os.getcwd(), dict(os.environ)
    # A command may leave any of these changed; the next one must not notice.
    try:
        os.chdir(workdir)
        os.environ.update(environ)
        tempfile.tempdir = None  # look at TMPDIR again
        sys.argv = list(argv)
        yield
    finally:
        sys.argv = old_argv
        for name in os.environ.keys() - old_environ.keys():
            del os.environ[name]
        os.environ.update(old_environ)
        tempfile.tempdir = None
        os.chdir(old_cwd)


def _open(redirect: Redirect | None, default: Path) -> io.BufferedWriter:
    if redirect is None:
        return open(default, "wb")
    return open(redirect.path, "ab" if redirect.append else "wb")


@functools.cache
def _streams() -> tuple[io.TextIOWrapper, io.TextIOWrapper]:
    """Return text streams on descriptors 1 and 2, the same in every call.

    A command may keep them, as logging does, so they must outlive it.
    """
    stdout = open(1, "w", encoding="utf-8", closefd=False)
    stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    return stdout, stderr


@functools.cache
def _keep_messages_apart() -> None:
    """Let what is logged on stderr already, such as Dask's messages, not end up in a job's log."""
    loggers = [logging.getLogger(), *logging.root.manager.loggerDict.values()]
    handlers = {handler for logger in loggers for handler in getattr(logger, "handlers", ())}
    to_stderr = [
        handler
        for handler in handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.__stderr__
    ]
    if to_stderr:
        stream = open(os.dup(2), "w", errors="backslashreplace", buffering=1)  # as long as the worker
        for handler in to_stderr:
            handler.setStream(stream)


@functools.cache
def _c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _flush(*streams: Any) -> None:
    for stream in streams:
        if stream is not None:
            stream.flush()
    _c_library().fflush(None)


@contextlib.contextmanager
def _redirected(stdout: int, stderr: int) -> Iterator[None]:
    """Send descriptors 1 and 2 elsewhere, so that output of compiled code goes there too."""
    _keep_messages_apart()
    ours = _streams()
    _flush(sys.stdout, sys.stderr, *ours)
    saved = os.dup(1), os.dup(2)
    try:
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        with contextlib.redirect_stdout(ours[0]), contextlib.redirect_stderr(ours[1]):
            yield
    finally:
        _flush(*ours, sys.stdout, sys.stderr)
        for descriptor, old in enumerate(saved, start=1):
            os.dup2(old, descriptor)
            os.close(old)


def _tail(path: str | Path, start: int = 0) -> str:
    """Return the last lines of a file, of what follows the first `start` bytes."""
    with open(path, "rb") as file:
        if not file.seekable():  # /dev/null and the like
            return ""
        end = file.seek(0, os.SEEK_END)
        begin = max(start, end - _TAIL_BYTES)
        file.seek(begin)
        lines = file.read().decode(errors="replace").splitlines()
    if begin > start:
        lines = lines[1:]  # may start in the middle
    return "\n".join(lines[-_TAIL_LINES:]).strip()


def _read_counts(path: Path) -> tuple[dict[str, int], str]:
    """Sum the JSON objects of integers, one a line, that a command wrote."""
    counts: dict[str, int] = {}
    if not path.exists():
        return counts, ""
    for line in path.read_text().splitlines():
        try:
            entries = {str(key): int(value) for key, value in json.loads(line).items()}
        except (ValueError, TypeError, AttributeError):
            return (
                counts,
                f"a line in the file of {COUNTS_VARIABLE} is not a JSON object of integers: {line!r}",
            )
        for key, value in entries.items():
            counts[key] = counts.get(key, 0) + value
    return counts, ""
