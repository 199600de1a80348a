"""Which kinds of start tell of a search: those drawn, not copies of one, and not made from the truth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from mixsweep.errors import MixsweepError
from mixsweep.initializers import INITIALIZERS
from mixsweep.initializers.agglomerative import MAX_ROWS

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["NOTHING_DRAWN", "counted_once", "drawn", "is_oracle", "repeats", "role_of", "warnings_in_words"]

NOTHING_DRAWN = (
    "cannot say: no kind of start was drawn: copies of one, or made from the generating parameters"
)


def is_oracle(initializer: str) -> bool:
    """Return whether an initializer uses the generating parameters, which only a simulation knows."""
    try:
        kind = INITIALIZERS[initializer]
    except MixsweepError:  # results may outlive the distribution that made their starts
        return False
    return getattr(kind, "needs", None) == "truth"


def repeats(initializer: str, n_rows: int) -> bool:
    """Return whether all restarts of an initializer are equal on so many rows."""
    return initializer == "truth" or (initializer == "agglomerative" and n_rows <= MAX_ROWS)


def role_of(initializer: str, n_rows: int) -> str:
    """Return what an initializer's restarts are on so many rows: ``oracle``, ``copies`` or ``drawn``."""
    if is_oracle(initializer):
        return "oracle"
    return "copies" if repeats(initializer, n_rows) else "drawn"


def drawn(initializers: Iterable[object], n_rows: int) -> list[str]:
    """Return the initializers whose restarts are draws: those that rates, advice and verdicts are about."""
    return [name for name in map(str, initializers) if role_of(name, n_rows) == "drawn"]


def counted_once(fits: xr.Dataset, n_rows: int) -> xr.Dataset:
    """Return where fits ended and their passes, as if of starts that are copies of one only one had run.

    Counts of starts and their tests take these as independent, which copies are not.

    Parameters
    ----------
    fits : xarray.Dataset
        ``optimum`` and ``n_passes`` over (method, initializer, restart).
    n_rows : int
        Rows of the data.
    """
    import xarray as xr

    again = np.array([repeats(str(name), n_rows) for name in fits["initializer"].values], bool)
    first = xr.DataArray(np.arange(fits.sizes["restart"]) == 0, dims="restart")
    kept = first | xr.DataArray(~again, dims="initializer")
    return xr.Dataset({"optimum": fits["optimum"].where(kept, -1), "n_passes": fits["n_passes"].where(kept)})


def warnings_in_words(initializers: Iterable[str], n_rows: int) -> str:
    """Return a warning about oracles, copies and starts that come again; empty without any."""
    given = list(initializers)
    oracles = [name for name in given if is_oracle(name)]
    repeated = [name for name in given if repeats(name, n_rows)]
    parts = []
    if oracles:
        parts.append(
            f"starts of {' and of '.join(oracles)} use the generating parameters, which no search has: they "
            "are for reference, and left out of verdicts and advice"
        )
    if repeated:
        parts.append(
            f"all restarts of {' and of '.join(repeated)} are copies of one start: they say where that start "
            "leads, and their rates and intervals nothing about others"
        )
    if "user-starts" in given:
        parts.append(
            "the starts of user-starts were chosen, not drawn, and come again after the last: their "
            "intervals hold only if they were drawn at random"
        )
    return "; ".join(parts)
