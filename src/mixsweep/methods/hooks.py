"""What only some families offer, and the message where one does not."""

from __future__ import annotations

from mixsweep.errors import MixsweepError
from mixsweep.objective import Objective

__all__ = ["require_hook"]


def require_hook(objective: Objective, method: str, hook: str, meaning: str) -> None:
    """Raise a `MixsweepError` unless the objective's family has an optional function.

    Parameters
    ----------
    objective : Objective
    method : str
        Who needs it.
    hook : str
        Its name in `mixsweep.families.base`.
    meaning : str
        In words.
    """
    if not hasattr(objective.family, hook):
        raise MixsweepError(
            f"method {method}: family {objective.family.name} offers no {meaning} (Family.{hook}); choose "
            "another method for it"
        )
