"""The config: what a sweep's YAML file may say, checked; messages name file, key and what was expected."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, PrivateAttr, Tag, ValidationError

from mixsweep._config_types import (
    EXPONENT,
    Columns,
    ComponentCounts,
    Flag,
    Fraction,
    MethodTable,
    Names,
    NonNegative,
    Numbers,
    PathVars,
    PositiveWhole,
    ProblemTable,
    Restarts,
    Seed,
    Text,
    Weights,
    Wholes,
)
from mixsweep._strict_yaml import read_yaml
from mixsweep.errors import MixsweepError, nearest
from mixsweep.families import FAMILIES
from mixsweep.initializers import INITIALIZERS
from mixsweep.methods import METHODS
from mixsweep.methods.settings import typed
from mixsweep.problems.builtin import BUILTIN
from mixsweep.problems.sources import BuiltinSource, FileSource, SimulatedSource, Source, simulation_grid

__all__ = ["MethodSpec", "ProblemEntry", "SweepConfig", "load_config", "parse_config", "schema_text"]

_AT_MOST = 5


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class SimulateSpec(_Model):
    """A grid of Gaussian mixtures drawn at random."""

    n: Wholes
    """Rows."""
    d: Wholes
    """Features."""
    k: Wholes
    """Components that generate the data."""
    separation: Numbers
    """Smallest distance of two means, in standard deviations of a component per direction."""
    weights: Weights = ["equal"]
    """Equal, unequal (proportional to 1, 2, ..., k), a list of these, or the weights themselves."""
    replicates: PositiveWhole = 1
    """Independent data sets at each point of the grid."""


class ProblemSpec(_Model):
    """Where a problem comes from; by default, its name is that of a built-in data set."""

    builtin: Text | None = None
    """A built-in data set, when the problem has another name."""
    file: Text | None = None
    """A csv, tsv, parquet, npy or netCDF file; relative paths start at the config file's folder."""
    columns: Columns | None = None
    """The columns of the file which are features; all by default."""
    weights: Text | None = None
    """The column of the file that says how many times each row counts; it is no feature."""
    starts: Text | None = None
    """A table of starts for the initializer user-starts; relative paths start at the config file's folder."""
    simulate: SimulateSpec | None = None
    """A grid of simulated problems."""
    n_components: ComponentCounts | None = None
    """Numbers of components to fit, in place of the sweep's."""


class CensusSpec(_Model):
    """The thresholds of the census of optima."""

    stationary_gradient: NonNegative = 1e-8
    """A point is stationary when the gradient per row, standardised units, is at most this; nats."""
    same_value: NonNegative = 1e-4
    """Two points are one optimum when their log-likelihoods differ by less than this, in nats, ..."""
    same_density: NonNegative = 1e-3
    """... the log-densities of the rows by less than this, root mean square, ..."""
    same_parameters: NonNegative = 1e-2
    """... and their matched components by less than this, standardised units."""
    ended_within: NonNegative = 0.1
    """A fit ended in an optimum when it stopped at most so many nats below it."""
    flat_curvature: NonNegative = 1e-7
    """A direction is flat when its curvature, relative to those of the coordinates, is below this."""
    spurious_eigenvalue_ratio: NonNegative = 1e-4
    """Spurious: a covariance eigenvalue below this share of the smallest one of the data covariance."""
    spurious_extra_rows: NonNegative = 0.5
    """Spurious: a component with fewer expected rows than the number of features plus 1 plus this."""
    boundary_rows: NonNegative = 0.5
    """Boundary: a component with fewer expected rows than this."""
    coincident_components: NonNegative = 1e-3
    """Boundary: two components that differ by less than this, standardised units."""


class AdaptiveRestarts(_Model):
    """Restarts in rounds, more of them only in cells whose verdict needs them."""

    target: Fraction
    """Chance of the best known optimum that a cell's restarts are to give its best method and start."""
    max: PositiveWhole
    """No cell gets more restarts than this."""
    first: PositiveWhole = 100
    """Restarts of every cell in the first round, a multiple of 100."""


class SweepConfig(_Model):
    """A sweep: problems x families x component counts x methods x starts."""

    seed: Seed = 1
    """Decides every random number."""
    problems: Annotated[dict[str, ProblemSpec], ProblemTable]
    """Data sets by name."""
    families: Names = ["gaussian-full"]
    """Component families."""
    n_components: ComponentCounts | None = None
    """Numbers of components to fit; the word truth means the generating number of simulated problems."""
    methods: MethodTable = {"em": {}}
    """Optimisers by label, with settings; the setting method names the optimiser when the label does not."""
    initializers: Names = ["random-points"]
    """Kinds of start."""
    restarts: Annotated[
        Annotated[Restarts, Tag("number")] | Annotated[AdaptiveRestarts, Tag("rounds")],
        Discriminator(lambda value: "rounds" if isinstance(value, (Mapping, AdaptiveRestarts)) else "number"),
    ] = 100
    """Starts for each method and initializer: a number, or a target for rounds that add them where needed."""
    tol: NonNegative = 1e-8
    """A fit has converged when the EM decrement per row is below this; 0 runs to max_passes."""
    max_passes: PositiveWhole = 2000
    """Passes over the data after which a fit ends unconverged."""
    covariance_floor: Fraction = 1e-6
    """Smallest eigenvalue allowed to a component's covariance, relative to the data covariance."""
    census: CensusSpec = CensusSpec()
    """Thresholds between optima and between their kinds."""
    landscape: Flag = True
    """Whether paths and barriers between the leading maxima of each cell are looked for."""
    replace: Flag = False
    """Go on in a results folder that another config made, replacing what differs."""
    partial: Flag = False
    """Build cells and report from the shards that are there, fitting no more; what is partial says so."""
    pathvars: PathVars = {}
    """Snakemake's path variables, such as {results: elsewhere}."""

    _base: Path = PrivateAttr(default=Path())
    _source: str = PrivateAttr(default="config")
    _methods: dict[str, MethodSpec] = PrivateAttr(default_factory=dict)
    _entries: tuple[ProblemEntry, ...] = PrivateAttr(default=())

    @property
    def base(self) -> Path:
        """The folder at which relative data paths start."""
        return self._base

    @property
    def source(self) -> str:
        """What messages call the config: its file."""
        return self._source

    @property
    def first_restarts(self) -> int:
        """Restarts of every cell before any round."""
        return self.restarts if isinstance(self.restarts, int) else self.restarts.first

    @property
    def method_specs(self) -> Mapping[str, MethodSpec]:
        """The methods by label, settings checked and complete."""
        return self._methods

    @property
    def entries(self) -> tuple[ProblemEntry, ...]:
        """The problems, simulated grids expanded."""
        return self._entries


@dataclass(frozen=True)
class MethodSpec:
    """A method with all its settings."""

    label: str
    method: str
    settings: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the mapping of the command line's ``--settings``."""
        return {"method": self.method, **self.settings}


@dataclass(frozen=True)
class ProblemEntry:
    """A problem of the sweep; `key` is what the config calls it, `name` what its results are called."""

    name: str
    key: str
    source: Source
    n_components: tuple[int, ...]


def load_config(path: str | Path) -> SweepConfig:
    """Read and check a config file.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    SweepConfig

    Raises
    ------
    MixsweepError
        Naming the file, the key, what was found and what was expected.
    """
    path = Path(path)
    return parse_config(read_yaml(path), path.absolute().parent, str(path))


def parse_config(mapping: Any, base: Path, source: str = "config") -> SweepConfig:
    """Check a config that is already a mapping.

    Parameters
    ----------
    mapping : mapping
    base : pathlib.Path
        The folder at which relative data paths start.
    source : str
        What messages call the config.

    Returns
    -------
    SweepConfig

    Raises
    ------
    MixsweepError
        Naming the source, the key, what was found and what was expected.
    """
    if not isinstance(mapping, Mapping):
        found = "nothing" if mapping is None else f"a {type(mapping).__name__}"
        raise MixsweepError(f"{source}: found {found}; expected keys and values, at least problems:.")
    try:
        config = SweepConfig.model_validate(_plain(mapping, source))
    except ValidationError as error:
        raise _translated(error, source) from None
    config._base, config._source = base, source
    for key, registry in (("families", FAMILIES), ("initializers", INITIALIZERS)):
        for name in getattr(config, key):
            if name not in registry:
                raise MixsweepError(
                    f"{source}: {key}: unknown {registry.kind} {name!r}{nearest(name, registry.names())}"
                )
    _check_rounds(config)
    config._methods = {label: _method_spec(label, dict(raw), source) for label, raw in config.methods.items()}
    config._entries = _expanded(config)
    return config


def _check_rounds(config: SweepConfig) -> None:
    rounds = config.restarts
    if isinstance(rounds, int):
        return
    if rounds.first % 100:
        raise MixsweepError(
            f"{config.source}: restarts.first: found {rounds.first}; expected a multiple of 100, so that no "
            "block is fitted again when it grows."
        )
    if rounds.max < rounds.first:
        raise MixsweepError(
            f"{config.source}: restarts.max: found {rounds.max}; expected at least restarts.first, "
            f"{rounds.first}."
        )


def _plain(value: Any, source: str, path: str = "") -> Any:
    """Return ordered and other mappings as plain ones, at every level, refusing keys that are not text."""
    if isinstance(value, (list, tuple)):
        return [_plain(item, source, path) for item in value]
    if not isinstance(value, Mapping):
        return value
    for key in value:
        if not isinstance(key, str):
            where = f"{source}: {path}" if path else source
            raise MixsweepError(
                f"{where}: found the key {key!r}, a {type(key).__name__}; expected text. Names such as 1 or "
                "no mean something else in YAML: put them in quotes."
            )
    return {key: _plain(item, source, f"{path}.{key}" if path else key) for key, item in value.items()}


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    if len(location) == 1:
        return list(SweepConfig.model_fields)
    if location[0] == "census":
        return list(CensusSpec.model_fields)
    if location[0] == "restarts":
        return list(AdaptiveRestarts.model_fields)
    return list(SimulateSpec.model_fields if "simulate" in location[2:] else ProblemSpec.model_fields)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _translated(error: ValidationError, source: str) -> MixsweepError:
    """Return pydantic's findings in our words."""
    messages = []
    findings = error.errors(include_url=False)
    # a misspelt key is also a missing one; the first message should be the one that helps
    for finding in sorted(findings, key=lambda finding: finding["type"] != "extra_forbidden"):
        # without the tag of the kind of restarts, which is no key
        location = tuple(
            part for i, part in enumerate(finding["loc"]) if (finding["loc"][0], i) != ("restarts", 1)
        )
        key = ".".join(str(part) for part in location)
        if finding["type"] == "extra_forbidden":
            messages.append(
                f"{source}: unknown key {key!r}{nearest(str(location[-1]), _known_keys(location))}"
            )
        elif finding["type"] == "missing":
            messages.append(f"{source}: {key}: this key is missing; it has no default.")
        else:
            expected = "a mapping" if finding["type"] == "model_type" else finding["msg"]
            messages.append(f"{source}: {key}: expected {expected}; found {_shown(finding['input'])}.")
    left = len(messages) - _AT_MOST
    return MixsweepError("\n".join(messages[:_AT_MOST] + ([f"(and {left} more)"] if left > 0 else [])))


def _method_spec(label: str, settings: dict[str, Any], source: str) -> MethodSpec:
    key = f"{source}: methods.{label}"
    method = settings.pop("method", label)
    if not isinstance(method, str) or method not in METHODS:
        raise MixsweepError(
            f"{key}: unknown method {method!r}{nearest(str(method), METHODS.names())} "
            f"(a label of your own needs the setting method, as in {{{label}: {{method: em}}}})"
        )
    cls = METHODS[method]
    fields = {field.name: field.default for field in dataclasses.fields(cls) if field.init}
    for name in settings:
        if name not in fields:
            rest = nearest(str(name), fields) if fields else "; it has no settings."
            raise MixsweepError(f"{key}: method {method!r} has no setting {name!r}{rest}")
    given = {name: _setting(value, fields[name], f"{key}.{name}") for name, value in settings.items()}
    try:
        made = cls(**given)
    except (MixsweepError, ValueError, TypeError) as error:
        raise MixsweepError(f"{key}: {error}") from None
    return MethodSpec(label, method, {name: getattr(made, name) for name in fields})


def _setting(value: Any, default: Any, key: str) -> Any:
    """Return a setting in the type of its default (see `typed`)."""
    number = isinstance(default, (int, float)) and not isinstance(default, bool)
    # YAML 1.1, by which Snakemake reads configs, takes 1e-3 for text
    if number and isinstance(value, str) and EXPONENT.fullmatch(value):
        value = float(value)
    return typed(value, default, key)


def _sources(key: str, spec: ProblemSpec, config: SweepConfig) -> list[tuple[str, Source]]:
    where = f"{config.source}: problems.{key}"
    kinds = [kind for kind in ("builtin", "file", "simulate") if getattr(spec, kind) is not None]
    if len(kinds) > 1:
        raise MixsweepError(
            f"{where}: found {' and '.join(kinds)}; expected one of builtin, file and simulate."
        )
    for name in ("columns", "weights", "starts"):
        if getattr(spec, name) is not None and spec.file is None:
            raise MixsweepError(f"{where}.{name}: {name} belong to a file of data, but no file is given.")
    if spec.file is not None:
        columns = tuple(spec.columns) if spec.columns else None
        if columns is not None and spec.weights in columns:
            raise MixsweepError(
                f"{where}.weights: {spec.weights!r} is among the columns; expected one that is no feature."
            )
        starts = config.base / spec.starts if spec.starts else None
        return [(key, FileSource(config.base / spec.file, columns, spec.weights, starts))]
    if spec.simulate is not None:
        return [(point.problem_name(key), point) for point in _grid(where, spec.simulate)]
    name = spec.builtin or key
    if name not in BUILTIN:
        raise MixsweepError(
            f"{where}: no built-in data set {name!r}{nearest(name, BUILTIN)} "
            f"(data of your own needs a file, as in {{{key}: {{file: {key}.csv}}}})"
        )
    return [(key, BuiltinSource(name))]


def _grid(where: str, spec: SimulateSpec) -> list[SimulatedSource]:
    explicit = [weight for weight in spec.weights if not isinstance(weight, str)]
    if explicit and spec.k != [len(explicit)]:
        raise MixsweepError(
            f"{where}.simulate.weights: found {len(explicit)} weights for k = {spec.k}; "
            "expected one for each component, and a single k."
        )
    for n in spec.n:
        if n < max(spec.d) + 1:
            raise MixsweepError(
                f"{where}.simulate.n: found {n} rows for d = {max(spec.d)}; expected at least d + 1 = "
                f"{max(spec.d) + 1}."
            )
    axes = {axis: getattr(spec, axis) for axis in ("n", "d", "k", "separation", "weights", "replicates")}
    return simulation_grid(**axes)


def _expanded(config: SweepConfig) -> tuple[ProblemEntry, ...]:
    entries: dict[str, ProblemEntry] = {}
    for key, spec in config.problems.items():
        own = spec.n_components is not None
        counts = spec.n_components if own else config.n_components
        where = f"{config.source}: {f'problems.{key}.n_components' if own else 'n_components'}"
        if counts is None:
            raise MixsweepError(
                f"{where}: this key is missing, and problems.{key} has none of its own; expected a list "
                "such as [2, 3, 4]."
            )
        for name, origin in _sources(key, spec, config):
            if counts == "truth" and origin.true_k is None:
                raise MixsweepError(
                    f"{where}: found truth, but problem {key!r} is not simulated, so its number of "
                    "components is not known; expected a list such as [2, 3, 4]."
                )
            if name.lower() in entries:
                other = entries[name.lower()]
                raise MixsweepError(
                    f"{config.source}: problems: {key!r} and {other.key!r} both make a problem named "
                    f"{name!r}; expected different names. Rename one of them."
                )
            chosen = (origin.true_k,) if counts == "truth" else counts
            entries[name.lower()] = ProblemEntry(
                name, key, origin, tuple(int(k) for k in chosen if k is not None)
            )
    return tuple(entries.values())


def schema_text() -> str:
    """Return the JSON schema of the config, as YAML, for ``workflow/schemas/config.schema.yaml``."""
    import yaml

    schema = SweepConfig.model_json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return "# Generated by `python -m mixsweep.config`; a test fails when it drifts.\n" + yaml.safe_dump(
        schema, sort_keys=False, width=110
    )


if __name__ == "__main__":
    sys.stdout.write(schema_text())
