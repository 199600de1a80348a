"""``mixsweep run``: the snakemake call with good defaults."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from mixsweep.errors import MixsweepError
from mixsweep.rounds import FILE as ROUNDS_FILE
from mixsweep.rounds import read_rounds

__all__ = ["find_snakefile", "run"]


def find_snakefile() -> Path:
    """Return the workflow's Snakefile: of the checkout in use, or the copy inside an installed package.

    Raises
    ------
    MixsweepError
        If neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    candidates = [package.parents[1] / "Snakefile", package / "_workflow" / "Snakefile"]
    for candidate in candidates:
        if candidate.is_file() and (candidate.parent / "workflow" / "rules").is_dir():
            return candidate
    raise MixsweepError(
        f"the workflow was not found; looked for {' and '.join(map(str, candidates))}. Run from a checkout "
        "of mixsweep (pip install -e .), or call snakemake --snakefile with the path of its Snakefile."
    )


@click.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The config file.  [default: config.yaml here, or the one that comes with mixsweep]",
)
@click.option("--cores", default="all", show_default=True, help="How many cores to use.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where results/ and logs/ go.  [default: here]",
)
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option(
    "--replace",
    is_flag=True,
    help="Go on in a results folder that another config made, replacing what differs.",
)
@click.argument("snakemake_arguments", nargs=-1, type=click.UNPROCESSED)
def run(
    config: Path | None,
    cores: str,
    directory: Path | None,
    dry_run: bool,
    replace: bool,
    snakemake_arguments: tuple[str, ...],
) -> None:
    """Run a sweep: snakemake on the workflow of this installation.

    Whatever follows the options goes to snakemake: mixsweep run --cores 2 -e local --forceall
    """
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(find_snakefile())]
    rounds_file = None
    if config is not None:
        from mixsweep.config import load_config

        # before snakemake's own reading, whose message on broken YAML names no line
        checked = load_config(config)
        if not isinstance(checked.restarts, int) and not dry_run:
            rounds_file = (directory or Path()) / checked.pathvars.get("results", "results") / ROUNDS_FILE
        command += ["--configfile", str(config)]
    # after --configfile, which would take the user's targets for more config files
    command += ["--cores", cores]
    if directory is not None:
        command += ["--directory", str(directory)]
    if dry_run:
        command.append("--dry-run")
    command += snakemake_arguments
    if replace:
        command += ["--config", "replace=true"]
    # the rules call mixsweep by name: this installation's, even when its environment is not activated
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path}
    if rounds_file is not None:
        _run_rounds(command, environment, rounds_file)
    sys.stdout.flush()
    os.execve(command[0], command, environment)


def _run_rounds(command: list[str], environment: Mapping[str, str], rounds_file: Path) -> None:
    """Run all rounds of an adaptive sweep but the last one, which finds nothing more to add."""
    before = None
    while (wanted := read_rounds(rounds_file)) != before:
        before = wanted
        code = _run_once(command, environment)
        if code:
            sys.exit(code if code > 0 else 128 - code)


def _run_once(command: list[str], environment: Mapping[str, str]) -> int:
    """Run snakemake to its end, whatever signal asks for it, and return its exit status."""
    sys.stdout.flush()
    snakemake = subprocess.Popen(command, env=environment)
    # Ctrl-C reaches snakemake by itself, and it ends in its own time
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: snakemake.send_signal(number))
    code = snakemake.wait()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return code
