"""Compiled versions of the numerical kernels: optional, and used wherever numba works.

`mixsweep.passes` and `mixsweep.linalg` hold the NumPy reference and ask here for the compiled module. The
environment variable ``MIXSWEEP_KERNELS`` may say ``numpy`` to do without, ``numba`` (the default) to use it
where it is installed.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
from types import ModuleType

from mixsweep.errors import MixsweepError

__all__ = ["VARIABLE", "in_use", "load"]

logger = logging.getLogger(__name__)

#: Name of the environment variable.
VARIABLE = "MIXSWEEP_KERNELS"


@functools.cache
def load() -> ModuleType | None:
    """Return the module of compiled kernels, or None where NumPy has to do; decided once in a process.

    The machine code is kept in a cache folder (`mixsweep.kernels.library`), so only the first process on a
    machine compiles, for some seconds; numba is imported by no other, if the system has a linker.

    Raises
    ------
    MixsweepError
        If the environment variable has another value.
    """
    choice = os.environ.get(VARIABLE, "numba")
    if choice not in ("numba", "numpy"):
        raise MixsweepError(f"{VARIABLE}={choice!r}; expected 'numba' or 'numpy'.")
    if choice == "numpy" or importlib.util.find_spec("numba") is None:
        return None
    try:
        from mixsweep.kernels import compiled
    except Exception as error:  # whatever is wrong with numba here, NumPy gives the same numbers
        logger.warning(
            "numba is installed but does not work here (%s: %s): passes use NumPy, at two to four times the "
            "time. %s=numpy avoids the attempt.",
            type(error).__name__,
            str(error).partition("\n")[0],
            VARIABLE,
        )
        return None
    return compiled


def in_use() -> str:
    """Return which kernels this process uses, for provenance: ``numpy`` or ``numba 0.68.1, 8 lanes``."""
    module = load()
    return "numpy" if module is None else str(module.DESCRIPTION)
