"""How a pass gives rows to components, where that is not by posterior probabilities.

An assignment changes the responsibilities of a block of rows in place, for some fits of a batch; the
log-likelihood of the pass stays that of the mixture. What the pass then finds by its M-step is the variant's:
its EM decrement is undefined.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mixsweep.typing import BoolArray, FloatArray

__all__ = ["Assignment", "Hard", "Sampled", "Tempered"]


class Assignment(Protocol):
    """A rule for a batch of R fits."""

    @property
    def changed(self) -> BoolArray:
        """Whose responsibilities are not the posterior probabilities, shape (R,)."""
        ...

    def apply(self, rows: slice, responsibilities: FloatArray) -> None:
        """Change posterior probabilities of a block of rows, shape (R, K, block), in place."""
        ...

    def take(self, index: NDArray[Any]) -> Assignment:
        """Return the rule for the chosen fits."""
        ...


@dataclass(frozen=True)
class Hard:
    """Every row goes to its most probable component; the first one among equals.

    Attributes
    ----------
    changed : ndarray of bool, shape (R,)
        The fits whose rows do.
    """

    changed: BoolArray

    def apply(self, rows: slice, responsibilities: FloatArray) -> None:
        """Replace posterior probabilities by ones and zeros."""
        part = responsibilities[self.changed]
        chosen = part.argmax(axis=1, keepdims=True)
        part[:] = 0.0
        np.put_along_axis(part, chosen, 1.0, axis=1)
        responsibilities[self.changed] = part

    def take(self, index: NDArray[Any]) -> Hard:
        """Return the rule for the chosen fits."""
        return Hard(self.changed[index])


@dataclass(frozen=True)
class Tempered:
    """Posterior probabilities to a power, normalised (Ueda and Nakano 1998, equation 11).

    Attributes
    ----------
    power : ndarray, shape (R,)
        The inverse temperature; 1 changes nothing.

    References
    ----------
    Ueda, N. and Nakano, R. (1998). Deterministic annealing EM algorithm. Neural Networks 11, 271-282.
    """

    power: FloatArray

    @property
    def changed(self) -> BoolArray:
        """Whose power is not 1."""
        result: BoolArray = self.power != 1
        return result

    def apply(self, rows: slice, responsibilities: FloatArray) -> None:
        """Raise to the power and normalise.

        Probabilities below 1e-308 count as zero: their power is below 0.01 for powers above 0.0065.
        """
        changed = self.changed
        part = responsibilities[changed] ** self.power[changed, None, None]
        responsibilities[changed] = part / part.sum(axis=1, keepdims=True)

    def take(self, index: NDArray[Any]) -> Tempered:
        """Return the rule for the chosen fits."""
        return Tempered(self.power[index])


@dataclass(frozen=True)
class Sampled:
    """Every row goes to a component drawn by its posterior probabilities (Celeux and Diebolt 1985).

    Attributes
    ----------
    changed : ndarray of bool, shape (R,)
        The fits whose rows do.
    uniforms : ndarray, shape (R, n)
        Numbers in [0, 1), one a row.
    """

    changed: BoolArray
    uniforms: FloatArray

    def apply(self, rows: slice, responsibilities: FloatArray) -> None:
        """Replace posterior probabilities by draws."""
        part = responsibilities[self.changed]
        below = np.cumsum(part, axis=1)
        # by the last component's sum, so that rounding leaves no row without a component
        threshold = self.uniforms[self.changed][:, None, rows] * below[:, -1:, :]
        chosen = (below <= threshold).sum(axis=1, keepdims=True)
        part[:] = 0.0
        np.put_along_axis(part, np.minimum(chosen, part.shape[1] - 1), 1.0, axis=1)
        responsibilities[self.changed] = part

    def take(self, index: NDArray[Any]) -> Sampled:
        """Return the rule for the chosen fits."""
        return Sampled(self.changed[index], self.uniforms[index])
