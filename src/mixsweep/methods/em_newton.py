"""EM first, Newton's method when EM has become slow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mixsweep.methods.em_then import EMThen
from mixsweep.methods.newton_cg import NewtonCG

__all__ = ["EMThenNewton"]


@dataclass(frozen=True)
class EMThenNewton(EMThen):
    """Take EM steps until their rate is bad (see `EMThen`), then minimise by `newton-cg` from there.

    EM is good far from an optimum, where Newton's method meets directions of negative curvature; Newton's
    method finds the last digits in few steps where EM, for overlapping components, is slow.
    """

    name: ClassVar[str] = "em+newton"
    expected_passes: ClassVar[float] = 100

    def second(self) -> NewtonCG:
        """Return `newton-cg` in these coordinates."""
        return NewtonCG(weights=self.weights, covariances=self.covariances)
