"""Which methods can fit which families: some need what only some families offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixsweep.errors import MixsweepError

if TYPE_CHECKING:
    from mixsweep.families.base import Family

__all__ = ["check_able", "missing_hook", "why_unable"]


def missing_hook(family: Family | type[Family], hook: str, meaning: str) -> str:
    """Return that a family lacks an optional function of `mixsweep.families.base`, else nothing."""
    return "" if hasattr(family, hook) else f"it offers no {meaning} (Family.{hook})"


def why_unable(method: object, family: Family | type[Family]) -> str:
    """Return why a method cannot fit a family, nothing if it can.

    A method that cannot fit every family says so by a function ``unable(family)``, which returns this.
    """
    unable = getattr(method, "unable", None)
    return "" if unable is None else str(unable(family))


def check_able(method: object, family: Family | type[Family], where: str) -> None:
    """Raise a `MixsweepError` that begins with `where` unless the method can fit the family."""
    reason = why_unable(method, family)
    if reason:
        raise MixsweepError(
            f"{where} cannot fit family {family.name}: {reason}; choose another method for it"
        )
