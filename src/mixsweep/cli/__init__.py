"""The command line: a group whose subcommands are imported only when they are used."""

from __future__ import annotations

import importlib
from typing import Any

import click

from mixsweep import __version__
from mixsweep.errors import MixsweepError

__all__ = ["COMMANDS", "main"]

#: Name to module, attribute and help; the help stands here so that ``--help`` imports nothing.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("mixsweep.cli.run:run", "Run a sweep: the snakemake call with good defaults."),
    "plan": ("mixsweep.cli.plan:plan", "Say what a sweep will compute, and how long it may take."),
    "status": (
        "mixsweep.cli.status:status",
        "Say which shards of a results folder are done, missing or failed.",
    ),
    "refit": ("mixsweep.cli.refit:refit", "Run one fit again, with its whole trace."),
    "timing": ("mixsweep.cli.timing:timing", "Measure the seconds of one cell's fits, apart from the sweep."),
    "rerun": (
        "mixsweep.cli.rerun:rerun",
        "Run failed fits again with other settings, beside the first attempt.",
    ),
    "gc": ("mixsweep.cli.gc:gc", "List or delete the shards that no config refers to."),
    "cluster": ("mixsweep.cli.cluster:cluster", "Show what a batch system would be given."),
    "problem": ("mixsweep.cli.problem:problem", "Write one problem: its data, and the truth when simulated."),
    "shard": ("mixsweep.cli.shard:shard", "Fit a block of restarts."),
    "cell": ("mixsweep.cli.cell:cell", "Gather the shards of one cell."),
    "optima": ("mixsweep.cli.optima:optima", "Find the distinct optima of one cell."),
    "landscape": (
        "mixsweep.cli.landscape:landscape",
        "Find paths and barriers between the leading maxima of one cell.",
    ),
    "barriers": (
        "mixsweep.cli.barriers:barriers",
        "Write the table of barriers between the leading maxima of all cells.",
    ),
    "collect": ("mixsweep.cli.collect:collect", "Gather all cells into one file."),
    "analyse": (
        "mixsweep.cli.analyse:analyse",
        "Compute verdicts, and what the optima are and how often each is found.",
    ),
    "speed": ("mixsweep.cli.speed:speed", "Compute how fast the methods converge."),
    "audit": ("mixsweep.cli.audit:audit", "Find fits that are proven not to be at the maximum."),
    "rounds": ("mixsweep.cli.rounds:rounds", "Say how many restarts an adaptive sweep's cells should have."),
    "report": ("mixsweep.cli.report:report", "Write the report of a results folder."),
    "figures": ("mixsweep.cli.figures:figures", "Write the report's figures as files."),
}


class _Failure(click.ClickException):
    """A mistake in the input: its message on stderr, exit code 2, no traceback."""

    exit_code = 2


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MixsweepError as error:
            raise _Failure(str(error)) from error


@click.group(
    cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="mixsweep")
def main() -> None:
    """Designed experiments on the likelihood of mixture models.

    Is this the global optimum? How many restarts does it take, from which kind of start? EM or a gradient
    method? Describe a sweep in a config.yaml, look at `mixsweep plan`, then `mixsweep run`.
    """
