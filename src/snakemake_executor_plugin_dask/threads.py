"""How many threads numerical libraries may start, which they read from the environment."""

__all__ = ["thread_limits"]

_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


def thread_limits(threads: int) -> dict[str, str]:
    """Return the variables that limit every library to so many threads."""
    return dict.fromkeys(_VARIABLES, str(threads))
