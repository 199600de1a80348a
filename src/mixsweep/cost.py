"""What a fit will cost: a model of the pass, which sizes shards and says beforehand what a sweep takes."""

from __future__ import annotations

__all__ = ["CAPS", "block_cap", "expected_passes", "memory_mb", "seconds_per_fit", "seconds_per_pass"]

#: A block is divided when the model says that it takes longer than this.
BLOCK_SECONDS = 30.0

#: How many restarts a block may have: every length of block is a multiple of each smaller cap.
CAPS = (10000, 5000, 2500, 1000, 500, 250, 100, 50, 25, 10, 5, 2, 1)

# One row and component costs 8 ns of softmax and 4 flops per feature of the expanded quadratic at 15 GFLOP/s;
# one component costs 2 us of M-step and bookkeeping. A t component takes the expected latent scales besides,
# 1.5 times a softmax, and its M-step solves an equation.
_SOFTMAX_SECONDS = 8e-9
_LATENT_SCALE_SECONDS = 12e-9
_FLOPS_PER_SECOND = 15e9
_COMPONENT_SECONDS = 2e-6
_T_COMPONENT_SECONDS = 10e-6

#: Methods whose degrees of freedom creep toward the Gaussian limit until the budget is used up.
_CREEPING = ("daem", "ecm", "em", "sem")


def n_statistics(family: str, n_features: int) -> int:
    """Return how many features of a row, a constant among them, a pass multiplies for each component."""
    second_moments = {
        "gaussian-tied": 0,
        "gaussian-spherical": 1,
        "gaussian-diag": n_features,
    }
    return 1 + n_features + second_moments.get(family, n_features * (n_features + 1) // 2)


def seconds_per_pass(family: str, n_rows: int, n_features: int, n_components: int) -> float:
    """Return the core-seconds of one pass of one fit, in a batch.

    Parameters
    ----------
    family : str
    n_rows, n_features, n_components : int

    Returns
    -------
    float
    """
    p = n_statistics(family, n_features)
    per_row = _SOFTMAX_SECONDS + 4 * p / _FLOPS_PER_SECOND
    per_component = _COMPONENT_SECONDS
    if family == "student-t":
        per_row += _LATENT_SCALE_SECONDS
        per_component = _T_COMPONENT_SECONDS
    return n_components * (n_rows * per_row + per_component)


def expected_passes(method: str, max_passes: int) -> int:
    """Return how many passes a fit of that method usually takes, at most `max_passes`.

    A method says so by its class attribute ``expected_passes``; one that does not is taken to use all.
    """
    from mixsweep.methods import METHODS

    return int(min(max_passes, getattr(METHODS[method], "expected_passes", max_passes)))


def seconds_per_fit(
    family: str, method: str, n_rows: int, n_features: int, n_components: int, max_passes: int
) -> float:
    """Return the expected core-seconds of one fit.

    A solver with a loop of its own says by its class attribute ``seconds_between_passes`` what that takes.
    """
    from mixsweep.methods import METHODS

    between = getattr(METHODS[method], "seconds_between_passes", 0.0)
    creeps = family == "student-t" and method in _CREEPING
    passes = max_passes if creeps else expected_passes(method, max_passes)
    return passes * (seconds_per_pass(family, n_rows, n_features, n_components) + between)


def block_cap(seconds: float) -> int:
    """Return how many restarts of that many seconds each a block may have.

    Parameters
    ----------
    seconds : float
        Expected core-seconds of one fit.

    Returns
    -------
    int
        The largest of `CAPS` that keeps a block under 30 s; 1 when a single fit takes longer.
    """
    return next((cap for cap in CAPS if cap * seconds <= BLOCK_SECONDS), 1)


def memory_mb(family: str, n_rows: int, n_features: int, n_components: int, n_fits: int) -> int:
    """Return the memory a shard needs, in MB: the interpreter, the data with its features, and a batch."""
    p = n_statistics(family, n_features)
    data = 8 * n_rows * (2 * n_features + 2 * p)
    batch = 8 * n_fits * (20 * n_components * p + 2000)
    return 300 + round(2 * (data + batch) / 1e6)
