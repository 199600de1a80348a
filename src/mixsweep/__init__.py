"""mixsweep: designed experiments on the likelihood surfaces of mixture models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

#: Raised when a change alters the numbers of any fit; a part of every shard's parameters.
NUMERICS_VERSION = "7"

if TYPE_CHECKING:
    from mixsweep.api import fit
    from mixsweep.errors import MixsweepError
    from mixsweep.search import MixtureSearch as MixtureSearch

# not MixtureSearch, which needs scikit-learn: a star import must do without
__all__ = ["NUMERICS_VERSION", "MixsweepError", "__version__", "fit"]

_LAZY = {
    "MixsweepError": "mixsweep.errors",
    "MixtureSearch": "mixsweep.search",
    "fit": "mixsweep.api",
}


def __getattr__(name: str) -> Any:
    # Submodules load when first used: `mixsweep --help` and the workers' start stay quick.
    if name in _LAZY:
        import importlib

        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'mixsweep' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_LAZY})
