"""The keys of a sweep's config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Discriminator, PrivateAttr, Tag

from mixsweep.config.census import CensusSpec
from mixsweep.config.methods import MethodSpec
from mixsweep.config.problems import ProblemEntry, ProblemSpec
from mixsweep.config.restarts import AdaptiveRestarts
from mixsweep.config.section import SECTION
from mixsweep.config.types import (
    ComponentCounts,
    Flag,
    Fraction,
    MethodTable,
    Names,
    NonNegative,
    PathVars,
    PositiveWhole,
    ProblemTable,
    Restarts,
    Seed,
)

__all__ = ["SweepConfig"]


class SweepConfig(BaseModel):
    """A sweep: problems x families x component counts x methods x starts."""

    model_config = SECTION

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
