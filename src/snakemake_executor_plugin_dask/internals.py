"""All uses of Snakemake beyond its documented interface for executors, in one place.

Snakemake's own local executor uses the same attributes, but nothing promises
that they stay; hence the tests of this module and the pin ``snakemake>=9,<10``.
"""

# mypy: disable-error-code="import-untyped"
# (Snakemake's interface packages have annotations, but no py.typed)

from itertools import chain
from typing import Any

from snakemake_interface_executor_plugins.settings import DeploymentMethod

__all__ = [
    "expected_jobs",
    "hides_job_errors",
    "is_beside_snakemake",
    "lift_rate_limit",
    "needs_snakemake",
    "prepare",
    "shell_command",
    "temporary_directory",
]

# Jobs and seconds of --max-jobs-per-timespan if it is not given.
_DEFAULT_RATE_LIMIT = (100, 1)


def shell_command(job: Any) -> str:
    """Return the formatted shell command of a job of a shell rule."""
    return str(job.shellcmd)


def prepare(job: Any, workflow: Any) -> None:
    """Make the folders of a job's outputs and logs, and remove old outputs."""
    workflow.async_run(job.prepare())


def temporary_directory(job: Any) -> str | None:
    """Return the folder for temporary files that the job's resources name."""
    folder = job.resources.get("tmpdir")
    return str(folder) if folder else None


def expected_jobs(workflow: Any) -> int:
    """Return the number of jobs of this run, as far as it is known."""
    return len(workflow.dag)


def has_checkpoints(workflow: Any) -> bool:
    """Tell whether more jobs may turn up during the run."""
    return any(rule.is_checkpoint for rule in workflow.rules)


def lift_rate_limit(workflow: Any) -> None:
    """Let Snakemake hand on as many jobs a second as it can, unless the user has set a limit.

    Its default limit spares batch systems, but here nothing is submitted to one. It also costs more than it
    seems to: each look at the ready jobs starts a timer for one more look, so that after a thousand jobs
    there are a thousand looks a second.
    """
    scheduler = workflow.scheduler
    limiter = scheduler.job_rate_limiter
    if limiter is not None and (limiter.max_jobs, limiter.timespan) == _DEFAULT_RATE_LIMIT:
        scheduler.job_rate_limiter = None
        # what the limit has left for the jobs that are being handed on just now
        scheduler.resources["_job_count"] = scheduler.global_resources["_job_count"]
        # one more look, at those that it has held back: else they would wait for the end of a job
        scheduler._open_jobs.release()


def hides_job_errors(workflow: Any) -> bool:
    """Tell whether Snakemake shows no errors of jobs, which ``--quiet rules`` leaves out with their rules."""
    from snakemake.settings.enums import Quietness

    return Quietness.RULES in (workflow.output_settings.quiet or ())


def is_beside_snakemake(job: Any, workflow: Any) -> bool:
    """Tell whether a job has to run on Snakemake's own machine, by its local executor.

    These are jobs without work (targets such as ``all``), template engines,
    ``localrules``, and groups, which without a batch system are only made of
    jobs connected by pipes or services that have to run at the same time.
    """
    return bool(
        job.is_group() or job.is_norun or job.is_template_engine or job.rule.name in workflow._localrules
    )


def needs_snakemake(job: Any, workflow: Any) -> bool:
    """Tell whether a job wants anything around its shell command that Snakemake provides."""
    deployment = workflow.deployment_settings.deployment_method
    files = chain(job.input, job.output, job.log)
    cache = workflow.workflow_settings.cache
    return bool(
        not job.is_shell
        or job.is_shadow
        or job.benchmark is not None
        or job.rule.is_handover
        or (cache is not None and job.rule.cache)
        or any(file.is_storage for file in files)
        or (DeploymentMethod.CONDA in deployment and job.conda_env_spec)
        or (DeploymentMethod.APPTAINER in deployment and job.container_img_url)
        or (DeploymentMethod.ENV_MODULES in deployment and job.env_modules)
        or job.resources.get("shell_exec")
        or _shell_is_wrapped()
    )


def _shell_is_wrapped() -> bool:
    """Tell whether the workflow called ``shell.prefix`` or ``shell.suffix``."""
    from snakemake.shell import shell

    return bool(shell._process_prefix or shell._process_suffix)
