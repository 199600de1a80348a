"""What a record of a number holds, and what records of several analyses share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["ALL_FITS", "AUGER", "SQUARE_AND_ADD", "STARTS", "WILSON", "Better", "Metric", "share"]

#: Which way is better; neither where the number describes and does not judge.
Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True)
class Metric:
    """What a number means.

    Attributes
    ----------
    name : str
        The variable, and the column of the tables. ``NAME_low`` and ``NAME_high`` are its interval's ends.
    meaning : str
        One sentence.
    unit : str
        ``1`` for counts, shares and other plain numbers; empty for text.
    denominator : str
        What it is a share or a mean of; empty where it is neither.
    interval : str
        How the interval is made, 95 % unless said otherwise; empty without one.
    better : {"higher", "lower", "neither"}
        Which way is better.
    source : str
        Where the definition is from; empty for plain counts.
    """

    name: str
    meaning: str
    unit: str = "1"
    denominator: str = ""
    interval: str = ""
    better: Better = "neither"
    source: str = ""


#: Denominators.
ALL_FITS = "all fits of the method and initializer that ran, failures included"
STARTS = "starts from which both methods ran"
#: How intervals are made.
WILSON = "Wilson"
SQUARE_AND_ADD = (
    "square-and-add of the odds of a miss (Wilson) and the mean costs of hits and misses (Student's t, with "
    "Hall's correction for skewness upwards); too narrow where fewer than five misses or so are much dearer "
    "than hits (72 to 90 % of the intervals hold), or where the costs of misses scatter by more than twice "
    "their mean (86 to 96 %)"
)
#: Source of expected costs.
AUGER = "Auger and Hansen (2005); Hansen et al. (2021)"


def share(
    name: str, meaning: str, of: str = ALL_FITS, better: Better = "neither", source: str = "Wilson (1927)"
) -> Metric:
    """Return the record of a share with Wilson's interval.

    Parameters
    ----------
    name : str
        The variable.
    meaning : str
        Of what it is the share.
    of : str
        Its denominator.
    better : {"higher", "lower", "neither"}
        Which way is better.
    source : str
        Where the definition is from.
    """
    return Metric(name, f"share of {meaning}", denominator=of, interval=WILSON, better=better, source=source)
