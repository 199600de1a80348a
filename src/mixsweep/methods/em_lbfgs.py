"""EM first, L-BFGS when EM has become slow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mixsweep.methods.em_then import EMThen
from mixsweep.methods.lbfgs import LBFGS

__all__ = ["EMThenLBFGS"]


@dataclass(frozen=True)
class EMThenLBFGS(EMThen):
    """Take EM steps until their rate is bad (see `EMThen`), then minimise by `lbfgs` from there.

    Parameters
    ----------
    memory : int
        Number of correction pairs of `lbfgs`.
    """

    memory: int = 10

    name: ClassVar[str] = "em+lbfgs"
    expected_passes: ClassVar[float] = 80

    def __post_init__(self) -> None:
        super().__post_init__()
        self.second()

    def second(self) -> LBFGS:
        """Return `lbfgs` with this memory in these coordinates."""
        return LBFGS(self.memory, weights=self.weights, covariances=self.covariances)
