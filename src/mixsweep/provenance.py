"""What made a results folder: its record in ``plan.json``, and the refusal to go on with another config."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mixsweep import NUMERICS_VERSION, __version__
from mixsweep.errors import MixsweepError
from mixsweep.plan import Plan, ShapedProblem

__all__ = ["PLAN_FORMAT", "canonical", "check_results", "read_plan_file", "sweep_record", "write_plan_file"]

#: Raised when the layout of plan.json changes.
PLAN_FORMAT = "1"

_PACKAGES = (
    "dask",
    "distributed",
    "llvmlite",
    "netCDF4",
    "numba",
    "numpy",
    "pandas",
    "scipy",
    "snakemake",
    "vl-convert-python",
    "xarray",
)
_NUMBERS = ("seed", "tol", "max_passes", "covariance_floor")


def canonical(value: Any) -> str:
    """Return JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _problem_record(problem: ShapedProblem, folder: Path) -> dict[str, Any]:
    record = {
        "spec": problem.entry.source.spec(folder),
        "n_components": list(problem.entry.n_components),
        "n_rows": problem.n_rows,
        "n_features": problem.n_features,
    }
    return record | ({"checksum": problem.checksum} if problem.checksum else {})


def sweep_record(plan: Plan, folder: Path) -> dict[str, Any]:
    """Return what decides a sweep's numbers, fully resolved: equal records mean equal results.

    Parameters
    ----------
    plan : Plan
    folder : pathlib.Path
        The working folder, to which data paths are made relative.

    Returns
    -------
    dict
        Of plain JSON values.
    """
    config = plan.config
    return {
        "seed": config.seed,
        "problems": {problem.name: _problem_record(problem, folder) for problem in plan.problems},
        "families": config.families,
        "methods": {label: spec.as_json() for label, spec in config.method_specs.items()},
        "initializers": config.initializers,
        "restarts": config.restarts if isinstance(config.restarts, int) else config.restarts.model_dump(),
        "tol": config.tol,
        "max_passes": config.max_passes,
        "covariance_floor": config.covariance_floor,
        "numerics_version": NUMERICS_VERSION,
    }


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git_revision() -> str | None:
    """Return the revision of the code in use, where it runs from a git checkout."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def write_plan_file(plan: Plan, path: Path) -> None:
    """Write the record of a sweep with versions, machine and date.

    Parameters
    ----------
    plan : Plan
    path : pathlib.Path
        ``plan.json`` of the results folder.
    """
    from mixsweep.io import write_text

    record = sweep_record(plan, Path.cwd())
    contents = {
        "format_version": PLAN_FORMAT,
        "mixsweep_version": __version__,
        "config": record,
        "config_sha256": hashlib.sha256(canonical(record).encode()).hexdigest(),
        **plan.as_json(),
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES},
        "machine": {
            "platform": platform.platform(),
            "architecture": platform.machine(),
            "cpu": _cpu_model(),
            "cores": os.cpu_count(),
            "python": sys.implementation.name,
        },
        "git_revision": _git_revision(),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_text(path, json.dumps(contents, indent=1, sort_keys=False, allow_nan=False) + "\n")


def read_plan_file(path: Path) -> dict[str, Any]:
    """Read a ``plan.json``.

    Raises
    ------
    MixsweepError
        If the file is missing, damaged, or of another format.
    """
    try:
        contents = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MixsweepError(
            f"{path}: no such file; expected the plan of a sweep, which its run writes."
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise MixsweepError(
            f"{path}: not readable as JSON ({error}); delete the file and run again."
        ) from None
    found = contents.get("format_version") if isinstance(contents, dict) else None
    if found != PLAN_FORMAT:
        raise MixsweepError(
            f"{path}: format version {found!r}; expected {PLAN_FORMAT!r}. Another version of mixsweep made "
            "this results folder: use that version, or another folder (--directory)."
        )
    return dict(contents)


def _definition(problem: Mapping[str, Any]) -> dict[str, Any]:
    """Return what defines a problem's data; a file is known by what it holds, not by where it lies."""
    spec = dict(problem["spec"])
    if "file" in spec:
        spec["file"] = f"data with SHA-256 {str(problem.get('checksum'))[:12]}"
        spec.pop("starts", None)
    return spec


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any, str]]:
    """Return (key, old value, new value, files concerned) of whatever would change numbers that are there."""
    found = [
        (key, old[key], new[key], "*/*/*/*/*.nc")
        for key in (*_NUMBERS, "numerics_version")
        if old[key] != new[key]
    ]
    for name in sorted(old["problems"].keys() & new["problems"].keys()):
        before, after = _definition(old["problems"][name]), _definition(new["problems"][name])
        if before != after:
            found.append((f"problems.{name}", before, after, f"{name}/*/*/*/*.nc"))
    for label in sorted(old["methods"].keys() & new["methods"].keys()):
        before, after = old["methods"][label], new["methods"][label]
        if before != after:
            found.append((f"methods.{label}", before, after, f"*/*/*/{label}/*.nc"))
    return found


def check_results(plan: Plan, results: Path, folder: Path) -> None:
    """Refuse a results folder whose fits another config or version made.

    Adding problems, families, component counts, methods, initializers or restarts, or leaving some out, is no
    reason to refuse: what is there stays right.

    Parameters
    ----------
    plan : Plan
    results : pathlib.Path
        The results folder.
    folder : pathlib.Path
        The working folder.

    Raises
    ------
    MixsweepError
        Naming every difference, and how many finished shards would be replaced.
    """
    path = results / "plan.json"
    if plan.config.replace or not path.is_file():
        return
    differences = _differences(read_plan_file(path)["config"], sweep_record(plan, folder))
    found = {file for *_, pattern in differences for file in (results / "shards").glob(pattern)}
    shards = [file for file in found if not file.name.endswith(".timing.nc")]
    if not shards:
        return
    told = "; ".join(
        f"{key} was {canonical(old)}, is now {canonical(new)}" for key, old, new, _ in differences
    )
    raise MixsweepError(
        f"{results}: another config or version made this results folder: {told}. Going on would replace "
        f"{len(shards)} finished {'shard' if len(shards) == 1 else 'shards'} and all that was made from "
        "them. To do that, add --config replace=true; to keep them, use another folder (--directory) or the "
        "old config."
    )
