"""Run the benchmarks one after the other and print the table of all targets.

Usage: python benchmarks/run_all.py [--folder benchmarks/results] [--peers PYTHON] [name ...]

Packages that mixsweep is compared with and that are not installed are said and skipped. PYTHON is the
interpreter of another environment, with mixsweep and those packages.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import table

HERE = Path(__file__).parent
#: Each benchmark, and the modules of other packages that it needs.
BENCHMARKS = {
    "em_against_scikit_learn": ("sklearn",),
    "em_against_gmmx": ("gmmx", "jax"),
    "lbfgs_against_mixture_models": ("Mixture_Models",),
    "pass_against_limit": (),
    "cost_curve": (),
    "memory": (),
    "start_up": (),
    "large_plan": (),
    "census_at_scale": (),
    "sweep_at_scale": (),
    "plugin_scaling": (),
    "squarem_on_faithful": (),
    "em_rates": (),
    "restart_rates": (),
    "known_variances": (),
    "same_start_comparison": (),
}


def missing(interpreter: str, modules: tuple[str, ...]) -> list[str]:
    """Return which modules an interpreter does not find."""
    script = (
        "import importlib.util, sys; print(*(m for m in sys.argv[1:] if not importlib.util.find_spec(m)))"
    )
    command = [interpreter, "-c", script, *modules]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="name", help="which; all by default")
    parser.add_argument("--folder", type=Path, default=table.RESULTS, help="where the rows are written")
    parser.add_argument("--peers", metavar="PYTHON", default=sys.executable)
    arguments = parser.parse_args(argv)
    for name in arguments.names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}; expected one of {', '.join(BENCHMARKS)}")
    failed = []
    for name in arguments.names or BENCHMARKS:
        modules = BENCHMARKS[name]
        interpreter = arguments.peers if modules else sys.executable
        absent = missing(interpreter, modules)
        if absent:
            print(f"{name}: skipped, as {', '.join(absent)} is not installed\n", flush=True)
            continue
        target = arguments.folder / f"{name}.json"
        # no figures of an earlier run in place of those of one that fails
        target.unlink(missing_ok=True)
        command = [interpreter, str(HERE / f"{name}.py"), "--json", str(target)]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    results = table.load(arguments.folder)
    if results:
        print(table.as_markdown(results, everything=False))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
