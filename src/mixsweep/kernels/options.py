"""How numba compiles the kernels: with multiplications and additions in one, and without Python.

No kernel makes an array: what it needs is given to it. So its machine code needs nothing of numba or Python,
and can be kept in a library of its own (`mixsweep.kernels.build`).
"""

from __future__ import annotations

import numba

__all__ = ["ENTRY", "any_order", "exact"]

_WITHOUT_PYTHON = {"error_model": "numpy"}
#: Of the functions that are called from outside.
ENTRY = {"fastmath": {"contract"}, **_WITHOUT_PYTHON}
#: Arithmetic in the order in which it is written.
exact = numba.njit(**ENTRY)
#: Sums may be taken in any order, so that they use vector registers.
any_order = numba.njit(fastmath={"contract", "reassoc", "nsz"}, **_WITHOUT_PYTHON)
