"""What the kernels take when they are called from outside, in order."""

from __future__ import annotations

__all__ = ["SIGNATURES"]

_NUMBERS, _INTEGERS, _SHORT, _SIZE, _NUMBER = "numbers", "integers", "short integers", "size", "number"

#: Kinds of arguments by the names of the functions in `mixsweep.kernels.entries`.
SIGNATURES: dict[str, tuple[str, ...]] = {
    "lanes": (_INTEGERS,),
    "room": (*2 * (_INTEGERS,), *4 * (_SIZE,), _INTEGERS),
    "add_pass": (
        *2 * (_NUMBERS,),
        *2 * (_INTEGERS,),
        _NUMBERS,
        *4 * (_SIZE,),
        _NUMBERS,
        *4 * (_SIZE,),
        _NUMBERS,
        _SIZE,
        _SHORT,
        _SIZE,
        *2 * (_NUMBERS,),
    ),
    "choleskys": (*2 * (_NUMBERS,), *2 * (_SIZE,)),
    "triangular_inverses": (*2 * (_NUMBERS,), *2 * (_SIZE,)),
    "coefficients": (*3 * (_NUMBERS,), _NUMBER, _NUMBERS, *3 * (_SIZE,)),
    "shift_and_covariance": (*4 * (_NUMBERS,), *3 * (_SIZE,)),
    "maximised": (*7 * (_NUMBERS,), *2 * (_SIZE,)),
    "two_loop": (
        _NUMBERS,
        _INTEGERS,
        *3 * (_NUMBERS,),
        _INTEGERS,
        *2 * (_NUMBERS,),
        *4 * (_SIZE,),
    ),
}
