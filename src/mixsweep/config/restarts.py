"""The section restarts where it asks for rounds, which add restarts where they are needed."""

from __future__ import annotations

from pydantic import BaseModel

from mixsweep.config.section import SECTION
from mixsweep.config.types import Fraction, PositiveWhole
from mixsweep.errors import MixsweepError

__all__ = ["AdaptiveRestarts", "check_rounds"]


class AdaptiveRestarts(BaseModel):
    """Restarts in rounds, more of them only in cells whose verdict needs them."""

    model_config = SECTION

    target: Fraction
    """Chance of the best known optimum that a cell's restarts are to give its best method and start."""
    max: PositiveWhole
    """No cell gets more restarts than this."""
    first: PositiveWhole = 100
    """Restarts of every cell in the first round, a multiple of 100."""


def check_rounds(rounds: AdaptiveRestarts, source: str) -> None:
    """Refuse rounds that cannot grow.

    Parameters
    ----------
    rounds : AdaptiveRestarts
    source : str
        What messages call the config.

    Raises
    ------
    MixsweepError
        Naming the source, the key, what was found and what was expected.
    """
    if rounds.first % 100:
        raise MixsweepError(
            f"{source}: restarts.first: found {rounds.first}; expected a multiple of 100, so that no "
            "block is fitted again when it grows."
        )
    if rounds.max < rounds.first:
        raise MixsweepError(
            f"{source}: restarts.max: found {rounds.max}; expected at least restarts.first, {rounds.first}."
        )
