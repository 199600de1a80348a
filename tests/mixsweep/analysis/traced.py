"""Hand-made fits with traces, for the analyses of speed."""

from __future__ import annotations

import numpy as np
import xarray as xr

FITS = ("method", "initializer", "restart")
BEST = -100.0


def traced(gaps, optimum, polished=None, methods=None, seconds_per_pass=2.0):
    """Fits of shape (methods, initializers, restarts) by their gaps after 1, 2, 4, ... passes, NaN-padded.

    The optimum with number i has log-likelihood -100 - 20 i; -1 is none.
    """
    gaps, optimum = np.asarray(gaps, float), np.asarray(optimum)
    polished = np.where(optimum >= 0, BEST - 20.0 * optimum, np.nan) if polished is None else polished
    reference = np.where(np.isnan(polished), BEST, polished)
    passes = np.where(np.isnan(gaps), np.nan, 2.0 ** np.arange(gaps.shape[-1]))
    n_passes = np.where(np.isnan(passes).all(-1), np.nan, np.nanmax(np.nan_to_num(passes), axis=-1))
    names = methods or [f"method{i}" for i in range(len(gaps))]
    return xr.Dataset(
        {
            "trace_passes": ((*FITS, "checkpoint"), passes),
            "trace_log_likelihood": ((*FITS, "checkpoint"), reference[..., None] - gaps),
            "polished_log_likelihood": (FITS, polished),
            "optimum": (FITS, optimum),
            "n_passes": (FITS, n_passes),
            "seconds": (FITS, n_passes * seconds_per_pass),
        },
        {
            "method": names,
            "initializer": [f"start{j}" for j in range(optimum.shape[1])],
            "restart": np.arange(optimum.shape[2]),
        },
    )


def linear(rate, count, checkpoints=10, start=10.0):
    """Gaps of `count` fits that fall by the square of a rate a pass."""
    own = start * rate ** (2 * (2.0 ** np.arange(checkpoints) - 1))
    return np.broadcast_to(own, (count, checkpoints))
